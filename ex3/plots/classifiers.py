"""Figures of the classifiers: learning curves, and a comparison of models.

A line is the mean over the seeds, its band one standard deviation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ex3.plots.style import (
    MODEL_COLOURS,
    SMOOTHING,
    SPLIT_COLOURS,
    dataset_label,
    draw_mean,
    label_classes,
    make_logarithmic,
    plural,
    smooth,
    styled,
)
from ex3.results import Repeats, Run
from ex3.tables import with_spread


@styled
def learning_curves(trained: Repeats) -> Figure:
    """Draw one model's loss and accuracy over epochs, train and test, and the first run's loss over iterations."""
    runs, first = trained.runs, trained.runs[0]
    curves = [run.epochs for run in runs]
    figure = Figure(figsize=(13, 4))
    loss, accuracy, iterations = figure.subplots(1, 3)
    for split in ("train", "test"):
        draw_mean(loss, curves, "epoch", f"{split}_loss", SPLIT_COLOURS[split], split)
        draw_mean(accuracy, curves, "epoch", f"{split}_accuracy", SPLIT_COLOURS[split], split)
    loss.set(title="Loss", xlabel="epochs", ylabel="cross-entropy (nats)")
    make_logarithmic(loss, "y")
    accuracy.set(title="Accuracy", xlabel="epochs", ylabel="accuracy")
    for axes in (loss, accuracy):
        axes.legend(title=f"{first.dataset.sizes['test']} images each")

    values = first.iterations.series["loss"]
    colour = SPLIT_COLOURS["train"]
    iterations.plot(first.iterations.points, values, color=colour, alpha=0.3, linewidth=0.6, label="each batch")
    iterations.plot(first.iterations.points, smooth(values), color=colour, label=f"smoothed, weight {SMOOTHING}")
    title = "Training loss per iteration" + (f" (seed {first.config.seed})" if len(runs) > 1 else "")
    iterations.set(title=title, xlabel="iterations (gradient steps)", ylabel=_optimised_loss_label(first))
    make_logarithmic(iterations, "y")
    iterations.legend()

    final = with_spread(trained.metrics["test_accuracy"], 4)
    figure.suptitle(
        f"{first.name} on {dataset_label(first.dataset)}: test accuracy {final} "
        f"after {plural(first.config.epochs, 'epoch')}, {_seeds_label(runs)}"
    )
    return figure


@styled
def comparison(trained: Mapping[str, Repeats]) -> Figure:
    """Compare models: test accuracy and loss over epochs and over seconds, confusion matrices, accuracy per class."""
    runs_by_model = {model: of_model.runs for model, of_model in trained.items()}
    figure = Figure(figsize=(18, 8.5))
    grid = figure.subplots(2, 4)
    panels = [("epoch", "accuracy"), ("seconds", "accuracy"), ("epoch", "loss"), ("seconds", "loss")]
    labels = {"epoch": "epochs", "seconds": "training time (s)", "accuracy": "accuracy", "loss": "cross-entropy (nats)"}
    for axes, (axis, quantity) in zip(grid[0], panels, strict=True):
        for model, runs in runs_by_model.items():
            draw_mean(axes, [run.epochs for run in runs], axis, f"test_{quantity}", MODEL_COLOURS[model], model)
        axes.set(title=f"Test {quantity}", xlabel=labels[axis], ylabel=labels[quantity])
        if axis == "seconds":
            make_logarithmic(axes, "x")
        if quantity == "loss":
            make_logarithmic(axes, "y")
        axes.legend()
    for axes, (model, runs) in zip(grid[1], runs_by_model.items(), strict=False):
        _draw_confusion(axes, runs, model)
    _draw_class_accuracies(grid[1][3], runs_by_model)
    first = next(iter(runs_by_model.values()))
    figure.suptitle(f"Three classifiers on {dataset_label(first[0].dataset)}, {_seeds_label(first)}")
    return figure


def _draw_confusion(axes: Axes, runs: Sequence[Run], model: str) -> None:
    """Draw the confusion matrix, summed over the runs; colour shows the errors, numbers show all."""
    counts = np.sum([run.confusion for run in runs], axis=0)  # (classes, classes), rows: actual
    errors = np.where(np.eye(len(counts), dtype=bool) | (counts == 0), np.nan, counts)
    most = max(2, np.nanmax(errors, initial=2))
    axes.imshow(errors, cmap="OrRd", norm=LogNorm(1, most * 3))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, count, ha="center", va="center", fontsize=7 if len(counts) > 5 else 10)
    title = f"Confusion, {model}, sum of {plural(len(runs), 'run')}"
    axes.set(title=title, xlabel="predicted class", ylabel="actual class")
    for axis in ("x", "y"):
        label_classes(axes, axis, runs[0].dataset.class_names)
    axes.grid(visible=False)


def _draw_class_accuracies(axes: Axes, runs_by_model: Mapping[str, Sequence[Run]]) -> None:
    """Draw each class's share of images that are recognised: mean and standard deviation over the runs."""
    for position, (model, runs) in enumerate(runs_by_model.items()):
        counts = np.array([run.confusion for run in runs])  # (runs, classes, classes)
        accuracies = np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2)
        std = accuracies.std(axis=0, ddof=1) if len(runs) > 1 else None
        classes = np.arange(counts.shape[1])
        x = classes + 0.2 * (position - 1)  # side by side
        axes.errorbar(x, accuracies.mean(axis=0), std, fmt="o", markersize=4, color=MODEL_COLOURS[model], label=model)
    axes.set(title="Accuracy per class", xlabel="actual class", ylabel="test accuracy")
    label_classes(axes, "x", runs[0].dataset.class_names)
    axes.margins(y=0.15)
    axes.legend(loc="lower center", ncols=len(runs_by_model))


def _optimised_loss_label(run: Run) -> str:
    extras = [name.replace("_", " ") for name in ("dropout", "label_smoothing") if getattr(run.config, name, None)]
    return "cross-entropy (nats)" + (f", with {' and '.join(extras)}" if extras else "")


def _seeds_label(runs: Sequence[Run]) -> str:
    seeds = [run.config.seed for run in runs]
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds (mean ± standard deviation)"
