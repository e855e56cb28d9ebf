"""Figures of the sweeps: learning curves of all values, each value's final results, and categorical values by seed.

A rate near the limit may work with one seed and fail with another, which no standard deviation shows. So a curve is the
median over the seeds that did not diverge, in a band from the lowest to the highest, and a summary has a dot per seed.
"""

from collections.abc import Callable, Sequence
from functools import partial

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.style import SPLIT_COLOURS, dataset_label, make_logarithmic, make_logit, plural, styled
from ex3.sweeps import EqualWork, SweepKind, SweepResult, ValueResult, converged, format_value, kind_of

QUANTITY_LABELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}
QUANTITY_SCALES: dict[str, Callable[[Axes], None]] = {
    "loss": lambda axes: make_logarithmic(axes, "y"),
    "accuracy": make_logit,
}
CATEGORY_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9")
STEP_COLOURS = ("#56B4E9", "#0072B2", "#003F63")
SECONDS_COLOUR = "#E69F00"
DIVERGED_COLOUR = "#CC79A7"

Panel = Callable[[Axes], None]


@styled
def sweep_curves(result: SweepResult) -> Figure:
    """Draw test loss and test accuracy over epochs, a colour per value, from dark to bright."""
    figure = Figure(figsize=(13, 5))
    panels = figure.subplots(1, 2)
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.93, len(result.values)))
    for axes, quantity in zip(panels, QUANTITY_LABELS, strict=True):
        for of_value, colour in zip(result.values, colours, strict=True):
            _draw_curve(axes, of_value, f"test_{quantity}", colour, _value_label(of_value))
        axes.set(title=f"Test {quantity}", xlabel="epochs", ylabel=QUANTITY_LABELS[quantity])
        QUANTITY_SCALES[quantity](axes)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        title=_axis_label(kind_of(result.parameter)),
        loc="outside right center",
    )
    figure.suptitle(_title(result, "median, lowest and highest"))
    return figure


@styled
def sweep_summary(result: SweepResult) -> Figure:
    """Draw the final loss and accuracy of each value, and the comparisons that the kind of sweep adds."""
    rows: list[list[Panel]] = [[partial(_draw_final, result, quantity) for quantity in QUANTITY_LABELS]]
    if result.compared:
        rows[0] += [partial(_draw_gap, result, quantity) for quantity in QUANTITY_LABELS]
        rows.append(
            [
                partial(_draw_comparison, result, model, quantity)
                for model in result.compared
                for quantity in QUANTITY_LABELS
            ]
        )
    if result.equal_work:
        rows.append([partial(_draw_seconds, result), partial(_draw_equal_work, result)])
    figure = Figure(figsize=(15.4, 7.3) if result.compared else (13, 4.2 * len(rows)))
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for axes_of_row, row in zip(grid, rows, strict=True):
        for axes, draw in zip(axes_of_row, row, strict=True):
            draw(axes)
    figure.suptitle(_title(result, "mean, and each seed"))
    return figure


@styled
def sweep_by_seed(result: SweepResult) -> Figure:
    """Compare an autoencoder's categorical values seed by seed: loss, accuracy in the plane, dead codes."""
    figure = Figure(figsize=(15, 4.5))
    loss, accuracy, dead = figure.subplots(1, 3)
    for position, of_value in enumerate(result.values):
        colour = CATEGORY_COLOURS[position % len(CATEGORY_COLOURS)]
        label = _value_label(of_value)
        for run in of_value.runs:
            series = run.epochs.series["test_loss"]
            once = label if run is of_value.runs[0] else None
            loss.plot(run.epochs.points, series, color=colour, marker=".", alpha=0.7, label=once)
        seeds = [run.seed for run in of_value.runs]
        x = np.array(seeds) + 0.08 * (position - (len(result.values) - 1) / 2)  # side by side
        for axes, name in ((accuracy, "test_neighbour_accuracy"), (dead, "dead_codes")):
            axes.plot(x, [run.metrics[name] for run in of_value.runs], "o", color=colour, label=label)
            axes.set(xlabel="seed", xticks=seeds)
    make_logarithmic(loss, "y")
    loss.set(title="Test loss, a line per seed", xlabel="epochs", ylabel="mean squared error per pixel")
    accuracy.set(title="Nearest neighbours in the plane", ylabel="test accuracy")
    dead.set(title="Codes that are the same for all images", ylabel="dead codes, of 2", yticks=[0, 1, 2])
    for axes in (loss, accuracy, dead):
        axes.legend(title=_axis_label(kind_of(result.parameter)))
    figure.suptitle(_title(result))
    return figure


def _draw_final(result: SweepResult, quantity: str, axes: Axes) -> None:
    for split, colour in SPLIT_COLOURS.items():
        _draw_values(axes, result.values, f"{split}_{quantity}", colour, split)
    axes.set(title=f"Final {quantity}", ylabel=QUANTITY_LABELS[quantity])
    QUANTITY_SCALES[quantity](axes)
    _finish(axes, result)


