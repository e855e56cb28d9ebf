"""Activations: layers that apply one function to every entry.

The derivative at the kink of a ReLU is a convention, which each docstring states.
"""

import math

import numpy as np
from scipy.special import erf

from ex3.scratch.layers import Layer, Parameter


class ReLU(Layer):
    """y = max(0, x). At the kink x = 0 the derivative is defined as 0."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.x = x
        return np.maximum(x, 0)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy where x > 0, else 0."""
        return gradient * (self.x > 0)


class ParameterisedReLU(Layer):
    """y = max(t, x), with a threshold t that is learned (theory question 1); t = 0 is the ReLU.

    At the kink x = t the derivative with respect to x is defined as 0, as for the ReLU, and the one with respect to t
    as 1.

    Args:
        threshold: t, ``(1, 1)``.
    """

    def __init__(self, threshold: np.ndarray):
        self.threshold = Parameter("t", threshold)
        self.parameters = [self.threshold]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, F, n)`` -> the same."""
        self.x = x
        return np.maximum(x, self.threshold.value[..., np.newaxis])

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dt is the sum of dL/dy over the entries with x <= t."""
        below = self.x <= self.threshold.value[..., np.newaxis]
        self.threshold.gradient = np.sum(gradient * below, axis=(-3, -2, -1))[..., np.newaxis, np.newaxis]

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy where x > t, else 0."""
        return gradient * (self.x > self.threshold.value[..., np.newaxis])


class Sigmoid(Layer):
    """y = 1 / (1 + e^-x). Stores y alone: the derivative is y (1 - y) (theory question 2)."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same, in (0, 1)."""
        self.y = 0.5 + 0.5 * np.tanh(x / 2)  # the same function, without overflow
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy y (1 - y)."""
        return gradient * self.y * (1 - self.y)


class GELU(Layer):
    """y = x Phi(x), Phi the standard normal distribution function (Hendrycks and Gimpel 2016, arXiv 1606.08415).

    Phi(x) = (1 + erf(x / sqrt 2)) / 2.
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.x = x
        self.phi = 0.5 + 0.5 * erf(x * math.sqrt(0.5))
        return x * self.phi

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy (Phi(x) + x phi(x)), phi(x) = exp(-x^2 / 2) / sqrt(2 pi) the normal density."""
        density = np.exp(-0.5 * self.x * self.x) / math.sqrt(2 * math.pi)
        return gradient * (self.phi + self.x * density)


class TanhGELU(Layer):
    """y = x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3): the GELU without erf (same paper, section 2)."""

    SCALE, CUBIC = math.sqrt(2 / math.pi), 0.044715

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.x = x
        self.tanh = np.tanh(self.SCALE * x * (1 + self.CUBIC * x * x))
        return 0.5 * x * (1 + self.tanh)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy ((1 + tanh u) / 2 + x (1 - tanh^2 u) u' / 2), u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)."""
        slope = self.SCALE * (1 + 3 * self.CUBIC * self.x * self.x)
        return gradient * (0.5 * (1 + self.tanh) + 0.5 * self.x * (1 - self.tanh * self.tanh) * slope)


def compare_gelu(x: np.ndarray) -> tuple[float, float]:
    """Return the largest differences between the GELU and its tanh form: of the value, and of the derivative.

    Args:
        x: Points, float64.
    """
    forms = GELU(), TanhGELU()
    values = [form.forward(x) for form in forms]
    slopes = [form.backward(np.ones_like(x)) for form in forms]
    return float(np.abs(values[0] - values[1]).max()), float(np.abs(slopes[0] - slopes[1]).max())
