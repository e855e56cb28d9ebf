"""Figures of the theory answers, and their results: a threshold in the ReLU, and the sigmoid as a graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.style import plural, styled
from ex3.results import Curves, Number, quantiles
from ex3.scratch.theory import Finding

COLOURS = {"convnet": "#0072B2", "parameterised": "#D55E00"}
FORWARD, BACKWARD = "#0072B2", "#D55E00"
LABELS = {"convnet": "ReLU: max(0, o)", "parameterised": "max(t, o)"}
EDGES = ["$x$", "$a_1$", "$a_2$", "$a_3$", r"$\sigma$"]
NODES = {r"$\times(-1)$": "$-1$", r"$\mathrm{exp}$": "$a_2$", "$+1$": "$1$", r"$1/\cdot$": r"$-\sigma^2$"}


@dataclass(frozen=True)
class ReluResult:
    """The toy convnet without and with a threshold t; dictionaries are keyed ``convnet`` and ``parameterised``.

    Attributes:
        findings: The numerical checks of question 1.
        limit: Least mean squared error on y = 1 of a positively homogeneous function.
        constant: Final test error of each seed on y = 1.
        constant_curves: Test error on y = 1 over iterations: ``low``, ``median`` and ``high``, the 10 %, 50 % and 90 %
            quantiles over the seeds.
        targets: By target, then by network: final test error of each seed.
        lengths: s, along a ray.
        threshold: t of the random networks along the ray.
        rays: p(s x) of each random network, at each s.
    """

    findings: list[Finding]
    limit: float
    constant: dict[str, list[Number]]
    constant_curves: dict[str, Curves]
    targets: dict[str, dict[str, list[Number]]]
    lengths: list[float]
    threshold: float
    rays: dict[str, list[list[float]]]


@dataclass(frozen=True)
class GraphExample:
    """One number in the sigmoid's graph.

    Attributes:
        x: The input.
        values: The value on each edge, from x to sigma(x).
        gradients: The derivative of sigma(x) with respect to each of them.
    """

    x: float
    values: list[float]
    gradients: list[float]


@dataclass(frozen=True)
class SigmoidResult:
    """The sigmoid as a graph; and the checks of initialisation, which have no figure of their own.

    Attributes:
        findings: The numerical checks of question 2.
        initialisation: The numerical checks of question 3.
        example: The numbers in the drawing of the graph.
        inputs: Of the curves.
        sigmoid: sigma at each input.
        derivative: Its derivative at each input, back-propagated.
    """

    findings: list[Finding]
    initialisation: list[Finding]
    example: GraphExample
    inputs: list[float]
    sigmoid: list[float]
    derivative: list[float]


@styled
def draw_relu(result: ReluResult) -> Figure:
    """Draw the toy convnet with and without a threshold t: along a ray, fitted to 1, and fitted to the toy targets."""
    figure = Figure(figsize=(15, 4.5))
    along, constant, targets = figure.subplots(1, 3)
    for model, values in result.rays.items():
        along.plot(result.lengths, np.transpose(values), color=COLOURS[model], alpha=0.7)
        along.lines[-1].set_label(LABELS[model] + (f", t = {result.threshold:g}" if model == "parameterised" else ""))
    count = len(result.rays["convnet"])
    along.set(title=f"{plural(count, 'random network')} along a ray", xlabel="s", ylabel="p(s x)")
    along.legend()
    for model, curves in result.constant_curves.items():
        low, median, high = (np.array(curves.series[name]) for name in ("low", "median", "high"))
        constant.plot(curves.points, median, color=COLOURS[model], label=LABELS[model])
        constant.fill_between(curves.points, low, high, color=COLOURS[model], alpha=0.2, linewidth=0)
    constant.axhline(result.limit, color="black", linestyle=":", label=f"limit without t: {result.limit:g}")
    constant.set(title="Fitted to y = 1", xlabel="iteration", ylabel="test mean squared error")
    constant.set(xscale="log", yscale="log")
    constant.legend(loc="lower left")
    _draw_targets(targets, result.targets)
    seeds = plural(len(result.constant["convnet"]), "seed")
    figure.suptitle(f"The toy convnet with ReLU and with max(t, o), t learned; median and 10-90 % over {seeds}")
    return figure


def _draw_targets(axes: Axes, errors: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    positions = np.arange(len(errors))
    for shift, model in zip((-0.1, 0.1), COLOURS, strict=True):
        low, median, high = quantiles(np.array([of_target[model] for of_target in errors.values()]))
        bars = [median - low, high - median]
        axes.errorbar(positions + shift, median, bars, fmt="o", capsize=4, color=COLOURS[model], label=LABELS[model])
    axes.set(title="Fitted to the toy targets", xlabel="target", ylabel="final test mean squared error", yscale="log")
    axes.set_xticks(positions, list(errors))
    axes.set_xlim(-0.5, len(errors) - 0.5)
    axes.legend()


@styled
def draw_sigmoid(result: SigmoidResult) -> Figure:
    """Draw the graph from x to sigma(x), with the numbers of one x on its edges, and the derivative that it gives."""
    figure = Figure(figsize=(13, 3.4))
    graph, curve = figure.subplots(1, 2, width_ratios=[2.4, 1])
    _draw_graph(graph, result.example)
    inputs, y = np.array(result.inputs), np.array(result.sigmoid)
    curve.plot(inputs, result.derivative, color=BACKWARD, label=r"$\sigma'$, back-propagated")
    curve.plot(inputs, y, color=FORWARD, label=r"$\sigma$")
    curve.plot(inputs[::20], (y * (1 - y))[::20], "k.", label=r"$\sigma\,(1 - \sigma)$")
    curve.set(xlabel="x", ylabel="value", ylim=(-0.05, 1.3), title="The product of the local derivatives")
    curve.legend(loc="upper left", ncols=3, columnspacing=1, handlelength=1.2)
    return figure


def _draw_graph(axes: Axes, example: GraphExample) -> None:
    axes.set_axis_off()
    legend = "over the edges what goes forward, below what comes back; under each node its derivative"
    axes.set(xlim=(-0.3, len(NODES) + 0.5), ylim=(-1, 1), title=f"At x = {example.x:g}: {legend}")
    for position, (node, derivative) in enumerate(NODES.items()):
        axes.plot(position + 0.6, 0, "o", color="black", markerfacecolor="white", markersize=46)
        axes.text(position + 0.6, 0, node, ha="center", va="center", fontsize=13)
        axes.text(position + 0.6, -0.62, derivative, ha="center", fontsize=13)
    for edge, (name, value, gradient) in enumerate(zip(EDGES, example.values, example.gradients, strict=True)):
        axes.annotate("", (edge + 0.36, 0), (edge - 0.18, 0), arrowprops={"arrowstyle": "->", "color": "black"})
        axes.text(edge + 0.07, 0.16, f"{name} = {value:.3f}", ha="center", color=FORWARD)
        axes.text(edge + 0.07, -0.16, f"{gradient:.3f}", ha="center", va="top", color=BACKWARD)
