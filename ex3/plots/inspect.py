"""Figures of a look at the images: classes with examples, duplicates, and suspected wrong labels."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.data_care.inspection import ClassesResult, DuplicatesResult, SuspectsOfSplit, SuspectsResult
from ex3.plots.colours import FAINT, SPLIT_COLOURS
from ex3.plots.style import WIDTH, dataset_label, percent, picture_map, plural, styled
from ex3.plots.titles import set_titles

COLUMNS = 10  # of suspects
PAIR_COLUMNS = 4
LONGEST = 11  # characters of a class's name above a picture


def draw_all(
    classes: ClassesResult, duplicates: DuplicatesResult, suspects: SuspectsResult | None
) -> Iterator[tuple[str, Figure, ClassesResult | DuplicatesResult | SuspectsResult]]:
    """Yield each figure that there is something for: its name, itself, and the result that it shows."""
    yield "classes", draw_classes(classes), classes
    if duplicates.pairs:
        yield "duplicates", draw_duplicates(duplicates), duplicates
    if suspects:
        yield "suspects", draw_suspects(suspects), suspects


@styled
def draw_classes(result: ClassesResult) -> Figure:
    """Draw a row per class: its number of training and test images, their mean, and examples."""
    figure = Figure(figsize=(WIDTH, 0.72 * len(result.shown) + 1.5))
    grid = figure.subplots(len(result.shown), 2, width_ratios=(1, 2), squeeze=False)
    largest = max(max(counts) for counts in result.counts.values())
    means = result.means.unpack()
    for (bars, strip), label, mean, packed in zip(grid, result.shown, means, result.examples, strict=True):
        for position, (name, counts) in enumerate(result.counts.items()):
            colour = SPLIT_COLOURS["train" if name == "training" else name]
            bars.barh(-position, counts[label], color=colour)
            text = f" {counts[label]:,} {name}" if label == result.shown[0] else f" {counts[label]:,}"
            bars.text(counts[label], -position, text, va="center", color=colour)
        bars.set(xlim=(0, 1.8 * largest), xticks=[], yticks=[])
        bars.spines["bottom"].set_visible(False)
        bars.set_ylabel(result.dataset.class_names[label], rotation=0, ha="right", va="center")
        _draw_strip(strip, [mean, *packed.unpack()], picture_map(result.dataset))
    grid[0, 1].set_title("mean image, and training images drawn at random", loc="left")
    set_titles(figure, *_classes_titles(result))
    return figure


@styled
def draw_duplicates(result: DuplicatesResult) -> Figure:
    """Draw the closest pairs, the most similar first; above each picture its split and label."""
    rows = -(-len(result.pairs) // PAIR_COLUMNS)
    figure = Figure(figsize=(WIDTH, 1.75 * rows + 0.8))
    grid = np.reshape(figure.subplots(rows, 2 * PAIR_COLUMNS, squeeze=False), (-1, 2))
    names, cmap = result.dataset.class_names, picture_map(result.dataset)
    pictures = result.pictures.unpack()
    for index, axes in enumerate(grid):
        if index >= len(result.pairs):
            _hide(axes)
            continue
        for panel, image, picture in zip(axes, result.pairs[index], pictures[index], strict=True):
            _draw_picture(panel, picture, cmap, f"{image.split}\n{_shorten(names[image.label])}")
        similarity = result.similarity[index]
        axes[0].set_xlabel("equal" if similarity == 1 else f"{similarity:.3f}", loc="left")
    set_titles(figure, *_duplicates_titles(result))
    return figure


@styled
def draw_suspects(result: SuspectsResult) -> Figure:
    """Draw the most suspicious images of both splits; above each its label, and below that the suggested one."""
    rows = {name: max(1, -(-len(found.shown) // COLUMNS)) for name, found in result.splits.items()}
    figure = Figure(figsize=(WIDTH, 1.3 * sum(rows.values()) + 1.6))
    heights = [count + 0.4 for count in rows.values()]
    parts = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights).ravel()
    names, cmap = result.dataset.class_names, picture_map(result.dataset)
    for part, (name, found) in zip(parts, result.splits.items(), strict=True):
        grid = part.subplots(rows[name], COLUMNS, squeeze=False).ravel()
        _hide(grid)
        pictures = found.pictures.unpack()
        for number, (image, suggested, picture) in enumerate(zip(found.shown, found.suggested, pictures, strict=True)):
            title = f"{_shorten(names[image.label])}\n\u2192 {_shorten(names[suggested])}"
            colour = "black" if number < found.count else FAINT
            grid[number].set_visible(True)
            _draw_picture(grid[number], picture, cmap, title, colour)
        part.suptitle(_suspects_subtitle(name, found))
    set_titles(figure, *_suspects_titles(result))
    return figure


def _draw_strip(axes: Axes, pictures: Sequence[np.ndarray], cmap: str) -> None:
    """Draw pictures side by side, with a gap after the first one."""
    height, width = pictures[0].shape[:2]
    for position, picture in enumerate(pictures):
        left = 1.06 * width * position + (0.3 * width if position else 0)
        axes.imshow(picture, cmap=cmap, vmin=0, vmax=1, interpolation="nearest", extent=(left, left + width, height, 0))
    axes.set(xlim=(0, 1.06 * width * 9 + 0.3 * width), ylim=(height, 0), anchor="W")
    axes.set_axis_off()


def _draw_picture(axes: Axes, picture: np.ndarray, cmap: str, title: str, colour: str = "black") -> None:
    axes.imshow(picture, cmap=cmap, vmin=0, vmax=1, interpolation="nearest")  # packs better than smooth ones
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title(title, color=colour)


def _hide(panels: np.ndarray) -> None:
    for axes in panels:
        axes.set_visible(False)


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026"


def _classes_titles(result: ClassesResult) -> tuple[str, str]:
    names, counts = result.dataset.class_names, result.counts["training"]
    largest, smallest = names[int(np.argmax(counts))], names[int(np.argmin(counts))]
    ratio = result.imbalance["training"]
    if max(counts) == min(counts):
        finding = f"All {len(names)} classes have equally many training images"
    else:
        finding = f"{largest} has {ratio:.2f} times as many training images as {smallest}, the smallest class"
    kind, count = next(iter(result.kinds.items()))
    more = "" if len(result.kinds) == 1 else f", the most common of {len(result.kinds)} kinds"
    cut = "" if len(result.shown) == len(names) else f"; the {len(result.shown)} largest and smallest classes"
    return finding, f"{dataset_label(result.dataset)}: {count:,} stored images of {kind}{more}{cut}"


def _duplicates_titles(result: DuplicatesResult) -> tuple[str, str]:
    equal, near = result.equal, result.near
    if equal.all + near.all == 0:
        finding = "No image is there twice; these pairs come closest"
    else:
        across = f"{equal.across + near.across:,} of them across training and test"
        finding = f"{equal.all:,} equal and {near.all:,} nearly equal pairs, {across}"
    return finding, (
        f"{dataset_label(result.dataset)}; below each pair the correlation of its edges, "
        f"at least {result.threshold:g} in near duplicates"
    )


def _suspects_subtitle(name: str, found: SuspectsOfSplit) -> str:
    share = percent(found.count / found.images, 2 if found.count < 0.01 * found.images else 1)
    text = f"{name} images: {plural(found.count, 'suspect')} of {found.images:,} ({share})"
    if found.count > len(found.shown):
        return f"{text}; the first {len(found.shown)}"
    fainter = len(found.shown) - found.count
    return f"{text}; grey: {fainter} more, contradicted with less confidence" if fainter else text


def _suspects_titles(result: SuspectsResult) -> tuple[str, str]:
    counts = " and ".join(f"{plural(found.count, f'{name} label')}" for name, found in result.splits.items())
    return f"Probably wrong: {counts}", (
        f"{dataset_label(result.dataset)}, {result.folds} networks, none of which saw the "
        "images that it judges; label \u2192 suggestion"
    )
