"""The toy experiment's targets, three functions of x in R^4 (exercise 2.4), and samples of them.

y1(x) = sum_i (W x)_i is linear, y2(x) = max_i x_i is not, and y3(x) = log sum_i exp((W x)_i) is a smooth maximum. W in
R^(4 x 4) is unknown to the learner.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

INPUTS = 4
TRAIN_SIZE, TEST_SIZE = 1000, 200
NOISE = 0.01


def y1(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """sum_i (W x)_i: ``(4, 4)``, ``(N, 4)`` -> ``(N,)``."""
    return (x @ w.T).sum(axis=1)


def y2(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """max_i x_i; does not depend on W: ``(N, 4)`` -> ``(N,)``."""
    return x.max(axis=1)


def y3(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """log sum_i exp((W x)_i): ``(4, 4)``, ``(N, 4)`` -> ``(N,)``."""
    z = x @ w.T
    largest = z.max(axis=1, keepdims=True)  # subtracted before exp, which could overflow
    return largest[:, 0] + np.log(np.exp(z - largest).sum(axis=1))


TARGETS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"y1": y1, "y2": y2, "y3": y3}


@dataclass(frozen=True)
class Samples:
    """M data sets, each with its own target and W.

    Attributes:
        x_train: ``(M, 1000, 4)``, uniform in [-2.5, 2.5).
        y_train: ``(M, 1000, 1)``, the target times 1 + 0.01 times standard normal noise.
        x_test: ``(M, 200, 4)``.
        y_test: ``(M, 200, 1)``, noisy as well.
        noise_floor: ``(M,)``, the mean squared error of the noiseless target on the test samples.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    noise_floor: np.ndarray


def draw(targets: Sequence[str], seeds: Sequence[int]) -> Samples:
    """Draw the course's data for each target and seed; M = targets x seeds, the seeds of the first target first.

    A seed determines W, uniform in [-2, 2), the inputs and the noise. All targets share the inputs.
    """
    drawn = [_draw_one(target, seed) for target in targets for seed in seeds]
    return Samples(*(np.stack(arrays) for arrays in zip(*drawn, strict=True)))


def _draw_one(target: str, seed: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    w = generator.uniform(-2, 2, (INPUTS, INPUTS))
    x = generator.uniform(-2.5, 2.5, (INPUTS, TRAIN_SIZE + TEST_SIZE)).T.copy()  # contiguous rows are taken faster
    clean = TARGETS[target](w, x)
    noisy = clean * (1 + NOISE * generator.standard_normal(len(x)))
    train, test = slice(None, TRAIN_SIZE), slice(TRAIN_SIZE, None)
    floor = np.mean(np.square(noisy[test] - clean[test]))
    return x[train], noisy[train, np.newaxis], x[test], noisy[test, np.newaxis], floor
