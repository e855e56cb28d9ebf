"""Weights as text, so that a finished run holds its network."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Arrays:
    """Named float32 arrays.

    Attributes:
        shapes: Of each array, by name.
        data: All their numbers in this order, little-endian float32, zlib-compressed, in base 64.
    """

    shapes: dict[str, tuple[int, ...]]
    data: str

    @classmethod
    def pack(cls, arrays: Mapping[str, np.ndarray]) -> "Arrays":
        """Write arrays as text."""
        numbers = b"".join(np.asarray(array, "<f4").tobytes() for array in arrays.values())
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        return cls(shapes, base64.b64encode(zlib.compress(numbers)).decode())

    def unpack(self) -> dict[str, np.ndarray]:
        """Return the arrays, float32, bit for bit."""
        numbers = np.frombuffer(zlib.decompress(base64.b64decode(self.data)), "<f4")
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(numbers, ends[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
