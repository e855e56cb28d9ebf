"""Figures of the networks written by hand: their training, the ceiling of R3's RBF loss, noise, masked gradients."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.by_hand.scratch_results import Ceiling, MaskingResult, NoiseMatrix, ScratchTraining, Trained
from ex3.plots.colours import ATTACK_COLOURS, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from ex3.plots.style import (
    WIDTH,
    LineEnd,
    dataset_label,
    draw_matrix,
    draw_mean,
    label_ends,
    make_logarithmic,
    percent,
    plural,
    set_whole_ticks,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.results import Curves, Spread

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
LOSS_TITLES = {"training": ("training loss", "--"), "margin": ("margin", "-")}
METHODS = {"fgsm": "FGSM", "pgd": "PGD"}
MEANINGLESS = 0.5  # from this epsilon on, an image can become a uniform grey


@styled
def draw_training(result: ScratchTraining) -> Figure:
    """Draw test errors over epochs, by head and by learning rate, the losses, and test errors over training seconds."""
    networks = {name: network for name, network in result.networks.items() if network.diverged == 0}
    figure = Figure(figsize=(WIDTH, 7.4))
    (heads, losses), (rates, batches) = figure.subplots(2, 2)
    _draw_errors(heads, networks, HEADS)
    heads.set_title("Four heads")
    _draw_losses(losses, networks)
    losses.set_title("Mean loss of two of them")
    _draw_errors(
        rates, networks, {name: f"rate {networks[name].config.learning_rate:g}" for name in RATES & networks.keys()}
    )
    rates.set_title("Two learning rates, hinge loss")
    _draw_errors(batches, networks, BATCHES, "seconds")
    batches.set_title("Three batch sizes, hinge loss")
    set_titles(figure, *_training_titles(result))
    return figure


@styled
def draw_ceiling(result: Ceiling) -> Figure:
    """Draw the training and test accuracy of every network with distances, after the last epoch."""
    networks = result.networks
    figure = Figure(figsize=(WIDTH, 0.5 * len(networks) + 1.7))
    axes = figure.subplots()
    for row, (name, network) in enumerate(networks.items()):
        for metric, marker, face in (("train_accuracy", "o", COLOURS[name]), ("test_accuracy", "D", "white")):
            accuracy = network.metrics[metric]
            axes.errorbar(
                100 * accuracy.mean, row, xerr=100 * _std(accuracy), color=COLOURS[name], marker=marker,
                markerfacecolor=face, markersize=7,
            )  # fmt: skip
    axes.set_yticks(range(len(networks)), [RBF_TITLES[name] for name in networks])
    axes.invert_yaxis()
    axes.set_xlabel("accuracy (%)")
    set_titles(figure, *_ceiling_titles(result))
    return figure


@styled
def draw_noise(result: NoiseMatrix) -> Figure:
    """Draw the test accuracy by the noise in training and in testing, for noise that is drawn anew and once."""
    figure = Figure(figsize=(WIDTH, 4.4))
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
    finding = (
        f"Training with noise of \u03c3 = {result.train_noise[-1]:g} changes the accuracy under such noise from "
        f"{percent(clean[-1].mean)} to {percent(noisy[-1].mean)}, on clean images by {-cost:+.1f} points"
    )
    setting = f"hinge loss, {dataset_label(result.dataset)}; mean over {plural(clean[0].count, 'seed')}"
    set_titles(figure, finding, setting)
    return figure


@styled
def draw_masking(result: MaskingResult) -> Figure:
    """Draw the success of FGSM and PGD over epsilon along two losses, a panel per network."""
    figure = Figure(figsize=(WIDTH, 5))
    panels = figure.subplots(1, len(result.networks), sharey=True, squeeze=False)[0]
    positions = np.arange(len(result.epsilon))
    for axes, (name, network) in zip(panels, result.networks.items(), strict=True):
        for loss, methods in network.success.items():
            loss_title, line = LOSS_TITLES[loss]
            for method, shares in methods.items():
                label, values = f"{METHODS[method]} on the {loss_title}", [100 * share.mean for share in shares]
                axes.plot(positions, values, line, color=ATTACK_COLOURS[method], marker="o", markersize=4, label=label)
        axes.axhline(100 * network.with_loss.mean, color="black", linestyle=":", label="images whose loss is not 0")
        grey = [position for position, epsilon in enumerate(result.epsilon) if epsilon >= MEANINGLESS]
        if grey:
            axes.axvspan(grey[0] - 0.5, grey[-1] + 0.5, color="0.9")
        masked = f"gradient 0 for {percent(network.zero_gradient['training'].mean, 1)}\nof the images"
        axes.set(title=f"{name}\n{masked}", xlabel="\u03b5", ylim=(-3, 103))
        axes.set_xticks(positions, [f"{epsilon:g}" for epsilon in result.epsilon])
    panels[0].set_ylabel("fooled (% of those classified correctly)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    set_titles(figure, *_masking_titles(result))
    return figure


def _draw_errors(axes: Axes, networks: Mapping[str, Trained], titles: Mapping[str, str], axis: str = "epoch") -> None:
    """Draw test errors over epochs or seconds, and write each line's name at its end."""
    ends = []
    for name, title in titles.items():
        if name in networks:
            curves = [_with_error(curves) for curves in networks[name].curves]
            ends.append(draw_mean(axes, curves, axis, "test_error", COLOURS[name], title))
    _finish(axes, ends, "test error (%)", axis)


