"""The plane's picture, drawn once for all visitors, and the way from codes to places in it and back."""

import threading
from dataclasses import dataclass

import numpy as np

from ex3.demo.lab import Lab
from ex3.demo.page_html import address
from ex3.plots.planes import ground
from ex3.plots.style import pixels


@dataclass(frozen=True)
class Ground:
    """The codes of the test images, drawn.

    Attributes:
        picture: The address of a square picture.
        low: The codes ``(2,)`` of its lower left corner.
        high: Of its upper right corner.
    """

    picture: str
    low: np.ndarray
    high: np.ndarray

    def to_code(self, x: float, y: float) -> np.ndarray:
        """Return the code ``(2,)`` of a place: fractions of the sides, from the left and from the top."""
        return self.low + np.array([x, 1 - y]) * (self.high - self.low)

    def to_place(self, code: np.ndarray) -> tuple[float, float]:
        """Return the place of a code ``(2,)``; outside of [0, 1] where the code is outside of the picture."""
        x, y = (code - self.low) / (self.high - self.low)
        return float(x), float(1 - y)


class Grounds:
    """Draws the ground when it is first asked for, once."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._drawn: Ground | None = None

    def get(self) -> Ground:
        """Return the ground of the lab's plane, which must be there."""
        with self._lock:
            if self._drawn is None:
                classes = [str(label) for label in range(int(self._lab.test.y.max()) + 1)]
                figure = ground(self._lab.codes, self._lab.test.y, classes)
                (x_low, x_high), (y_low, y_high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
                self._drawn = Ground(address(pixels(figure)), np.array([x_low, y_low]), np.array([x_high, y_high]))
            return self._drawn
