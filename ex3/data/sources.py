"""Where the images come from: this package, a folder, Keras, or scikit-learn.

Counts and labels are checked whatever the source. Nothing falls back on another data set.
"""

import logging
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import redirect_stdout
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ex3.config_files import check_dataset
from ex3.data import folders
from ex3.data.files import Arrays, read_idx_folder, read_npz
from ex3.data.pictures import describe_kind, resize
from ex3.data.raw import CLASS_NAMES, RawDataset
from ex3.errors import DataError
from ex3.settings import DATASETS

log = logging.getLogger("ex3")

MNIST_FOLDER = Path(__file__).parent / "mnist"
MNIST_FINGERPRINT = "06b0d1f124c4e5fa"
CARS_CATS_TRUCKS = (1, 3, 9)  # labels in CIFAR-10, whose images are 32 x 32
KERAS_FILES = {  # what Keras keeps of a download
    "fashion-mnist": "fashion-mnist/train-images-idx3-ubyte.gz",
    "cars-cats-trucks": "cifar-10-batches-py-target_archive",
}
DOWNLOAD_TIMEOUT = 10.0  # seconds without an answer

_reading = Lock()


def load_raw(name: str, data_dir: str | None = None, side: int | None = None, cache: Path | None = None) -> RawDataset:
    """Read a data set; see ``data.load_dataset``. One that is being read is waited for, and the last one is kept.

    Raises:
        ConfigError: There is no such data set.
        DataError: The data cannot be had, or a file is damaged or of another kind.
    """
    with _reading:
        return _load_raw(name, data_dir, side, cache)


@lru_cache(maxsize=1)  # repeats over seeds split the same images anew
def _load_raw(name: str, data_dir: str | None, side: int | None, cache: Path | None) -> RawDataset:
    if name not in DATASETS:
        check_dataset(name)
        return folders.read_folder(Path(name), Path(name).resolve().name, side, cache)
    raw = _read_known(name, Path(data_dir) if data_dir else None, side, cache)
    if side and raw.arrays["x_train"].shape[1:3] != (side, side):
        resized = {
            key: np.stack([resize(image, (side, side)) for image in array]) if key.startswith("x") else array
            for key, array in raw.arrays.items()
        }
        return RawDataset(name, raw.source, raw.class_names, resized, raw.files)
    return raw


def is_at_hand(name: str, data_dir: Path | None = None) -> bool:
    """Tell whether a data set is there without a download; its files are not read.

    Args:
        name: As in ``data.load_dataset``.
        data_dir: Likewise. Without it, Keras's cache counts.
    """
    if data_dir is None and name in KERAS_FILES:
        home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
        return (home / "datasets" / KERAS_FILES[name]).is_file()
    if data_dir is None or name != "cars-cats-trucks":
        return True
    first_class = CLASS_NAMES[name][0]
    folders_of_it = [_subfolder(name, data_dir) / part for part in (first_class, f"train/{first_class}")]
    return _archive(name, data_dir).is_file() or any(folder.is_dir() for folder in folders_of_it)


def count_kinds(
    name: str, data_dir: Path | None, class_names: Collection[str], cache: Path | None = None
) -> Counter[str]:
    """Count the stored images of some classes by size and colours, e.g. ``32 x 32, colour``.

    Args:
        name: As in ``data.load_dataset``.
        data_dir: Likewise.
        class_names: Of the classes.
        cache: As in ``data.load_dataset``.
    """
    if folder := _picture_folder(name, data_dir):
        return folders.count_kinds(folder, class_names)
    raw = load_raw(name, str(data_dir) if data_dir else None, None, cache)
    labels = [label for label, known in enumerate(raw.class_names) if known in class_names]
    count = sum(int(np.isin(array, labels).sum()) for key, array in raw.arrays.items() if key.startswith("y"))
    height, width, *channels = raw.arrays["x_train"].shape[1:]
    return Counter({describe_kind(width, height, is_grey=channels != [3]): count})


def _picture_folder(name: str, data_dir: Path | None) -> Path | None:
    """Return the folder of pictures that a data set is read from; ``None`` where it has another source."""
    if name not in DATASETS:
        return Path(name)
    if name == "cars-cats-trucks" and data_dir and not _archive(name, data_dir).is_file():
        return _subfolder(name, data_dir)
    return None


def _archive(name: str, path: Path) -> Path:
    return path if path.is_file() else path / f"{name}.npz"


def _subfolder(name: str, path: Path) -> Path:
    """Return the folder of pictures: one of the data set's name, or else the given folder itself."""
    return path / name if (path / name).is_dir() else path


