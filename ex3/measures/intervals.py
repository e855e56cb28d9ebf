"""The 95 % interval of a share of images."""

import math
from statistics import NormalDist

LEVEL = 0.95  # of all intervals
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)  # 1.96


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the interval of a share: it stays in [0, 1] and has a width at 0 and 1, too (Wilson 1927).

    Args:
        hits: Images that count, of ``count``.
        count: All images, at least 1.
    """
    share = hits / count
    middle = share + Z**2 / (2 * count)
    half = Z * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, (middle - half) / (1 + Z**2 / count)), min(1.0, (middle + half) / (1 + Z**2 / count))
