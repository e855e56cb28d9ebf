"""What the toy convnet can reach at best: floors that are proved, and the best of many second-order fits.

``docs/toy.md`` proves the floors: no set of weights has a smaller expected squared error on the course's inputs,
uniform in [-2.5, 2.5]^4.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network
from ex3.scratch.sgd import differentiate_objective
from ex3.scratch.targets import INPUTS, TARGETS, Samples
from ex3.scratch.toy import initial_network

HALF_SIDE = 2.5  # of the cube of the inputs
MAXIMUM_FLOOR = 5 / 84  # of y2, for every sum of a function of x1, x2, x3 and one of x2, x3, x4


def homogeneous_floor(target: str, w: np.ndarray, directions: int = 20_000, seed: int = 0) -> float:
    """Return the least expected squared error of any positively homogeneous function.

    On the ray x = s d, with d on the cube's surface and s in [0, 1] of density 4 s^3, such a function is s times a
    number; the best is E[s y] / E[s^2], where E[s^2] = 2/3, and misses E[y^2] - E[s y]^2 / E[s^2].

    Args:
        target: ``y1``, ``y2`` or ``y3``.
        w: ``(4, 4)``, W.
        directions: Random points of the surface; the mean over s is by Gauss's rule, exact up to rounding.
        seed: Of the points.
    """
    generator = np.random.default_rng(seed)
    points = generator.uniform(-1, 1, (directions, INPUTS))  # the faces have equal areas: push one coordinate out
    faces = generator.integers(INPUTS, size=directions)
    points[np.arange(directions), faces] = generator.choice([-1.0, 1.0], directions)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    s, weights = (nodes + 1) / 2, weights / 2 * 4 * ((nodes + 1) / 2) ** 3
    y = np.stack([TARGETS[target](w, HALF_SIDE * one * points) for one in s])  # (20, directions)
    missed = weights @ y**2 - ((weights * s) @ y) ** 2 / (weights @ s**2)
    return float(missed.mean())


def best_fits(samples: Samples, restarts: int, seed: int = 0) -> np.ndarray:
    """Fit the toy convnet to each data set from many random weights with BFGS (Nocedal and Wright 2006, section 6.1).

    Args:
        samples: M data sets.
        restarts: Starts per data set, of the toy experiment's initial weights.
        seed: The first start's.

    Returns:
        ``(M,)``: the test loss of the start with the least training loss.
    """
    found = []
    for number in range(len(samples.x_train)):
        x, y = samples.x_train[number], samples.y_train[number]
        fits = [_fit(initial_network("convnet", "normal", [seed + start]), x, y) for start in range(restarts)]
        _, network = min(fits, key=lambda fit: fit[0])
        found.append(float(SquaredLoss().value(network.forward(samples.x_test[[number]]), samples.y_test[[number]])[0]))
    return np.array(found)


def _fit(network: Network, x: np.ndarray, y: np.ndarray) -> tuple[float, Network]:
    """Minimise the mean squared error of one network; its weights are changed. Return the error and the network."""
    parameters, loss = network.parameters, SquaredLoss()
    shapes = [parameter.value.shape for parameter in parameters]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])

    def put(theta: np.ndarray) -> None:
        for parameter, shape, part in zip(parameters, shapes, np.split(theta, ends[:-1]), strict=True):
            parameter.value = part.reshape(shape)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        put(theta)
        value = differentiate_objective(network, loss, x[np.newaxis], y[np.newaxis], 0.0)
        return float(value[0]), np.concatenate([parameter.gradient.ravel() for parameter in parameters])

    start = np.concatenate([parameter.value.ravel() for parameter in parameters])
    result = minimize(objective, start, jac=True, method="BFGS", options={"maxiter": 300})
    put(result.x)
    return float(result.fun), network


def seeds_floors(target: str, seeds: Sequence[int]) -> list[float]:
    """Return each seed's proved floor: 0 for ``y1``, ``MAXIMUM_FLOOR`` for ``y2``, the homogeneous one for ``y3``."""
    if target == "y1":
        return [0.0] * len(seeds)
    if target == "y2":
        return [MAXIMUM_FLOOR] * len(seeds)
    return [homogeneous_floor(target, np.random.default_rng(seed).uniform(-2, 2, (INPUTS, INPUTS))) for seed in seeds]