def _finish(axes: Axes, ends: Sequence[LineEnd], ylabel: str, axis: str = "epoch") -> None:
    """Label the axes and the ends of their lines."""
    axes.set(xlabel="epochs" if axis == "epoch" else "seconds of training", ylabel=ylabel)
    if ends:
        make_logarithmic(axes, "y")
        last = max(end.x for end in ends)
        if axis == "epoch":
            set_whole_ticks(axes, last)
        else:
            make_logarithmic(axes, "x")
        label_ends(axes, [end._replace(x=last) for end in ends])  # beside the panel, where no line runs


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


def _training_titles(result: ScratchTraining) -> tuple[str, str]:
    """Name the best network by validation, and R3's best."""
    best = max(result.networks, key=lambda name: result.networks[name].metrics["validation_accuracy"].mean)
    network = result.networks[best]
    reported = max(one.test_accuracy for one in result.reported)
    accuracy, seconds = network.metrics["test_accuracy"].mean, network.seconds.mean
    finding = (
        f"By hand, {percent(accuracy, 1)} of the test images after {seconds:.1f} s of training; "
        f"R3 reports {percent(reported, 1)}"
    )
    seeds = plural(network.seconds.count, "seed")
    return finding, f"best by validation: {best}; {dataset_label(result.dataset)}; mean and deviation over {seeds}"


def _ceiling_titles(result: Ceiling) -> tuple[str, str]:
    stuck = [result.networks[name] for name in ("rbf", "rbf-wide", "rbf-long") if name in result.networks]
    freed = [result.networks[name] for name in ("rbf-softmax", "rbf-linear", "rbf-general") if name in result.networks]
    setting = f"filled: training images; white: test images; {dataset_label(result.dataset)}, mean over the seeds"
    if not stuck or not freed:
        return "Accuracy of networks with distances", setting
    most = max(network.metrics["train_accuracy"].mean for network in stuck)
    least = min(network.metrics["train_accuracy"].mean for network in freed)
    finding = (
        f"R3's loss on the hidden units learns at most {percent(most, 1)} of its own training images; "
        f"another loss, or a linear layer in between, at least {percent(least, 1)}"
    )
    return finding, setting


def _masking_titles(result: MaskingResult) -> tuple[str, str]:
    setting = (
        f"{dataset_label(result.dataset)}; \u03b5: largest change of a pixel; grey: an image can become uniformly grey"
    )
    if "hinge" not in result.networks:
        return "Attacks along two losses", setting
    hinge = result.networks["hinge"]
    fgsm = max(one.mean for one in hinge.success["training"]["fgsm"])
    meaningful = [
        one
        for one, epsilon in zip(hinge.success["margin"]["pgd"], result.epsilon, strict=True)
        if epsilon < MEANINGLESS
    ]
    pgd = max(one.mean for one in meaningful)
    hidden = percent(hinge.zero_gradient["training"].mean)
    finding = (
        f"The hinge loss hides the gradient of {hidden} of the images: FGSM on it fools at most {percent(fgsm, 1)}, "
        f"PGD on the margin {percent(pgd)}"
    )
    return finding, setting


def _std(value: Spread) -> float:
    return value.std if value.count > 1 and np.isfinite(value.std) else 0.0
