"""CROWN's bound for a network with one hidden layer (Zhang et al. 2018, arXiv 1811.00866), in NumPy.

Intervals forget that the hidden units depend on the same pixels. CROWN keeps each ReLU between two lines: with
z in [l, u], l < 0 < u, the upper one is u (z - l) / (u - l) and the lower one is z where u >= -l and 0 elsewhere. Each
margin then has a lower bound that is linear in the pixels, whose minimum over a box is known:

    m_k = a h(z) + d >= sum_j (s_j a_j z_j + t_j) + d = A x + e >= A c + e - |A| r,  A = (s a) W

with s_j, t_j slope and offset of the lower line where a_j >= 0, of the upper line where a_j < 0, and a = w_y - w_k.
Rounding is accounted for as in ``certificate``: the bound holds in exact arithmetic, and in float32.
"""

import numpy as np

from ex3.defences.certificate import BATCH_SIZE, PASSES, Box, Dense, image_box, rounding


def bound_margins(hidden: Dense, head: Dense, x: np.ndarray, y: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a lower bound of each margin z_y - z_k over the box around each image.

    Args:
        hidden: The layer before the ReLU, of ``pixels`` inputs.
        head: The layer after it, which gives the logits.
        x: Images, float32 ``(N, pixels)`` in [0, 1].
        y: Labels, int ``(N,)``.
        epsilon: Largest change of a pixel.

    Returns:
        float64 ``(N, classes)``; infinite for the label itself.
    """
    bounds = np.full((len(x), len(head.bias)), np.inf)
    for start in range(0, len(x), BATCH_SIZE):
        here = slice(start, start + BATCH_SIZE)
        box = image_box(x[here], epsilon)
        before = PASSES[Dense](hidden, box)
        for k in range(len(head.bias)):
            others = start + np.flatnonzero(y[here] != k)
            kept = others - start
            images, units = (Box(part.centre[kept], part.radius[kept]) for part in (box, before))
            bounds[others, k] = _bound(hidden, head, images, units, y[others], k)
    return bounds


def _bound(hidden: Dense, head: Dense, box: Box, before: Box, y: np.ndarray, k: int) -> np.ndarray:
    """Bound z_y - z_k for images of other classes: ``(n,)``."""
    low, high = before.centre - before.radius, before.centre + before.radius
    a = head.weights.T[y] - head.weights[:, k]  # (n, units)
    is_open = (low < 0) & (high > 0)
    width = np.where(is_open, high - low, 1)
    upper = np.where(is_open, high / width, low >= 0)
    lower = np.where(is_open, high >= -low, low >= 0)
    slopes = a * np.where(a >= 0, lower, upper)
    offsets = np.where(is_open & (a < 0), -a * high * low / width, 0)  # negative: lowers the bound
    matrix = slopes @ hidden.weights.T  # (n, pixels)
    linear = np.sum(matrix * box.centre - np.abs(matrix) * box.radius, axis=1)
    constant = slopes @ hidden.bias + offsets.sum(axis=1) + head.bias[y] - head.bias[k]
    return linear + constant - _rounding_errors(hidden, head, box, high, slopes, offsets, y, k)


def _rounding_errors(
    hidden: Dense,
    head: Dense,
    box: Box,
    high: np.ndarray,
    slopes: np.ndarray,
    offsets: np.ndarray,
    y: np.ndarray,
    k: int,
) -> np.ndarray:
    """Bound how far float32, here and in the network, moves a margin: ``(n,)``."""
    of_hidden = (np.abs(box.centre) + box.radius) @ np.abs(hidden.weights) + np.abs(hidden.bias)  # (n, units)
    size = np.abs(head.weights.T)
    of_head = np.sum((size[y] + size[k]) * np.maximum(high, 0), axis=1) + np.abs(head.bias[y]) + np.abs(head.bias[k])
    return rounding(len(hidden.weights)) * np.sum(np.abs(slopes) * of_hidden + np.abs(offsets), axis=1) + rounding(
        len(head.weights)
    ) * (of_head + np.abs(offsets).sum(axis=1))
