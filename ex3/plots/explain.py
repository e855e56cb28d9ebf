"""Figure of one sample's way through the toy convnet and back."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.colours import BACKWARD, FORWARD, LIGHT_GREY
from ex3.plots.style import WIDTH, plural, styled
from ex3.plots.titles import set_titles
from ex3.scratch.explain import Trace

COLUMNS = {"x": 0.0, "z": 1.7, "o": 3.2, "m": 4.7, "p": 6.2, "L": 7.5}
ROWS = {
    "x": [5.9, 4.3, 2.7, 1.1],
    "z": [7.0, 6.1, 5.2, 4.3, 2.7, 1.8, 0.9, 0.0],
    "m": [6.55, 4.75, 2.25, 0.45],
    "p": [3.5],
    "L": [3.5],
}
ROWS["o"] = ROWS["z"]
STEPS = {
    "x": "input $x$", "z": r"filter: $z = w \star x$", "o": r"ReLU: $o$", "m": "larger of a pair: $m$",
    "p": r"$p = u \cdot m$", "L": "$L = (p - y)^2$",
}  # fmt: skip


@styled
def draw_explanation(trace: Trace) -> Figure:
    """Draw the network as a graph: at each node its value above and the gradient of the loss below."""
    figure = Figure(figsize=(WIDTH, 6.9))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.75, 8.0), ylim=(-0.75, 8.3))
    _draw_filter_edges(axes)
    _draw_pool_edges(axes, trace)
    _draw_output_edges(axes, trace)
    for name, rows in ROWS.items():
        axes.text(COLUMNS[name], 7.75, STEPS[name], ha="center")
        for row, value, gradient in zip(rows, trace.values[name], trace.gradients[name], strict=True):
            _draw_node(axes, COLUMNS[name], row, value, gradient)
    _draw_filters(axes, trace)
    passed = sum(gradient != 0 for gradient in trace.gradients["z"])
    set_titles(
        figure,
        f"Of {plural(len(trace.values['z']), 'filter output')}, {passed} learn from this sample: "
        "the larger ones of their pairs, where above 0",
        f"one sample, y = max x = {trace.y:g}, without the l2 term; in each node its value (blue), below it the "
        "gradient of L (vermilion)",
    )
    return figure


def _draw_node(axes: Axes, x: float, y: float, value: float, gradient: float) -> None:
    colour = "black" if gradient else LIGHT_GREY
    axes.plot(x, y, "o", color=colour, markerfacecolor="white", markersize=35, zorder=2)
    axes.text(x, y + 0.03, _signed(value), ha="center", va="bottom", color=FORWARD, zorder=3)
    axes.text(x, y - 0.03, _signed(gradient), ha="center", va="top", color=BACKWARD, zorder=3)


def _draw_filter_edges(axes: Axes) -> None:
    """Connect each filter output with the inputs under the filter."""
    for position, row in enumerate(ROWS["z"]):
        for k in (-1, 0, 1):
            if 0 <= position % 4 + k < 4:
                _connect(axes, "x", ROWS["x"][position % 4 + k], "z", row, color=LIGHT_GREY, linewidth=0.6)


def _draw_pool_edges(axes: Axes, trace: Trace) -> None:
    """Connect z, o and m; edges on which nothing comes back are grey and dotted."""
    o = np.array(trace.values["o"]).reshape(4, 2)
    for position, row in enumerate(ROWS["z"]):
        alive = trace.values["z"][position] > 0
        taken = bool(o[position // 2].argmax() == position % 2)
        _connect(axes, "z", row, "o", row, **_line(alive))
        _connect(axes, "o", row, "m", ROWS["m"][position // 2], **_line(taken))


def _draw_output_edges(axes: Axes, trace: Trace) -> None:
    """Connect m and p, each edge with its output weight and the weight's gradient."""
    for row, weight, gradient in zip(ROWS["m"], trace.values["u"], trace.gradients["u"], strict=True):
        _connect(axes, "m", row, "p", ROWS["p"][0], **_line(True))
        x, y = (0.62 * COLUMNS["m"] + 0.38 * COLUMNS["p"], 0.62 * row + 0.38 * ROWS["p"][0])
        text: dict[str, Any] = {
            "ha": "center",
            "backgroundcolor": "white",
            "bbox": {"color": "white", "pad": 0.5},
        }
        axes.text(x, y + 0.17, f"u = {_signed(weight)}", color=FORWARD, va="center", **text)
        axes.text(x, y - 0.17, _signed(gradient), color=BACKWARD, va="center", **text)
    _connect(axes, "p", ROWS["p"][0], "L", ROWS["L"][0], **_line(True))


def _draw_filters(axes: Axes, trace: Trace) -> None:
    """Write each filter beside its outputs, with its gradient."""
    weights, gradients = (np.array(of["w"]).reshape(2, 3) for of in (trace.values, trace.gradients))
    for number, (w, gradient, height) in enumerate(zip(weights, gradients, (7.15, -0.35), strict=True), start=1):
        axes.text(-0.6, height, f"$w_{number}$ = {_list(w)}", color=FORWARD, va="center")
        axes.text(-0.6, height - 0.38, f"gradient {_list(gradient)}", color=BACKWARD, va="center")


def _line(solid: bool) -> dict:
    return {"color": "black", "linewidth": 1.3} if solid else {"color": LIGHT_GREY, "linewidth": 1.0, "linestyle": ":"}


def _connect(axes: Axes, left: str, start: float, right: str, end: float, **line: Any) -> None:
    axes.plot([COLUMNS[left], COLUMNS[right]], [start, end], zorder=1, **line)


def _list(numbers: Iterable[float]) -> str:
    return "(" + ", ".join(_signed(number) for number in numbers) + ")"


def _signed(number: float) -> str:
    return f"{number + 0:g}".replace("-", "\N{MINUS SIGN}")
