"""Figure of every gradient step: accuracy and loss of its batch, raw and smoothed, beside the test curves.

Linear regression has its own two panels, over epochs.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ex3.choices import Choice, ChoicesResult
from ex3.plots.colours import MODEL_COLOURS, series_colours
from ex3.plots.style import LineEnd, dataset_label, label_ends, make_logarithmic, make_logit, percent, smooth, styled
from ex3.plots.titles import set_titles
from ex3.results import Curves

HIGHEST = 0.998  # accuracy in the panel: many a batch has no mistake
LABELS = {"accuracy": "accuracy", "loss": "cross-entropy (nats)"}


@styled
def draw_iterations(result: ChoicesResult) -> Figure:
    """Draw accuracy and loss per gradient step (left), and of the settings without these their curves over epochs."""
    figure = Figure(figsize=(9, 6.8))
    grid = figure.subplots(2, 2)
    by_step = [(choice, choice.iterations) for choice in result.choices if choice.iterations]
    by_epoch = [choice for choice in result.choices if not choice.iterations]
    for row, quantity in zip(grid, LABELS, strict=True):
        _draw_steps(row[0], by_step, quantity)
        _draw_epochs(row[1], by_epoch, quantity)
        row[0].set(xlabel="gradient step", ylabel=LABELS[quantity])
        row[1].set(xlabel="epoch", ylabel="mean squared error" if quantity == "loss" else "test accuracy")
    grid[0, 0].set_title("each batch, smoothed; dots: test images")
    grid[0, 1].set_title("linear regression, test images")
    set_titles(
        figure,
        _finding(by_step),
        f"{dataset_label(result.dataset)}, seed {result.choices[0].runs[0].seed}; thin: each batch",
    )
    return figure


def _draw_steps(axes: Axes, choices: list[tuple[Choice, Curves]], quantity: str) -> None:
    ends = []
    for choice, iterations in choices:
        colour = MODEL_COLOURS[choice.changes.get("model", choice.name.lower())]
        steps, values = iterations.points, iterations.series[quantity]
        epochs = choice.runs[0].epochs
        at = np.array(epochs.points) / epochs.points[-1] * len(steps)
        axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.5)
        axes.plot(steps, smooth(values), color=colour, linewidth=1.5)
        axes.plot(at, epochs.series[f"test_{quantity}"], "o", color=colour, markersize=5, markeredgecolor="black")
        ends.append(LineEnd(steps[-1], epochs.series[f"test_{quantity}"][-1], choice.name, colour))
    _finish(axes, ends, quantity)
    if quantity == "accuracy":
        axes.set_ylim(0.05, HIGHEST)


def _draw_epochs(axes: Axes, choices: list[Choice], quantity: str) -> None:
    ends = []
    for choice, colour in zip(choices, series_colours(len(choices)), strict=True):
        epochs = choice.runs[0].epochs
        values = epochs.series[f"test_{quantity}"]
        axes.plot(epochs.points, values, "o-", color=colour, markersize=4)
        ends.append(LineEnd(epochs.points[-1], values[-1], choice.name, colour))
    _finish(axes, ends, quantity)


def _finish(axes: Axes, ends: list[LineEnd], quantity: str) -> None:
    """Choose the scale, leave room at the right, and name the lines."""
    if quantity == "loss":
        make_logarithmic(axes, "y")
    else:
        make_logit(axes)
    longest = max((end.x for end in ends), default=1)
    axes.set_xlim(0, 1.35 * longest)
    axes.set_xticks([tick for tick in MaxNLocator(5, integer=True).tick_values(0, longest) if tick <= longest])
    label_ends(axes, ends)


def _finding(choices: list[tuple[Choice, Curves]]) -> str:
    """Say how far the batches are above the test images at the end, for each network."""
    parts = [
        f"{choice.name} {percent(smooth(iterations.series['accuracy'])[-1], 1)} and "
        f"{percent(choice.runs[0].epochs.series['test_accuracy'][-1], 1)}"
        for choice, iterations in choices
    ]
    return f"Right at the end, of the batches' images and of the test images: {', '.join(parts)}"
