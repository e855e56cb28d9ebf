"""The balls to which PGD keeps the noise: the geometry of a norm on images ``(N, ...)``."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Ball(NamedTuple):
    """The geometry of a norm: projection onto its ball, steepest ascent of length 1, a random point of the ball."""

    project: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ascend: Callable[[np.ndarray], np.ndarray]
    sample: Callable[[np.random.Generator, tuple[int, ...], np.ndarray], np.ndarray]


def _lengths(noise: np.ndarray) -> np.ndarray:
    """Return each image's l2 norm, ``(N, 1, ...)``, at least 1e-12."""
    return np.maximum(np.sqrt(np.sum(noise**2, axis=tuple(range(1, noise.ndim)), keepdims=True)), 1e-12)


def _sample_l2(rng: np.random.Generator, shape: tuple[int, ...], epsilon: np.ndarray) -> np.ndarray:
    """Draw uniformly from the l2 ball: a random direction, and a radius whose power of the dimension is uniform."""
    direction = rng.normal(size=shape)
    radius = rng.uniform(size=(shape[0], *[1] * len(shape[1:]))) ** (1 / np.prod(shape[1:]))
    return epsilon * radius * direction / _lengths(direction)


BALLS = {
    "linf": Ball(
        project=lambda noise, epsilon: np.minimum(np.maximum(noise, -epsilon), epsilon),  # np.clip is slow with arrays
        ascend=np.sign,
        sample=lambda rng, shape, epsilon: rng.uniform(-epsilon, epsilon, size=shape),
    ),
    "l2": Ball(
        project=lambda noise, epsilon: noise * np.minimum(1, epsilon / _lengths(noise)),
        ascend=lambda gradient: gradient / _lengths(gradient),
        sample=_sample_l2,
    ),
}
