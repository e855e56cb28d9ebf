"""Figures of the autoencoder: learning curves, the plane of codes, reconstructions, the decoder over the plane."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AsinhLocator

from ex3.plots.classifiers import draw_mean
from ex3.plots.style import SPLIT_COLOURS, dataset_label, make_logarithmic, plural
from ex3.results import DatasetInfo, Run

METHOD_TITLES = {"autoencoder": "autoencoder", "pca": "PCA", "tsne": "t-SNE"}
BOTTLENECK_COLOURS = {"linear": "#0072B2", "relu": "#D55E00"}
DIGIT_COLOURS = mpl.colormaps["tab10"].colors
HEAVY_TAIL = 8  # times the median distance from the median; of a normal distribution 99 % are within 4
MSE_LABEL = "mean squared error per pixel"


def curves(runs: Sequence[Run], pca_errors: Mapping[int, float]) -> Figure:
    """Draw train and test loss over epochs, against PCA's test error with 2 and more components."""
    figure = Figure(figsize=(8, 5))
    axes = figure.subplots()
    for split in ("train", "test"):
        draw_mean(axes, runs, "epoch", f"{split}_loss", SPLIT_COLOURS[split], f"autoencoder, {split}")
    for components, error in pca_errors.items():
        width = 1.8 if components == 2 else 0.8
        axes.axhline(error, color="black", linestyle=":", linewidth=width)
        label = f"PCA, {components} components"
        axes.text(1.01, error, label, transform=axes.get_yaxis_transform(), va="center", fontsize=9)
    make_logarithmic(axes, "y")
    axes.set(xlabel="epochs", ylabel=MSE_LABEL)
    axes.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="none")
    over = f"{plural(len(runs), 'seed')}" + (" (mean ± standard deviation)" if len(runs) > 1 else "")
    axes.set_title(f"Autoencoder 784-2-784 on {dataset_label(runs[0].dataset)}: {over}")
    return figure


def scatter(codes: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], dataset: DatasetInfo) -> Figure:
    """Draw each method's codes ``(N, 2)`` of test images side by side, coloured by label ``(N,)``."""
    figure = Figure(figsize=(3.8 * len(codes) + 0.7, 3.9))
    panels = figure.subplots(1, len(codes), squeeze=False)[0]
    for axes, (method, points) in zip(panels, codes.items(), strict=True):
        _draw_codes(axes, points, labels[method])
        axes.set_title(f"{METHOD_TITLES[method]}, {len(points):,} images")
    handles = [
        mpl.lines.Line2D([], [], color=colour, marker="o", linestyle="", label=str(digit))
        for digit, colour in enumerate(DIGIT_COLOURS)
    ]
    figure.legend(handles=handles, title="label", loc="outside right center")
    figure.suptitle(f"Test images of {dataset_label(dataset)} in the plane; each numeral stands at its class's median")
    return figure


def reconstructions(
    images: Mapping[str, np.ndarray],
    read: Mapping[str, Sequence[int]],
    labels: Sequence[int],
    shares: Mapping[str, str],
    title: str,
) -> Figure:
    """Draw some digits and what each method makes of them, with what the convnet reads.

    Args:
        images: By row (``original`` or a method), ``(N, 28, 28)`` in [0, 1].
        read: By row, the digits that the convnet reads in them ``(N,)``.
        labels: The right digits ``(N,)``.
        shares: By row, which share of many more images is read right, in words.
        title: Of the figure.
    """
    figure = Figure(figsize=(13, 1.75 * len(images) + 0.4))
    grid = figure.subplots(len(images), len(labels))
    for panels, row in zip(grid, images, strict=True):
        for axes, image, digit, label in zip(panels, images[row], read[row], labels, strict=True):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
            is_right = digit == label
            axes.set_xlabel(f"{digit}, {'right' if is_right else 'wrong'}", color="#007a50" if is_right else "#c03b00")
        name = f"{METHOD_TITLES.get(row, row)}\nread right:\n{shares[row]}"
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(title)
    return figure


