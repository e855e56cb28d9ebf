"""Figure of a box that passes through a layer."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from ex3.defences.example import BoxExample, Stage
from ex3.plots.colours import BLUE, ORANGE
from ex3.plots.style import percent, styled
from ex3.plots.titles import set_titles

BOX, REACHED = BLUE, ORANGE
TITLES = ("all images within \u03b5", "after W x + b", "after the ReLU")
LABELS = (("pixel 1", "pixel 2"), ("unit 1", "unit 2"), ("unit 1", "unit 2"))


@styled
def draw_box(result: BoxExample) -> Figure:
    """Draw the intervals, and what is really reached in them: a panel per stage."""
    figure = Figure(figsize=(9, 3.9))
    panels = figure.subplots(1, 3)
    for axes, stage, title, labels in zip(panels, result.stages, TITLES, LABELS, strict=True):
        _draw_stage(axes, stage)
        axes.set(title=title, xlabel=labels[0], ylabel=labels[1], aspect="equal")
    panels[0].text(*_inside(result.stages[0]), "the box is\nexact", ha="center", va="center")
    panels[1].text(*_inside(result.stages[1]), "reached", ha="center", va="center")
    panels[1].annotate(
        "the box holds\nmore", result.stages[1].low, xytext=(4, 4), textcoords="offset points", color=BOX, va="bottom"
    )
    set_titles(
        figure,
        "An interval box holds all that a layer makes of the images, and more: after the layer "
        f"{percent(result.stages[1].share)} of it is reached",
        f"two pixels, \u03b5 = {result.epsilon:g}; orange: what is reached; blue: the box",
    )
    return figure


def _draw_stage(axes: Axes, stage: Stage) -> None:
    (left, bottom), (right, top) = stage.low, stage.high
    axes.add_patch(Polygon(stage.outline, facecolor=REACHED, edgecolor=REACHED, alpha=0.6))
    axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=BOX, linewidth=2))
    room = 0.12 * max(right - left, top - bottom)
    axes.set(xlim=(left - room, right + room), ylim=(bottom - room, top + room))
    for draw in (axes.axhline, axes.axvline):
        draw(0, color="0.5", linewidth=0.8)


def _inside(stage: Stage) -> Sequence[float]:
    return [(low + high) / 2 for low, high in zip(stage.low, stage.high, strict=True)]
