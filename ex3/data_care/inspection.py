"""What a data set looks like before anything is trained on it, as plain numbers and small pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ex3.data import Dataset, Split
from ex3.data_care.duplicates import Pairs, find_duplicates, is_constant
from ex3.data_care.suspects import Suspects
from ex3.data_care.thumbnails import pack_thumbnails
from ex3.results import DatasetInfo, Number, Pixels

MOST_CLASSES = 12  # that are drawn
EXAMPLES = 8  # of each class
PAIRS = 12  # of duplicates that are drawn
SUSPECTS = {"training": 30, "test": 20}  # that are drawn


@dataclass(frozen=True)
class ClassesResult:
    """The classes of a data set.

    Attributes:
        dataset: The images.
        counts: By split, images of each class; ``training`` holds the validation images, too.
        imbalance: By split, the images of the largest class for each one of the smallest.
        kinds: Number of stored images by size and colours, the most common first.
        constant: By split, number of images of a single colour.
        shown: Labels of the classes that are drawn.
        means: Mean training image of each of them.
        examples: Training images of each of them, drawn at random.
    """

    dataset: DatasetInfo
    counts: dict[str, list[int]]
    imbalance: dict[str, Number]
    kinds: dict[str, int]
    constant: dict[str, int]
    shown: list[int]
    means: Pixels
    examples: list[Pixels]


@dataclass(frozen=True)
class PairCounts:
    """Number of pairs: within the training images, within the test images, across the two; and of different labels."""

    training: int
    test: int
    across: int
    other_label: int

    @property
    def all(self) -> int:
        """All pairs."""
        return self.training + self.test + self.across


@dataclass(frozen=True)
class Shown:
    """An image that is drawn: its split, its file or its place among the stored images, and its label."""

    split: str
    item: str
    label: int


@dataclass(frozen=True)
class DuplicatesResult:
    """Images that are there twice.

    Attributes:
        dataset: The images.
        equal: Each copy with the first image of its kind.
        near: Pairs whose edges correlate with at least ``threshold``.
        threshold: For near duplicates.
        crowded: Number of images with so many look-alikes that near duplicates of them are not sought.
        similarity: Of the closest pairs, which are drawn; those below the threshold are no near duplicates.
        pictures: Of these pairs, ``(pairs, 2, H, W)`` or ``(pairs, 2, H, W, 3)``.
        pairs: What they show.
    """

    dataset: DatasetInfo
    equal: PairCounts
    near: PairCounts
    threshold: float
    crowded: int
    similarity: list[Number]
    pictures: Pixels
    pairs: list[list[Shown]]


@dataclass(frozen=True)
class SuspectsOfSplit:
    """Suspected wrong labels of one split.

    Attributes:
        images: Number of all images.
        agreement: The share of images whose label is what the network answers.
        counts: Number of suspects by given (row) and suggested class (column).
        shown: The images whose labels are contradicted most, suspects first; they are drawn.
        suggested: Their suggested labels.
        pictures: Of them.
    """

    images: int
    agreement: float
    counts: list[list[int]]
    shown: list[Shown]
    suggested: list[int]
    pictures: Pixels

    @property
    def count(self) -> int:
        """Number of suspects."""
        return sum(map(sum, self.counts))


@dataclass(frozen=True)
class SuspectsResult:
    """Suspected wrong labels.

    Attributes:
        dataset: The images.
        folds: Number of networks.
        splits: ``training`` and ``test``.
        seconds: Of training all networks, added up.
    """

    dataset: DatasetInfo
    folds: int
    splits: dict[str, SuspectsOfSplit]
    seconds: float


def summarise_classes(dataset: Dataset, training: Split, kinds: dict[str, int], seed: int) -> ClassesResult:
    """Count the images of each class, and draw some of them.

    Args:
        dataset: The images.
        training: Its stored training images.
        kinds: Number of stored images by size and colours.
        seed: Of the drawing.
    """
    splits = {"training": training, "test": dataset.test}
    counts = {name: np.bincount(split.y, minlength=len(dataset.class_names)) for name, split in splits.items()}
    by_size = np.argsort(-counts["training"], kind="stable")
    if len(by_size) > MOST_CLASSES:
        by_size = np.concatenate([by_size[: MOST_CLASSES // 2], by_size[-MOST_CLASSES // 2 :]])
    shown, rng = sorted(by_size.tolist()), np.random.default_rng(seed)
    of_class = [training.x[training.y == label] for label in shown]
    return ClassesResult(
        dataset=dataset.info,
        counts={name: of_split.tolist() for name, of_split in counts.items()},
        imbalance={name: _ratio(of_split) for name, of_split in counts.items()},
        kinds=kinds,
        constant={name: int(is_constant(split.x).sum()) for name, split in splits.items()},
        shown=shown,
        means=pack_thumbnails(np.stack([images.mean(axis=0, dtype=np.float64) for images in of_class])),
        examples=[pack_thumbnails(images[rng.permutation(len(images))[:EXAMPLES]]) for images in of_class],
    )


def summarise_duplicates(dataset: Dataset, training: Split, threshold: float) -> tuple[DuplicatesResult, Pairs]:
    """Find equal and nearly equal images.

    Args:
        dataset: The images.
        training: Its stored training images; rows count these, and then the test images.
        threshold: Least correlation of the edges of near duplicates.

    Returns:
        The numbers and the closest pairs; and all pairs, the equal ones first.
    """
    both = _join(training, dataset.test)
    found = find_duplicates(both.x)
    near = found.alike.rows[found.alike.similarity >= threshold]
    closest = np.concatenate([found.equal.rows, found.alike.rows])[:PAIRS]
    similarity = np.concatenate([found.equal.similarity, found.alike.similarity])
    result = DuplicatesResult(
        dataset=dataset.info,
        equal=_count_pairs(found.equal.rows, both.y, len(training)),
        near=_count_pairs(near, both.y, len(training)),
        threshold=threshold,
        crowded=found.crowded,
        similarity=similarity[:PAIRS].tolist(),
        pictures=pack_thumbnails(both.x[closest]),
        pairs=[[show(dataset, training, row) for row in pair] for pair in closest.tolist()],
    )
    count = len(found.equal) + len(near)
    return result, Pairs(np.concatenate([found.equal.rows, near]), similarity[:count])


def summarise_suspects(dataset: Dataset, name: str, images: Split, suspects: Suspects) -> SuspectsOfSplit:
    """Count and draw the suspects of a split.

    Args:
        dataset: The images.
        name: Of the split, ``training`` or ``test``.
        images: Of the split.
        suspects: Found among them.
    """
    counts = np.zeros((len(dataset.class_names),) * 2, int)
    np.add.at(counts, (images.y[suspects.rows], suspects.suggested[suspects.rows]), 1)
    first = suspects.order[: SUSPECTS[name]]
    first = first[suspects.suggested[first] != images.y[first]]
    return SuspectsOfSplit(
        images=len(images),
        agreement=float(np.mean(suspects.suggested == images.y)),
        counts=counts.tolist(),
        shown=[Shown(name, item_of(dataset, name, images, row), int(images.y[row])) for row in first],
        suggested=suspects.suggested[first].tolist(),
        pictures=pack_thumbnails(images.x[first]),
    )


def item_of(dataset: Dataset, name: str, images: Split, row: int) -> str:
    """Return the file of an image of a split, or its place among the stored images where it is no file of its own."""
    files = dataset.files if name == "training" else dataset.test_files
    place = int(images.places[row])
    return files[place] if files else str(place)


def show(dataset: Dataset, training: Split, row: int) -> Shown:
    """Describe an image; rows count the training images, and then the test images."""
    name, images = ("training", training) if row < len(training) else ("test", dataset.test)
    row -= 0 if name == "training" else len(training)
    return Shown(name, item_of(dataset, name, images, row), int(images.y[row]))


def _join(first: Split, second: Split) -> Split:
    return Split(*(np.concatenate([getattr(split, key) for split in (first, second)]) for key in ("x", "y", "places")))


def _ratio(counts: Sequence[int] | np.ndarray) -> float:
    smallest = min(counts)
    return float(max(counts) / smallest) if smallest else math.inf


def _count_pairs(rows: np.ndarray, y: np.ndarray, training: int) -> PairCounts:
    in_test = (rows >= training).sum(axis=1)
    counts = np.bincount(in_test, minlength=3)
    other = int((y[rows[:, 0]] != y[rows[:, 1]]).sum())
    return PairCounts(training=int(counts[0]), test=int(counts[2]), across=int(counts[1]), other_label=other)
