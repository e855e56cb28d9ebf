"""Figures of a judged classifier: what it confuses, and what its confidence is worth."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ex3.measures.confidence import BINS, Calibration, Confidence, Mistake, Mistakes
from ex3.measures.scores import Estimate, Scores, describe_unanswered
from ex3.plots.colours import BLUE, GREEN, LIGHT_GREY, VERMILION
from ex3.plots.style import MODEL_TITLES, WIDTH, dataset_label, label_classes, percent, picture_map, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import DatasetInfo, without_one_channel

MEASURES = {"recall": BLUE, "precision": VERMILION, "f1": GREEN}
MOST_CELLS = 10  # classes whose counts can be read
MOST_TICKS = 40  # classes whose names and intervals can be read
COLUMNS = 6  # of pictures


@styled
def confusion(result: Scores, model: str, dataset: DatasetInfo) -> Figure:
    """Draw the confusion matrix, and recall, precision and F1 of each class with their 95 % intervals.

    Args:
        result: The measures.
        model: Its name.
        dataset: The images.
    """
    height = min(3.4 + 0.36 * len(result.classes), 9)
    figure = Figure(figsize=(WIDTH, height))
    matrix, scores = figure.subplots(1, 2, sharey=True, width_ratios=(1.9, 1))
    _draw_matrix(matrix, np.array(result.confusion), dataset)
    figure.colorbar(matrix.images[0], ax=matrix, format=lambda share, _: percent(share), pad=0.02, aspect=40)
    _draw_scores(scores, result)
    set_titles(figure, _confusion_title(result, model), _confusion_setting(result, dataset))
    return figure


@styled
def confidence(result: Confidence, model: str, dataset: DatasetInfo) -> Figure:
    """Draw the calibration, where probabilities are known, and the most confident mistakes.

    Args:
        result: The measures.
        model: Its name.
        dataset: The images.
    """
    rows = -(-len(result.mistakes.shown) // COLUMNS)
    heights = [3.5 * (result.calibration is not None), 0.6 + 1.6 * rows]
    figure = Figure(figsize=(WIDTH, 0.8 + sum(heights)))
    if result.calibration is None:
        _draw_mistakes(figure.add_subfigure(figure.add_gridspec(1, 1)[0]), result.mistakes, dataset)
    else:
        grid = figure.add_gridspec(2, 1, height_ratios=heights)
        _draw_calibration(figure.add_subfigure(grid[0]), result.calibration)
        _draw_mistakes(figure.add_subfigure(grid[1]), result.mistakes, dataset)
    set_titles(figure, _confidence_title(result, model, dataset), _confidence_setting(result, dataset))
    return figure


def _confusion_title(result: Scores, model: str) -> str:
    """Say how often the model is right, and what it does wrong most often."""
    model = _with_article(model)
    counts = np.array(result.confusion)
    total, accuracy = counts.sum(), percent(result.accuracy.value, 1)
    if unanswered := describe_unanswered(result):
        return f"{model} {unanswered}; {accuracy} of the answers are right"
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return f"{model} is right on all {total:,} test images"
    actual, answered = np.unravel_index(counts.argmax(), counts.shape)
    pair = f"{result.classes[actual].name} taken for {result.classes[answered].name}"
    times, others = plural(counts.max(), "time"), np.sum(counts == counts.max()) - 1
    frequent = f"mistakes: {pair} and {others} more ({times} each)" if others else f"mistake: {pair} ({times})"
    return f"{model} is right on {accuracy} of {total:,} test images; most frequent {frequent}"


def _with_article(model: str) -> str:
    """Return ``The convnet``; a file's name stays as it is."""
    return f"The {MODEL_TITLES[model]}" if model in MODEL_TITLES else model


def _confusion_setting(result: Scores, dataset: DatasetInfo) -> str:
    return (
        f"{dataset_label(dataset)}; accuracy {_with_interval(result.accuracy)}, "
        f"balanced accuracy {_with_interval(result.balanced_accuracy)}; 95 % intervals"
    )


def _with_interval(estimate: Estimate) -> str:
    interval = "" if math.isnan(estimate.low) else f" ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
    return percent(estimate.value, 1) + interval


def _draw_matrix(axes: Axes, counts: np.ndarray, dataset: DatasetInfo) -> None:
    """Draw counts and shares of each actual class; the colour is the share, from 0 to 1 in every figure."""
    images = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(images, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    title = "colour: share of the actual class"
    if len(counts) <= MOST_CELLS:
        title = "images; colour and second number: share of the actual class in %"
        for (row, column), count in np.ndenumerate(counts):
            if count:
                text = f"{count:,}\n{100 * shares[row, column]:.1f}"
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, text, ha="center", va="center", color=colour, linespacing=1)
    axes.set(title=title, xlabel="answered class", ylabel="actual class")
    if len(counts) <= MOST_TICKS:
        for axis in ("x", "y"):
            label_classes(axes, axis, dataset.class_names)
    axes.grid(visible=False)


