"""Figures of the networks written by hand: their training, the ceiling of R3's RBF loss, noise, and masked gradients.

A line is the mean over the seeds, its band one standard deviation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.by_hand.scratch_results import Ceiling, MaskingResult, NoiseMatrix, ScratchTraining, Trained
from ex3.plots.style import (
    LineEnd,
    dataset_label,
    draw_matrix,
    draw_mean,
    label_ends,
    make_logarithmic,
    percent,
    plural,
    styled,
)
from ex3.results import Curves, Spread

BLUE, GREEN, ORANGE, VERMILION, PURPLE, GREY, SKY = (
    "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#666666", "#56B4E9",
)  # fmt: skip
COLOURS = {
    "hinge": BLUE, "softmax": GREEN, "rbf-general": PURPLE, "rbf": VERMILION, "rbf-wide": ORANGE, "rbf-long": GREY,
    "rbf-softmax": GREEN, "rbf-linear": SKY, "hinge-long": BLUE, "hinge-batch-1": ORANGE, "hinge-batch-1024": GREEN,
    "hinge-slow": VERMILION,
}  # fmt: skip
HEADS = {"hinge": "hinge", "softmax": "softmax", "rbf-general": "general RBF", "rbf": "R3's RBF"}
RATES = {"hinge", "hinge-slow"}
BATCHES = {"hinge-batch-1": "batch 1", "hinge-long": "batch 128", "hinge-batch-1024": "batch 1024"}
RBF_TITLES = {
    "rbf": "R3: distances of the hidden units, R3's loss",
    "rbf-wide": "... with more hidden units",
    "rbf-long": "... trained for longer",
    "rbf-softmax": "the same distances, cross-entropy",
    "rbf-linear": "one linear layer before the distances",
    "rbf-general": "general: each class's own linear map",
}
LOSS_TITLES = {"training": "training loss", "margin": "margin"}
LOSS_COLOURS = {"training": VERMILION, "margin": BLUE}
METHODS = {"fgsm": ("FGSM", "--"), "pgd": ("PGD", "-")}
MEANINGLESS = 0.5  # from this epsilon on, an image can become a uniform grey


@styled
def draw_training(result: ScratchTraining) -> Figure:
    """Draw test errors over epochs, by head and by learning rate, the losses, and test errors over training seconds."""
    networks = {name: network for name, network in result.networks.items() if network.diverged == 0}
    figure = Figure(figsize=(11, 8))
    (heads, losses), (rates, batches) = figure.subplots(2, 2)
    _draw_errors(heads, networks, HEADS)
    heads.set_title("Four heads")
    _draw_losses(losses, networks)
    losses.set_title("Mean loss of two of them")
    _draw_errors(
        rates, networks, {name: f"rate {networks[name].config.learning_rate:g}" for name in RATES & networks.keys()}
    )
    rates.set_title("Two learning rates, hinge loss")
    for name, title in BATCHES.items():
        if name in networks:
            curves = [_with_error(curves) for curves in networks[name].curves]
            draw_mean(batches, curves, "seconds", "test_error", COLOURS[name], title)
            batches.legend()
    batches.set(title="Three batch sizes, hinge loss", xlabel="seconds of training", ylabel="test error (%)")
    make_logarithmic(batches, "x")
    make_logarithmic(batches, "y")
    figure.suptitle(_training_title(result))
    return figure


@styled
def draw_ceiling(result: Ceiling) -> Figure:
    """Draw the training accuracy of every network with distances: over epochs, and at the end beside the test's."""
    networks = result.networks
    figure = Figure(figsize=(12, 4.8))
    over_epochs, final = figure.subplots(1, 2, width_ratios=(1, 1.1))
    for name, network in networks.items():
        draw_mean(over_epochs, network.curves, "epoch", "train_accuracy", COLOURS[name], name)
    over_epochs.set(title="Over the epochs", xlabel="epochs", ylabel="accuracy on training images")
    over_epochs.set_ylim(bottom=0.86)
    for row, (name, network) in enumerate(networks.items()):
        for metric, marker in (("train_accuracy", "o"), ("test_accuracy", "D")):
            accuracy, colour = network.metrics[metric], COLOURS[name]
            face = colour if metric == "train_accuracy" else "white"
            label = metric.replace("_", " ") if row == 0 else None
            final.errorbar(
                accuracy.mean, row, xerr=_std(accuracy), color=colour, marker=marker, markerfacecolor=face, label=label
            )
    final.set_yticks(range(len(networks)), [RBF_TITLES[name] for name in networks])
    final.invert_yaxis()
    final.yaxis.tick_right()
    final.set(title="After the last epoch", xlabel="accuracy")
    final.legend(loc="lower left")
    figure.suptitle(_ceiling_title(result))
    return figure


