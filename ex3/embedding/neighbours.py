"""Which images are alike: nearest neighbours of each, found once, without labels.

A digit's slant is taken away before. It changes many pixels and says nothing of what is written.
"""

import math

import numpy as np

from ex3.backend import tf

BLOCK = 11_000  # images that are compared with each other: the time grows with this number
TOGETHER = 200  # images that are deskewed at a time
ROWS = 1_000  # of a block's similarities that are in memory at a time


def nearest(images: np.ndarray, count: int) -> np.ndarray:
    """Return the nearest neighbours of each image, int32 ``(N, count)``, the nearest first, itself left out.

    Their Euclidean distances are those of the means of 2 x 2 pixels. Each image has its neighbours in its own block,
    some 11,000 consecutive images: in a random order, those are as good as any.

    Args:
        images: ``(N, H, W)``, N at least 2.
        count: Fewer are found where a block has fewer.
    """
    points = _halved(images).reshape(len(images), -1)
    blocks = np.array_split(np.arange(len(images)), math.ceil(len(images) / BLOCK))
    count = min(count, *(len(block) - 1 for block in blocks))
    return np.concatenate([block[0] + _nearest_rows(points[block], count) for block in blocks])


def deskew(x: np.ndarray) -> np.ndarray:
    """Shear and shift images so that their ink stands upright in the middle: ``(N, H, W, C)`` -> ``(N, H, W)``.

    With p the ink's density, and x, y its mean-free column and row, the slant is a = E[x y] / E[y^2]. A pixel at row y
    is read at column x + a y, between two pixels by linear interpolation. Pixels from outside are 0.
    """
    return np.concatenate([_deskew(some) for some in np.array_split(x, math.ceil(len(x) / TOGETHER))])


def _deskew(x: np.ndarray) -> np.ndarray:
    """Do so for images that the processor's caches hold."""
    ink = x.mean(axis=-1)
    height, width = ink.shape[1:]
    rows, columns = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    of_rows = ink.sum(axis=2)  # (N, H)
    mass = np.maximum(of_rows.sum(axis=1, keepdims=True), 1e-9)
    y = rows - of_rows @ rows[:, np.newaxis] / mass
    middle = ink.sum(axis=1) @ columns[:, np.newaxis] / mass  # (N, 1)
    moments = ink @ columns - of_rows * middle  # of each row: sum of p x
    slant = (moments * y).sum(axis=1) / np.maximum((of_rows * y**2).sum(axis=1), 1e-9)
    read_at = columns + (slant[:, np.newaxis] * y + middle - (width - 1) / 2)[:, :, np.newaxis]
    left = np.floor(read_at).astype(int)
    share = (read_at - left).astype(np.float32)
    framed = np.pad(ink, ((0, 0), (0, 0), (1, 1)))
    at_left, at_right = (np.take_along_axis(framed, np.clip(left + step, 0, width + 1), axis=2) for step in (1, 2))
    return at_left * (1 - share) + at_right * share


def _halved(images: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 pixels; an odd row or column at the edge is cut off."""
    height, width = images.shape[1] // 2 * 2, images.shape[2] // 2 * 2
    cut = images[:, :height, :width]
    return cut.reshape(len(images), height // 2, 2, width // 2, 2).mean(axis=(2, 4))


def _nearest_rows(points: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of each point's nearest ``count`` others, int32; |a - b|^2 = |a|^2 + |b|^2 - 2 a b."""
    others = tf.constant(points, tf.float32)
    squares = tf.reduce_sum(others**2, axis=1)
    found = []
    for first in range(0, len(points), ROWS):
        near = 2 * tf.matmul(others[first : first + ROWS], others, transpose_b=True) - squares
        itself = tf.fill([near.shape[0]], -math.inf)
        found.append(tf.math.top_k(tf.linalg.set_diag(near, itself, k=first), count).indices.numpy())
    return np.concatenate(found)
