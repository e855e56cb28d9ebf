"""Figures of the theory answers: what a threshold in the ReLU adds, and the sigmoid as a computational graph."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.style import plural
from ex3.results import quantiles

COLOURS = {"convnet": "#0072B2", "parameterised": "#D55E00"}
FORWARD, BACKWARD = "#0072B2", "#D55E00"
LABELS = {"convnet": "ReLU: max(0, o)", "parameterised": "max(t, o)"}
EDGES = ["$x$", "$a_1$", "$a_2$", "$a_3$", r"$\sigma$"]
NODES = {r"$\times(-1)$": "$-1$", r"$\mathrm{exp}$": "$a_2$", "$+1$": "$1$", r"$1/\cdot$": r"$-\sigma^2$"}


def relu(
    lengths: np.ndarray,
    rays: Mapping[str, np.ndarray],
    points: np.ndarray,
    errors: Mapping[str, np.ndarray],
    limit: float,
    on_targets: Mapping[str, Mapping[str, np.ndarray]],
) -> Figure:
    """Draw the toy convnet with and without a threshold t: along a ray, fitted to 1, and fitted to the toy targets.

    Args:
        lengths: s, ``(S,)``.
        rays: By network: p(s x), ``(networks, S)``.
        points: Iterations of the curves, ``(P,)``.
        errors: By network: test error on y = 1, ``(P, seeds)``.
        limit: Below which no positively homogeneous function comes.
        on_targets: By target and network: final test errors, ``(seeds,)``.
    """
    figure = Figure(figsize=(15, 4.5))
    along, constant, targets = figure.subplots(1, 3)
    for model, values in rays.items():
        along.plot(lengths, values.T, color=COLOURS[model], alpha=0.7)
        along.lines[-1].set_label(LABELS[model] + (", t = 0.5" if model == "parameterised" else ""))
    along.set(title=f"{plural(len(values), 'random network')} along a ray", xlabel="s", ylabel="p(s x)")
    along.legend()
    for model, values in errors.items():
        low, median, high = quantiles(values)
        constant.plot(points, median, color=COLOURS[model], label=LABELS[model])
        constant.fill_between(points, low, high, color=COLOURS[model], alpha=0.2, linewidth=0)
    constant.axhline(limit, color="black", linestyle=":", label=f"limit without t: {limit:g}")
    constant.set(title="Fitted to y = 1", xlabel="iteration", ylabel="test mean squared error")
    constant.set(xscale="log", yscale="log")
    constant.legend(loc="lower left")
    _draw_targets(targets, on_targets)
    seeds = plural(values.shape[-1], "seed")
    figure.suptitle(f"The toy convnet with ReLU and with max(t, o), t learned; median and 10-90 % over {seeds}")
    return figure


def _draw_targets(axes: Axes, errors: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    places = np.arange(len(errors))
    for shift, model in zip((-0.1, 0.1), COLOURS, strict=True):
        low, median, high = quantiles(np.stack([of_target[model] for of_target in errors.values()]))
        bars = [median - low, high - median]
        axes.errorbar(places + shift, median, bars, fmt="o", capsize=4, color=COLOURS[model], label=LABELS[model])
    axes.set(title="Fitted to the toy targets", xlabel="target", ylabel="final test mean squared error", yscale="log")
    axes.set_xticks(places, list(errors))
    axes.set_xlim(-0.5, len(errors) - 0.5)
    axes.legend()


def sigmoid(x: float, values: list[float], gradients: list[float], inputs: np.ndarray, slopes: np.ndarray) -> Figure:
    """Draw the graph from x to sigma(x), with the numbers of one x on its edges, and the derivative that it gives.

    Args:
        x: The example's input.
        values: What goes forward over each edge, from x to sigma(x).
        gradients: d sigma / d of each of them: what comes back.
        inputs: ``(N,)``.
        slopes: The derivative at each input, back-propagated, ``(N,)``.
    """
    figure = Figure(figsize=(13, 3.4))
    graph, curve = figure.subplots(1, 2, width_ratios=[2.4, 1])
    graph.set_axis_off()
    title = f"At x = {x:g}: over the edges what goes forward, below what comes back; under each node its derivative"
    graph.set(xlim=(-0.3, len(NODES) + 0.5), ylim=(-1, 1), title=title)
    for place, (node, derivative) in enumerate(NODES.items()):
        graph.plot(place + 0.6, 0, "o", color="black", markerfacecolor="white", markersize=46)
        graph.text(place + 0.6, 0, node, ha="center", va="center", fontsize=13)
        graph.text(place + 0.6, -0.62, derivative, ha="center", fontsize=13)
    for edge, (name, value, gradient) in enumerate(zip(EDGES, values, gradients, strict=True)):
        graph.annotate("", (edge + 0.36, 0), (edge - 0.18, 0), arrowprops={"arrowstyle": "->", "color": "black"})
        graph.text(edge + 0.07, 0.16, f"{name} = {value:.3f}", ha="center", color=FORWARD)
        graph.text(edge + 0.07, -0.16, f"{gradient:.3f}", ha="center", va="top", color=BACKWARD)
    curve.plot(inputs, slopes, color=BACKWARD, label=r"$\sigma'$, back-propagated")
    y = 1 / (1 + np.exp(-inputs))
    curve.plot(inputs, y, color=FORWARD, label=r"$\sigma$")
    curve.plot(inputs[::20], (y * (1 - y))[::20], "k.", label=r"$\sigma\,(1 - \sigma)$")
    curve.set(xlabel="x", ylabel="value", ylim=(-0.05, 1.3), title="The product of the local derivatives")
    curve.legend(loc="upper left", ncols=3, columnspacing=1, handlelength=1.2)
    return figure
