"""Figures of planes: the codes of each method, and a decoder over its plane. Each is drawn from its JSON twin alone."""

from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.embedding.results import CodesInPlane, DecodedGrid
from ex3.plots.colours import CLASS_COLOURS
from ex3.plots.style import dataset_label, percent, picture_map, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Record

METHOD_TITLES = {
    "autoencoder": "autoencoder",
    "structured": "structured autoencoder",
    "pca": "PCA",
    "tsne": "t-SNE",
}
PANEL = np.array([250.0, 230.0])  # size of a panel, in points, to place names by
NAME_GAP = 17  # between the middles of two names, in points
ROUNDS = 300  # of pushing names apart


@styled
def scatter(record: Record[CodesInPlane]) -> Figure:
    """Draw each method's codes of the same test images, coloured by class, each class's name at its median."""
    result, names = record.result, record.dataset.class_names
    figure = Figure(figsize=(9, 4.4 * ((len(result.codes) + 1) // 2)))
    panels = figure.subplots((len(result.codes) + 1) // 2, 2).flat
    for axes, (method, points) in zip(panels, result.codes.items(), strict=True):
        _draw_codes(axes, np.array(points), np.array(result.labels), names)
        scores = result.scores[method]
        axes.set_title(
            f"{METHOD_TITLES[method]}: 15-NN {scores['fold_accuracy'].mean:.3f}, "
            f"silhouette {scores['silhouette'].mean:.2f}"
        )
    setting = (
        f"{dataset_label(record.dataset)}: codes of the same {len(result.labels):,} test images, names at "
        f"medians (seed {record.seeds[0]}); scores: {plural(len(record.seeds), 'seed')}"
    )
    set_titles(figure, _scatter_finding(result), setting)
    return figure


@styled
def manifold(record: Record[DecodedGrid]) -> Figure:
    """Draw the decoder's outputs over a grid in the plane, beside the codes that the grid covers."""
    result, names = record.result, record.dataset.class_names
    pictures = result.pictures.unpack()  # (rows, columns, H, W), or (rows, columns, H, W, 3)
    rows, columns, height, width = pictures.shape[:4]
    figure = Figure(figsize=(9, 4.9))
    left, right = figure.subplots(1, 2)
    sheet = pictures.swapaxes(1, 2).reshape(rows * height, columns * width, *pictures.shape[4:])
    left.imshow(sheet, cmap=picture_map(record.dataset), vmin=0, vmax=1)
    shown = np.linspace(0, columns - 1, 5).astype(int)
    left.set_xticks(shown * width + width // 2, [f"{result.first_codes[column]:.3g}" for column in shown])
    left.set_yticks(shown * height + height // 2, [f"{result.second_codes[row]:.3g}" for row in shown])
    left.grid(visible=False)
    left.set(title="Decoder's output over the grid", xlabel="first code (quantiles)", ylabel="second code (quantiles)")
    _draw_codes(right, np.array(result.codes), np.array(result.labels), names)
    for first in result.first_codes:
        right.axvline(first, color="black", linewidth=0.3)
    for second in result.second_codes:
        right.axhline(second, color="black", linewidth=0.3)
    right.set_title(f"Codes of {len(result.labels):,} test images, and the grid")
    found = len(set(result.read))
    finding = f"The convnet reads {found} of {len(names)} classes in the {METHOD_TITLES[result.method]}'s plane"
    set_titles(figure, finding, f"{dataset_label(record.dataset)}, seed {record.seeds[0]}")
    return figure


@styled
def ground(codes: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw codes ``(N, 2)`` over the whole of a square figure, without axes, for a page that puts a point on it."""
    figure = Figure(figsize=(4.5, 4.5), dpi=240)  # sharp on screens with twice as many pixels
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    _draw_codes(axes, codes.T, labels, class_names)
    axes.set_axis_off()
    return figure


def _scatter_finding(result: CodesInPlane) -> str:
    """Say how the structured plane separates the classes, beside t-SNE and the plain autoencoder."""
    ours, tsne = (result.by_seed[method]["fold_accuracy"] for method in ("structured", "tsne"))
    better = [a > b for a, b in zip(ours, tsne, strict=True)]
    verdict = "better than t-SNE" if all(better) else "as well as t-SNE" if any(better) else "less well than t-SNE"
    plain = result.scores["autoencoder"]["fold_accuracy"].mean
    return (
        f"Asked for structure, the plane separates the classes {verdict}:\n15 neighbours find "
        f"{percent(float(np.mean(ours)), 1)} of the labels (t-SNE {percent(float(np.mean(tsne)), 1)}, "
        f"autoencoder {percent(plain, 1)})"
    )


def class_colours(count: int) -> np.ndarray:
    """Return a colour per class, ``(count, 4)``."""
    if count <= len(CLASS_COLOURS):
        return mpl.colors.to_rgba_array(CLASS_COLOURS[:count])
    return mpl.colormaps["turbo"](np.linspace(0, 1, count))


def _draw_codes(axes: Axes, codes: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """Draw codes ``(2, N)`` coloured by label, and each class's name near its median.

    Dots with hard edges have ten colours instead of thousands, which halves the size of the file.
    """
    size = np.clip(15_000 / len(labels), 3, 25)
    colours = class_colours(len(class_names))
    axes.scatter(codes[0], codes[1], c=colours[labels], s=size, linewidths=0, antialiased=False)
    axes.set(xlabel="first code", ylabel="second code")
    low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    present = np.unique(labels)
    medians = np.array([np.median(codes[:, labels == label], axis=1) for label in present])
    scale = PANEL / (high - low)  # points per unit
    places = apart((medians - low) * scale) / scale + low
    outline = [effects.withStroke(linewidth=3, foreground="white")]
    for label, median, place in zip(present, medians, places, strict=True):
        axes.annotate(
            class_names[label], median, xytext=place, textcoords="data", ha="center", va="center", weight="bold",
            fontsize=14 if max(map(len, class_names)) <= 2 else 10, path_effects=outline,
            arrowprops={"arrowstyle": "-", "linewidth": 0.8, "shrinkA": 6, "shrinkB": 0},
        )  # fmt: skip


def apart(points: np.ndarray) -> np.ndarray:
    """Push points ``(N, 2)`` apart until none is nearer than ``NAME_GAP`` to another, and each near its own place."""
    placed = points + 0.01 * np.stack([np.cos(np.arange(len(points))), np.sin(np.arange(len(points)))], axis=1)
    for _ in range(ROUNDS):
        steps = placed[:, np.newaxis] - placed
        lengths = np.linalg.norm(steps, axis=-1) + np.eye(len(points))
        lacking = np.clip(NAME_GAP - lengths, 0, None) * (1 - np.eye(len(points)))
        placed = placed + (steps / lengths[:, :, np.newaxis] * lacking[:, :, np.newaxis]).sum(axis=1) / 2
    return placed
