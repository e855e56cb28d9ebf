"""Radial-basis-function (RBF) outputs: the score of a class is minus a squared distance, so the nearest class wins.

Both layers return s_i = -d_i. A distance to every class also allows a network to reject: an input that is far from all
of them is none of them (Zadeh, Hosseini and Sra 2018, arXiv 1812.03190).
"""

import numpy as np

from ex3.scratch.layers import Layer, Parameter


class NearestCentre(Layer):
    """s_i = -||h - c_i||^2, with one learned centre c_i per class.

    Args:
        centres: One c_i per row, ``(classes, inputs)``.
    """

    def __init__(self, centres: np.ndarray):
        self.centres = Parameter("c", centres)
        self.parameters = [self.centres]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, inputs)`` -> ``(B, classes)``."""
        self.x, c = x, self.centres.value
        return 2 * x @ c.mT - np.sum(x * x, axis=-1, keepdims=True) - np.sum(c * c, axis=-1)

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dc_i = sum over the batch of 2 (h - c_i) dL/ds_i."""
        per_class = gradient.sum(axis=-2)[..., np.newaxis]
        self.centres.gradient = 2 * (gradient.mT @ self.x - per_class * self.centres.value)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dh = sum over i of 2 (c_i - h) dL/ds_i."""
        return 2 * (gradient @ self.centres.value - gradient.sum(axis=-1, keepdims=True) * self.x)


class SquaredNorms(Layer):
    """s_i = -||z_i||^2 of K groups of entries, z = (z_1, ..., z_K).

    After a ``Linear`` layer, z_i = A_i h + b_i: the general RBF output, which measures each class's distance in a space
    of its own.

    Args:
        groups: K, the number of classes.
    """

    def __init__(self, groups: int):
        self.groups = groups

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(B, K r)`` -> ``(B, K)``."""
        self.z = x.reshape(*x.shape[:-1], self.groups, -1)
        return -np.sum(self.z * self.z, axis=-1)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dz_i = -2 z_i dL/ds_i."""
        dz = -2 * gradient[..., np.newaxis] * self.z
        return dz.reshape(*dz.shape[:-2], -1)
