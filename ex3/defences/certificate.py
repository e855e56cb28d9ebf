"""Certificates: proofs by interval bounds that no image within epsilon is answered otherwise (NumPy alone).

The images within epsilon of x in every pixel, and in [0, 1], are a box: a centre c and a radius r. Each layer maps a
box to one that holds all its outputs (Gowal et al. 2018, arXiv 1810.12715, section 3):

    affine, y = W x + b:  c' = W c + b,  r' = |W| r
    scale, y = s x + o:   c' = s c + o,  r' = |s| r
    ReLU:                 the ends of each interval: [relu(c - r), relu(c + r)]

The last layer is merged into the margins m_k = z_y - z_k, whose weights are w_y - w_k. An image is certified where
every lower bound is above 0.

**Rounding.** The bounds hold for the network in exact arithmetic and as a computer evaluates it in float32, whatever
the order of its sums: a sum of n products is off by at most g_n (|W| |x| + |b|), g_n = n u / (1 - n u), u = 2^-24
(Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1). So every layer adds g (|W| (|c| + r) +
|b|) to its radius, with four more terms in n, which cover the rounding here: it is in float64, 2^29 times finer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

UNIT = 2.0**-24  # half the distance from 1 to the next float32
SPARE_TERMS = 4
SCALE_TERMS = 16  # of batch normalisation: a root, a quotient, and products of them
BATCH_SIZE = 250


class Box(NamedTuple):
    """Centre and radius, float64 ``(N, ...)`` each: all values within the radius of the centre."""

    centre: np.ndarray
    radius: np.ndarray


@dataclass(frozen=True)
class Dense:
    """y = W^T x + b, with W ``(inputs, outputs)`` and b ``(outputs,)``."""

    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Convolution:
    """A convolution of images ``(N, H, W, C)`` with zeros around them.

    Attributes:
        kernel: ``(height, width, inputs, outputs)``.
        bias: ``(outputs,)``.
        stride: Pixels between two windows, both ways.
        is_padded: Whether zeros surround the image such that ceil(side / stride) windows fit ('same').
    """

    kernel: np.ndarray
    bias: np.ndarray
    stride: int
    is_padded: bool


@dataclass(frozen=True)
class Scale:
    """Batch normalisation in inference, or another contrast: y = s x + beta - mean s, each ``(channels,)``."""

    factor: np.ndarray
    mean: np.ndarray
    beta: np.ndarray


@dataclass(frozen=True)
class Relu:
    """y = min(max(x, 0), largest)."""

    largest: float = math.inf


@dataclass(frozen=True)
class Flatten:
    """``(N, ...)`` -> ``(N, units)``."""


Layer = Dense | Convolution | Scale | Relu | Flatten


def certify(layers: Sequence[Layer], x: np.ndarray, y: np.ndarray, epsilon: float) -> np.ndarray:
    """Tell which images are proved to be classified as their labels, whatever changes each pixel by up to epsilon.

    Args:
        layers: Of the network; the last one is Dense and gives the logits.
        x: Images, float32 ``(N, ...)`` in [0, 1].
        y: Labels, int ``(N,)``.
        epsilon: Largest change of a pixel, in [0, 1].

    Returns:
        bool ``(N,)``; False says nothing about an image. A bound that is not a number proves nothing.
    """
    return np.all(bound_margins(layers, x, y, epsilon) > 0, axis=1)


def bound_margins(layers: Sequence[Layer], x: np.ndarray, y: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a lower bound of each margin z_y - z_k over the box around each image.

    Args:
        layers: As in ``certify``.
        x: Images, float32 ``(N, ...)`` in [0, 1].
        y: Labels, int ``(N,)``.
        epsilon: Largest change of a pixel.

    Returns:
        float64 ``(N, classes)``; infinite for the label itself.
    """
    *body, head = layers
    assert isinstance(head, Dense)
    bounds = []
    for start in range(0, len(x), BATCH_SIZE):
        box = image_box(x[start : start + BATCH_SIZE], epsilon)
        for layer in body:
            box = PASSES[type(layer)](layer, box)
        bounds.append(merge_last(head, box, y[start : start + BATCH_SIZE]))
    return np.concatenate(bounds)