def manifold(
    images: np.ndarray, grid: tuple[np.ndarray, np.ndarray], codes: np.ndarray, labels: np.ndarray, title: str
) -> Figure:
    """Draw what the decoder makes of a grid over the plane, beside the codes that the grid covers.

    Args:
        images: ``(rows, columns, 28, 28)`` in [0, 1]; the first row has the largest second code.
        grid: First codes of the columns ``(columns,)``, second codes of the rows ``(rows,)``.
        codes: ``(N, 2)``.
        labels: ``(N,)``.
        title: Of the figure.
    """
    figure = Figure(figsize=(9.6, 5))
    left, right = figure.subplots(1, 2)
    rows, columns = images.shape[:2]
    left.imshow(images.transpose(0, 2, 1, 3).reshape(rows * 28, columns * 28), cmap="gray_r", vmin=0, vmax=1)
    shown = np.linspace(0, columns - 1, 5).astype(int)
    left.set_xticks(shown * 28 + 14, [f"{grid[0][column]:.3g}" for column in shown])
    left.set_yticks(shown * 28 + 14, [f"{grid[1][row]:.3g}" for row in shown])
    left.grid(visible=False)
    left.set(title="Decoder's output over the grid", xlabel="first code (quantiles)", ylabel="second code (quantiles)")
    _draw_codes(right, codes, labels)
    for first in grid[0]:
        right.axvline(first, color="black", linewidth=0.3)
    for second in grid[1]:
        right.axhline(second, color="black", linewidth=0.3)
    right.set_title(f"Codes of {len(codes):,} test images, and the grid")
    figure.suptitle(title)
    return figure


def bottlenecks(runs: Mapping[str, Sequence[Run]]) -> Figure:
    """Compare activations of the bottleneck: learning curves, accuracy in the plane, and dead codes, seed by seed."""
    figure = Figure(figsize=(15, 4.5))
    loss, accuracy, dead = figure.subplots(1, 3)
    for bottleneck, of_kind in runs.items():
        colour = BOTTLENECK_COLOURS[bottleneck]
        for run in of_kind:
            label = bottleneck if run is of_kind[0] else None
            loss.plot(
                run.epochs.points, run.epochs.series["test_loss"], color=colour, marker=".", alpha=0.7, label=label
            )
        seeds = [run.config["seed"] for run in of_kind]
        shift = 0.08 * (list(runs).index(bottleneck) - 0.5)
        x = np.array(seeds) + shift
        accuracy.plot(
            x, [run.metrics["test_neighbour_accuracy"] for run in of_kind], "o", color=colour, label=bottleneck
        )
        dead.plot(x, [run.metrics["dead_codes"] for run in of_kind], "o", color=colour, label=bottleneck)
    make_logarithmic(loss, "y")
    loss.set(title="Test loss, a line per seed", xlabel="epochs", ylabel=MSE_LABEL)
    accuracy.set(title="Nearest neighbours in the plane", xlabel="seed", ylabel="test accuracy", xticks=seeds)
    dead.set(
        title="Codes that are the same for all images",
        xlabel="seed",
        ylabel="dead codes, of 2",
        xticks=seeds,
        yticks=[0, 1, 2],
    )
    for axes in (loss, accuracy, dead):
        axes.legend(title="bottleneck")
    first = next(iter(runs.values()))[0]
    figure.suptitle(
        f"Linear against ReLU bottleneck on {dataset_label(first.dataset)}, {plural(first.config['epochs'], 'epoch')}"
    )
    return figure


def _draw_codes(axes: Axes, codes: np.ndarray, labels: np.ndarray) -> None:
    """Draw points coloured by label, small and translucent, and each class's numeral at its median.

    Where some codes lie far from all others, the axes are linear near the middle and logarithmic further out (asinh).
    """
    size = np.clip(15_000 / len(codes), 3, 25)
    axes.scatter(*codes.T, c=np.array(DIGIT_COLOURS)[labels], s=size, alpha=0.4, linewidths=0)
    for digit in np.unique(labels):
        x, y = np.median(codes[labels == digit], axis=0)
        outline = [effects.withStroke(linewidth=3, foreground="white")]
        axes.text(x, y, str(digit), ha="center", va="center", fontsize=14, weight="bold", path_effects=outline)
    for axis, values, name in (("x", codes[:, 0], "first code"), ("y", codes[:, 1], "second code")):
        middle, far = np.quantile(np.abs(values - np.median(values)), (0.5, 0.99))
        is_heavy = bool(far > HEAVY_TAIL * middle > 0)
        if is_heavy:
            getattr(axes, f"set_{axis}scale")("asinh", linear_width=middle / 2)
            getattr(axes, f"{axis}axis").set_major_locator(AsinhLocator(middle / 2, numticks=6))
            getattr(axes, f"{axis}axis").set_major_formatter("{x:g}")
        getattr(axes, f"set_{axis}label")(name + " (asinh scale)" * is_heavy)
