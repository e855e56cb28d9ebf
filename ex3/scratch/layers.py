"""Layers: each computes its output y, and from dL/dy the gradients of the loss L.

``forward(x)`` returns y and stores the values that the other two need. ``differentiate(gradient)`` takes dL/dy and
stores dL/dtheta in each parameter theta; ``backward(gradient)`` takes dL/dy and returns dL/dx. L is a mean over the
batch, so dL/dy already contains the factor 1/B, and a parameter's gradient is a sum over the batch's rows.

Shapes are given without the axes that may precede them (see the package's docstring).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np


@dataclass
class Parameter:
    """A learned matrix, and the gradient of the loss with respect to it.

    Attributes:
        name: Its letter in the layer's equation.
        value: The matrix; changed in place by the optimiser.
        is_bias: Whether it is added to the units; the l2 term spares biases.
        gradient: dL/dtheta, from the last ``differentiate``; of the shape of ``value``.
    """

    name: str
    value: np.ndarray
    is_bias: bool = False
    gradient: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Start with a gradient of 0."""
        self.gradient = np.zeros_like(self.value)


class Layer:
    """The interface of a layer; this one has no parameters."""

    parameters: Sequence[Parameter] = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the output y, and store the values that the other two methods need."""
        raise NotImplementedError

    def differentiate(self, gradient: np.ndarray) -> None:
        """Take dL/dy, and store dL/dtheta in each parameter."""

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Take dL/dy, and return dL/dx."""
        raise NotImplementedError


class Linear(Layer):
    """y = x W^T + b: row k of W holds the weights of unit k.

    Args:
        weights: W, ``(outputs, inputs)``.
        bias: b, ``(1, outputs)``; left out, there is none.
    """

    def __init__(self, weights: np.ndarray, bias: np.ndarray | None = None):
        self.weights = Parameter("W", weights)
        self.bias = None if bias is None else Parameter("b", bias, is_bias=True)
        self.parameters = [self.weights] if self.bias is None else [self.weights, self.bias]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, inputs)`` -> ``(B, outputs)``."""
        self.x = x
        y = x @ self.weights.value.mT
        return y if self.bias is None else y + self.bias.value

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dW = (dL/dy)^T x; dL/db is the sum of dL/dy over the batch."""
        self.weights.gradient = gradient.mT @ self.x
        if self.bias is not None:
            self.bias.gradient = gradient.sum(axis=-2, keepdims=True)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy W."""
        return gradient @ self.weights.value


class Projection(Layer):
    """y = (x - mean) V, with fixed mean and V: a change of coordinates, such as PCA's (``pca.py``).

    Args:
        mean: ``(1, inputs)``.
        directions: V, ``(inputs, outputs)``.
    """

    def __init__(self, mean: np.ndarray, directions: np.ndarray):
        self.mean, self.directions = mean, directions
        self.offset = mean @ directions
        self.transposed = np.ascontiguousarray(directions.mT)  # BLAS is slower on a view

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, inputs)`` -> ``(B, outputs)``."""
        return x @ self.directions - self.offset  # without a copy of x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy V^T."""
        return gradient @ self.transposed


class Correlation(Layer):
    """Each filter w gives y_i = sum_k w_k x_(i+k), k = -h ... h, where x is 0 beyond its ends ('same' padding).

    With S_k the matrix that shifts x by k, (S_k x)_i = x_(i+k) or 0, this is the linear map y = T x, T = sum_k w_k S_k.

    Args:
        filters: ``(F, 2 h + 1)``, one filter w per row.
    """

    def __init__(self, filters: np.ndarray):
        self.filters = Parameter("w", filters)
        self.parameters = [self.filters]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, n)`` -> ``(B, F, n)``."""
        *axes, count, taps = self.filters.value.shape
        n = x.shape[-1]
        self.x = x
        self.maps = (self.filters.value @ _shifts(n, taps)).reshape(*axes, count * n, n)  # the filters' T, stacked
        y = x @ self.maps.mT.copy()  # BLAS multiplies small transposed matrices slowly
        return y.reshape(*y.shape[:-1], count, n)

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dT = (dL/dy)^T x; dL/dw_k is the sum of its entries where S_k is 1."""
        *axes, _, count, n = gradient.shape
        dmaps = (_flatten(gradient).mT @ self.x).reshape(*axes, count, n * n)
        self.filters.gradient = dmaps @ _shifts(n, self.filters.value.shape[-1]).T

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy T."""
        return _flatten(gradient) @ self.maps


class MaxPool(Layer):
    """y_j = max(x_(2j-1), x_(2j)): the larger entry of each pair. In a tie the first entry gets the gradient."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, F, n)`` -> ``(B, F, n / 2)``, n even."""
        self.x = x
        return np.maximum(x[..., 0::2], x[..., 1::2])

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx is dL/dy at the larger entry of each pair, and 0 at the other."""
        dx = np.empty_like(self.x)
        first = gradient * (self.x[..., 0::2] >= self.x[..., 1::2])
        dx[..., 0::2] = first
        dx[..., 1::2] = gradient - first
        return dx


class Flatten(Layer):
    """Concatenate the filters' outputs: F outputs of length n become one of length F n."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, F, n)`` -> ``(B, F n)``."""
        self.shape = x.shape
        return _flatten(x)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """``(B, F n)`` -> ``(B, F, n)``."""
        return gradient.reshape(self.shape)


def _flatten(x: np.ndarray) -> np.ndarray:
    """``(B, F, n)`` -> ``(B, F n)``."""
    *axes, filters, n = x.shape
    return x.reshape(*axes, filters * n)


@lru_cache
def _shifts(n: int, taps: int) -> np.ndarray:
    """Return the shift matrices S_k, k = -h ... h, each flattened to a row: ``(taps, n n)``."""
    return np.stack([np.eye(n, k=k).ravel() for k in range(-(taps // 2), taps // 2 + 1)])
