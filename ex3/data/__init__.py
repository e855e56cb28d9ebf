"""Images: a data set's three splits, from whatever source.

``load_dataset`` reads a data set (``sources.py``, ``files.py``), holds a stratified validation split out, and scales
the pixels to [0, 1]. MNIST itself comes with this package, in ``data/mnist``.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ex3.data.sources import CLASS_NAMES, MNIST_FINGERPRINT, load_raw
from ex3.errors import DataError
from ex3.results import DatasetInfo

__all__ = ["MNIST_FINGERPRINT", "Dataset", "Split", "load_dataset"]

log = logging.getLogger("ex3")

VALIDATION_SIZE = 5_000  # of MNIST's 60,000


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        x: ``(N, 28, 28, 1)`` float32 in [0, 1].
        y: ``(N,)`` int64 in 0 ... 9.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> "Split":
        """Return the first ``count`` images, or all where there are fewer."""
        return Split(self.x[:count], self.y[:count])

    def sample(self, count: int, seed: int) -> "Split":
        """Draw ``count`` images at random, without repetition; all where there are fewer."""
        drawn = np.random.default_rng(seed).permutation(len(self))[:count]
        return Split(self.x[drawn], self.y[drawn])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits of one data set; the training and validation images are in random order.

    Compared by identity, so that what is computed from a data set can be cached.
    """

    name: str
    source: str
    fingerprint: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def info(self) -> DatasetInfo:
        """The description that goes with every result."""
        sizes = {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}
        return DatasetInfo(self.name, self.source, self.fingerprint, sizes, list(self.class_names))


def load_dataset(
    name: str = "mnist", data_dir: Path | str | None = None, seed: int = 0, limit: int | None = None
) -> Dataset:
    """Load a data set and hold a stratified validation split out of its training images.

    Args:
        name: ``mnist``, ``fashion-mnist`` or ``digits``.
        data_dir: Folder with the four IDX files (gzipped or not) or ``<name>.npz``, or such an ``.npz`` itself. Without
            it, MNIST comes from this package, Fashion-MNIST from Keras, and the digits from scikit-learn.
        seed: Decides which training images are held out for validation (5,000 of MNIST, a tenth of a smaller set), and
            the order of the others.
        limit: Keep only so many training images.

    Raises:
        DataError: The data cannot be had, or a file is damaged or of another kind.
    """
    from sklearn.model_selection import train_test_split

    raw = load_raw(name, str(data_dir) if data_dir else None)
    x, y = raw.arrays["x_train"], raw.arrays["y_train"]
    held_out = VALIDATION_SIZE if len(y) >= 10 * VALIDATION_SIZE else math.ceil(len(y) / 10)
    try:
        kept, held = train_test_split(np.arange(len(y)), test_size=held_out, stratify=y, random_state=seed)
    except ValueError as error:
        raise DataError(f"{len(y)} training images are too few to hold some of each class out") from error
    if limit is not None and limit > len(kept):
        log.warning("limit = %d: there are %d training images; all are used", limit, len(kept))
    kept = kept[:limit]
    return Dataset(
        name=raw.name,
        source=raw.source,
        fingerprint=raw.fingerprint,
        class_names=CLASS_NAMES[raw.name],
        train=_split(x[kept], y[kept]),
        validation=_split(x[held], y[held]),
        test=_split(raw.arrays["x_test"], raw.arrays["y_test"]),
    )


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    """uint8 images ``(N, 28, 28)`` and labels ``(N,)`` -> Split."""
    return Split(np.divide(x[..., np.newaxis], 255, dtype=np.float32), y.astype(np.int64))
