"""The figure of the sweep over what the structured plane's recipe leaves out."""

import numpy as np
from matplotlib.figure import Figure

from ex3.plots.colours import BLUE, PLANE_COLOURS
from ex3.plots.style import dataset_label, plural, styled
from ex3.plots.titles import set_titles
from ex3.sweeps import SweepResult, converged

PANELS = {
    "test_loss": "mean squared error",
    "test_neighbour_accuracy": "15-NN accuracy",
    "test_silhouette": "silhouette",
    "test_distance_ranks": "rank correlation\nof distances",
}
ROWS = {
    "nothing": "whole recipe",
    "deskewing": "no deskewing",
    "neighbours": "no neighbours' term",
    "distances": "no distances' term",
    "both": "neither term",
}
SINGLE = ("deskewing", "neighbours", "distances")
WHOLE, LACKING = PLANE_COLOURS["structured"], BLUE


@styled
def sweep_structure(result: SweepResult) -> Figure:
    """Draw four scores: a row per part that is left out, a dot per seed, and the mean as a number."""
    figure = Figure(figsize=(9, 4))
    of_value = {str(one.value): one for one in result.values}
    rows = {value: name for value, name in ROWS.items() if value in of_value}
    for axes, (metric, title) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS.items(), strict=True):
        for row, value in enumerate(rows):
            colour = WHOLE if value == "nothing" else LACKING
            numbers = [run.metrics[metric] for run in converged(of_value[value].runs)]
            axes.plot(numbers, [row] * len(numbers), "o", color=colour, alpha=0.6, markeredgewidth=0)
            mean = of_value[value].spreads[metric].mean
            axes.annotate(
                f"{mean:.4f}" if metric.endswith("loss") else f"{mean:.2f}", (mean, row), xytext=(0, 8),
                textcoords="offset points", ha="center", color=colour,
            )  # fmt: skip
        axes.set_xlabel(title)
        axes.margins(x=0.25)
        axes.locator_params(axis="x", nbins=3)
    figure.axes[0].set_yticks(range(len(rows)), rows.values())
    figure.axes[0].set_ylim(len(rows) - 0.5, -0.7)
    config = result.config
    epochs, images = plural(config.epochs, "epoch"), result.dataset.sizes["train"]
    seeds = plural(len(result.values[0].runs), "seed")
    setting = f"{dataset_label(result.dataset)}, {epochs} of {images:,} images, {seeds}, test images"
    set_titles(figure, _finding(result), setting)
    return figure


def _finding(result: SweepResult) -> str:
    """Say which single part the accuracy in the plane loses most without, and which one the ranks of distances."""
    means = {
        metric: {str(one.value): one.spreads[metric].mean for one in result.values if one.value in SINGLE}
        for metric in ("test_neighbour_accuracy", "test_distance_ranks")
    }
    if not all(means.values()):
        return "What the structured plane loses without a part of its recipe"
    accuracy, ranks = (min(of_value, key=lambda value: np.nan_to_num(of_value[value])) for of_value in means.values())
    return f"15-NN accuracy loses most with {ROWS[accuracy]},\nthe ranks of distances with {ROWS[ranks]}"
