"""Figures of the attacks: examples with their noise, success over epsilon, and which digit can be turned into which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.results import Attack

METHOD_TITLES = {
    "noise": "random noise",
    "fgsm": "FGSM",
    "pgd": "PGD",
    "deepfool": "DeepFool",
    "targeted_l1": "targeted, l1",
}
METHOD_COLOURS = {"noise": "#666666", "fgsm": "#E69F00", "pgd": "#D55E00"}


@dataclass(frozen=True)
class Example:
    """One attacked image.

    Attributes:
        original: ``(28, 28)`` in [0, 1].
        adversarial: Likewise.
        before: What the model sees in the original, e.g. ``7 (99 %)``.
        after: What it sees in the adversarial image.
    """

    original: np.ndarray
    adversarial: np.ndarray
    before: str
    after: str


def examples(rows: Mapping[str, Sequence[Example]], title: str) -> Figure:
    """Draw originals, noises and adversarial images: a row per attack, three columns per example."""
    count = max(len(row) for row in rows.values())
    figure = Figure(figsize=(2.1 * 3 * count + 1, 2.3 * len(rows) + 0.5))
    grid = figure.subplots(len(rows), 3 * count, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for panels, (name, row) in zip(grid, rows.items(), strict=True):
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for position, example in enumerate(row):
            original, noise, adversarial = panels[3 * position : 3 * position + 3]
            difference = example.adversarial - example.original
            largest = max(float(np.abs(difference).max()), 1e-9)
            original.imshow(example.original, cmap="gray_r", vmin=0, vmax=1)
            noise.imshow(difference, cmap="RdBu_r", vmin=-largest, vmax=largest)
            adversarial.imshow(example.adversarial, cmap="gray_r", vmin=0, vmax=1)
            original.set_title(example.before)
            noise.set_title(f"noise, \u00b1{largest:.2f}")
            adversarial.set_title(example.after)
    figure.suptitle(title)
    return figure


def over_epsilon(attacks: Mapping[str, Sequence[Attack]], clean: Mapping[str, float], title: str) -> Figure:
    """Draw accuracy over all images, and success among the correctly classified ones, over epsilon: a column per model.

    Args:
        attacks: By model, of all methods and epsilons.
        clean: By model, its accuracy on the same images without noise.
        title: Of the figure.
    """
    figure = Figure(figsize=(4.6 * len(attacks), 7.5))
    grid = figure.subplots(2, len(attacks), squeeze=False, sharex=True, sharey=True)
    for column, (model, of_model) in enumerate(attacks.items()):
        for method, colour in METHOD_COLOURS.items():
            here = [attack for attack in of_model if attack.method == method]
            epsilons = [0.0, *(attack.epsilon for attack in here)]
            label = METHOD_TITLES[method]
            accuracies = [clean[model], *(attack.robust_accuracy for attack in here)]
            grid[0, column].plot(epsilons, accuracies, color=colour, marker="o", markersize=4, label=label)
            low, high = np.array([(0.0, 0.0), *(attack.interval for attack in here)]).T
            successes = [0.0, *(attack.success for attack in here)]
            grid[1, column].plot(epsilons, successes, color=colour, marker="o", markersize=4, label=label)
            grid[1, column].fill_between(epsilons, low, high, color=colour, alpha=0.2, linewidth=0)
        for axes, ylabel in zip(
            grid[:, column], ("accuracy over all images", "success among the correctly classified"), strict=True
        ):
            axes.set(title=model, xlabel=r"$\epsilon$ (largest change of a pixel)", ylabel=ylabel)
            axes.legend()
    figure.suptitle(title)
    return figure


def targets(pairs: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw the targeted attack's success, and the median l1 norm of its noise, by true and wanted digit.

    Args:
        pairs: ``success`` and ``l1``, ``nan`` where there is none, and ``count``; ``(10, 10)``, a row per true digit.
        title: Of the figure.
    """
    figure = Figure(figsize=(13, 5.6))
    left, right = figure.subplots(1, 2)
    _draw_matrix(left, pairs["success"], "Blues", "{:.0%}", 1)
    left.set_title(f"Success ({pairs['count'].sum():,} images)")
    _draw_matrix(right, pairs["l1"], "OrRd", "{:.0f}", np.nanmax(pairs["l1"], initial=1))
    right.set_title("Median l1 norm of the noise (sum over pixels)")
    figure.suptitle(title)
    return figure


def _draw_matrix(axes: Axes, values: np.ndarray, cmap: str, form: str, largest: float) -> None:
    axes.imshow(values, cmap=cmap, vmin=0, vmax=1.3 * largest)  # dark enough to see, light enough to read the numbers
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, form.format(value), ha="center", va="center", fontsize=8)
    ticks = range(len(values))
    axes.set(xlabel="wanted digit", ylabel="true digit", xticks=ticks, yticks=ticks)
    axes.grid(visible=False)