def image_box(x: np.ndarray, epsilon: float) -> Box:
    """Return all images within epsilon of ``x``, rounded to float32 in any way, and in [0, 1]."""
    wide = epsilon + UNIT * (1 + epsilon)
    low, high = np.maximum(x.astype(float) - wide, 0), np.minimum(x.astype(float) + wide, 1)
    return Box((high + low) / 2, (high - low) / 2)


def merge_last(head: Dense, box: Box, y: np.ndarray) -> np.ndarray:
    """Bound the margins z_y - z_k = (w_y - w_k) h + b_y - b_k from below, over a box of h.

    Returns:
        float64 ``(N, classes)``; infinite for the label itself.
    """
    slack = rounding(len(head.weights))
    weights, size = head.weights.T, np.abs(head.weights.T)  # (classes, units)
    largest = np.abs(box.centre) + box.radius
    bounds = np.full((len(y), len(weights)), np.inf)
    for label in range(len(weights)):
        rows = np.flatnonzero(y == label)
        others = np.arange(len(weights)) != label
        difference = weights[label] - weights[others]
        centre = box.centre[rows] @ difference.T + head.bias[label] - head.bias[others]
        radius = box.radius[rows] @ np.abs(difference).T
        errors = largest[rows] @ (size[label] + size[others]).T + np.abs(head.bias[label]) + np.abs(head.bias[others])
        bounds[np.ix_(rows, others)] = centre - radius - slack * errors
    return bounds


def rounding(terms: int) -> float:
    """Return g_n of the module's docstring, for a sum of ``terms`` products and a bias."""
    count = (terms + 1 + SPARE_TERMS) * UNIT
    return count / (1 - count)


def _through_dense(layer: Dense, box: Box) -> Box:
    slack = rounding(len(layer.weights))
    widened = box.radius + slack * (np.abs(box.centre) + box.radius)
    return Box(
        box.centre @ layer.weights + layer.bias,
        widened @ np.abs(layer.weights) + slack * np.abs(layer.bias),
    )


def _through_convolution(layer: Convolution, box: Box) -> Box:
    flat = Dense(layer.kernel.reshape(-1, layer.kernel.shape[-1]), layer.bias)
    return _through_dense(flat, Box(*(_windows(values, layer) for values in box)))


def _windows(values: np.ndarray, layer: Convolution) -> np.ndarray:
    """Return what each window of a convolution sees: ``(N, H, W, C)`` -> ``(N, H', W', height * width * C)``."""
    sides, stride = layer.kernel.shape[:2], layer.stride
    if layer.is_padded:
        missing = [
            max((-(-n // stride) - 1) * stride + side - n, 0) for n, side in zip(values.shape[1:3], sides, strict=True)
        ]
        around = [(total // 2, total - total // 2) for total in missing]
        values = np.pad(values, [(0, 0), *around, (0, 0)])
    seen = np.lib.stride_tricks.sliding_window_view(values, sides, axis=(1, 2))[:, ::stride, ::stride]
    seen = np.moveaxis(seen, 3, -1)  # (N, H', W', height, width, C)
    return seen.reshape(*seen.shape[:3], -1)


def _through_scale(layer: Scale, box: Box) -> Box:
    slack, size = rounding(SCALE_TERMS), np.abs(layer.factor)
    errors = size * (np.abs(box.centre) + box.radius) + np.abs(layer.mean) * size + np.abs(layer.beta)
    return Box(box.centre * layer.factor + layer.beta - layer.mean * layer.factor, box.radius * size + slack * errors)


def _through_relu(layer: Relu, box: Box) -> Box:
    low, high = (np.clip(end, 0, layer.largest) for end in (box.centre - box.radius, box.centre + box.radius))
    return Box((high + low) / 2, (high - low) / 2)


def _through_flatten(layer: Flatten, box: Box) -> Box:
    return Box(*(values.reshape(len(values), -1) for values in box))


PASSES: dict[type, Callable] = {
    Dense: _through_dense,
    Convolution: _through_convolution,
    Scale: _through_scale,
    Relu: _through_relu,
    Flatten: _through_flatten,
}
