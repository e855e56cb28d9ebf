"""How much of the time of several steps is over."""

import time
from collections.abc import Mapping
from threading import Lock


class Clock:
    """Estimates how much of the whole time is over, while steps share the machine. Threads may use it.

    Args:
        expected: By name, the seconds of each step that has the whole machine.
    """

    def __init__(self, expected: Mapping[str, float]):
        self.expected, self.total = expected, sum(expected.values())
        self.over, self.pace = 0.0, 1.0  # expected seconds of the finished steps; real seconds per expected one
        self.running: dict[str, tuple[float, int]] = {}  # when they began, and how many share the machine
        self.start = time.perf_counter()
        self._lock = Lock()

    def begin(self, name: str, sharing: int) -> None:
        """Count a step as one of ``sharing`` that run now."""
        with self._lock:
            self.running[name] = time.perf_counter(), sharing

    def end(self, name: str) -> None:
        """Count a step as finished."""
        with self._lock:
            del self.running[name]
            self.over += self.expected[name]
            self.pace = (time.perf_counter() - self.start) / (self.over + self._under_way())

    def read(self) -> tuple[float, float]:
        """Return the share of the time that is over, and the seconds left."""
        with self._lock:
            over = self.over + self._under_way()
            return over / self.total, (self.total - over) * self.pace

    def _under_way(self) -> float:
        """Return the expected seconds of the running steps that are over."""
        now = time.perf_counter()
        return sum(
            min((now - began) / sharing / self.pace, self.expected[name])
            for name, (began, sharing) in self.running.items()
        )
