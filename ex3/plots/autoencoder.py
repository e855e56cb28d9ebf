"""Figures of the autoencoder: learning curves, the plane of codes, reconstructions, the decoder over the plane.

Each is drawn from its JSON twin alone.
"""

import math
from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AsinhLocator

from ex3.embedding.comparison import CodesInPlane, DecodedGrid, LossCurves, Reconstructions
from ex3.plots.style import SPLIT_COLOURS, dataset_label, draw_mean, make_logarithmic, picture_map, plural, styled
from ex3.results import Record
from ex3.tables import with_spread

METHOD_TITLES = {"autoencoder": "autoencoder", "pca": "PCA", "tsne": "t-SNE"}
HEAVY_TAIL = 8  # times the median distance from the median; of a normal distribution 99 % are within 4
MSE_LABEL = "mean squared error per pixel"


@styled
def curves(record: Record[LossCurves]) -> Figure:
    """Draw train and test loss over epochs, against PCA's test error with 2 and more components."""
    result = record.result
    figure = Figure(figsize=(8, 5))
    axes = figure.subplots()
    for split in ("train", "test"):
        of_runs = [run.epochs for run in result.runs]
        draw_mean(axes, of_runs, "epoch", f"{split}_loss", SPLIT_COLOURS[split], f"autoencoder, {split}")
    for components, error in result.pca_test_mse.items():
        width = 1.8 if components == 2 else 0.8
        axes.axhline(error, color="black", linestyle=":", linewidth=width)
        label = f"PCA, {components} components"
        axes.text(1.01, error, label, transform=axes.get_yaxis_transform(), va="center", fontsize=9)
    make_logarithmic(axes, "y")
    axes.set(xlabel="epochs", ylabel=MSE_LABEL)
    axes.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="none")
    count = len(result.runs)
    over = plural(count, "seed") + (" (mean ± standard deviation)" if count > 1 else "")
    pixels = math.prod(record.dataset.shape)
    axes.set_title(f"Autoencoder {pixels}-2-{pixels} on {dataset_label(record.dataset)}: {over}")
    return figure


@styled
def scatter(record: Record[CodesInPlane]) -> Figure:
    """Draw each method's codes of test images side by side, coloured by class."""
    codes, names = record.result.codes, record.dataset.class_names
    figure = Figure(figsize=(3.8 * len(codes) + 0.7, 3.9))
    panels = figure.subplots(1, len(codes), squeeze=False)[0]
    for axes, (method, points) in zip(panels, codes.items(), strict=True):
        _draw_codes(axes, np.array(points), np.array(record.result.labels[method]), names)
        axes.set_title(f"{METHOD_TITLES[method]}, {len(points[0]):,} images")
    handles = [
        mpl.lines.Line2D([], [], color=colour, marker="o", linestyle="", label=name)
        for name, colour in zip(names, _class_colours(len(names)), strict=True)
    ]
    figure.legend(handles=handles, title="class", loc="outside right center")
    data = dataset_label(record.dataset)
    figure.suptitle(f"Test images of {data} in the plane; each class's name stands at its median")
    return figure


@styled
def reconstructions(record: Record[Reconstructions]) -> Figure:
    """Draw an image per class, each method's reconstruction of it, and the class that the convnet reads in them."""
    result, names = record.result, record.dataset.class_names
    pictures = {row: packed.unpack() for row, packed in result.pictures.items()}
    figure = Figure(figsize=(max(1.2 * len(result.labels) + 1, 9.6), 1.75 * len(pictures) + 0.4))
    grid = figure.subplots(len(pictures), len(result.labels), squeeze=False)
    for panels, row in zip(grid, pictures, strict=True):
        for axes, image, read, label in zip(panels, pictures[row], result.read[row], result.labels, strict=True):
            axes.imshow(image, cmap=picture_map(record.dataset), vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
            verdict, colour = ("right", "#007a50") if read == label else ("wrong", "#c03b00")
            axes.set_xlabel(f"{names[read]}, {verdict}", color=colour)
        name = f"{METHOD_TITLES.get(row, row)}\nread right:\n{with_spread(result.read_right[row], 3)}"
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(
        f"Test images of {dataset_label(record.dataset)} through two numbers (seed {record.seeds[0]})\nBelow each: the "
        f"class that the convnet reads. On the left: the share of {result.images:,} images that it reads right"
    )
    return figure


@styled
def manifold(record: Record[DecodedGrid]) -> Figure:
    """Draw the decoder's outputs over a grid in the plane, beside the codes that the grid covers."""
    result = record.result
    pictures = result.pictures.unpack()  # (rows, columns, H, W), or (rows, columns, H, W, 3)
    rows, columns, height, width = pictures.shape[:4]
    figure = Figure(figsize=(9.6, 5))
    left, right = figure.subplots(1, 2)
    sheet = pictures.swapaxes(1, 2).reshape(rows * height, columns * width, *pictures.shape[4:])
    left.imshow(sheet, cmap=picture_map(record.dataset), vmin=0, vmax=1)
    shown = np.linspace(0, columns - 1, 5).astype(int)
    left.set_xticks(shown * width + width // 2, [f"{result.first_codes[column]:.3g}" for column in shown])
    left.set_yticks(shown * height + height // 2, [f"{result.second_codes[row]:.3g}" for row in shown])
    left.grid(visible=False)
    left.set(title="Decoder's output over the grid", xlabel="first code (quantiles)", ylabel="second code (quantiles)")
    _draw_codes(right, np.array(result.codes), np.array(result.labels), record.dataset.class_names)
    for first in result.first_codes:
        right.axvline(first, color="black", linewidth=0.3)
    for second in result.second_codes:
        right.axhline(second, color="black", linewidth=0.3)
    right.set_title(f"Codes of {len(result.labels):,} test images, and the grid")
    figure.suptitle(f"The decoder's plane on {dataset_label(record.dataset)} (seed {record.seeds[0]})")
    return figure


def _class_colours(count: int) -> np.ndarray:
    """Return a colour per class, ``(count, 4)``."""
    return mpl.colormaps["tab10"](np.arange(count)) if count <= 10 else mpl.colormaps["turbo"](np.linspace(0, 1, count))


def _draw_codes(axes: Axes, codes: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """Draw codes ``(2, N)`` coloured by label, small and translucent, and each class's name at its median.

    Where some codes lie far from all others, the axes are linear near the middle and logarithmic further out (asinh).
    """
    size = np.clip(15_000 / len(labels), 3, 25)
    colours = _class_colours(len(class_names))[labels]
    axes.scatter(codes[0], codes[1], c=colours, s=size, alpha=0.4, linewidths=0)
    outline = [effects.withStroke(linewidth=3, foreground="white")]
    font_size = 14 if max(map(len, class_names)) <= 2 else 10
    for label in np.unique(labels):
        x, y = np.median(codes[:, labels == label], axis=1)
        axes.text(
            x, y, class_names[label], ha="center", va="center", fontsize=font_size, weight="bold", path_effects=outline
        )
    for axis, values, name in (("x", codes[0], "first code"), ("y", codes[1], "second code")):
        middle, far = np.quantile(np.abs(values - np.median(values)), (0.5, 0.99))
        is_heavy = bool(far > HEAVY_TAIL * middle > 0)
        if is_heavy:
            getattr(axes, f"set_{axis}scale")("asinh", linear_width=middle / 2)
            getattr(axes, f"{axis}axis").set_major_locator(AsinhLocator(middle / 2, numticks=6))
            getattr(axes, f"{axis}axis").set_major_formatter("{x:g}")
        getattr(axes, f"set_{axis}label")(name + " (asinh scale)" * is_heavy)
