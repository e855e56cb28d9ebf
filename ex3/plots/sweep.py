"""Figures of the sweeps: learning curves of all values at once, and what each value ends with.

A rate near the limit may work with one seed and fail with another, which no standard deviation shows. So a curve is the
median over the seeds that did not diverge, in a band from the lowest to the highest, and a summary has a dot per seed.
"""

from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3 import sweeps
from ex3.plots.classifiers import curves_of
from ex3.plots.style import SPLIT_COLOURS, dataset_label, make_logarithmic, make_logit, plural
from ex3.results import Run
from ex3.sweeps import Grid, finished

AXES = {"learning_rate": "learning rate", "batch_size": "batch size (images)", "dropout": "dropout probability"}
LABELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}
SCALES = {"loss": lambda axes: make_logarithmic(axes, "y"), "accuracy": make_logit}
DIVERGED_COLOUR = "#CC79A7"


def sweep_curves(parameter: str, grid: Grid) -> Figure:
    """Draw test loss and test accuracy over epochs, a colour per value, from dark to bright."""
    figure = Figure(figsize=(13, 5))
    panels = figure.subplots(1, 2)
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.93, len(grid)))
    for axes, quantity in zip(panels, LABELS, strict=True):
        for (value, runs), colour in zip(grid.items(), colours, strict=True):
            label = f"{value:g}" + _diverged_label(runs)
            if finished(runs):
                _draw_curve(axes, finished(runs), f"test_{quantity}", colour, label)
            else:
                axes.plot([], [], color=colour, linestyle=":", label=label)
        axes.set(title=f"Test {quantity}", xlabel="epochs", ylabel=LABELS[quantity])
        SCALES[quantity](axes)
    figure.legend(*panels[0].get_legend_handles_labels(), title=AXES[parameter], loc="outside right center")
    figure.suptitle(_title(parameter, grid, "median, lowest and highest"))
    return figure


def sweep_summary(parameter: str, grid: Grid, compared: Mapping[str, Grid]) -> Figure:
    """Draw what each value ends with; for dropout and the batch size also what is special to them.

    Args:
        parameter: The field that varies.
        grid: Its values, in ascending order, each with its runs.
        compared: For dropout: runs without and with it, by model.
    """
    rows = 2 if parameter in ("dropout", "batch_size") else 1
    columns = 4 if parameter == "dropout" else 2
    figure = Figure(figsize=(15.4, 7.3) if columns == 4 else (13, 4.2 * rows))
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for quantity in LABELS:
        _draw_final(next(panels), parameter, grid, quantity)
    if parameter == "dropout":
        for quantity in LABELS:
            _draw_gap(next(panels), parameter, grid, quantity)
        for model, of_model in compared.items():
            for quantity in LABELS:
                _draw_with_and_without(next(panels), model, of_model, quantity)
    elif parameter == "batch_size":
        _draw_seconds(next(panels), parameter, grid)
        _draw_equal(next(panels), parameter, grid)
    figure.suptitle(_title(parameter, grid, "mean, and each seed"))
    return figure


def _draw_final(axes: Axes, parameter: str, grid: Grid, quantity: str) -> None:
    for split, colour in SPLIT_COLOURS.items():
        _draw_values(axes, grid, lambda run, name=f"{split}_{quantity}": run.metrics[name], colour, split)
    axes.set(title=f"Final {quantity}", ylabel=LABELS[quantity])
    SCALES[quantity](axes)
    _finish(axes, parameter, grid)


def _draw_gap(axes: Axes, parameter: str, grid: Grid, quantity: str) -> None:
    _draw_values(axes, grid, lambda run: sweeps.gap(run, quantity), "black", None)
    better = "test - train" if quantity == "loss" else "train - test"
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(title=f"Generalisation gap in {quantity}: {better}", ylabel=LABELS[quantity])
    _finish(axes, parameter, grid)


def _draw_with_and_without(axes: Axes, model: str, of_model: Grid, quantity: str) -> None:
    for (probability, runs), style in zip(of_model.items(), ("-", "--"), strict=True):
        for split in ("train", "test"):
            label = f"{split}, dropout {probability:g}{_diverged_label(runs)}"
            if finished(runs):
                _draw_curve(axes, finished(runs), f"{split}_{quantity}", SPLIT_COLOURS[split], label, style)
    axes.set(title=f"{model}: {quantity} with and without dropout", xlabel="epochs", ylabel=LABELS[quantity])
    SCALES[quantity](axes)
    axes.legend()


