"""The toy experiment: fit M small networks at once, each on its own samples, and record every iteration.

The models are independent: a model fitted alone gives the same numbers as one fitted together with others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import sgd
from ex3.scratch.targets import INPUTS, Samples

FILTERS, TAPS = 2, 3


@dataclass(frozen=True)
class History:
    """The course of a fit; ``nan`` where a model's loss is not finite.

    Attributes:
        train_loss: ``(iterations, M)``: of the iteration's batch, before its step; without the l2 term.
        test_loss: ``(iterations, M)``: of all test samples, after the step; without the l2 term.
        gradient_norm: ``(iterations, M)``: over all parameters, before the step; with the l2 term. ``nan`` also at the
            iterations at which it was not recorded.
        predictions: ``(M, test samples)``, after the last step.
    """

    train_loss: np.ndarray
    test_loss: np.ndarray
    gradient_norm: np.ndarray
    predictions: np.ndarray

    def diverged_at(self) -> list[int | None]:
        """Return each model's first iteration (from 1) with a test loss that is not finite, or ``None``."""
        bad = ~np.isfinite(self.test_loss)
        return [int(column.argmax()) + 1 if column.any() else None for column in bad.T]


def initial_network(model: str, init: str, seeds: Sequence[int]) -> Network:
    """Build one network per seed.

    Args:
        model: ``linear``, ``convnet``, or ``parameterised``: the convnet with a threshold t, which starts at 0.
        init: ``normal`` draws each parameter from N(0, 1) / sqrt(fan in); ``equal`` draws one filter and one pair of
            output weights, and copies them to both filters; ``zeros`` makes all parameters 0.
        seeds: One per network; a seed's weights do not depend on the other seeds.
    """
    generators = [np.random.default_rng((seed, 1)) for seed in seeds]

    def draw(rows: int, columns: int) -> np.ndarray:
        return np.stack([generator.standard_normal((rows, columns)) / np.sqrt(columns) for generator in generators])

    scale = 0.0 if init == "zeros" else 1.0
    if model == "linear":
        return build_linear(scale * draw(1, INPUTS))
    filters, u = draw(FILTERS, TAPS), draw(1, INPUTS)
    if init == "equal":
        filters[:, 1] = filters[:, 0]
        u[..., 2:] = u[..., :2]
    threshold = np.zeros((len(seeds), 1, 1)) if model == "parameterised" else None
    return build_toy_convnet(scale * filters, scale * u, threshold)


def fit(
    model: str,
    init: str,
    seeds: Sequence[int],
    samples: Samples,
    *,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    l2: float,
    seed: int,
    norms_at: Collection[int] = (),
) -> History:
    """Fit one network per data set of ``samples``, all with the same order of samples.

    Args:
        model: ``linear``, ``convnet`` or ``parameterised``; see ``initial_network``.
        init: ``normal``, ``equal`` or ``zeros``; see ``initial_network``.
        seeds: M seeds of the initial weights.
        samples: M data sets.
        iterations: Number of gradient steps.
        batch_size: Samples per step.
        learning_rate: Rate of the first step; see ``sgd``.
        l2: lambda.
        seed: Seed of the order of the samples.
        norms_at: Iterations (from 0) at which the gradient norm is recorded.
    """
    loss = SquaredLoss()
    network = initial_network(model, init, seeds)
    steps = sgd(
        network, loss, samples.x_train, samples.y_train,
        iterations=iterations, batch_size=batch_size, learning_rate=learning_rate, l2=l2,
        generator=np.random.default_rng(seed),
    )  # fmt: skip
    train_loss, test_loss, gradient_norm = np.full((3, iterations, len(seeds)), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # a model that diverges is recorded as nan
        for iteration, step in enumerate(steps):
            train_loss[iteration] = step.loss
            test_loss[iteration] = loss.value(network.forward(samples.x_test), samples.y_test)
            if iteration in norms_at:
                gradient_norm[iteration] = step.gradient_norm
            if not np.isfinite(test_loss[iteration]).any():
                break
        predictions = network.forward(samples.x_test)[..., 0]
    for values in (train_loss, test_loss, gradient_norm):
        values[~np.isfinite(values)] = np.nan
    return History(train_loss, test_loss, gradient_norm, predictions)


def log_spaced(iterations: int, points: int) -> list[int]:
    """Return at most ``points`` iterations (from 0), evenly spaced on a logarithmic axis, the last one included."""
    return sorted({round(point) - 1 for point in np.geomspace(1, iterations, points)})


def solve_ridge(samples: Samples, l2: float) -> np.ndarray:
    """Solve the linear model exactly, and return its test losses, ``(M,)``.

    The minimum of 1/N sum_i (w . x_i - y_i)^2 + l2 / 2 |w|^2 is at (2/N X^T X + l2 I) w = 2/N X^T y.
    """
    x, y, count = samples.x_train, samples.y_train, samples.x_train.shape[-2]
    w = np.linalg.solve(2 / count * x.mT @ x + l2 * np.eye(INPUTS), 2 / count * x.mT @ y)  # (M, 4, 1)
    return SquaredLoss().value(samples.x_test @ w, samples.y_test)
