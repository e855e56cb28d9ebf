"""The two file formats of MNIST, IDX and NumPy's ``.npz``, read without trusting them.

No pickle is loaded, and nothing is decompressed past the size that the header allows. Each reader returns the arrays
as the file holds them; ``sources.py`` checks what they hold.
"""

import gzip
import io
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from ex3.errors import DataError

Arrays = dict[str, np.ndarray]


class Readable(Protocol):
    """A binary file that is read from its current position."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes."""


IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
IMAGE_SHAPE = (28, 28)
MAX_ITEMS = 1_000_000  # a header that announces more is not believed
MAX_HEADER_BYTES = 10_000


def read_idx_folder(folder: Path) -> Arrays:
    """Read the four IDX files of MNIST, gzipped or not.

    Returns:
        ``x_train``, ``x_test``: uint8 ``(N, 28, 28)``; ``y_train``, ``y_test``: uint8 ``(N,)``.

    Raises:
        DataError: A file is missing, or is not what it should be.
    """
    shapes = {key: IMAGE_SHAPE if key.startswith("x") else () for key in IDX_NAMES}
    return {key: _read_idx(_find_idx(folder, stem), shapes[key]) for key, stem in IDX_NAMES.items()}


def read_npz(path: Path, image_shape: tuple[int, ...] = IMAGE_SHAPE) -> Arrays:
    """Read an ``.npz`` with ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Returns:
        The arrays: images uint8 ``(N, *image_shape)``, labels of any integer type ``(N,)``.

    Raises:
        DataError: The file is not such an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {key: _read_npy(archive, key, image_shape, f"{path}: {key}") for key in IDX_NAMES}
    except DataError:
        raise
    except Exception as error:  # zip archives and their decompressors raise anything for a damaged file
        raise DataError(f"{path}: not a readable .npz archive: {str(error) or type(error).__name__}") from error


def _find_idx(folder: Path, stem: str) -> Path:
    dotted = stem.replace("-idx", ".idx")  # how some archives spell it
    for name in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder}: holds no {stem}, gzipped or not")


def _read_idx(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    """Read an IDX file of unsigned bytes (http://yann.lecun.com/exdb/mnist).

    Its header: two zero bytes, the type code 8, the number of dimensions, and each dimension as a big-endian 32-bit
    integer. The bytes follow in row-major order.
    """
    dimensions = 1 + len(item_shape)
    try:
        with path.open("rb") as raw:
            opener = gzip.open if raw.read(2) == b"\x1f\x8b" else open
        with opener(path, "rb") as file:
            magic = file.read(4)
            if magic != bytes([0, 0, 8, dimensions]):
                raise DataError(f"{path}: starts with 0x{magic.hex()}, not with IDX's 0x0000080{dimensions}")
            header = file.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise DataError(f"{path}: ends within its header")
            shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
            return _read_exactly(file, shape, item_shape, np.dtype(np.uint8), str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _read_npy(archive: zipfile.ZipFile, key: str, image_shape: tuple[int, ...], where: str) -> np.ndarray:
    if f"{key}.npy" not in archive.namelist():
        raise DataError(f"{where}: no such array in the archive")
    with archive.open(f"{key}.npy") as file:
        shape, fortran_order, dtype = _read_header(file, where)
        if dtype.hasobject:
            raise DataError(f"{where}: holds pickled Python objects, which are never loaded")
        if key.startswith("x") and dtype != np.uint8:
            raise DataError(f"{where}: pixels should be uint8, not {dtype}")
        if dtype.kind not in "ui" or fortran_order:
            raise DataError(f"{where}: should hold integers in C order")
        return _read_exactly(file, shape, image_shape if key.startswith("x") else (), dtype, where)


def _read_header(file: Readable, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of NumPy's ``.npy``, a Python literal, and not more than such a header needs."""
    try:
        version = np.lib.format.read_magic(file)
        bytes_of_length = {(1, 0): 2, (2, 0): 4}[version]
        length = file.read(bytes_of_length)
        if int.from_bytes(length, "little") > MAX_HEADER_BYTES:
            raise ValueError(f"its header is longer than {MAX_HEADER_BYTES} bytes")
        header = io.BytesIO(length + file.read(int.from_bytes(length, "little")))
        with warnings.catch_warnings(action="ignore"):
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            return reader(header)
    except Exception as error:  # Python's own parser raises anything for what is no literal
        raise DataError(f"{where}: not a NumPy array: {str(error) or type(error).__name__}") from error


def _read_exactly(
    file: Readable, shape: tuple[int, ...], item_shape: tuple[int, ...], dtype: np.dtype, where: str
) -> np.ndarray:
    """Read the bytes that a header announced: not fewer and, however well they compress, not more."""
    if any(type(size) is not int for size in shape) or len(shape) != 1 + len(item_shape) or shape[1:] != item_shape:
        expected = ", ".join(["N", *map(str, item_shape)])
        raise DataError(f"{where}: its shape is {shape}, not ({expected})")
    if not 0 < shape[0] <= MAX_ITEMS:
        raise DataError(f"{where}: announces {shape[0]} items; from 1 to {MAX_ITEMS} are believed")
    size = math.prod(shape) * dtype.itemsize
    content = file.read(size)
    if len(content) < size:
        raise DataError(f"{where}: holds {len(content)} of the {size} bytes that its header announces")
    if file.read(1):
        raise DataError(f"{where}: goes on after the {size} bytes that its header announces")
    return np.frombuffer(content, dtype).reshape(shape)
