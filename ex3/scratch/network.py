"""A network: a sequence of layers, differentiated by the chain rule from the last layer to the first."""

from collections.abc import Sequence

import numpy as np

from ex3.scratch.activations import ParameterisedReLU, ReLU
from ex3.scratch.layers import Correlation, Flatten, Layer, Linear, MaxPool, Parameter


class Network:
    """p = f_n(... f_2(f_1(x)))."""

    def __init__(self, layers: Sequence[Layer]):
        self.layers = list(layers)

    @property
    def parameters(self) -> list[Parameter]:
        """All layers' parameters, in order."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Apply the layers in order."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def differentiate(self, gradient: np.ndarray) -> None:
        """Take dL/dp for the output of the last ``forward``, and store dL/dtheta in every parameter."""
        first = next((layer for layer in self.layers if layer.parameters), None)
        for layer in reversed(self.layers):
            layer.differentiate(gradient)
            if layer is first:  # no parameter needs dL/dx of its input
                break
            gradient = layer.backward(gradient)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Take dL/dp for the output of the last ``forward``, and return dL/dx."""
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient


def build_linear(w: np.ndarray) -> Network:
    """p = w . x, without a bias.

    Args:
        w: ``(1, n)``.
    """
    return Network([Linear(w)])


def build_toy_convnet(filters: np.ndarray, u: np.ndarray, threshold: np.ndarray | None = None) -> Network:
    """p = u . m, where m is the max-pooled ReLU of each filter's correlation with x (exercise 2.4).

    Args:
        filters: ``(2, 3)``, w1 and w2.
        u: ``(1, 4)``; its first two entries multiply w1's outputs.
        threshold: t, ``(1, 1)``, for max(t, z) instead of the ReLU (theory question 1).
    """
    activation = ReLU() if threshold is None else ParameterisedReLU(threshold)
    return Network([Correlation(filters), activation, MaxPool(), Flatten(), Linear(u)])
