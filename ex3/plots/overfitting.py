"""Figure of training for long: loss and accuracy over epochs, where the loss rises again, and what helps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ex3.choices import Choice, ChoicesResult
from ex3.plots.colours import TREATMENT_COLOURS, series_colours
from ex3.plots.style import LineEnd, dataset_label, label_ends, make_logarithmic, make_logit, percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.sweeps import converged

LABELS = {"loss": "cross-entropy (nats)", "accuracy": "test accuracy"}


@styled
def draw_overfitting(result: ChoicesResult) -> Figure:
    """Draw test and train loss (top) and test accuracy (bottom) over epochs: a column per group, a colour per setting.

    A dot is where the validation loss of the mean curve is lowest: there early stopping ends.
    """
    groups = {group: [one for one in result.choices if one.group == group] for group in result.best}
    is_single = len(groups) == 1  # then both panels stand side by side
    figure = Figure(figsize=(9, 4.6) if is_single else (4.5 * len(groups), 6.8))
    grid = figure.subplots(*((1, 2) if is_single else (2, len(groups))), squeeze=False)
    columns = grid if is_single else grid.T
    for axes_of_group, (group, choices) in zip(columns, groups.items(), strict=True):
        for axes, quantity in zip(axes_of_group, LABELS, strict=True):
            _draw_group(axes, choices, quantity)
            axes.set_xlabel("epoch")
        axes_of_group[0].set_title(group)
    for axes, label in zip(columns[0], LABELS.values(), strict=True):
        axes.set_ylabel(label)
    images, seeds = f"{result.dataset.sizes['train']:,} images", plural(len(result.choices[0].runs), "seed")
    set_titles(
        figure,
        _finding(groups),
        f"{dataset_label(result.dataset)}, {images}, mean of {seeds}; solid: test, dashed: train; "
        "dot: where early stopping ends",
    )
    return figure


def _draw_group(axes: Axes, choices: list[Choice], quantity: str) -> None:
    ends, lowest = [], np.inf
    for choice, other in zip(choices, series_colours(len(choices)), strict=True):
        colour = TREATMENT_COLOURS.get(choice.name, other)
        if not converged(choice.runs):
            continue
        epochs = choice.runs[0].epochs.points
        test, validation = _mean(choice, f"test_{quantity}"), _mean(choice, "validation_loss")
        axes.plot(epochs, test, color=colour, linewidth=2)
        if quantity == "loss":
            axes.plot(epochs, _mean(choice, "train_loss"), "--", color=colour, linewidth=1)
        stop = int(np.nanargmin(validation))
        axes.plot(epochs[stop], test[stop], "o", color=colour, markersize=8)
        lowest = min(lowest, np.nanmin(test))
        ends.append(LineEnd(epochs[-1], float(test[-1]), choice.name, colour))
    if quantity == "loss":
        axes.set_ylim(bottom=0.6 * lowest)  # the training loss may leave the panel
        make_logarithmic(axes, "y")
    else:
        make_logit(axes)
    longest = max(end.x for end in ends)
    axes.set_xlim(0, 1.42 * longest)
    axes.set_xticks([tick for tick in MaxNLocator(6, integer=True).tick_values(0, longest) if tick <= longest])
    label_ends(axes, ends)


def _mean(choice: Choice, name: str) -> np.ndarray:
    return np.mean([run.epochs.series[name] for run in converged(choice.runs)], axis=0)


def _finding(groups: dict[str, list[Choice]]) -> str:
    """Say of each group's first setting where its test loss is lowest and where it ends; of a lone one, accuracies."""
    steady = {group: [one for one in choices if converged(one.runs)] for group, choices in groups.items()}
    if len(groups) == 1:
        (choices,) = steady.values()
        ends = [f"{percent(_mean(one, 'test_accuracy')[-1], 1)} with {one.name}" for one in choices]
        return f"Test accuracy at the end: {'; '.join(ends)}"
    lines, rises = [], []
    for group, choices in steady.items():
        if choices:
            loss, epochs = _mean(choices[0], "test_loss"), choices[0].runs[0].epochs.points
            low = int(np.nanargmin(loss))
            lines.append(f"{group} {loss[low]:.3f} after epoch {epochs[low]:g}, {loss[-1]:.3f} at the end")
            rises.append(loss[-1] > loss[low])
    return f"The test loss {'rises again' if all(rises) else 'over the epochs'}: {'; '.join(lines)}"
