"""Figures of the attacks: examples with their noise, success over epsilon, and success by true and wanted class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.adversarial.cases import CURVE_METHODS, Case, Method
from ex3.adversarial.judging import Attack
from ex3.adversarial.summaries import AttackCurves, AttackExamples, Example, Prediction, TargetPairs
from ex3.plots.style import styled

METHOD_TITLES: dict[Method, str] = {
    "noise": "random noise",
    "fgsm": "FGSM",
    "pgd": "PGD",
    "deepfool": "DeepFool",
    "targeted_l1": "targeted, l1",
}
METHOD_COLOURS: dict[Method, str] = {"noise": "#666666", "fgsm": "#E69F00", "pgd": "#D55E00"}


@styled
def examples(result: AttackExamples, class_names: Sequence[str], title: str, cmap: str = "gray_r") -> Figure:
    """Draw originals, noises and adversarial images: a row per attack, three columns per example.

    Args:
        result: The images.
        class_names: Of all classes.
        title: Of the figure.
        cmap: Colour map of images that have no colours; the noise of those that have is drawn in grey.
    """
    count = max(len(row.examples) for row in result.rows)
    figure = Figure(figsize=(2.1 * 3 * count + 1, 2.3 * len(result.rows) + 0.5))
    grid = figure.subplots(len(result.rows), 3 * count, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for panels, row in zip(grid, result.rows, strict=True):
        panels[0].set_ylabel(_row_title(row.case), rotation=0, ha="right", va="center")
        for position, example in enumerate(row.examples):
            _draw_example(panels[3 * position : 3 * position + 3], example, class_names, cmap)
    figure.suptitle(title)
    return figure


@styled
def over_epsilon(result: AttackCurves, title: str) -> Figure:
    """Draw accuracy over all images, and success among the correctly classified, over epsilon: a column per model."""
    figure = Figure(figsize=(4.6 * len(result.curves), 7.5))
    grid = figure.subplots(2, len(result.curves), squeeze=False, sharex=True, sharey=True)
    for column, (model, attacks) in zip(grid.T, result.curves.items(), strict=True):
        _draw_model(column, attacks, result.clean_accuracy[model])
        for axes, ylabel in zip(
            column, ("accuracy over all images", "success among the correctly classified"), strict=True
        ):
            axes.set(title=model, xlabel=r"$\epsilon$ (largest change of a pixel)", ylabel=ylabel)
            axes.legend()
    figure.suptitle(title)
    return figure


@styled
def targets(result: TargetPairs, class_names: Sequence[str], title: str) -> Figure:
    """Draw the targeted attack's success, and the median l1 norm of its noise, by true and wanted class."""
    l1 = np.array(result.l1)
    figure = Figure(figsize=(13, 5.6))
    left, right = figure.subplots(1, 2)
    _draw_matrix(left, np.array(result.success), "Blues", "{:.0%}", 1, class_names)
    left.set_title(f"Success ({np.sum(result.count):,} images)")
    _draw_matrix(right, l1, "OrRd", "{:.0f}", np.nanmax(l1, initial=1), class_names)
    right.set_title("Median l1 norm of the noise (sum over pixels)")
    figure.suptitle(title)
    return figure


def _row_title(case: Case) -> str:
    bound = "" if case.epsilon is None else f"\n{case.norm}, \u03b5 = {case.epsilon:g}"
    return METHOD_TITLES[case.method] + bound


def _draw_example(panels: Sequence[Axes], example: Example, class_names: Sequence[str], cmap: str) -> None:
    original, noise, adversarial = panels
    difference = np.subtract(example.adversarial, example.original)
    largest = max(float(np.abs(difference).max()), 1e-9)
    original.imshow(example.original, cmap=cmap, vmin=0, vmax=1)
    adversarial.imshow(example.adversarial, cmap=cmap, vmin=0, vmax=1)
    if difference.ndim == 3:  # the mean over the colours
        noise.imshow(difference.mean(axis=-1), cmap="gray", vmin=-largest, vmax=largest)
    else:
        noise.imshow(difference, cmap="RdBu_r", vmin=-largest, vmax=largest)
    original.set_title(_describe(example.before, class_names))
    noise.set_title(f"noise, \u00b1{largest:.2f}")
    adversarial.set_title(_describe(example.after, class_names))


def _describe(prediction: Prediction, class_names: Sequence[str]) -> str:
    """Write a prediction, e.g. ``7 (99 %)``."""
    return f"{class_names[prediction.label]} ({prediction.probability:.0%})".replace("%", " %")


def _draw_model(column: Sequence[Axes], attacks: Sequence[Attack], clean_accuracy: float) -> None:
    """Draw one model's accuracy (above) and success (below) over epsilon, a line per method."""
    above, below = column
    for method in CURVE_METHODS:
        found = [attack for attack in attacks if attack.method == method]
        epsilons = [0.0, *(attack.epsilon or 0.0 for attack in found)]
        accuracies = [clean_accuracy, *(attack.robust_accuracy for attack in found)]
        successes = [0.0, *(attack.success for attack in found)]
        colour, label = METHOD_COLOURS[method], METHOD_TITLES[method]
        for axes, values in ((above, accuracies), (below, successes)):
            axes.plot(epsilons, values, color=colour, marker="o", markersize=4, label=label)
        low, high = np.array([(0.0, 0.0), *(attack.interval for attack in found)]).T
        below.fill_between(epsilons, low, high, color=colour, alpha=0.2, linewidth=0)


def _draw_matrix(
    axes: Axes, values: np.ndarray, cmap: str, form: str, largest: float, class_names: Sequence[str]
) -> None:
    axes.imshow(values, cmap=cmap, vmin=0, vmax=1.3 * largest)  # dark enough to see, light enough to read the numbers
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, form.format(value), ha="center", va="center", fontsize=8)
    axes.set(xlabel="wanted class", ylabel="true class")
    axes.set_xticks(range(len(class_names)), class_names)
    if max(map(len, class_names)) > 2:
        axes.tick_params(axis="x", rotation=90)
    axes.set_yticks(range(len(class_names)), class_names)
    axes.grid(visible=False)
