"""Layers: each computes its output, and propagates the gradient of the loss L backwards.

``forward(x)`` returns y and stores the values that ``backward`` needs. ``backward(gradient)`` takes dL/dy, stores dL/dw
of each parameter w in ``gradients``, and returns dL/dx. L is a mean over the batch, so dL/dy already contains the
factor 1/B, and a parameter's gradient is a sum over the batch's columns.

Shapes are given without the axes that may precede them (see the package's docstring).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np


class Layer(Protocol):
    """The interface of a layer."""

    @property
    def parameters(self) -> Sequence[np.ndarray]:
        """The learned arrays; changed in place by the optimiser."""

    @property
    def gradients(self) -> Sequence[np.ndarray]:
        """dL/dw of each parameter, from the last ``backward``."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the output y, and store the values that ``backward`` needs."""

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Take dL/dy, store dL/dw in ``gradients``, and return dL/dx."""


class Linear:
    """y = W x.

    Args:
        weights: W, ``(outputs, inputs)``.
    """

    def __init__(self, weights: np.ndarray):
        self.parameters = [weights]
        self.gradients = [np.zeros_like(weights)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(inputs, B)`` -> ``(outputs, B)``."""
        self.x = x
        return self.parameters[0] @ x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dW = dL/dy x^T and dL/dx = W^T dL/dy."""
        self.gradients = [gradient @ self.x.mT]
        return self.parameters[0].mT @ gradient


class Correlation:
    """Each filter w gives y_i = sum_k w_k x_(i+k), k = -h ... h, where x is 0 beyond its ends ('same' padding).

    With S_k the matrix that shifts x by k, (S_k x)_i = x_(i+k) or 0, this is the linear map y = T x, T = sum_k w_k S_k.

    Args:
        filters: ``(F, 2 h + 1)``, one filter w per row.
    """

    def __init__(self, filters: np.ndarray):
        self.parameters = [filters]
        self.gradients = [np.zeros_like(filters)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(n, B)`` -> ``(F, n, B)``."""
        (filters,) = self.parameters
        *axes, count, taps = filters.shape
        n, batch = x.shape[-2:]
        self.x = x
        self.maps = (filters @ _shifts(n, taps)).reshape(*axes, count * n, n)  # the filters' matrices T, stacked
        return (self.maps @ x).reshape(*axes, count, n, batch)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dT = dL/dy x^T; dL/dw_k is the sum of its entries where S_k is 1; dL/dx = T^T dL/dy."""
        *axes, count, n, batch = gradient.shape
        taps = self.parameters[0].shape[-1]
        gradient = gradient.reshape(*axes, count * n, batch)
        dmaps = (gradient @ self.x.mT).reshape(*axes, count, n * n)
        self.gradients = [dmaps @ _shifts(n, taps).T]
        return self.maps.mT @ gradient


class ReLU:
    """y = max(0, x), elementwise. At the kink x = 0 the derivative is defined as 0."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.x = x
        return np.maximum(x, 0)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy where x > 0, else 0."""
        return gradient * (self.x > 0)


class ParameterisedReLU:
    """y = max(t, x), elementwise: the ReLU with a threshold t that is learned (theory question 1); t = 0 is the ReLU.

    At the kink x = t the derivative with respect to x is defined as 0, as for the ReLU, and the one with respect to t
    as 1.

    Args:
        threshold: t, ``(1, 1)``.
    """

    def __init__(self, threshold: np.ndarray):
        self.parameters = [threshold]
        self.gradients = [np.zeros_like(threshold)]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(F, n, B)`` -> the same."""
        self.x = x
        return np.maximum(x, self.parameters[0][..., np.newaxis])

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy where x > t, else 0; dL/dt is the sum of dL/dy over all other entries."""
        above = self.x > self.parameters[0][..., np.newaxis]
        self.gradients = [np.sum(gradient * ~above, axis=(-3, -2, -1))[..., np.newaxis, np.newaxis]]
        return gradient * above


class Sigmoid:
    """y = 1 / (1 + e^-x), elementwise. Stores y alone: the derivative is y (1 - y) (theory question 2)."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same, in (0, 1)."""
        self.y = 0.5 + 0.5 * np.tanh(x / 2)  # the same function, without overflow
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy y (1 - y)."""
        return gradient * self.y * (1 - self.y)


class MaxPool:
    """y_j = max(x_(2j-1), x_(2j)): the larger entry of each pair. In a tie the first entry gets the gradient."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(n, B)`` -> ``(n / 2, B)``, n even."""
        self.x = x
        return np.maximum(x[..., 0::2, :], x[..., 1::2, :])

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx is dL/dy at the larger entry of each pair, and 0 at the other."""
        dx = np.empty_like(self.x)
        first = gradient * (self.x[..., 0::2, :] >= self.x[..., 1::2, :])
        dx[..., 0::2, :] = first
        dx[..., 1::2, :] = gradient - first
        return dx


class Flatten:
    """Concatenate the filters' outputs: F outputs of length n become one of length F n."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(F, n, B)`` -> ``(F n, B)``."""
        self.shape = x.shape
        *axes, filters, n, batch = x.shape
        return x.reshape(*axes, filters * n, batch)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """``(F n, B)`` -> ``(F, n, B)``."""
        return gradient.reshape(self.shape)


@lru_cache
def _shifts(n: int, taps: int) -> np.ndarray:
    """Return the shift matrices S_k, k = -h ... h, each flattened to a row: ``(taps, n n)``."""
    return np.stack([np.eye(n, k=k).ravel() for k in range(-(taps // 2), taps // 2 + 1)])
