"""Where the images come from: this package, a folder, Keras, or scikit-learn.

Counts and labels are checked whatever the source. Nothing falls back on another data set.
"""

import hashlib
import logging
import socket
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ex3.data.files import Arrays, read_idx_folder, read_npz
from ex3.errors import DataError

log = logging.getLogger("ex3")

DIGIT_NAMES = tuple("0123456789")
CLASS_NAMES = {
    "mnist": DIGIT_NAMES,
    "fashion-mnist": ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
    "digits": DIGIT_NAMES,
}
MNIST_FOLDER = Path(__file__).parent / "mnist"
MNIST_FINGERPRINT = "06b0d1f124c4e5fa"
DOWNLOAD_TIMEOUT = 10.0  # seconds without an answer


@dataclass(frozen=True)
class RawDataset:
    """A data set as its source holds it: images uint8 ``(N, 28, 28)`` and labels of an integer type ``(N,)``."""

    name: str
    source: str
    arrays: Arrays

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all pixels and labels as bytes."""
        sha256 = hashlib.sha256()
        for array in self.arrays.values():
            sha256.update(np.ascontiguousarray(array, np.uint8).data)
        return sha256.hexdigest()[:16]


@lru_cache(maxsize=1)  # repeats over seeds split the same images anew
def load_raw(name: str, data_dir: str | None = None) -> RawDataset:
    """Read a data set; see ``data.load_dataset``.

    Raises:
        DataError: The data cannot be had, or a file is damaged or of another kind.
    """
    if name == "digits":
        return RawDataset(name, "scikit-learn", _scikit_learn_digits())
    if data_dir is not None:
        return _read_folder(name, Path(data_dir))
    if name == "mnist":
        return _embedded_mnist()
    return RawDataset(name, "Keras", _download_with_keras(name))


def _embedded_mnist() -> RawDataset:
    """Read MNIST's files, which are part of this package."""
    raw = RawDataset("mnist", "this package", read_idx_folder(MNIST_FOLDER))
    if raw.fingerprint != MNIST_FINGERPRINT:
        raise DataError(
            f"{MNIST_FOLDER}: damaged, its fingerprint is not {MNIST_FINGERPRINT}; install the package again"
        )
    return raw


def _read_folder(name: str, path: Path) -> RawDataset:
    """Read IDX files or an ``.npz``. MNIST's and Fashion-MNIST's names are the same; the content tells them apart."""
    archive = path if path.is_file() else path / f"{name}.npz"
    if archive.is_file():
        raw = RawDataset(name, ".npz file", read_npz(archive))
    elif path.is_dir():
        raw = RawDataset(name, "IDX files", read_idx_folder(path))
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


def _download_with_keras(name: str) -> Arrays:
    """Return Keras's cached copy, or download it; a server that stays silent is given up on."""
    from ex3.backend import keras

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with redirect_stdout(sys.stderr):  # where Keras shows the download's progress
            (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
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


def _scikit_learn_digits() -> Arrays:
    """scikit-learn's digits, 8 x 8 in 0 ... 16: each pixel tripled, framed to 28 x 28, in 0 ... 255."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))  # (1797, 24, 24)
    x = np.pad(np.rint(x * (255 / 16)).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