@styled
def draw_noise(result: NoiseMatrix) -> Figure:
    """Draw the test accuracy by the noise in training and in testing, for noise that is drawn anew and once."""
    figure = Figure(figsize=(11, 4.6))
    panels = figure.subplots(1, 2, sharey=True)
    matrices = {"drawn anew for each batch": result.anew, "drawn once": result.once}
    low = min(cell.mean for matrix in matrices.values() for row in matrix for cell in row)
    for axes, (kind, matrix) in zip(panels, matrices.items(), strict=True):
        values = np.array([[cell.mean for cell in row] for row in matrix])
        image = draw_matrix(axes, 100 * values, "viridis", "{:.1f}", 100 * low, 100)
        axes.set(title=f"Training noise {kind}", xlabel="\u03c3 of the noise on test images")
        axes.set_xticks(range(len(result.test_noise)), [f"{sigma:g}" for sigma in result.test_noise])
    panels[0].set_ylabel("\u03c3 of the noise on training images")
    panels[0].set_yticks(range(len(result.train_noise)), [f"{sigma:g}" for sigma in result.train_noise])
    figure.colorbar(image, ax=panels, label="test accuracy (%)")
    clean, noisy = result.anew[0], result.anew[-1]
    cost = 100 * (clean[0].mean - noisy[0].mean)
    figure.suptitle(
        f"Training with noise (\u03c3 = {result.train_noise[-1]:g}) lifts the accuracy under such noise from "
        f"{percent(clean[-1].mean)} to {percent(noisy[-1].mean)}, and costs {cost:.1f} points on clean images\n"
        f"hinge loss, {dataset_label(result.dataset)}; mean over {plural(clean[0].count, 'seed')}"
    )
    return figure


@styled
def draw_masking(result: MaskingResult) -> Figure:
    """Draw the success of FGSM and PGD over epsilon along two losses, a panel per network."""
    figure = Figure(figsize=(4.6 * len(result.networks), 4.9))
    panels = figure.subplots(1, len(result.networks), sharey=True, squeeze=False)[0]
    positions = np.arange(len(result.epsilon))
    for axes, (name, network) in zip(panels, result.networks.items(), strict=True):
        for loss, methods in network.success.items():
            for method, shares in methods.items():
                title, line = METHODS[method]
                label = f"{title} on the {LOSS_TITLES[loss]}"
                values = np.array([share.mean for share in shares])
                axes.plot(positions, values, line, color=LOSS_COLOURS[loss], marker="o", markersize=4, label=label)
        axes.axhline(network.with_loss.mean, color="black", linestyle=":", label="images whose loss is not 0")
        grey = [position for position, epsilon in enumerate(result.epsilon) if epsilon >= MEANINGLESS]
        if grey:
            axes.axvspan(grey[0] - 0.5, grey[-1] + 0.5, color="0.9")
        masked = f"gradient 0 for {percent(network.zero_gradient['training'].mean, 1)} of the images"
        axes.set(title=f"{name}\n{masked}", xlabel="\u03b5 (largest change of a pixel)", ylim=(-0.03, 1.03))
        axes.set_xticks(positions, [f"{epsilon:g}" for epsilon in result.epsilon])
    panels[0].set_ylabel("success among correctly classified images")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(_masking_title(result))
    return figure


