"""The toy convnet with a threshold t, max(t, x) instead of max(0, x): what t adds to the network (theory question 1).

A network without biases is positively homogeneous, p(s d) = s p(d) for s >= 0. For x uniform in a cube around 0 in R^n
the density along a ray grows as s^(n-1), so that E[s] = n / (n + 1) and E[s^2] = n / (n + 2) in units of the ray's
length, and no homogeneous function fits y = 1 with a mean squared error below 1 - E[s]^2 / E[s^2] = 1 / (n + 1)^2.
"""

from collections.abc import Sequence

import numpy as np

from ex3.scratch.network import Network, build_toy_convnet
from ex3.scratch.targets import INPUTS, Samples, draw
from ex3.scratch.toy import History, fit

HOMOGENEOUS_LIMIT = 1 / (INPUTS + 1) ** 2


def build_for_linear(c: np.ndarray, bound: float) -> Network:
    """Build a toy convnet with a threshold that is c . x for all |x_i| <= bound.

    With t below all values the threshold never acts, and max(a, b) + min(a, b) = a + b: filters w and -w with output
    weights u and -u make each unit linear. For w = (alpha, beta, gamma) and u = (1, k), comparing coefficients of a + b
    leaves c_1 k^3 - (c_1 + c_3) k^2 + (c_2 + c_4) k - c_4 = 0, which has a real root.

    Args:
        c: ``(4,)``; c_1 and c_4 are not 0.
        bound: Largest absolute value of an input.
    """
    roots = np.roots([c[0], -c[0] - c[2], c[1] + c[3], -c[3]])
    k = roots[np.abs(roots.imag).argmin()].real
    beta = c[3] / k + k * c[0] - c[2]
    w = np.array([c[0] - beta, beta, c[3] / k - beta])
    threshold = np.full((1, 1), -bound * np.abs(w).sum())
    return build_toy_convnet(np.stack([w, -w]), np.array([[1, k, -1, -k]]), threshold)


def evaluate_along_ray(threshold: float | None, lengths: np.ndarray, networks: int) -> np.ndarray:
    """Return p(s x) of random toy convnets along one ray: ``(networks, S)``.

    Args:
        threshold: t, or ``None`` for the ReLU.
        lengths: s, ``(S,)``.
        networks: Number of networks.
    """
    generator = np.random.default_rng(0)
    filters, u = generator.normal(size=(networks, 2, 3)), generator.normal(size=(networks, 1, 4))
    x = generator.uniform(-1, 1, (1, 4))
    t = None if threshold is None else np.full((networks, 1, 1), threshold)
    return build_toy_convnet(filters, u, t).forward(np.tile(lengths[:, np.newaxis] * x, (networks, 1, 1)))[..., 0]


def fit_constant(model: str, seeds: int, iterations: int) -> History:
    """Fit ``convnet`` or ``parameterised`` to y = 1 on the toy experiment's inputs, one network per seed."""
    drawn = draw(["y1"], range(seeds))
    ones = Samples(
        drawn.x_train, np.ones_like(drawn.y_train), drawn.x_test, np.ones_like(drawn.y_test), np.zeros(seeds)
    )
    return _fit(model, ones, seeds, iterations)


def fit_targets(model: str, targets: Sequence[str], seeds: int, iterations: int) -> dict[str, np.ndarray]:
    """Fit ``convnet`` or ``parameterised`` to targets of the toy experiment.

    Returns:
        The final test errors on each target, ``(seeds,)``.
    """
    final = _fit(model, draw(targets, range(seeds)), seeds, iterations).test_loss[-1]
    return dict(zip(targets, final.reshape(len(targets), seeds), strict=True))


def _fit(model: str, samples: Samples, seeds: int, iterations: int) -> History:
    repeated = list(range(seeds)) * (len(samples.x_train) // seeds)
    return fit(
        model, "normal", repeated, samples, iterations=iterations, batch_size=32, learning_rate=0.01, l2=0.0, seed=0
    )
