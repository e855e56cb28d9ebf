"""Losses: the mean over the batch, and its gradient with respect to the network's output."""

from typing import Protocol

import numpy as np


class Loss(Protocol):
    """The interface of a loss."""

    def value(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean loss over the batch, from predictions p and targets y."""

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return dL/dp, of the shape of p."""


class SquaredLoss:
    """L = 1/B sum_b (p_b - y_b)^2."""

    def value(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Predictions and targets ``(1, B)`` -> ``()``: one number per model."""
        residual = p - y
        return np.vecdot(residual, residual)[..., 0] / p.shape[-1]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dL/dp_b = 2 (p_b - y_b) / B, ``(1, B)``."""
        return (2 / p.shape[-1]) * (p - y)
