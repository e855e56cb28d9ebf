"""Figures of imbalanced, mislabelled training sets: the remedies, two confusion matrices, curves, and the suspects."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ex3.data_care.remedies import BOTH, CLEAN, NOTHING, TOGETHER, TRUE, ImbalanceResult, Remedy
from ex3.plots.colours import BLUE, CLASS_COLOURS, GREEN, GREY, TREATMENT_COLOURS, VERMILION
from ex3.plots.style import (
    WIDTH,
    LineEnd,
    dataset_label,
    draw_matrix,
    label_classes,
    label_ends,
    percent,
    set_whole_ticks,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.tables import with_spread

REMEDY_COLOURS = {NOTHING: TREATMENT_COLOURS["nothing"], TOGETHER: BLUE, TRUE: GREEN, CLEAN: GREY}
SPREAD = 0.22  # between the seeds' dots of a row


@styled
def draw_remedies(result: ImbalanceResult) -> Figure:
    """Draw the balanced test accuracy and the recall of each class: a row per remedy, a dot per seed."""
    figure = Figure(figsize=(WIDTH, 5.8))
    balanced, recalls = figure.subplots(1, 2, sharey=True)
    for row, (name, remedy) in enumerate(result.remedies.items()):
        colour = REMEDY_COLOURS.get(name, "black")
        _draw_dots(balanced, row, remedy.balanced, colour)
        balanced.annotate(
            with_spread(remedy.accuracy, 3), (remedy.accuracy.mean, row), xytext=(0, 11),
            textcoords="offset points", ha="center", color=colour,
        )  # fmt: skip
        for label, values in enumerate(zip(*remedy.recalls, strict=True)):
            _draw_dots(recalls, row, values, _class_colour(label))
    balanced.margins(x=0.24)  # room for the numbers
    balanced.set_yticks(range(len(result.remedies)), result.remedies)
    balanced.set_ylim(len(result.remedies) - 0.5, -0.8)
    balanced.set_xlabel("balanced test accuracy")
    recalls.set_xlabel("recall of each class on the test images")
    names = result.dataset.class_names
    handles = [recalls.plot([], [], "o", color=_class_colour(label), label=name)[0] for label, name in enumerate(names)]
    recalls.legend(handles=handles, loc="lower right", ncols=min(len(names), 4), bbox_to_anchor=(1, 1), borderpad=0)
    nothing, both, together = (result.remedies[name].accuracy.mean for name in (NOTHING, BOTH, TOGETHER))
    title = (
        f"Balanced accuracy: {nothing:.3f} with nothing, {both:.3f} with sampling and augmentation, "
        f"{together:.3f} with mended labels as well"
    )
    _set_titles(figure, title, result)
    return figure


@styled
def draw_confusion(result: ImbalanceResult) -> Figure:
    """Draw the confusion matrices without a remedy and with all of them, as shares of each actual class."""
    figure = Figure(figsize=(WIDTH, 4.4))
    names = result.dataset.class_names
    images = []
    for axes, name in zip(figure.subplots(1, 2, sharey=True), (NOTHING, TOGETHER), strict=True):
        shares = _row_shares(result.remedies[name])
        images.append(draw_matrix(axes, 100 * shares, "Blues", "{:.1f}", 0, 100))
        axes.set_title(name)
        axes.set_xlabel("answered class")
        label_classes(axes, "x", names)
        label_classes(axes, "y", names)
    figure.axes[0].set_ylabel("actual class")
    figure.colorbar(images[0], ax=figure.axes).set_label("share of the actual class's test images (%)")
    actual, given = names.index(result.actual_class), names.index(result.given_class)
    before, after = (_row_shares(result.remedies[name])[actual, given] for name in (NOTHING, TOGETHER))
    title = (
        f"{percent(before)} of the test images of {result.actual_class} are called {result.given_class} "
        f"without a remedy, {percent(after)} with all"
    )
    _set_titles(figure, title, result)
    return figure


@styled
def draw_curves(result: ImbalanceResult) -> Figure:
    """Draw accuracy and loss on the test images over epochs, without a remedy, with all, and of the upper limits."""
    figure = Figure(figsize=(WIDTH, 4.6))
    for axes, quantity in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        ends = []
        for name, colour in REMEDY_COLOURS.items():
            values = np.array([curves.series[f"test_{quantity}"] for curves in result.remedies[name].curves])
            epochs = result.remedies[name].curves[0].points
            for of_seed in values:
                axes.plot(epochs, of_seed, color=colour, linewidth=0.6, alpha=0.6)
            axes.plot(epochs, values.mean(axis=0), color=colour, linewidth=2)
            ends.append(LineEnd(epochs[-1], float(values.mean(axis=0)[-1]), name, colour))
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"test {quantity}" + (" (nats)" if quantity == "loss" else ""))
        longest = max(end.x for end in ends)
        set_whole_ticks(axes, longest)
        label_ends(axes, ends)
    nothing, together = (result.remedies[name] for name in (NOTHING, TOGETHER))
    title = (
        f"Test loss at the end: {_last(nothing, 'loss'):.2f} without a remedy, {_last(together, 'loss'):.2f} with all"
    )
    _set_titles(figure, title, result)
    return figure


@styled
def draw_suspects(result: ImbalanceResult) -> Figure:
    """Draw, over the number of images looked at, the share of wrong labels found, and the share that is wrong."""
    figure = Figure(figsize=(WIDTH, 4.6))
    recall, precision = figure.subplots(1, 2, sharex=True)
    for search in result.searches:
        looked_at = np.arange(1, len(search.found) + 1)
        found = np.array(search.found)
        for axes, share in ((recall, found / search.planted), (precision, found / looked_at)):
            axes.plot(looked_at, share, color=BLUE, linewidth=1)
            axes.plot(search.suspects, share[search.suspects - 1], "o", color=VERMILION)
    for axes in (recall, precision):
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0, " %"))
        axes.set_xlabel("images looked at, the most suspicious first")
    recall.set_ylabel("wrong labels that are found")
    precision.set_ylabel("wrong labels among those looked at")
    planted = result.searches[0].planted
    hits = np.mean([search.found[planted - 1] for search in result.searches])
    title = f"Of {planted} wrong labels, {hits:.0f} are among the {planted} most suspicious images"
    _set_titles(figure, title, result, "; a line per seed, the dot where confident learning stops")
    return figure


FIGURES: dict[str, Callable[[ImbalanceResult], Figure]] = {
    "remedies": draw_remedies,
    "confusion": draw_confusion,
    "curves": draw_curves,
    "suspects": draw_suspects,
}


def _class_colour(label: int) -> str:
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def _draw_dots(axes: Axes, row: int, values: "list[float] | tuple[float, ...]", colour: str) -> None:
    heights = row + np.linspace(-SPREAD, SPREAD, len(values)) if len(values) > 1 else [row]
    axes.plot(values, heights, "o", color=colour, markersize=5, alpha=0.8)


def _row_shares(remedy: Remedy) -> np.ndarray:
    counts = np.array(remedy.confusion)
    return counts / counts.sum(axis=1, keepdims=True)


def _last(remedy: Remedy, quantity: str) -> float:
    return float(np.mean([curves.series[f"test_{quantity}"][-1] for curves in remedy.curves]))


def _set_titles(figure: Figure, finding: str, result: ImbalanceResult, more: str = "") -> None:
    counts = ", ".join(
        f"{name}: {count:,}" for name, count in zip(result.dataset.class_names, result.counts, strict=True)
    )
    setting = (
        f"{dataset_label(result.dataset)}; training images: {counts}; {percent(result.mislabelled)} of "
        f"{result.actual_class} labelled {result.given_class}{more}"
    )
    set_titles(figure, finding, setting)
