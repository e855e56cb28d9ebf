"""Images: a data set's three splits, from whatever source.

``load_dataset`` reads a data set (``sources.py``; ``files.py``: MNIST's formats; ``folders.py``, ``listing.py`` and
``pictures.py``: picture files), changes labels and keeps classes (``selection.py``), holds a stratified validation
split out, and scales the pixels to [0, 1]. MNIST itself comes with this package, in ``data/mnist``. ``predictions.py``
reads what a model of another framework answers.
"""

import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np

from ex3.data.raw import RawDataset, find_label
from ex3.data.selection import keep_classes, relabel
from ex3.data.sources import MNIST_FINGERPRINT, load_raw
from ex3.errors import DataError, Ex3Error
from ex3.results import DatasetInfo
from ex3.settings import ImagesConfig

__all__ = ["MNIST_FINGERPRINT", "Dataset", "Split", "find_label", "load_dataset", "load_images", "read_ahead"]

log = logging.getLogger("ex3")

VALIDATION_SIZE = 5_000  # of MNIST's 60,000
TEST_SHARE = 0.2  # of a folder that has no test images of its own


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        x: ``(N, H, W, C)`` float32 in [0, 1]; one channel, or red, green and blue.
        y: ``(N,)`` int64, from 0 to the number of classes - 1.
        places: ``(N,)`` int64, of each image among the stored ones, from 0: what ``--labels`` calls its index.
    """

    x: np.ndarray
    y: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> "Split":
        """Return the first ``count`` images, or all where there are fewer."""
        return Split(self.x[:count], self.y[:count], self.places[:count])

    def pick(self, rows: np.ndarray) -> "Split":
        """Return the images of some rows, in their order."""
        return Split(self.x[rows], self.y[rows], self.places[rows])

    def sample(self, count: int, seed: int) -> "Split":
        """Draw ``count`` images at random, without repetition; all where there are fewer."""
        return self.pick(np.random.default_rng(seed).permutation(len(self))[:count])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits of one data set; the training and validation images are in random order.

    Compared by identity, so that what is computed from a data set can be cached.

    Attributes:
        files: Of the stored training images, relative to the folder; empty where they are not files of their own.
        test_files: Of the stored images that the test split's places count, likewise.
    """

    name: str
    source: str
    fingerprint: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image: height, width, channels."""
        return self.train.x.shape[1:]

    @property
    def info(self) -> DatasetInfo:
        """The description that goes with every result."""
        sizes = {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}
        return DatasetInfo(self.name, self.source, self.fingerprint, sizes, list(self.class_names), self.shape)


def load_images(
    config: ImagesConfig, data_dir: Path | str | None = None, seed: int = 0, cache: Path | None = None
) -> Dataset:
    """Load the images of a config; see ``load_dataset``."""
    images = config.images
    return load_dataset(
        images.dataset, data_dir, seed, images.limit,
        classes=images.classes, size=images.size, labels=images.labels, cache=cache,
    )  # fmt: skip


def read_ahead(config: ImagesConfig, data_dir: Path | str | None = None, cache: Path | None = None) -> None:
    """Start to read MNIST in the background, while TensorFlow is imported; ``load_images`` waits for it.

    Other images are not read ahead. What goes wrong does so again in ``load_images``, which says it.
    """

    def read() -> None:
        with suppress(Ex3Error):
            load_raw(config.images.dataset, str(data_dir) if data_dir else None, config.images.size, cache)

    if config.images.dataset == "mnist":
        Thread(target=read, daemon=True).start()


def load_dataset(
    name: str = "mnist",
    data_dir: Path | str | None = None,
    seed: int = 0,
    limit: int | None = None,
    *,
    classes: Sequence[str] | None = None,
    size: int | None = None,
    labels: Path | str | None = None,
    cache: Path | None = None,
) -> Dataset:
    """Load a data set and hold a stratified validation split out of its training images.

    Args:
        name: ``mnist``, ``fashion-mnist``, ``digits`` or ``cars-cats-trucks``; or a folder of pictures,
            ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*``.
        data_dir: Folder with the four IDX files (gzipped or not) or ``<name>.npz``, or such an ``.npz`` itself, or with
            the pictures of cars, cats and trucks, in it or in its ``cars-cats-trucks/``. Without it, MNIST comes from
            this package, Fashion-MNIST and CIFAR-10 from Keras, and the digits from scikit-learn.
        seed: Decides which training images are held out for validation (5,000 of MNIST, a tenth of a smaller set), and
            the order of the others; in a folder of one level before that, which images are the test images, a fifth.
        limit: Keep only so many training images.
        classes: Keep only these, given by name or label; labelled from 0 in this order.
        size: Resize the images to this side.
        labels: CSV file with other labels of training images, as stored: before classes are chosen or splits are made.
        cache: Folder where the images of a folder are kept once they are read.

    Raises:
        ConfigError: There is no such data set, or no such class.
        DataError: The data cannot be had, or a file is damaged or of another kind.
    """
    raw = load_raw(name, str(data_dir) if data_dir else None, size, cache)
    raw = relabel(raw, Path(labels)) if labels else raw
    raw = keep_classes(raw, classes) if classes is not None else raw
    y = raw.arrays["y_train"]
    rest = np.arange(len(y))
    if "x_test" in raw.arrays:
        test = _split(raw, "test")
    else:
        rest, chosen = _hold_out(rest, y, max(math.ceil(TEST_SHARE * len(y)), len(raw.class_names)), seed)
        test = _split(raw, "train", chosen)
    share = max(math.ceil(len(rest) / 10), len(raw.class_names))
    held_out = VALIDATION_SIZE if len(rest) >= 10 * VALIDATION_SIZE else share
    kept, held = _hold_out(rest, y, held_out, seed)
    if limit is not None and limit > len(kept):
        log.warning("limit = %d: there are %d training images; all are used", limit, len(kept))
    kept = kept[:limit]
    return Dataset(
        name=raw.name,
        source=raw.source,
        fingerprint=raw.fingerprint,
        class_names=raw.class_names,
        train=_split(raw, "train", kept),
        validation=_split(raw, "train", held),
        test=test,
        files=raw.files,
        test_files=raw.test_files if "x_test" in raw.arrays else raw.files,
    )


def _hold_out(rows: np.ndarray, y: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows at random, the same share of each class: those that are kept, and ``count`` others.

    Raises:
        DataError: There are too few of them.
    """
    from sklearn.model_selection import train_test_split

    try:
        kept, held = train_test_split(rows, test_size=count, stratify=y[rows], random_state=seed)
    except ValueError as error:
        raise DataError(f"{len(rows)} training images are too few to hold some of each class out") from error
    return kept, held


def _split(raw: RawDataset, part: str, rows: np.ndarray | slice = slice(None)) -> Split:
    """Take some rows of a part; uint8 images ``(N, H, W)`` or ``(N, H, W, C)`` -> Split."""
    x, y = raw.arrays[f"x_{part}"], raw.arrays[f"y_{part}"]
    places = raw.places.get(part, np.arange(len(y)))
    x = x[rows, ..., np.newaxis] if x.ndim == 3 else x[rows]
    return Split(np.divide(x, 255, out=_aligned(x.shape)), y[rows].astype(np.int64), places[rows])


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return an empty float32 array whose memory begins where TensorFlow can use it without a copy."""
    size = 4 * math.prod(shape)
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64  # bytes
    return memory[start : start + size].view(np.float32).reshape(shape)