def _draw_scores(axes: Axes, result: Scores) -> None:
    """Draw three dots per class, in the row of its confusions."""
    for offset, (measure, colour) in zip((-0.25, 0, 0.25), MEASURES.items(), strict=True):
        estimates = [getattr(row, measure) for row in result.classes]
        values, low, high = (100 * np.array([getattr(e, part) for e in estimates]) for part in ("value", "low", "high"))
        y = np.arange(len(values)) + offset
        if len(y) <= MOST_TICKS:
            axes.hlines(y, low, high, color=colour)
        axes.plot(values, y, "o", color=colour, markersize=4, label=measure.replace("f1", "F1"))
    axes.tick_params(axis="y", labelleft=False)
    axes.set(xlabel="recall, precision, F1 (%)")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, labelcolor="linecolor", handletextpad=0, columnspacing=1
    )


def _confidence_title(result: Confidence, model: str, dataset: DatasetInfo) -> str:
    """Say whether the mean confidence is that of the accuracy's interval, or above or below it."""
    model = _with_article(model)
    calibration = result.calibration
    if calibration is None:
        total = dataset.sizes["test"]
        if not result.mistakes.total:
            return f"{model} is right on all {total:,} test images; how sure it was is not known"
        return f"{model} is wrong on {result.mistakes.total:,} of {total:,} test images; how sure it was is not known"
    accuracy = calibration.accuracy
    sure, right = percent(calibration.confidence, 1), percent(accuracy.value, 1)
    if accuracy.low <= calibration.confidence <= accuracy.high:
        return f"{model} is as sure as it is right on average: mean confidence {sure}, accuracy {right}"
    finding = "over-confident" if calibration.confidence > accuracy.high else "under-confident"
    return f"{model} is {finding}: it is {sure} sure on average, but right on {right} of the test images"


def _confidence_setting(result: Confidence, dataset: DatasetInfo) -> str:
    if result.calibration is None:
        return f"{dataset_label(dataset)}; no calibration, since only the answered labels are known"
    return (
        f"{dataset_label(dataset)}; expected calibration error {percent(result.calibration.error, 1)}, "
        f"in {BINS} bins of equal width; whiskers: 95 % intervals"
    )


def _draw_calibration(part: SubFigure, calibration: Calibration) -> None:
    """Draw accuracy over confidence, a dot per bin, and how many images are in each bin."""
    reliability, counts = part.subplots(1, 2, sharex=True)
    for one in calibration.bins:
        if one.images:
            x = 100 * one.confidence
            reliability.vlines(x, 100 * one.accuracy.low, 100 * one.accuracy.high, color=MEASURES["recall"])
            reliability.plot(x, 100 * one.accuracy.value, "o", color=MEASURES["recall"], markersize=5)
        middle, width = 50 * (one.low + one.high), 100 * (one.high - one.low)
        counts.bar(middle, one.images, width=0.9 * width, color=LIGHT_GREY)
        counts.annotate(
            f"{one.images:,}" * (one.images > 0), (middle, max(one.images, 1)), xytext=(0, 3),
            textcoords="offset points", ha="center", rotation=90,
        )  # fmt: skip
    reliability.axline((0, 0), slope=1, color="black", linestyle="--", linewidth=0.8)
    reliability.text(2, 6, "as sure as right", rotation=45, rotation_mode="anchor", transform_rotates_text=True)
    reliability.set(xlabel="confidence (%)", ylabel="accuracy (%)", xlim=(0, 102), ylim=(-2, 102))
    counts.set(xlabel="confidence (%)", ylabel="test images (logarithmic)", yscale="log")
    counts.set_ylim(0.8, 4 * counts.get_ylim()[1])  # room for the numbers
    counts.grid(visible=False)


def _draw_mistakes(part: SubFigure, mistakes: Mistakes, dataset: DatasetInfo) -> None:
    """Draw pictures of mistakes, each with its class, the answer and its confidence."""
    rows = max(1, -(-len(mistakes.shown) // COLUMNS))
    grid = part.subplots(rows, COLUMNS, squeeze=False)
    has_confidence = any(mistake.confidence is not None for mistake in mistakes.shown)
    choice = "the most confident ones" if has_confidence else "drawn at random"
    caption = "actual class \u2192 answer" + (", and its confidence" if has_confidence else "")
    text = f"{len(mistakes.shown)} of {mistakes.total:,} mistakes, {choice}: {caption}"
    part.suptitle(text if mistakes.shown else "No mistake", fontsize="medium")
    for axes in grid.flat:
        axes.set_axis_off()
    pictures = without_one_channel(mistakes.pictures.unpack())
    for axes, mistake, picture in zip(grid.flat, mistakes.shown, pictures, strict=False):
        axes.imshow(picture, cmap=picture_map(dataset), vmin=0, vmax=1)
        axes.set_title(_describe(mistake, dataset.class_names))


def _describe(mistake: Mistake, class_names: list[str]) -> str:
    """Write ``car \u2192 truck``, and the confidence below it."""
    actual, answered = class_names[mistake.actual], class_names[mistake.answered]
    arrow = " \u2192 " if len(actual + answered) < COLUMNS * 2 else "\n\u2192 "
    sure = "" if mistake.confidence is None else f"\n{percent(mistake.confidence, 1)}"
    return f"{actual}{arrow}{answered}{sure}"
