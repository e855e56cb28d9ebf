"""One sample's way through the toy convnet and back, number by number (exercise 2.4)."""

from dataclasses import dataclass

import numpy as np

from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import build_toy_convnet

X = np.array([[1.0, -0.5, 2.0, 0.5]])  # small numbers that can be followed by hand
FILTERS = np.array([[0.5, 1.0, 0.5], [-0.5, -0.5, 0.5]])
U = np.array([[1.0, -0.5, 2.0, 1.0]])


@dataclass(frozen=True)
class Trace:
    """Values and gradients of one sample; dictionaries are keyed by the letters below.

    Attributes:
        y: The target, max x.
        values: ``x`` (4), ``w`` (2 x 3), ``z`` and ``o`` (2 x 4: the filters' outputs before and after the ReLU), ``m``
            (2 x 2), ``u`` (2 x 2), ``p`` and ``L``.
        gradients: dL with respect to each of them, of the same shapes.
    """

    y: float
    values: dict[str, list[float]]
    gradients: dict[str, list[float]]


def trace() -> Trace:
    """Propagate the sample forward and back, without the l2 term; every array is flattened."""
    network, loss = build_toy_convnet(FILTERS.copy(), U.copy()), SquaredLoss()
    y = X.max(axis=1, keepdims=True)
    values = [X]
    for layer in network.layers:
        values.append(layer.forward(values[-1]))
    gradients = [loss.gradient(values[-1], y)]
    for layer in reversed(network.layers):
        layer.differentiate(gradients[0])
        gradients.insert(0, layer.backward(gradients[0]))
    filters, u = network.parameters
    names = ["x", "z", "o", "m", "m", "p"]  # flattening changes no number
    forward = {**dict(zip(names, values, strict=True)), "w": FILTERS, "u": U, "L": loss.value(values[-1], y)}
    back = {**dict(zip(names, gradients, strict=True)), "w": filters.gradient, "u": u.gradient, "L": np.ones(1)}
    return Trace(float(y.item()), _flatten(forward), _flatten(back))


def _flatten(arrays: dict[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: np.ravel(array).tolist() for name, array in arrays.items()}
