"""Figures of the classifiers: learning curves, test errors over time, and what each model confuses.

A line is the mean over the seeds, its band one standard deviation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ex3.plots.colours import MODEL_COLOURS, SPLIT_COLOURS
from ex3.plots.style import (
    MODEL_TITLES,
    SMOOTHING,
    WIDTH,
    dataset_label,
    draw_mean,
    label_classes,
    label_ends,
    make_logarithmic,
    model_title,
    percent,
    plural,
    set_whole_ticks,
    smooth,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.results import Curves, DatasetInfo, Repeats, Run
from ex3.tables import with_spread

LEAST_SHARE = 1e-4  # of a class, where the colours of the confusions start
MOST_CELLS = 10  # classes whose shares can be read


@dataclass(frozen=True)
class Confusions:
    """What several models confuse.

    Attributes:
        dataset: The images.
        runs: Number of runs per model.
        counts: By model, counts over the test images of all runs; rows are actual classes, columns predicted ones.
    """

    dataset: DatasetInfo
    runs: int
    counts: dict[str, list[list[int]]]


def sum_confusions(trained: Mapping[str, Repeats]) -> Confusions:
    """Add up each model's confusion matrices."""
    first = next(iter(trained.values())).runs
    counts = {model: np.sum([run.confusion for run in of_model.runs], axis=0) for model, of_model in trained.items()}
    return Confusions(first[0].dataset, len(first), {model: matrix.tolist() for model, matrix in counts.items()})


@styled
def learning_curves(trained: Repeats) -> Figure:
    """Draw one model's loss and accuracy over epochs, train and test, and the first run's loss over iterations."""
    runs, first = trained.runs, trained.runs[0]
    figure = Figure(figsize=(WIDTH, 6.6))
    grid = figure.add_gridspec(2, 2, height_ratios=(1.2, 1))
    loss, accuracy = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    for axes, quantity, unit in ((loss, "loss", "cross-entropy (nats)"), (accuracy, "accuracy", "accuracy")):
        _draw_splits(axes, runs, quantity)
        axes.set(title=quantity.capitalize(), xlabel="epochs", ylabel=unit)
    make_logarithmic(loss, "y")
    _draw_iterations(figure.add_subplot(grid[1, :]), first)
    images = first.dataset.sizes["test"]
    set_titles(
        figure,
        _learning_title(trained),
        f"{model_title(first.name)} on {dataset_label(first.dataset)}, {plural(first.config.epochs, 'epoch')}; above: "
        f"{images:,} images of each split; {_seeds_label(runs)}",
    )
    return figure


def _draw_splits(axes: Axes, runs: Sequence[Run], quantity: str) -> None:
    """Draw train and test over epochs."""
    curves = [run.epochs for run in runs]
    ends = [
        draw_mean(axes, curves, "epoch", f"{split}_{quantity}", SPLIT_COLOURS[split], split)
        for split in ("train", "test")
    ]
    set_whole_ticks(axes, max(run.epochs.points[-1] for run in runs))
    label_ends(axes, ends)


def _draw_iterations(axes: Axes, run: Run) -> None:
    """Draw the loss of each batch, and the smoothed one."""
    points, values, colour = run.iterations.points, run.iterations.series["loss"], SPLIT_COLOURS["train"]
    axes.plot(points, values, color=colour, alpha=0.3, linewidth=0.6, label="each batch")
    axes.plot(points, smooth(values), color=colour, label=f"smoothed, weight {SMOOTHING}")
    title = f"Training loss per iteration, seed {run.config.seed}"
    axes.set(title=title, xlabel="iterations (gradient steps)", ylabel=_optimised_loss_label(run))
    make_logarithmic(axes, "y")
    axes.margins(x=0.01)
    axes.legend(loc="upper right")


def _learning_title(trained: Repeats) -> str:
    """Say how often the model is right, and whether it is better on the images that it was trained on."""
    metrics, name = trained.metrics, trained.runs[0].name
    right = f"Test accuracy of {_with_article(name)}: {with_spread(metrics['test_accuracy'], 4)}"
    gaps = [100 * (run.metrics["train_accuracy"] - run.metrics["test_accuracy"]) for run in trained.runs]
    mean = float(np.mean(gaps))
    if not np.isfinite(mean):
        return f"{right}; a run diverged"
    if min(gaps) > 0 or max(gaps) < 0:
        better = "training" if mean > 0 else "test"
        each = "" if len(gaps) == 1 else " with every seed"
        return f"{right}, on {better} images {abs(mean):.2f} points higher{each}"
    return f"{right}, on training images about the same ({mean:+.2f} points)"