def _draw_seconds(axes: Axes, parameter: str, grid: Grid) -> None:
    _draw_values(axes, grid, sweeps.seconds_per_epoch, "black", None)
    axes.set(title="Training time", ylabel="seconds per epoch")
    axes.set_ylim(bottom=0)
    _finish(axes, parameter, grid)


def _draw_equal(axes: Axes, parameter: str, grid: Grid) -> None:
    first = next(run for runs in grid.values() for run in finished(runs))
    seconds = sweeps.common_seconds(grid)
    epochs = plural(first.config["epochs"], "epoch")
    _draw_values(axes, grid, lambda run: run.metrics["test_accuracy"], "black", epochs)
    _draw_values(
        axes, grid, lambda run: sweeps.accuracy_after_seconds(run, seconds), "#E69F00", f"{seconds:.1f} s of training"
    )
    for updates, colour in zip(sweeps.common_updates(grid), ("#56B4E9", "#0072B2", "#003F63"), strict=True):
        _draw_values(
            axes,
            grid,
            lambda run, updates=updates: sweeps.accuracy_after_updates(run, updates),
            colour,
            f"{updates} gradient steps",
        )
    axes.set(title="Test accuracy after equal work", ylabel=LABELS["accuracy"])
    make_logit(axes)
    _finish(axes, parameter, grid)
    axes.legend(title="after", loc="upper left", bbox_to_anchor=(1, 1))


def _draw_curve(axes: Axes, runs: Sequence[Run], name: str, colour: str, label: str, linestyle: str = "-") -> None:
    """Draw one series over epochs: the median of the runs, and a band from the lowest to the highest."""
    x, values = curves_of(runs, "epoch", name)
    axes.plot(x, np.median(values, axis=0), color=colour, linestyle=linestyle, marker=".", label=label)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def _draw_values(axes: Axes, grid: Grid, number: Callable[[Run], float], colour: str, label: str | None) -> None:
    """Draw a number against the value: a dot per run, and a line through the means."""
    numbers = [[number(run) for run in finished(runs)] or [np.nan] for runs in grid.values()]
    axes.plot(list(grid), [np.mean(of_value) for of_value in numbers], color=colour, label=label)
    for value, of_value in zip(grid, numbers, strict=True):
        axes.plot([value] * len(of_value), of_value, "o", color=colour, markersize=5, alpha=0.6, markeredgewidth=0)


def _finish(axes: Axes, parameter: str, grid: Grid) -> None:
    """Label the axis of values and mark those that diverged."""
    if parameter != "dropout":
        axes.set_xscale("log")
    axes.set_xticks(list(grid), [f"{value:g}" for value in grid])
    axes.minorticks_off()
    axes.set_xlabel(AXES[parameter])
    for value, runs in grid.items():
        if label := _diverged_label(runs):
            axes.axvline(value, color=DIVERGED_COLOUR, linestyle=":", linewidth=2, label=f"{value:g}{label}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _diverged_label(runs: Sequence[Run]) -> str:
    lost = len(runs) - len(finished(runs))
    return f" ({lost} of {len(runs)} diverged)" if lost else ""


def _title(parameter: str, grid: Grid, shown: str) -> str:
    runs = next(iter(grid.values()))
    first = runs[0]
    config = first.config
    setting = [config["optimizer"] + (f", momentum {config['momentum']:g}" if config["momentum"] else "")]
    setting += [f"batches of {config['batch_size']}"] * (parameter != "batch_size")
    setting += [f"rate {config['learning_rate']:g}"] * (parameter != "learning_rate")
    over = plural(len(runs), "seed") + (f" ({shown})" if len(runs) > 1 else "")
    return (
        f"{AXES[parameter].split(' (')[0].capitalize()} of the {first.name} on {dataset_label(first.dataset)}: "
        f"{plural(config['epochs'], 'epoch')} of {first.dataset.sizes['train']:,} images\n{', '.join(setting)}; {over}"
    )