def _read_known(name: str, path: Path | None, side: int | None, cache: Path | None) -> RawDataset:
    """Read a data set that has a name."""
    if name == "digits":
        return RawDataset(name, "scikit-learn", CLASS_NAMES[name], _scikit_learn_digits())
    if path is not None and name == "cars-cats-trucks":
        return _read_cars_cats_trucks(name, path, side, cache)
    if path is not None:
        return _read_folder(name, path)
    if name == "mnist":
        return _embedded_mnist()
    return RawDataset(name, "Keras", CLASS_NAMES[name], _download_with_keras(name))


def _embedded_mnist() -> RawDataset:
    """Read MNIST's files, which are part of this package."""
    raw = RawDataset("mnist", "this package", CLASS_NAMES["mnist"], read_idx_folder(MNIST_FOLDER))
    if raw.fingerprint != MNIST_FINGERPRINT:
        raise DataError(
            f"{MNIST_FOLDER}: damaged, its fingerprint is not {MNIST_FINGERPRINT}; install the package again"
        )
    return raw


def _read_folder(name: str, path: Path) -> RawDataset:
    """Read IDX files or an ``.npz``. MNIST's and Fashion-MNIST's names are the same; the content tells them apart."""
    archive = _archive(name, path)
    if archive.is_file():
        raw = RawDataset(name, ".npz file", CLASS_NAMES[name], read_npz(archive))
    elif path.is_dir():
        raw = RawDataset(name, "IDX files", CLASS_NAMES[name], read_idx_folder(path))
    else:
        raise DataError(f"{path}: no such file or folder")
    _check(raw.arrays, CLASS_NAMES[name], path)
    is_mnist = raw.fingerprint == MNIST_FINGERPRINT
    if name == "fashion-mnist" and is_mnist:
        raise DataError(f"{path}: holds MNIST, not Fashion-MNIST")
    if name == "mnist" and not is_mnist:
        log.warning("%s: not the original MNIST (its fingerprint is not %s)", path, MNIST_FINGERPRINT)
    return raw


def _read_cars_cats_trucks(name: str, path: Path, side: int | None, cache: Path | None) -> RawDataset:
    """Read a folder of pictures, or an ``.npz``."""
    archive = _archive(name, path)
    if archive.is_file():
        arrays = read_npz(archive, (32, 32, 3))
        _check(arrays, CLASS_NAMES[name], archive)
        return RawDataset(name, ".npz file", CLASS_NAMES[name], arrays)
    raw = folders.read_folder(_subfolder(name, path), name, side, cache)
    if raw.class_names != CLASS_NAMES[name]:
        raise DataError(f"{path}: its classes are {', '.join(raw.class_names)}, not {', '.join(CLASS_NAMES[name])}")
    return raw


def _check(arrays: Arrays, class_names: tuple[str, ...], where: Path | str) -> None:
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if len(x) != len(y):
            raise DataError(f"{where}: {len(x)} {part} images but {len(y)} {part} labels")
        wrong = (y < 0) | (y >= len(class_names))
        if wrong.any():
            last = len(class_names) - 1
            raise DataError(f"{where}: y_{part} holds the label {y[wrong][0]}; labels go from 0 to {last}")


def _download_with_keras(name: str) -> Arrays:
    """Return Keras's cached copy, or download it; a server that stays silent is given up on."""
    from ex3.backend import keras

    loaders: dict[str, Callable[[], Any]] = {
        "fashion-mnist": keras.datasets.fashion_mnist.load_data,
        "cars-cats-trucks": keras.datasets.cifar10.load_data,
    }
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        with redirect_stdout(sys.stderr):  # where Keras shows the download's progress
            (x_train, y_train), (x_test, y_test) = loaders[name]()
    except Exception as error:  # a failed download raises a bare Exception
        files = "IDX files" if name == "fashion-mnist" else "pictures, as train/car/*.png and so on,"
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{name}: not in Keras's cache, and its download failed ({reason}); "
            f"name a folder that holds its {files} with --data-dir or EX3_DATA_DIR"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    if name == "cars-cats-trucks":
        arrays = _keep_cars_cats_trucks(arrays)
    _check(arrays, CLASS_NAMES[name], f"Keras's {name}")
    return arrays


def _keep_cars_cats_trucks(arrays: Arrays) -> Arrays:
    """Keep three classes of CIFAR-10, whose labels are ``(N, 1)``."""
    kept = {}
    for part in ("train", "test"):
        y = arrays[f"y_{part}"].reshape(-1)
        of_three = np.isin(y, CARS_CATS_TRUCKS)
        kept[f"x_{part}"] = arrays[f"x_{part}"][of_three]
        kept[f"y_{part}"] = np.searchsorted(CARS_CATS_TRUCKS, y[of_three])
    return {key: kept[key] for key in arrays}


def _scikit_learn_digits() -> Arrays:
    """scikit-learn's digits, 8 x 8 in 0 ... 16: each pixel tripled, framed to 28 x 28, in 0 ... 255."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))  # (1797, 24, 24)
    x = np.pad(np.rint(x * (255 / 16)).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