@styled
def comparison(trained: Mapping[str, Repeats]) -> Figure:
    """Draw each model's test error over the seconds of training."""
    runs_by_model = {model: of_model.runs for model, of_model in trained.items()}
    figure = Figure(figsize=(WIDTH, 5))
    axes = figure.subplots()
    ends, lines = [], {}
    for model, runs in runs_by_model.items():
        curves = [_with_error(run) for run in runs]
        end = draw_mean(axes, curves, "seconds", "test_error", MODEL_COLOURS[model], model)
        lines[model] = np.array(axes.lines[-1].get_data(), dtype=float)
        ends.append(end._replace(text=f"{MODEL_TITLES[model]} {end.y:.2f} %"))
    for which in ("x", "y"):
        make_logarithmic(axes, which)
    axes.set(xlabel="seconds of training", ylabel="test error (%)")
    for end in ends:  # not beside it, where another line goes on
        is_worst = end.y == max(other.y for other in ends)
        axes.annotate(
            end.text, (end.x, end.y), xytext=(0, 7 if is_worst else -7), textcoords="offset points", color=end.colour,
            ha="right", va="bottom" if is_worst else "top",
        )  # fmt: skip
    axes.margins(y=0.1)
    first = next(iter(runs_by_model.values()))
    epochs = ", ".join(plural(runs[0].config.epochs, "epoch") for runs in runs_by_model.values())
    setting = f"{dataset_label(first[0].dataset)}; {epochs}; both axes logarithmic; {_seeds_label(first)}"
    set_titles(figure, _comparison_title(lines), setting)
    return figure


def _with_error(run: Run) -> Curves:
    errors = [100 * (1 - accuracy) for accuracy in run.epochs.series["test_accuracy"]]
    return Curves(run.epochs.axis, run.epochs.points, {**run.epochs.series, "test_error": errors})


def _comparison_title(lines: Mapping[str, np.ndarray]) -> str:
    """Say until when which model had the least error; a finished model keeps its last one."""
    seconds = np.geomspace(min(line[0, 0] for line in lines.values()), max(line[0, -1] for line in lines.values()), 500)
    errors = np.array([np.interp(seconds, line[0], line[1], left=np.inf) for line in lines.values()])
    leaders = np.array(list(lines))[errors.argmin(axis=0)]
    until = {model: seconds[leaders == model][-1] for model in lines if model in leaders}
    *earlier, last = sorted(until, key=until.__getitem__)
    parts = [f"{_with_article(model)} up to {until[model]:.1f} s of training" for model in earlier]
    return f"Fewest errors: {', '.join([*parts, 'then ' * bool(parts) + _with_article(last)])}"


@styled
def confusion_shares(result: Confusions) -> Figure:
    """Draw what share of each class each model takes for which other, on one scale of colours."""
    figure = Figure(figsize=(WIDTH, 4.6))
    panels = figure.subplots(1, len(result.counts), sharey=True, squeeze=False)[0]
    for axes, (model, counts) in zip(panels, result.counts.items(), strict=True):
        shares = _row_shares(counts)
        image = axes.imshow(
            np.where(shares > 0, shares, np.nan), cmap="Blues", norm=LogNorm(LEAST_SHARE, 1), aspect="auto"
        )
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.01 and row != column and len(shares) <= MOST_CELLS:
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center")
        axes.set(title=MODEL_TITLES[model], xlabel="predicted class")
        axes.grid(visible=False)
        for which in ("x", "y"):
            label_classes(axes, which, result.dataset.class_names)
    panels[0].set_ylabel("actual class")
    bar = figure.colorbar(
        image, ax=panels, format=lambda share, _: f"{100 * share:g} %", location="bottom", aspect=50, pad=0.03
    )
    bar.set_label("share of the actual class (logarithmic; white: none)")
    finding = "Most often " + ", ".join(_most_confused(result, model) for model in result.counts)
    setting = (
        f"{dataset_label(result.dataset)}, test images of {plural(result.runs, 'run')} per model; "
        "numbers: mistakes in % of the actual class, from 1 % on"
    )
    set_titles(figure, finding, setting)
    return figure


def _most_confused(result: Confusions, model: str) -> str:
    """Write ``the linear model takes 5 for 3 (4.2 %)``."""
    errors = _row_shares(result.counts[model])
    np.fill_diagonal(errors, 0)
    actual, predicted = np.unravel_index(errors.argmax(), errors.shape)
    names = result.dataset.class_names
    return f"{_with_article(model)} takes {names[actual]} for {names[predicted]} ({percent(errors.max(), 1)})"


def _with_article(model: str) -> str:
    return "the linear model" if model == "linear" else f"the {model_title(model)}"


def _row_shares(counts: Sequence[Sequence[int]]) -> np.ndarray:
    matrix = np.array(counts, dtype=float)
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def _optimised_loss_label(run: Run) -> str:
    extras = [name.replace("_", " ") for name in ("dropout", "label_smoothing") if getattr(run.config, name, None)]
    return "cross-entropy (nats)" + (f",\nwith {' and '.join(extras)}" if extras else "")


def _seeds_label(runs: Sequence[Run]) -> str:
    seeds = [run.config.seed for run in runs]
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"mean and standard deviation over {len(seeds)} seeds"
