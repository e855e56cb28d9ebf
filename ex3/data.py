"""The images: where they come from, and how they are split.

``load_dataset`` takes MNIST or Fashion-MNIST from a folder of the user's, else from Keras's cache, else from Keras's
download. ``auto`` falls back on scikit-learn's embedded digits, with a warning and under their own name. Whatever the
source, counts and labels are checked before they are believed.
"""

import hashlib
import logging
import math
import socket
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ex3.errors import DataError
from ex3.image_files import Arrays, read_idx_folder, read_npz
from ex3.results import DatasetInfo

log = logging.getLogger("ex3")

CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
    "digits": tuple("0123456789"),
}
MNIST_FINGERPRINT = "06b0d1f124c4e5fa"
VALIDATION_SIZE = 5_000  # of MNIST's 60,000
DOWNLOAD_TIMEOUT = 10.0  # seconds without an answer


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


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits of one data set; the training and validation images are in random order."""

    name: str
    source: str
    fingerprint: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def info(self) -> DatasetInfo:
        """What a result has to say about the images that it rests on."""
        sizes = {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}
        return DatasetInfo(self.name, self.source, self.fingerprint, sizes)


def load_dataset(name: str, data_dir: Path | str | None = None, seed: int = 0, limit: int | None = None) -> Dataset:
    """Load a data set and cut a stratified validation split off its training images.

    Args:
        name: ``mnist``, ``fashion-mnist``, ``digits``, or ``auto``: MNIST where it can be had, else digits.
        data_dir: A folder that holds the four IDX files (gzipped or not) or ``<name>.npz``, or such an ``.npz`` itself.
            When it is given, no other source is tried.
        seed: Decides which training images are held out for validation (5,000 of MNIST, a tenth of a smaller set), and
            the order of the others.
        limit: Keep only so many training images.

    Raises:
        DataError: The data cannot be had, or a file is not what it should be.
    """
    from sklearn.model_selection import train_test_split

    raw = _load_raw(name, str(data_dir) if data_dir else None)
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


@dataclass(frozen=True)
class _Raw:
    """A data set as its source holds it: images uint8 ``(N, 28, 28)`` and labels of an integer type ``(N,)``."""

    name: str
    source: str
    arrays: Arrays

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all pixels and labels as bytes."""
        digest = hashlib.sha256()
        for array in self.arrays.values():
            digest.update(np.ascontiguousarray(array, np.uint8))
        return digest.hexdigest()[:16]


@lru_cache(maxsize=1)  # repeats over seeds split the same images anew
def _load_raw(name: str, data_dir: str | None) -> _Raw:
    if name == "digits":
        return _Raw("digits", "scikit-learn", _embedded_digits())
    wanted = "mnist" if name == "auto" else name
    if data_dir is not None:
        return _from_folder(wanted, Path(data_dir))
    try:
        return _Raw(wanted, "Keras", _from_keras(wanted))
    except DataError as error:
        if name != "auto":
            raise
        log.warning("%s", error)
        log.warning("NOT MNIST: going on with scikit-learn's embedded digits, 1,797 images of 8 x 8 pixels")
        return _Raw("digits", "scikit-learn", _embedded_digits())


def _from_folder(name: str, path: Path) -> _Raw:
    """IDX files or an ``.npz``; MNIST and Fashion-MNIST look alike there, and only the content tells them apart."""
    archive = path if path.is_file() else path / f"{name}.npz"
    if archive.is_file():
        raw = _Raw(name, ".npz file", read_npz(archive))
    elif path.is_dir():
        raw = _Raw(name, "IDX files", read_idx_folder(path))
    else:
        raise DataError(f"{path}: no such file or folder")
    _check(raw.arrays, path)
    is_mnist = raw.fingerprint == MNIST_FINGERPRINT
    if name == "fashion-mnist" and is_mnist:
        raise DataError(f"{path}: holds MNIST, not Fashion-MNIST")
    if name == "mnist" and not is_mnist:
        log.warning("%s: not the original MNIST (its fingerprint is not %s)", path, MNIST_FINGERPRINT)
    return raw


def _check(arrays: Arrays, where: Path | str) -> None:
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if len(x) != len(y):
            raise DataError(f"{where}: {len(x)} {part} images but {len(y)} {part} labels")
        wrong = (y < 0) | (y > 9)
        if wrong.any():
            raise DataError(f"{where}: y_{part} holds the label {y[wrong][0]}; labels go from 0 to 9")


def _from_keras(name: str) -> Arrays:
    """Keras's cached copy or, within a bounded wait, its download."""
    from ex3.backend import keras

    module = {"mnist": keras.datasets.mnist, "fashion-mnist": keras.datasets.fashion_mnist}[name]
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with redirect_stdout(sys.stderr):  # where Keras shows the download's progress
            (x_train, y_train), (x_test, y_test) = module.load_data()
    except Exception as error:  # a failed download raises a bare Exception
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{name}: not in Keras's cache, and its download failed ({reason}); "
            "name a folder that holds its IDX files with --data-dir or EX3_DATA_DIR"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    _check(arrays, f"Keras's {name}")
    return arrays


def _embedded_digits() -> Arrays:
    """scikit-learn's digits, 8 x 8 in 0 ... 16: each pixel tripled, framed to 28 x 28, in 0 ... 255."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))  # (1797, 24, 24)
    x = np.pad(np.rint(x * (255 / 16)).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
