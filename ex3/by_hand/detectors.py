"""Four scores of how odd an image is to a network, larger for odder ones, and images that should look odd."""

from collections.abc import Callable

import numpy as np

from ex3.by_hand.training import Inputs, rows_of
from ex3.errors import ConfigError
from ex3.scratch.layers import Projection
from ex3.scratch.network import Network

NEIGHBOURS = 5
DETECTORS = ("least distance", "max softmax", "PCA residual", "5-NN distance")
FALSE_ALARMS = np.concatenate([[0.0], np.geomspace(0.001, 1, 31)])  # where ROC curves are read


def build_detectors(network: Network, inputs: Inputs) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return the detectors of a network with PCA: images ``(N, ...)`` -> scores ``(N,)``.

    ``least distance``: the least d_i. ``max softmax``: minus the largest probability of the softmax of the scores -d_i.
    ``PCA residual``: the squared distance of the image from PCA's subspace. ``5-NN distance``: the mean distance to
    the 5 nearest training images, in PCA's codes.

    Args:
        network: Rows of pixels -> scores.
        inputs: What the network was trained on.

    Raises:
        ConfigError: There is no PCA.
    """
    from sklearn.neighbors import NearestNeighbors

    projection = inputs.encoder.layers[0] if inputs.encoder.layers else None
    if not isinstance(projection, Projection):
        raise ConfigError("components = 0: the detectors measure distances in PCA's codes")
    neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(inputs.train)

    def least_distance(x: np.ndarray) -> np.ndarray:
        return -network.forward(rows_of(x)).max(axis=1)

    def max_softmax(x: np.ndarray) -> np.ndarray:
        scores = network.forward(rows_of(x))
        shifted = scores - scores.max(axis=1, keepdims=True)
        return np.log(np.exp(shifted).sum(axis=1))  # minus the log of the largest probability: the same order

    def residual(x: np.ndarray) -> np.ndarray:
        rows = rows_of(x)
        codes = projection.forward(rows)
        return np.square(rows - projection.mean).sum(axis=1) - np.square(codes).sum(axis=1)  # Pythagoras

    def neighbour_distance(x: np.ndarray) -> np.ndarray:
        return neighbours.kneighbors(projection.forward(rows_of(x)))[0].mean(axis=1)

    functions = (least_distance, max_softmax, residual, neighbour_distance)
    return dict(zip(DETECTORS, functions, strict=True))


def draw_odd_images(x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return images that are no digits, as many as there are: noise, and digits whose pixels were moved.

    Args:
        x: Images ``(N, H, W, C)`` in [0, 1], float32.
        seed: Of the noise and of the permutations.
    """
    generator = np.random.default_rng((seed, 4))
    gaussian = 0.5 + 0.25 * generator.standard_normal(x.shape, dtype=np.float32)
    return {
        "uniform noise": generator.random(x.shape, dtype=np.float32),
        "Gaussian noise": np.clip(gaussian, 0, 1),
        "permuted pixels": generator.permuted(rows_of(x), axis=1).reshape(x.shape),
        "rotated digits": np.ascontiguousarray(np.rot90(x, axes=(1, 2))),
    }


def compare(clean: np.ndarray, odd: np.ndarray) -> tuple[float, list[float]]:
    """Measure how well a detector's scores tell odd images from clean ones.

    Args:
        clean: Scores of clean images.
        odd: Scores of odd ones.

    Returns:
        The area under the ROC curve, in [0, 1], and the share of odd images that are found at each share of false
        alarms in ``FALSE_ALARMS``.
    """
    from sklearn.metrics import auc, roc_curve

    truth = np.repeat([0, 1], [len(clean), len(odd)])
    false_alarms, found, _ = roc_curve(truth, np.concatenate([clean, odd]), drop_intermediate=False)
    return float(auc(false_alarms, found)), np.interp(FALSE_ALARMS, false_alarms, found).tolist()
