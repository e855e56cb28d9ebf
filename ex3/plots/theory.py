"""Figures of the theory answers, and their results: a threshold in the ReLU, and the sigmoid as a graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.colours import BACKWARD, BLUE, FORWARD, VERMILION
from ex3.plots.style import WIDTH, LineEnd, label_ends, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Curves, Number, quantiles
from ex3.scratch.theory import Finding

COLOURS = {"convnet": BLUE, "parameterised": VERMILION}
LABELS = {"convnet": "max(0, o)", "parameterised": "max(t, o)"}
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
    figure = Figure(figsize=(WIDTH, 4.4))
    along, constant, targets = figure.subplots(1, 3)
    for model, values in result.rays.items():
        along.plot(result.lengths, np.transpose(values), color=COLOURS[model], alpha=0.7)
    count = len(result.rays["convnet"])
    along.set(title=f"{plural(count, 'random network')}", xlabel="s, along a ray", ylabel="p(s x)")
    ends = []
    for model, curves in result.constant_curves.items():
        low, median, high = (np.array(curves.series[name]) for name in ("low", "median", "high"))
        constant.plot(curves.points, median, color=COLOURS[model])
        constant.fill_between(curves.points, low, high, color=COLOURS[model], alpha=0.2, linewidth=0)
        ends.append(LineEnd(curves.points[-1], float(median[-1]), LABELS[model], COLOURS[model]))
    constant.axhline(result.limit, color="black", linestyle=":")
    ends.append(LineEnd(curves.points[-1], result.limit, "limit", "black"))
    constant.set(title="Fitted to y = 1", xlabel="iteration", ylabel="test mean squared error")
    constant.set(xscale="log", yscale="log")
    label_ends(constant, ends)
    _draw_targets(targets, result.targets)
    seeds = plural(len(result.constant["convnet"]), "seed")
    setting = (
        f"blue: max(0, o); vermilion: max(t, o), t learned, or {result.threshold:g} on the left; "
        f"median and 10 to 90 % of {seeds}"
    )
    set_titles(figure, _relu_title(result), setting)
    return figure


def _relu_title(result: ReluResult) -> str:
    """Say what each network reaches on the constant 1, and whether the one without t respects its limit."""
    without, learned = (float(np.median(result.constant[model])) for model in COLOURS)
    least = min(result.constant["convnet"])
    kept = "and no seed beats" if least >= result.limit else f"but a seed reaches {least:.2g}, below"
    return (
        f"On the constant 1 a learned threshold t ends with a median error of {learned:.1g}, the plain ReLU with "
        f"{without:.2g}, {kept} its limit of {result.limit:g}"
    )


def _draw_targets(axes: Axes, errors: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    positions = np.arange(len(errors))
    for shift, model in zip((-0.1, 0.1), COLOURS, strict=True):
        low, median, high = quantiles(np.array([of_target[model] for of_target in errors.values()]))
        bars = [median - low, high - median]
        axes.errorbar(positions + shift, median, bars, fmt="o", capsize=4, color=COLOURS[model])
    axes.set(title="Fitted to the toy targets", xlabel="target", ylabel="final test error", yscale="log")
    axes.set_xticks(positions, [f"${name[0]}_{name[1:]}$" for name in errors])
    axes.set_xlim(-0.5, len(errors) - 0.5)


@styled
def draw_sigmoid(result: SigmoidResult) -> Figure:
    """Draw the graph from x to sigma(x), with the numbers of one x on its edges, and the derivative that it gives."""
    figure = Figure(figsize=(WIDTH, 5.4))
    graph, curve = figure.subplots(2, 1, height_ratios=[1, 1.2])
    _draw_graph(graph, result.example)
    inputs, y = np.array(result.inputs), np.array(result.sigmoid)
    curve.plot(inputs, result.derivative, color=BACKWARD)
    curve.plot(inputs, y, color=FORWARD)
    curve.plot(inputs[::20], (y * (1 - y))[::20], "k.")
    title = "Blue: \u03c3; vermilion: its derivative, the product of the local ones; dots: \u03c3 (1 - \u03c3)"
    curve.set(xlabel="x", ylabel="value", xlim=(inputs[0], inputs[-1]), title=title)
    label_ends(curve, [LineEnd(inputs[-1], y[-1], "\u03c3", FORWARD),
                       LineEnd(inputs[-1], result.derivative[-1], "\u03c3'", BACKWARD)])  # fmt: skip
    set_titles(figure, _sigmoid_title(result), "above the edges what goes forward, below what comes back; under each "
               "node its local derivative")  # fmt: skip
    return figure


def _sigmoid_title(result: SigmoidResult) -> str:
    """Give the largest difference between the back-propagated derivative and the formula."""
    y, example = np.array(result.sigmoid), result.example
    gap = float(np.max(np.abs(np.array(result.derivative) - y * (1 - y))))
    return (
        f"Back through the graph the derivative is \u03c3 (1 - \u03c3), to within {gap:.0e}: at x = {example.x:g}, "
        f"{example.values[-1]:.3f} \u00b7 {1 - example.values[-1]:.3f} = {example.gradients[0]:.3f}"
    )


def _draw_graph(axes: Axes, example: GraphExample) -> None:
    axes.set_axis_off()
    axes.set(xlim=(-0.25, len(NODES) + 0.45), ylim=(-0.9, 0.55), title=f"At x = {example.x:g}")
    for position, (node, derivative) in enumerate(NODES.items()):
        axes.plot(position + 0.6, 0, "o", color="black", markerfacecolor="white", markersize=42)
        axes.text(position + 0.6, 0, node, ha="center", va="center", fontsize=13)
        axes.text(position + 0.6, -0.62, derivative, ha="center", fontsize=13)
    for edge, (name, value, gradient) in enumerate(zip(EDGES, example.values, example.gradients, strict=True)):
        axes.annotate("", (edge + 0.36, 0), (edge - 0.18, 0), arrowprops={"arrowstyle": "->", "color": "black"})
        axes.text(edge + 0.07, 0.16, f"{name} = {value:.3f}", ha="center", color=FORWARD)
        axes.text(edge + 0.07, -0.16, f"{gradient:.3f}", ha="center", va="top", color=BACKWARD)
