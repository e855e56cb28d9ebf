"""Differences of repeats that share their seeds: what two settings have in common with a seed cancels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ex3.measures.intervals import LEVEL
from ex3.results import Number


@dataclass(frozen=True)
class PairedDifference:
    """The mean of a - b over the seeds, with its 95 % t interval.

    Attributes:
        mean: The mean difference.
        low: Lower end of the interval.
        high: Upper end.
        count: Number of seeds.
    """

    mean: Number
    low: Number
    high: Number
    count: int


def paired_difference(a: Sequence[float], b: Sequence[float]) -> PairedDifference:
    """Return the mean of a - b and its interval, d ± t s / sqrt(n), t of n - 1 degrees of freedom (Student 1908).

    Args:
        a: One number per seed.
        b: Likewise, of the same seeds in the same order.

    Returns:
        The difference; all of it ``nan`` where a number is not finite, its interval also for a single seed.

    Raises:
        ValueError: The lists differ in length.
    """
    differences = np.array([x - y for x, y in zip(a, b, strict=True)])
    count = len(differences)
    if count == 0 or not np.isfinite(differences).all():
        return PairedDifference(math.nan, math.nan, math.nan, count)
    mean = float(differences.mean())
    if count == 1:
        return PairedDifference(mean, math.nan, math.nan, 1)
    margin = float(stdtrit(count - 1, (1 + LEVEL) / 2) * differences.std(ddof=1) / math.sqrt(count))
    return PairedDifference(mean, mean - margin, mean + margin, count)
