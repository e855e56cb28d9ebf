"""Figures of the sweeps that show what each value ends with: a dot per seed, and a line through the means."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.colours import BLUE, DARK_BLUE, GREY, PURPLE, SKY, SPLIT_COLOURS
from ex3.plots.dead import dead_layers, draw_dead_units
from ex3.plots.structure import sweep_structure
from ex3.plots.style import MODEL_TITLES, WIDTH, LineEnd, label_ends, make_logit, plural, set_whole_ticks, styled
from ex3.plots.sweep import (
    QUANTITY_LABELS,
    QUANTITY_SCALES,
    best_label,
    describe_failures,
    setting_of,
    sweep_by_seed,
    sweep_curves,
    value_label,
)
from ex3.plots.titles import set_titles
from ex3.sweeps import SweepResult, ValueResult, converged, format_value, kind_of
from ex3.tables import with_spread

STEP_COLOURS = (SKY, BLUE, DARK_BLUE)
LINES = ("-", "--")
MAY_KILL = ("lr", "batch-size")  # sweeps with values that may leave ReLUs which are 0 for all images
Draw = Callable[[SweepResult], Figure]


def figures_of(result: SweepResult, name: str) -> dict[str, Draw]:
    """Return the figures that suit a sweep, by their names; ``name`` is the first part of these."""
    kind = kind_of(result.parameter)
    if kind.scale == "categorical":
        return {name: sweep_structure if kind.command == "structure" else sweep_by_seed}
    summary: Draw = draw_equal_work if kind.has_equal_work else draw_gaps if kind.compared_models else draw_final
    drawn: dict[str, Draw] = {name: sweep_curves, f"{name}-summary": summary}
    if kind.compared_models:
        drawn[f"{name}-compared"] = draw_compared
    if kind.command in MAY_KILL and dead_layers(result):
        drawn[f"{name}-dead"] = draw_dead_units
    return drawn


@styled
def draw_final(result: SweepResult) -> Figure:
    """Draw the final loss and accuracy of each value, on all splits."""
    figure = Figure(figsize=(WIDTH, 6.6))
    for axes, quantity in zip(figure.subplots(2, 1, sharex=True), QUANTITY_LABELS, strict=True):
        _draw_splits(axes, result, quantity)
    finding = f"{kind_of(result.parameter).label.capitalize()}: {best_label(result)}"
    failures = describe_failures(result)
    set_titles(figure, f"{finding}; {failures}" if failures else finding, setting_of(result, "a dot per seed"))
    return figure


@styled
def draw_gaps(result: SweepResult) -> Figure:
    """Draw the gap between train and test loss, and the accuracies, over the values."""
    figure = Figure(figsize=(WIDTH, 4.6))
    gap, accuracy = figure.subplots(1, 2)
    _draw_values(gap, result, "loss_gap", "black")
    gap.axhline(0, color="black", linewidth=0.8)
    gap.set(title="Gap in loss: test - train", ylabel=QUANTITY_LABELS["loss"])
    _finish(gap, result)
    _draw_splits(accuracy, result, "accuracy")
    set_titles(figure, _gaps_title(result), setting_of(result, "a dot per seed"))
    return figure


@styled
def draw_equal_work(result: SweepResult) -> Figure:
    """Draw the test accuracy over the values, after equally many gradient steps and after equally many images."""
    figure = Figure(figsize=(WIDTH, 4.8))
    steps, images = figure.subplots(1, 2, sharey=True)
    works = [work for work in result.equal_work if work.unit == "gradient steps"]
    ends = [
        _draw_values(steps, result, work.metric, colour, f"{work.amount:g} steps")
        for work, colour in zip(works, STEP_COLOURS, strict=True)
    ]
    _draw_values(images, result, "test_accuracy", SPLIT_COLOURS["test"])
    for axes, title in ((steps, "After equally many gradient steps"), (images, "After equally many images")):
        axes.set(title=title, ylabel="test accuracy")
        make_logit(axes)
        _finish(axes, result)
    label_ends(steps, ends)
    set_titles(figure, _equal_work_title(result), setting_of(result, "a dot per seed"))
    return figure


@styled
def draw_compared(result: SweepResult) -> Figure:
    """Draw train and test over epochs, for two values and several networks: a row per network."""
    figure = Figure(figsize=(WIDTH, 3.2 * len(result.compared) + 0.9))
    grid = figure.subplots(len(result.compared), 2, squeeze=False)
    for row, (model, values) in zip(grid, result.compared.items(), strict=True):
        for axes, quantity in zip(row, QUANTITY_LABELS, strict=True):
            ends = []
            for of_value, line in zip(values, LINES, strict=True):
                for split in ("train", "test"):
                    end = _draw_median(axes, of_value, f"{split}_{quantity}", SPLIT_COLOURS[split], line)
                    ends.append(end._replace(text=f"{split}, {value_label(of_value)}"))
            axes.set(title=f"{MODEL_TITLES[model]}, {quantity}", xlabel="epochs", ylabel=QUANTITY_LABELS[quantity])
            QUANTITY_SCALES[quantity](axes)
            set_whole_ticks(axes, result.config.epochs)
            label_ends(axes, ends)
    networks = " and ".join(MODEL_TITLES[model] for model in result.compared)
    shown = f"line ends: split, {kind_of(result.parameter).label}; median of the seeds, band from lowest to highest"
    set_titles(figure, _compared_title(result), setting_of(result, shown, networks))
    return figure


def _draw_splits(axes: Axes, result: SweepResult, quantity: str) -> None:
    ends = [_draw_values(axes, result, f"{split}_{quantity}", colour, split) for split, colour in SPLIT_COLOURS.items()]
    axes.set(title=f"Final {quantity}", ylabel=QUANTITY_LABELS[quantity])
    QUANTITY_SCALES[quantity](axes)
    _finish(axes, result)
    label_ends(axes, ends)


def _draw_values(axes: Axes, result: SweepResult, metric: str, colour: str, label: str = "") -> LineEnd:
    """Draw a metric against the value: a dot per run, and a line through the means; return the line's end."""
    means = [of_value.spreads[metric].mean for of_value in result.values]
    axes.plot([of_value.value for of_value in result.values], means, color=colour)
    for of_value in result.values:
        numbers = [run.metrics[metric] for run in converged(of_value.runs)]
        axes.plot(
            [of_value.value] * len(numbers), numbers, "o", color=colour, markersize=5, alpha=0.6, markeredgewidth=0
        )
    ends = [(float(of_value.value), mean) for of_value, mean in zip(result.values, means, strict=True)]
    x, y = next((end for end in reversed(ends) if np.isfinite(end[1])), ends[-1])
    return LineEnd(x, y, label, colour)


