"""A hand-written network as the package's attacks see it (``ex3/adversarial/attacks.py``)."""

import numpy as np

from ex3.adversarial.attacks import Victim
from ex3.scratch.losses import Loss
from ex3.scratch.network import Network


def network_victim(network: Network, loss: Loss) -> Victim:
    """Wrap a network for the attacks.

    Args:
        network: Rows of pixels ``(B, pixels)`` -> scores ``(B, classes)``, float32.
        loss: Its gradient is the one that attacks follow.
    """

    def logits(x: np.ndarray) -> np.ndarray:
        return network.forward(x.reshape(len(x), -1))

    def gradient(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = logits(x)
        of_mean = network.backward(loss.gradient(scores, y))
        return scores, (len(x) * of_mean).reshape(x.shape)  # each image's own loss, not its share of the mean

    def jacobian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = logits(x)
        classes = np.eye(scores.shape[1], dtype=scores.dtype)
        rows = [network.backward(np.tile(one, (len(x), 1))).reshape(x.shape) for one in classes]
        return scores, np.stack(rows, axis=1)

    return Victim(logits, gradient, jacobian)
