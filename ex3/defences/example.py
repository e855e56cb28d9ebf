"""A box that passes through one layer of two units, next to what the layer makes of all images in it: for a picture."""

import itertools
from dataclasses import dataclass

import numpy as np

from ex3.defences import certificate
from ex3.defences.certificate import PASSES, Box, Dense, Relu

WEIGHTS, BIAS = np.array([[1.0, 0.6], [-0.7, 0.9]]), np.array([0.15, -0.35])  # (inputs, outputs)
CENTRE, EPSILON = np.array([0.55, 0.5]), 0.3
SIDE_POINTS = 101


@dataclass(frozen=True)
class Stage:
    """One step of the box, in a plane.

    Attributes:
        low: Lower ends of the two intervals.
        high: Upper ends.
        outline: Points ``(n, 2)`` around what is really reached.
        share: Area of what is reached, as a share of the box's.
    """

    low: list[float]
    high: list[float]
    outline: list[list[float]]
    share: float


@dataclass(frozen=True)
class BoxExample:
    """The box of images of two pixels, after an affine layer, and after the ReLU."""

    epsilon: float
    stages: list[Stage]


def build_example() -> BoxExample:
    """Pass a box through an affine layer and a ReLU."""
    images = certificate.image_box(CENTRE[np.newaxis], EPSILON)
    affine = PASSES[Dense](Dense(WEIGHTS, BIAS), images)
    outline = _outline(images)
    reached = outline @ WEIGHTS + BIAS
    stages = [
        (images, outline),
        (affine, reached),
        (PASSES[Relu](Relu(), affine), np.maximum(reached, 0)),
    ]
    return BoxExample(EPSILON, [_stage(box, points) for box, points in stages])


def _outline(box: Box) -> np.ndarray:
    """Return points around a box, counter-clockwise: ``(4 n, 2)``."""
    low, high = box.centre[0] - box.radius[0], box.centre[0] + box.radius[0]
    corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]], low])
    shares = np.linspace(0, 1, SIDE_POINTS)[:, np.newaxis]
    return np.concatenate([one + shares * (other - one) for one, other in itertools.pairwise(corners)])


def _stage(box: Box, outline: np.ndarray) -> Stage:
    low, high = box.centre[0] - box.radius[0], box.centre[0] + box.radius[0]
    x, y = outline.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2  # Gauss's formula
    return Stage(low.tolist(), high.tolist(), np.round(outline, 6).tolist(), float(area / np.prod(high - low)))
