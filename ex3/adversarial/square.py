"""Square: a random search that sees logits alone (Andriushchenko et al. 2020, arXiv 1912.00049), NumPy.

It needs no gradient, so that a network whose gradients lead nowhere cannot hide from it.
"""

import numpy as np

from ex3.adversarial.attacks import Victim

FIRST_SHARE = 0.8  # of the pixels that the first squares cover
HALVINGS = (10, 50, 200, 500, 1_000, 2_000, 4_000, 6_000, 8_000)  # of this share, after so many of 10,000 queries


def square(
    victim: Victim, x: np.ndarray, y: np.ndarray, epsilon: float, queries: int = 5_000, seed: int = 0
) -> np.ndarray:
    """Try changes of random squares, and keep those that lower the margin (algorithms 1 and 2 of the paper, linf).

    The start adds plus or minus epsilon to each column. Then each query moves a random square of each image to
    x + epsilon or x - epsilon, one sign per channel, and keeps it where z_y - max_k z_k falls. The squares shrink as
    the queries go on. An image is finished as soon as it is misclassified.

    Args:
        victim: The model; only its logits are asked for.
        x: Images, float32 ``(N, H, W, C)`` in [0, 1].
        y: Labels, int64 ``(N,)``.
        epsilon: Largest change of a pixel.
        queries: Forward passes per image at most.
        seed: Of the squares.

    Returns:
        The images, each with the lowest margin that was found.
    """
    rng = np.random.default_rng(seed)
    low, high = (np.clip(x + change, 0, 1).astype(np.float32) for change in (-epsilon, epsilon))
    stripes = rng.random((len(x), 1, *x.shape[2:])) < 0.5
    best = np.where(stripes, low, high)
    margins = _margins(victim, best, y)
    remaining = np.flatnonzero(margins >= 0)
    for query in range(1, queries):
        if len(remaining) == 0:
            break
        side = _side(query, queries, x.shape)
        tried = _with_squares(rng, best[remaining], low[remaining], high[remaining], side)
        found = _margins(victim, tried, y[remaining])
        better = found < margins[remaining]
        best[remaining[better]], margins[remaining[better]] = tried[better], found[better]
        remaining = remaining[margins[remaining] >= 0]
    return best


def _with_squares(
    rng: np.random.Generator, images: np.ndarray, low: np.ndarray, high: np.ndarray, side: int
) -> np.ndarray:
    """Move a random square of each image to the lower or the upper end of its range, whichever changes something."""
    count, height, width, channels = images.shape
    rows = rng.integers(0, height - side + 1, count)[:, np.newaxis] + np.arange(side)
    columns = rng.integers(0, width - side + 1, count)[:, np.newaxis] + np.arange(side)
    window = (np.arange(count)[:, np.newaxis, np.newaxis], rows[:, :, np.newaxis], columns[:, np.newaxis])
    is_high = rng.random((count, 1, 1, channels)) < 0.5
    moved = np.where(is_high, high[window], low[window])
    is_same = np.all(moved == images[window], axis=(1, 2, 3), keepdims=True)
    tried = images.copy()
    tried[window] = np.where(is_high ^ is_same, high[window], low[window])
    return tried


def _side(query: int, queries: int, shape: tuple[int, ...]) -> int:
    """Return the side of the squares of a query, in pixels."""
    halved = sum(10_000 * query / queries > threshold for threshold in HALVINGS)
    height, width = shape[1:3]
    return int(np.clip(np.rint(np.sqrt(FIRST_SHARE / 2**halved * height * width)), 1, min(height, width)))


def _margins(victim: Victim, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return z_y - max_k z_k over the other classes, ``(n,)``: below 0 where an image is misclassified."""
    z = victim.logits(x)
    own = z[np.arange(len(y)), y]
    others = z.copy()
    others[np.arange(len(y)), y] = -np.inf
    return own - others.max(axis=1)