def _draw_errors(axes: Axes, networks: Mapping[str, Trained], titles: Mapping[str, str]) -> None:
    """Draw test errors over epochs, and write each line's name at its end."""
    ends = []
    for name, title in titles.items():
        if name in networks:
            curves = [_with_error(curves) for curves in networks[name].curves]
            draw_mean(axes, curves, "epoch", "test_error", COLOURS[name], title)
            last = float(np.mean([one.series["test_error"][-1] for one in curves]))
            ends.append(LineEnd(curves[0].points[-1], last, title, COLOURS[name]))
    _finish(axes, ends, "test error (%)")


def _finish(axes: Axes, ends: Sequence[LineEnd], ylabel: str) -> None:
    """Label the axes and the ends of their lines."""
    axes.set(xlabel="epochs", ylabel=ylabel)
    if ends:
        make_logarithmic(axes, "y")
        axes.set_xlim(0, 1.35 * max(end.x for end in ends))
        label_ends(axes, ends)


def _with_error(curves: Curves) -> Curves:
    errors = [100 * (1 - accuracy) for accuracy in curves.series["test_accuracy"]]
    return Curves(curves.axis, curves.points, {**curves.series, "test_error": errors})


def _draw_losses(axes: Axes, networks: Mapping[str, Trained]) -> None:
    """Draw the mean losses of two heads, in training and in testing."""
    ends = []
    for name in ("hinge", "softmax"):
        if name in networks:
            for split, line in (("train", "--"), ("test", "-")):
                mean = np.mean([curves.series[f"{split}_loss"] for curves in networks[name].curves], axis=0)
                points = networks[name].curves[0].points
                axes.plot(points, mean, line, color=COLOURS[name])
                ends.append(LineEnd(points[-1], mean[-1], f"{name}, {split}", COLOURS[name]))
    _finish(axes, ends, "loss")


def _training_title(result: ScratchTraining) -> str:
    """Name the best network by validation, and R3's best."""
    best = max(result.networks, key=lambda name: result.networks[name].metrics["validation_accuracy"].mean)
    network = result.networks[best]
    reported = max(one.test_accuracy for one in result.reported)
    accuracy, seconds = network.metrics["test_accuracy"].mean, network.seconds.mean
    return (
        f"By hand, {percent(accuracy, 1)} of the test images after {seconds:.1f} s of training; "
        f"R3 reports {percent(reported, 1)}\n"
        f"{best}, {dataset_label(result.dataset)}; mean over {plural(network.seconds.count, 'seed')}"
    )


def _ceiling_title(result: Ceiling) -> str:
    stuck = [result.networks[name] for name in ("rbf", "rbf-wide", "rbf-long") if name in result.networks]
    freed = [result.networks[name] for name in ("rbf-softmax", "rbf-linear", "rbf-general") if name in result.networks]
    setting = f"{dataset_label(result.dataset)}, mean and standard deviation over seeds"
    if not stuck or not freed:
        return f"Networks with distances, {setting}"
    most = max(network.metrics["train_accuracy"].mean for network in stuck)
    least = min(network.metrics["train_accuracy"].mean for network in freed)
    return (
        f"R3's RBF loss on the hidden units themselves learns at most {percent(most, 1)} of its own training images;\n"
        f"another loss, or one linear layer in between, at least {percent(least, 1)} ({setting})"
    )


def _masking_title(result: MaskingResult) -> str:
    setting = f"{dataset_label(result.dataset)}; grey: \u03b5 at which an image can become uniformly grey"
    if "hinge" not in result.networks:
        return f"Attacks along two losses, {setting}"
    hinge = result.networks["hinge"]
    fgsm = hinge.success["training"]["fgsm"][-1].mean
    pgd = max(one.mean for one in hinge.success["margin"]["pgd"])
    return (
        f"A loss of 0 hides the gradient: FGSM on the hinge loss stops at {percent(fgsm, 1)}, "
        f"PGD on the margin reaches {percent(pgd)}\n{setting}"
    )


def _std(value: Spread) -> float:
    return value.std if value.count > 1 and np.isfinite(value.std) else 0.0
