"""Losses: one number per sample, their mean L over the batch, and dL/dp with respect to the network's output p.

The squared loss takes one output and a real target. The others take one score s_i per class, the largest of which is
the prediction, and labels j.
"""

import numpy as np


class Loss:
    """The interface of a loss."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return each sample's loss, ``(B,)``, from outputs p and targets y."""
        raise NotImplementedError

    def value(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean loss over the batch, ``()``."""
        losses = self.per_sample(p, y)
        return losses.sum(axis=-1) / losses.shape[-1]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return dL/dp of the mean loss, of the shape of p."""
        raise NotImplementedError


class SquaredLoss(Loss):
    """L_b = (p_b - y_b)^2."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Predictions and targets ``(B, 1)`` -> ``(B,)``."""
        return np.square(p - y)[..., 0]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dL/dp_b = 2 (p_b - y_b) / B, ``(B, 1)``."""
        return (2 / p.shape[-2]) * (p - y)


class HingeLoss(Loss):
    """L_b = sum over i != j of max(0, s_i - s_j + 1) (Weston and Watkins 1999; R3).

    It is 0, and its gradient too, once the true class leads every other one by 1.
    """

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Scores ``(B, classes)`` and labels ``(B,)`` -> ``(B,)``."""
        return self._excesses(p, y).sum(axis=1)

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """B dL/ds_i = 1 where s_i - s_j + 1 > 0, else 0; B dL/ds_j = minus the number of these i."""
        gradient = (self._excesses(p, y) > 0).astype(p.dtype)
        gradient[np.arange(len(y)), y] = -gradient.sum(axis=1)
        return gradient / len(y)

    def _excesses(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return max(0, s_i - s_j + 1), with 0 at i = j: ``(B, classes)``."""
        rows = np.arange(len(y))
        excesses = np.maximum(p - p[rows, y][:, np.newaxis] + 1, 0)
        excesses[rows, y] = 0
        return excesses


class CrossEntropy(Loss):
    """L_b = log sum_i exp(s_i) - s_j: the negative log-likelihood of the softmax of the scores."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Scores ``(B, classes)`` and labels ``(B,)`` -> ``(B,)``."""
        shifted = p - p.max(axis=1, keepdims=True)  # exp could overflow
        return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """B dL/ds = softmax(s) - e_j."""
        gradient = np.exp(p - p.max(axis=1, keepdims=True))
        gradient /= gradient.sum(axis=1, keepdims=True)
        gradient[np.arange(len(y)), y] -= 1
        return gradient / len(y)


class RbfLoss(Loss):
    """L_b = (d_j + sum over i != j of max(0, lambda - d_i)) / lambda, for scores s_i = -d_i (R3).

    The true class is pulled in, every other one is pushed out to the distance lambda. A label beyond the classes marks
    noise, which is pushed away from all of them. R3 does not divide by lambda; here it makes one learning rate suit
    every lambda.

    Args:
        margin: lambda, above 0.
    """

    def __init__(self, margin: float):
        self.margin = margin

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Scores ``(B, classes)``, all <= 0, and labels ``(B,)`` in 0 ... classes -> ``(B,)``."""
        own = y[:, np.newaxis] == np.arange(p.shape[1])
        return np.where(own, -p, np.maximum(self.margin + p, 0)).sum(axis=1) / self.margin

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """B lambda dL/ds_j = -1; of the others 1 where d_i < lambda, else 0."""
        own = y[:, np.newaxis] == np.arange(p.shape[1])
        return np.where(own, -1, self.margin + p > 0).astype(p.dtype) / (self.margin * len(y))


class MarginLoss(Loss):
    """L_b = max over i != j of s_i - s_j: above 0 where another class wins. For attacks: its gradient is never 0."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Scores ``(B, classes)`` and labels ``(B,)`` -> ``(B,)``."""
        rows = np.arange(len(y))
        return p[rows, self._rivals(p, y)] - p[rows, y]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """B dL/ds is 1 at the best other class, -1 at j, and 0 elsewhere."""
        rows, gradient = np.arange(len(y)), np.zeros_like(p)
        gradient[rows, self._rivals(p, y)] = 1
        gradient[rows, y] = -1
        return gradient / len(y)

    def _rivals(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        others = p.copy()
        others[np.arange(len(y)), y] = -np.inf
        return others.argmax(axis=1)


class DistanceLoss(Loss):
    """L_b = d_j = -s_j, for scores s_i = -d_i. For attacks that want an image to lie close to class j."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Scores ``(B, classes)`` and labels ``(B,)`` -> ``(B,)``."""
        return -p[np.arange(len(y)), y]

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """B dL/ds is -1 at j, and 0 elsewhere."""
        gradient = np.zeros_like(p)
        gradient[np.arange(len(y)), y] = -1
        return gradient / len(y)
