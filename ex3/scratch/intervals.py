"""Interval bounds of a network, differentiated by hand (Gowal et al. 2018, arXiv 1810.12715, section 3).

A box is a centre c and a radius r: all points within r_i of c_i in each entry i. Both are batches, one above the
other, in one array ``(2, B, n)``. Each layer here takes a layer of an ordinary network, shares its parameters, and
maps a box to one that holds everything that the layer makes of it. The last one bounds the differences of two scores
at once, and ``WorstCase`` is a loss of these bounds: what it makes small is the worst loss in the box, or more.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ex3.scratch.activations import ReLU
from ex3.scratch.layers import Layer, Linear
from ex3.scratch.losses import Loss
from ex3.scratch.network import Network


def box_around(x: np.ndarray, epsilon: float) -> np.ndarray:
    """Return all images within epsilon of x in every pixel, and in [0, 1]: ``(B, n)`` -> ``(2, B, n)``."""
    low, high = np.maximum(x - epsilon, 0), np.minimum(x + epsilon, 1)
    return np.stack([(high + low) / 2, (high - low) / 2])


class IntervalLinear(Layer):
    """c' = c W^T + b, r' = r |W|^T. At the kink W_ki = 0 the derivative of |W_ki| is defined as 0.

    Args:
        layer: y = x W^T + b.
    """

    def __init__(self, layer: Linear):
        self.layer, self.parameters = layer, layer.parameters

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(2, B, inputs)`` -> ``(2, B, outputs)``."""
        centre, self.radius = x
        self.sizes = np.abs(self.layer.weights.value)
        return np.stack([self.layer.forward(centre), self.radius @ self.sizes.mT])

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dW = (dL/dc')^T c + sign(W) (dL/dr')^T r, entry by entry; dL/db is the sum of dL/dc' over the batch."""
        of_centre, of_radius = gradient
        self.layer.differentiate(of_centre)
        weights = self.layer.weights
        weights.gradient = weights.gradient + np.sign(weights.value) * (of_radius.mT @ self.radius)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dc = dL/dc' W, dL/dr = dL/dr' |W|."""
        of_centre, of_radius = gradient
        return np.stack([self.layer.backward(of_centre), of_radius @ self.sizes])


class IntervalReLU(Layer):
    """low = max(0, c - r), high = max(0, c + r); c' = (high + low) / 2, r' = (high - low) / 2.

    At the kinks, where an end is 0, its derivative is defined as 0, as for the ReLU.
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(2, B, n)`` -> the same."""
        centre, radius = x
        self.low, self.high = np.maximum(centre - radius, 0), np.maximum(centre + radius, 0)
        return np.stack([(self.high + self.low) / 2, (self.high - self.low) / 2])

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dc = dL/dhigh + dL/dlow, dL/dr = dL/dhigh - dL/dlow.

        dL/dhigh = (dL/dc' + dL/dr') / 2 where high > 0, dL/dlow = (dL/dc' - dL/dr') / 2 where low > 0, else 0.
        """
        of_centre, of_radius = gradient / 2
        of_high, of_low = (of_centre + of_radius) * (self.high > 0), (of_centre - of_radius) * (self.low > 0)
        return np.stack([of_high + of_low, of_high - of_low])


class IntervalMargins(Layer):
    """u_jk = (w_k - w_j) . c + b_k - b_j + |w_k - w_j| . r, which no s_k - s_j in the box exceeds; u_jj = 0.

    Bounding the difference at once is tighter than bounding both scores s = W h + b. At the kinks, where two weights
    are equal, the derivative of their distance is defined as 0.

    Args:
        layer: The last one; row k of W is w_k.
    """

    def __init__(self, layer: Linear):
        self.layer, self.parameters = layer, layer.parameters

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(2, B, n)`` -> ``(B, classes, classes)``."""
        centre, self.radius = x
        scores = self.layer.forward(centre)
        weights = self.layer.weights.value
        self.between = weights - weights[:, np.newaxis]  # (classes, classes, n): w_k - w_j at [j, k]
        self.distances = np.abs(self.between).reshape(-1, weights.shape[1])
        upper = (self.radius @ self.distances.T).reshape(len(scores), *self.between.shape[:2])
        return upper + scores[:, np.newaxis] - scores[:, :, np.newaxis]

    def differentiate(self, gradient: np.ndarray) -> None:
        """dL/dW = (dL/ds)^T c + T, with row k of T the sum over j of S_jk - S_kj, S_jk = sign(w_k - w_j) dL/du_jk r.

        As s_k enters u_jk with + and u_kj with -, dL/ds_k is the sum over j of dL/du_jk - dL/du_kj.
        """
        self.layer.differentiate(_of_scores(gradient))
        signed = np.sign(self.between) * (gradient.reshape(len(gradient), -1).T @ self.radius).reshape(
            self.between.shape
        )
        self.layer.weights.gradient = self.layer.weights.gradient + signed.sum(axis=0) - signed.sum(axis=1)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dc = dL/ds W; dL/dr is the sum over j and k of dL/du_jk |w_k - w_j|."""
        of_radius = gradient.reshape(len(gradient), -1) @ self.distances
        return np.stack([self.layer.backward(_of_scores(gradient)), of_radius])


class WorstCase(Loss):
    """L_b = loss(u_j, j): row j of ``IntervalMargins``, j the label, as if it were the scores.

    These are at least s_k - s_j for every point of the box, and 0 for j itself, so that a loss that rises with them is
    nowhere in the box larger. No u_jk >= 0 but u_jj is left where the image is certified.

    Args:
        loss: Of scores ``(B, classes)`` and labels; unchanged where a number is added to all scores.
    """

    def __init__(self, loss: Loss):
        self.loss = loss

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Bounds ``(B, classes, classes)`` and labels ``(B,)`` -> ``(B,)``."""
        return self.loss.per_sample(p[np.arange(len(y)), y], y)

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dL/du_j is the loss's own, and 0 in the other rows."""
        rows, gradient = np.arange(len(y)), np.zeros_like(p)
        gradient[rows, y] = self.loss.gradient(p[rows, y], y)
        return gradient


def build_interval_network(network: Network) -> Network:
    """Return a network's bounds as a network: a box ``(2, B, n)`` -> ``(B, classes, classes)``.

    Args:
        network: Of linear layers and ReLUs, a linear one at the end; what trains its bounds trains its parameters.
    """
    *body, head = network.layers
    assert isinstance(head, Linear)
    return Network([*(PASSES[type(layer)](layer) for layer in body), IntervalMargins(head)])


def _of_scores(gradient: np.ndarray) -> np.ndarray:
    """dL/du ``(B, classes, classes)`` -> dL/ds ``(B, classes)``."""
    return gradient.sum(axis=1) - gradient.sum(axis=2)


PASSES: dict[type[Layer], Callable[[Any], Layer]] = {Linear: IntervalLinear, ReLU: lambda layer: IntervalReLU()}
