"""Images that are there twice: equal ones, and nearly equal ones.

Equal pixels are found by their digest. Nearly equal images are sought in two steps. A coarse code, 8 x 8 means in grey,
finds pairs that look alike from afar: their codes correlate with at least ``RADIUS``. The edges, differences of
neighbouring pixels at full resolution, then decide: smooth backgrounds agree by chance, edges do not. Both correlations
overlook another brightness or contrast; neither finds an image that was shifted, mirrored or cut out of another one.
An image with more than ``CROWD`` look-alikes is a simple shape, such as a handwritten 1, and not sought.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ex3.data_care.thumbnails import pool

CODE_SIDE = 8
RADIUS = 0.9  # correlation of two codes
CROWD = 50
BLOCK = 512  # rows of codes that are compared with all others at a time
PAIRS_AT_A_TIME = 4_000_000  # pixels


@dataclass(frozen=True)
class Pairs:
    """Pairs of images.

    Attributes:
        rows: int64 ``(N, 2)``, the more similar pairs first, and in a pair the lower row.
        similarity: Correlation of their edges ``(N,)``; 1 for equal images.
    """

    rows: np.ndarray
    similarity: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Duplicates:
    """What was found among some images.

    Attributes:
        equal: Each copy, with the first image of its kind.
        alike: Pairs that look alike from afar, without the copies.
        crowded: Number of images with so many look-alikes that they are not sought.
    """

    equal: Pairs
    alike: Pairs
    crowded: int


def find_duplicates(x: np.ndarray) -> Duplicates:
    """Find equal images, and those that look alike.

    Args:
        x: ``(N, H, W, C)`` in [0, 1].
    """
    first = _first_of_its_kind(x)
    copies = np.flatnonzero(first != np.arange(len(x)))
    equal = Pairs(np.stack([first[copies], copies], axis=1), np.ones(len(copies)))
    singles = np.flatnonzero((first == np.arange(len(x))) & ~is_constant(x))
    pairs, crowded = _find_neighbours(_codes(x, singles))
    pairs = singles[pairs]
    similarity = _correlate_edges(x, pairs)
    order = np.argsort(-similarity, kind="stable")
    return Duplicates(equal, Pairs(pairs[order], similarity[order]), crowded)


def is_constant(x: np.ndarray) -> np.ndarray:
    """Tell which images ``(N, H, W, C)`` have a single colour: bool ``(N,)``."""
    return (x.max(axis=(1, 2)) == x.min(axis=(1, 2))).all(axis=-1)


def _first_of_its_kind(x: np.ndarray) -> np.ndarray:
    """Return for each image the row of the first one with the same pixels, ``(N,)``."""
    rows: dict[bytes, int] = {}
    return np.array([rows.setdefault(image.tobytes(), row) for row, image in enumerate(_as_bytes(x))], dtype=int)


def _as_bytes(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield each image in 256 steps, as it was stored."""
    return (np.rint(255 * image).astype(np.uint8) for image in x)


def _codes(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the codes of some images, centred, of length 1, float32 ``(rows, 64)``."""
    grey = (pool(x[block].mean(axis=-1), CODE_SIDE, CODE_SIDE) for block in _blocks(rows, BLOCK))
    codes = np.concatenate([np.empty((0, CODE_SIDE, CODE_SIDE), np.float32), *grey]).reshape(len(rows), -1)
    return _unit(codes - codes.mean(axis=1, keepdims=True))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def _blocks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _find_neighbours(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """Return pairs whose codes correlate with at least ``RADIUS``, ``(pairs, 2)``, and the number of crowded images.

    A crowded image is in no pair. Its pairs are dropped on the way, since there may be billions.
    """
    count = len(codes)
    neighbours = np.zeros(count, int)
    found = [np.empty((0, 2), int)]
    for start in range(0, count, BLOCK):
        similar = codes[start : start + BLOCK] @ codes[start:].T >= RADIUS
        left, right = np.divmod(np.flatnonzero(similar), count - start)
        is_pair = right > left
        pairs = start + np.stack([left[is_pair], right[is_pair]], axis=1)
        neighbours += np.bincount(pairs.ravel(), minlength=count)
        found.append(pairs[neighbours[pairs[:, 0]] <= CROWD])
    pairs = np.concatenate(found)
    is_crowded = neighbours > CROWD
    return pairs[~is_crowded[pairs].any(axis=1)], int(is_crowded.sum())


def _correlate_edges(x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Correlate the edges of each pair: float64 ``(pairs,)`` in [-1, 1]."""
    size = max(1, PAIRS_AT_A_TIME // max(1, x[0].size))
    blocks = [np.sum(_edges(x[block[:, 0]]) * _edges(x[block[:, 1]]), axis=1) for block in _blocks(pairs, size)]
    return np.concatenate([np.empty(0), *blocks])


def _edges(x: np.ndarray) -> np.ndarray:
    """Return the differences of neighbouring pixels in grey, of length 1: ``(N, H, W, C)`` -> ``(N, differences)``."""
    grey = x.mean(axis=-1)
    return _unit(np.concatenate([np.diff(grey, axis=axis).reshape(len(grey), -1) for axis in (1, 2)], axis=1))