def _draw_gap(result: SweepResult, quantity: str, axes: Axes) -> None:
    _draw_values(axes, result.values, f"{quantity}_gap", "black")
    difference = "test - train" if quantity == "loss" else "train - test"
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(title=f"Generalisation gap in {quantity}: {difference}", ylabel=QUANTITY_LABELS[quantity])
    _finish(axes, result)


def _draw_comparison(result: SweepResult, model: str, quantity: str, axes: Axes) -> None:
    for of_value, linestyle in zip(result.compared[model], ("-", "--"), strict=True):
        for split in ("train", "test"):
            label = f"{split}, {result.parameter} {_value_label(of_value)}"
            _draw_curve(axes, of_value, f"{split}_{quantity}", SPLIT_COLOURS[split], label, linestyle)
    title = f"{model}: {quantity} with and without {result.parameter}"
    axes.set(title=title, xlabel="epochs", ylabel=QUANTITY_LABELS[quantity])
    QUANTITY_SCALES[quantity](axes)
    axes.legend()


def _draw_seconds(result: SweepResult, axes: Axes) -> None:
    _draw_values(axes, result.values, "seconds_per_epoch", "black")
    axes.set(title="Training time", ylabel="seconds per epoch")
    axes.set_ylim(bottom=0)
    _finish(axes, result)


def _draw_equal_work(result: SweepResult, axes: Axes) -> None:
    _draw_values(axes, result.values, "test_accuracy", "black", plural(result.config.epochs, "epoch"))
    step_colours = iter(STEP_COLOURS)
    for work in result.equal_work:
        colour = SECONDS_COLOUR if work.unit == "seconds" else next(step_colours)
        _draw_values(axes, result.values, work.metric, colour, _work_label(work))
    axes.set(title="Test accuracy after equal work", ylabel=QUANTITY_LABELS["accuracy"])
    make_logit(axes)
    _finish(axes, result)
    axes.legend(title="after", loc="upper left", bbox_to_anchor=(1, 1))


def _draw_curve(
    axes: Axes,
    of_value: ValueResult,
    name: str,
    colour: str | np.ndarray,
    label: str,
    linestyle: str = "-",
) -> None:
    """Draw one series over epochs: the median of the runs that did not diverge, and a band from lowest to highest."""
    runs = converged(of_value.runs)
    if not runs:
        axes.plot([], [], color=colour, linestyle=":", label=label)
        return
    x = runs[0].epochs.points
    values = np.array([run.epochs.series[name] for run in runs])  # (runs, points)
    axes.plot(x, np.median(values, axis=0), color=colour, linestyle=linestyle, marker=".", label=label)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def _draw_values(axes: Axes, values: Sequence[ValueResult], metric: str, colour: str, label: str | None = None) -> None:
    """Draw a metric against the value: a dot per run, and a line through the means."""
    means = [of_value.spreads[metric].mean for of_value in values]
    axes.plot([of_value.value for of_value in values], means, color=colour, label=label)
    for of_value in values:
        numbers = [run.metrics[metric] for run in converged(of_value.runs)]
        x = [of_value.value] * len(numbers)
        axes.plot(x, numbers, "o", color=colour, markersize=5, alpha=0.6, markeredgewidth=0)


def _finish(axes: Axes, result: SweepResult) -> None:
    """Label the axis of values and mark those that diverged."""
    kind = kind_of(result.parameter)
    axes.set_xscale(kind.scale)
    values = [of_value.value for of_value in result.values]
    axes.set_xticks(values, [format_value(value) for value in values])
    axes.minorticks_off()
    axes.set_xlabel(_axis_label(kind))
    for of_value in result.values:
        if of_value.diverged:
            x, label = float(of_value.value), _value_label(of_value)
            axes.axvline(x, color=DIVERGED_COLOUR, linestyle=":", linewidth=2, label=label)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _axis_label(kind: SweepKind) -> str:
    return f"{kind.label} ({kind.unit})" if kind.unit else kind.label


def _value_label(of_value: ValueResult) -> str:
    """Return e.g. ``0.5 (1 of 3 diverged)``."""
    lost = f" ({of_value.diverged} of {len(of_value.runs)} diverged)" if of_value.diverged else ""
    return format_value(of_value.value) + lost


def _work_label(work: EqualWork) -> str:
    return f"{work.amount:.1f} s of training" if work.unit == "seconds" else f"{work.amount:g} {work.unit}"


def _title(result: SweepResult, shown: str = "") -> str:
    config, dataset, seeds = result.config, result.dataset, len(result.values[0].runs)
    setting = [config.optimizer + (f", momentum {config.momentum:g}" if config.momentum else "")]
    setting += [f"batches of {config.batch_size}"] * (result.parameter != "batch_size")
    setting += [f"rate {config.learning_rate:g}"] * (result.parameter != "learning_rate")
    over = plural(seeds, "seed") + (f" ({shown})" if shown and seeds > 1 else "")
    return (
        f"{kind_of(result.parameter).label.capitalize()} of the {config.model} on {dataset_label(dataset)}: "
        f"{plural(config.epochs, 'epoch')} of {dataset.sizes['train']:,} images\n{', '.join(setting)}; {over}"
    )