def _draw_median(axes: Axes, of_value: ValueResult, name: str, colour: str, line: str) -> LineEnd:
    """Draw one series over epochs: the median of the runs that did not diverge, and a band from lowest to highest."""
    runs = converged(of_value.runs)
    if not runs:
        return LineEnd(np.nan, np.nan, "", colour)
    x = runs[0].epochs.points
    values = np.array([run.epochs.series[name] for run in runs])  # (runs, points)
    axes.plot(x, np.median(values, axis=0), color=colour, linestyle=line)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    return LineEnd(x[-1], float(np.median(values[:, -1])), "", colour)


def _finish(axes: Axes, result: SweepResult) -> None:
    """Label the axis of values and mark those that diverged."""
    kind = kind_of(result.parameter)
    axes.set_xscale(kind.scale)
    axes.set_xticks([of_value.value for of_value in result.values], [format_value(one.value) for one in result.values])
    axes.minorticks_off()
    axes.set_xlabel(f"{kind.label} ({kind.unit})" if kind.unit else kind.label)
    axes.tick_params(labelbottom=True)
    for of_value in result.values:
        if of_value.diverged:
            axes.axvline(float(of_value.value), color=PURPLE, linestyle=":", linewidth=2)
            lost = f"{of_value.diverged} of {len(of_value.runs)} diverged"
            axes.text(float(of_value.value), 0.5, lost, transform=axes.get_xaxis_transform(), rotation=90, color=GREY)


def _gaps_title(result: SweepResult) -> str:
    """Say how far the gap in loss falls from the first value to the best, and where it is closed."""
    kind, first = kind_of(result.parameter), result.values[0]
    means = {format_value(one.value): one.spreads["loss_gap"].mean for one in result.values}
    closed = next((value for value, mean in means.items() if mean <= 0), None)
    finding = f"The gap between test and train loss is {first.spreads['loss_gap'].mean:.3f} at {kind.label} "
    finding += format_value(first.value)
    for value in (format_value(value) for value in kind.compared_values[1:]):
        if value in means:
            finding += f", {means[value]:.3f} at {value}"
    return f"{finding}, gone from {closed} on" if closed else finding


def _equal_work_title(result: SweepResult) -> str:
    """Say which value is best after the most gradient steps that several reach, and which after equally many images."""
    kind = kind_of(result.parameter)
    work = [work for work in result.equal_work if work.unit == "gradient steps"][-1]
    means = {one.value: one.spreads[work.metric].mean for one in result.values}
    reached = {value: mean for value, mean in means.items() if np.isfinite(mean)}
    rises = len(reached) > 1 and list(reached.values()) == sorted(reached.values())
    first, last = (format_value(value) for value in (next(iter(reached), 0), next(reversed(reached), 0)))
    if rises:
        finding = f"After {work.amount:g} steps the larger {kind.label} is better, from {first} to {last}"
    else:
        best = max(reached, key=reached.__getitem__, default=0)
        finding = f"After {work.amount:g} steps the best {kind.label} is {format_value(best)}"
    epochs = plural(result.config.epochs, "epoch")
    accuracies = {one.value: one.spreads["test_accuracy"].mean for one in result.values if not one.diverged}
    best = max(accuracies, key=accuracies.__getitem__, default=0)
    return f"{finding}; after {epochs} {format_value(best)} is best"


def _compared_title(result: SweepResult) -> str:
    """Write the gap in loss of both values, for each network."""
    kind = kind_of(result.parameter)
    first, second = map(format_value, kind.compared_values)
    gaps = [
        f"{MODEL_TITLES[model]} " + " and ".join(with_spread(one.spreads["loss_gap"], 3) for one in values)
        for model, values in result.compared.items()
    ]
    return f"Gap between test and train loss at {kind.label} {first} and {second}: {', '.join(gaps)}"
