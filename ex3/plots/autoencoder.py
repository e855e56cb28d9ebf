"""Figures of the autoencoders: learning curves, and reconstructions. Each is drawn from its JSON twin alone."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ex3.embedding.results import LossCurves, Reconstructions
from ex3.plots.colours import PLANE_COLOURS, RIGHT, SPLIT_COLOURS, WRONG
from ex3.plots.planes import METHOD_TITLES
from ex3.plots.style import (
    LineEnd,
    dataset_label,
    draw_mean,
    label_ends,
    make_logarithmic,
    percent,
    picture_map,
    plural,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.results import DatasetInfo, Record
from ex3.tables import with_spread


@styled
def curves(record: Record[LossCurves]) -> Figure:
    """Draw train and test loss over epochs, the structured one's test loss, and PCA's with 2 and more components."""
    result = record.result
    figure = Figure(figsize=(9, 5))
    axes = figure.subplots()
    lines = [("autoencoder", split, SPLIT_COLOURS[split]) for split in ("train", "test")]
    for method, split, colour in [*lines, ("structured", "test", PLANE_COLOURS["structured"])]:
        of_runs = [run.epochs for run in result.runs[method]]
        draw_mean(axes, of_runs, "epoch", f"{split}_loss", colour, f"{METHOD_TITLES[method]}, {split}")
    make_logarithmic(axes, "y")
    last = max(run.epochs.points[-1] for run in result.runs["autoencoder"])
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ends = []
    for components, error in result.pca_test_mse.items():
        axes.axhline(error, color="black", linestyle=":", linewidth=1.8 if components == 2 else 0.8)
        ends.append(LineEnd(last, error, f"PCA, {components} components", "black"))
    label_ends(axes, ends)
    axes.set(xlabel="epochs", ylabel="mean squared error per pixel")
    axes.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="none")
    count = len(record.seeds)
    over = plural(count, "seed") + (" (mean ± standard deviation)" if count > 1 else "")
    set_titles(figure, _curves_finding(result), f"{dataset_label(record.dataset)}, {over}")
    return figure


@styled
def reconstructions(record: Record[Reconstructions]) -> Figure:
    """Draw an image per class, each method's reconstruction of it, a walk, and what the convnet reads in them."""
    result, names = record.result, record.dataset.class_names
    figure = Figure(figsize=(9, 1.25 * (len(result.pictures) + 1) + 0.8))
    grid = figure.subplots(len(result.pictures) + 1, max(len(result.labels), len(result.walk.read)))
    for panels, (row, packed) in zip(grid, result.pictures.items(), strict=False):
        colours = [RIGHT if a == b else WRONG for a, b in zip(result.read[row], result.labels, strict=True)]
        captions = [names[read] for read in result.read[row]]
        _draw_row(panels, packed.unpack(), captions, colours, record.dataset)
        title = METHOD_TITLES.get(row, row).replace(" ", "\n")
        _name_row(panels, f"{title}\n{with_spread(result.read_right[row], 3)}")
    walk = result.walk
    black = ["black"] * len(walk.read)
    _draw_row(grid[-1], walk.pictures.unpack(), [names[read] for read in walk.read], black, record.dataset)
    _name_row(grid[-1], f"a walk from\n{names[walk.start]} to {names[walk.end]}")
    setting = (
        f"{dataset_label(record.dataset)}, seed {record.seeds[0]}. Below each image: the class that the convnet reads, "
        f"green where right.\nOn the left: the share of {result.images:,} images that it reads right. "
        "Walk: the structured decoder along a straight line"
    )
    set_titles(figure, _reconstructions_finding(result), setting)
    return figure


def _draw_row(
    panels: np.ndarray, images: np.ndarray, captions: Sequence[str], colours: Sequence[str], dataset: DatasetInfo
) -> None:
    """Draw images in the first of some panels, each over its caption; the others stay empty."""
    for axes in panels:
        _clear(axes)
    for axes, image, caption, colour in zip(panels, images, captions, colours, strict=False):
        axes.imshow(image, cmap=picture_map(dataset), vmin=0, vmax=1)
        axes.set_xlabel(caption, color=colour, fontweight="bold", labelpad=1)


def _clear(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _name_row(panels: np.ndarray, name: str) -> None:
    panels[0].set_ylabel(name, rotation=0, ha="right", va="center")


def _curves_finding(result: LossCurves) -> str:
    """Say how many of PCA's components give the error of the autoencoder's two numbers."""
    reached = np.mean([run.metrics["test_loss"] for run in result.runs["autoencoder"]])
    worse = [components for components, error in result.pca_test_mse.items() if error > reached]
    structured = np.mean([run.metrics["test_loss"] for run in result.runs["structured"]])
    worth = f"more than {max(worse)} of PCA's" if worse else f"less than {min(result.pca_test_mse)} of PCA's"
    return f"The autoencoder's two numbers are worth {worth}: error {reached:.4f}, asked for structure {structured:.4f}"


def _reconstructions_finding(result: Reconstructions) -> str:
    shares = {row: result.read_right[row].mean for row in result.pictures}
    return (
        f"Through two numbers the convnet still reads\n{percent(shares['structured'])} of the images with structure, "
        f"{percent(shares['autoencoder'])} without, {percent(shares['pca'])} with PCA"
    )
