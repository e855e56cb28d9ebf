"""How much of the time of several steps is over."""

import time
from collections.abc import Sequence


class Clock:
    """Estimates how much of the whole time is over.

    Args:
        expected: Expected seconds of each step.
    """

    def __init__(self, expected: Sequence[float]):
        self.waiting = list(expected)
        self.total = sum(self.waiting)
        self.over = 0.0  # expected seconds of the finished steps
        self.start = self.began = time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Return the share of the time that is over, and the seconds left."""
        now = time.perf_counter()
        pace = (self.began - self.start) / self.over if self.over else 1.0
        current = min((now - self.began) / pace, self.waiting[0])
        return (self.over + current) / self.total, (self.total - self.over - current) * pace

    def next_step(self) -> None:
        """Count the current step as finished."""
        self.over += self.waiting.pop(0)
        self.began = time.perf_counter()
