"""Figures of the sweeps that show learning curves: those of all values, and categorical values by seed.

A rate near the limit may work with one seed and fail with another, which no mean shows: so there is a line per seed.
"""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.colours import series_colours
from ex3.plots.style import (
    WIDTH,
    LineEnd,
    dataset_label,
    label_ends,
    make_logarithmic,
    make_logit,
    model_title,
    plural,
    set_whole_ticks,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.sweeps import SweepResult, SweptRun, ValueResult, converged, format_value, kind_of
from ex3.tables import with_spread

QUANTITY_LABELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}
QUANTITY_SCALES: dict[str, Callable[[Axes], None]] = {
    "loss": lambda axes: make_logarithmic(axes, "y"),
    "accuracy": make_logit,
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
BRIGHTEST = 0.82  # of the colour map, still to be seen on white
GUESSING = 0.98  # a loss above this share of a guess's is nothing learned


@styled
def sweep_curves(result: SweepResult) -> Figure:
    """Draw test loss and test accuracy over epochs: a colour per value, from dark to bright, and a line per seed."""
    figure = Figure(figsize=(WIDTH, 5))
    colours = mpl.colormaps["plasma"](np.linspace(0, BRIGHTEST, len(result.values)))
    for axes, quantity in zip(figure.subplots(1, 2), QUANTITY_LABELS, strict=True):
        ends = []
        for of_value, colour in zip(result.values, colours, strict=True):
            runs = converged(of_value.runs)
            for run in runs:
                series = run.epochs.series[f"test_{quantity}"]
                axes.plot(run.epochs.points, series, color=colour, linewidth=1)
            middle = float(np.median([run.epochs.series[f"test_{quantity}"][-1] for run in runs])) if runs else np.nan
            ends.append(LineEnd(result.config.epochs, middle, value_label(of_value), colour))
        axes.set(title=f"Test {quantity}", xlabel="epochs", ylabel=QUANTITY_LABELS[quantity])
        QUANTITY_SCALES[quantity](axes)
        set_whole_ticks(axes, result.config.epochs)
        label_ends(axes, ends)
    shown = f"a line per seed, its {kind_of(result.parameter).label} at the end"
    set_titles(figure, _curves_title(result), setting_of(result, shown))
    return figure


@styled
def sweep_by_seed(result: SweepResult) -> Figure:
    """Compare an autoencoder's categorical values seed by seed: loss, accuracy in the plane, dead codes."""
    figure = Figure(figsize=(WIDTH, 5))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
    loss = figure.add_subplot(grid[:, 0])
    accuracy, dead = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    ends = []
    for position, (of_value, colour) in enumerate(zip(result.values, series_colours(len(result.values)), strict=True)):
        for run in of_value.runs:
            loss.plot(run.epochs.points, run.epochs.series["test_loss"], color=colour, linewidth=1)
        last = [run.epochs.series["test_loss"][-1] for run in of_value.runs]
        ends.append(LineEnd(result.config.epochs, float(np.median(last)), value_label(of_value), colour))
        seeds = [run.seed for run in of_value.runs]
        x = np.array(seeds) + 0.08 * (position - (len(result.values) - 1) / 2)  # side by side
        for axes, name in ((accuracy, "test_neighbour_accuracy"), (dead, "dead_codes")):
            axes.plot(x, [run.metrics[name] for run in of_value.runs], "o", color=colour)
            axes.set(xlabel="seed", xticks=seeds)
    make_logarithmic(loss, "y")
    set_whole_ticks(loss, result.config.epochs)
    loss.set(title="Test loss, a line per seed", xlabel="epochs", ylabel="mean squared error per pixel")
    accuracy.set(title="Nearest neighbours in the plane", ylabel="test accuracy")
    dead.set(title="Codes that are the same for all images", ylabel="dead codes, of 2", yticks=[0, 1, 2])
    label_ends(loss, ends)
    set_titles(figure, _by_seed_title(result), setting_of(result))
    return figure


def fails(result: SweepResult, run: SweptRun) -> bool:
    """Tell whether a run of a classifier learned nothing: its test loss is that of a guess, or it diverged."""
    return not run.metrics["test_loss"] < GUESSING * np.log(len(result.dataset.class_names))


def describe_failures(result: SweepResult) -> str:
    """Write with which values runs learn nothing, e.g. ``1 of 3 seeds learns nothing at 0.5, 3 of 3 at 1``."""
    parts: list[str] = []
    for of_value in result.values:
        failed = sum(fails(result, run) for run in of_value.runs)
        if failed:
            verb = "" if parts else f" seeds {'learns' if failed == 1 else 'learn'} nothing"
            parts.append(f"{failed} of {len(of_value.runs)}{verb} at {format_value(of_value.value)}")
    return ", ".join(parts)


def best_label(result: SweepResult) -> str:
    """Write e.g. ``0.3 is best by validation (test accuracy 0.98 ± 0.01)``."""
    if result.best is None:
        return "none is without a diverged run"
    best = next(of_value for of_value in result.values if of_value.value == result.best)
    accuracy = with_spread(best.spreads["test_accuracy"], 4)
    return f"{format_value(result.best)} is best by validation (test accuracy {accuracy})"


def value_label(of_value: ValueResult) -> str:
    """Return e.g. ``0.5 (1 of 3 diverged)``."""
    lost = f" ({of_value.diverged} of {len(of_value.runs)} diverged)" if of_value.diverged else ""
    return format_value(of_value.value) + lost


def setting_of(result: SweepResult, shown: str = "", networks: str = "") -> str:
    """Describe what all values share.

    Args:
        result: The sweep.
        shown: How to read the figure.
        networks: Where they are others than the swept one.
    """
    config, dataset, seeds = result.config, result.dataset, len(result.values[0].runs)
    setting = [OPTIMIZERS[config.optimizer] + (f", momentum {config.momentum:g}" if config.momentum else "")]
    setting += [f"batches of {config.batch_size}"] * (result.parameter != "batch_size")
    setting += [f"rate {config.learning_rate:g}"] * (result.parameter != "learning_rate")
    images = f"{plural(config.epochs, 'epoch')} of {dataset.sizes['train']:,} images"
    parts = [
        f"{networks or model_title(config.model)} on {dataset_label(dataset)}, {images}",
        ", ".join(setting),
        plural(seeds, "seed"),
        shown,
    ]
    return "; ".join(filter(None, parts))


def _curves_title(result: SweepResult) -> str:
    """Say which value is best after the first epoch that is evaluated and at the end, and where nothing is learned."""
    leaders: dict[str, list[str]] = {}  # when each value leads
    for epoch in sorted({min(result.config.epochs_per_evaluation, result.config.epochs), result.config.epochs}):
        medians = {format_value(one.value): _median_after(one, epoch) for one in result.values}
        best = max((value for value in medians if np.isfinite(medians[value])), key=medians.__getitem__)
        leaders.setdefault(best, []).append(f"after {plural(epoch, 'epoch')} ({medians[best]:.3f})")
    finding = ", ".join(f"{best} is best {' and '.join(moments)}" for best, moments in leaders.items())
    failures = describe_failures(result)
    return f"{kind_of(result.parameter).label.capitalize()}: {finding}" + (f"; {failures}" if failures else "")


def _median_after(of_value: ValueResult, epoch: float) -> float:
    """Return the median test accuracy after some epochs, of the runs that did not diverge."""
    runs = converged(of_value.runs)
    reached = [np.interp(epoch, run.epochs.points, run.epochs.series["test_accuracy"]) for run in runs]
    return float(np.median(reached)) if reached else float("nan")


def _by_seed_title(result: SweepResult) -> str:
    """Write each value's loss, and which seeds lost a code."""
    losses = [f"{format_value(one.value)} {with_spread(one.spreads['test_loss'], 4)}" for one in result.values]
    lost = []
    for one in result.values:
        dead = sum(run.metrics["dead_codes"] > 0 for run in one.runs)
        if dead:
            lost.append(f"{dead} of {len(one.runs)} seeds with {format_value(one.value)} codes")
    return f"Test error: {', '.join(losses)}; " + (f"a code dies in {', '.join(lost)}" if lost else "no code dies")
