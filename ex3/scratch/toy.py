"""The toy experiment's computation: fit M small networks at once, each on its own samples, and record every iteration.

Nothing here depends on how many models there are: a model fitted alone gives the same numbers as among others.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import sgd
from ex3.scratch.targets import INPUTS, Samples

FILTERS, TAPS = 2, 3


@dataclass(frozen=True)
class History:
    """What was recorded; ``nan`` after a model's loss was no longer finite.

    Attributes:
        train_loss: ``(iterations, M)``: of the iteration's batch, before its step; without the l2 term.
        test_loss: ``(iterations, M)``: of all test samples, after the step; without the l2 term.
        gradient_norm: ``(iterations, M)``: over all parameters, before the step; with the l2 term. ``nan`` too where it
            was not asked for.
        predictions: ``(M, test samples)``, after the last step.
    """

    train_loss: np.ndarray
    test_loss: np.ndarray
    gradient_norm: np.ndarray
    predictions: np.ndarray


def initial_network(model: str, init: str, seeds: list[int]) -> Network:
    """Build one network per seed.

    Args:
        model: ``linear``, ``convnet``, or ``parameterised``: the convnet with a threshold t, which starts at 0.
        init: ``normal`` draws each parameter from N(0, 1) / sqrt(fan in); ``equal`` draws one filter and one pair of
            output weights so, and gives them to both filters; ``zeros`` is what it says.
        seeds: One network each; a seed's weights do not depend on the other seeds.
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
    seeds: list[int],
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
        iterations: Gradient steps.
        batch_size: Samples per step.
        learning_rate: Of the first step; see ``sgd``.
        l2: lambda.
        seed: Decides the order.
        norms_at: Iterations (from 0) at which the gradient norm is recorded as well.
    """
    loss = SquaredLoss()
    network = initial_network(model, init, seeds)
    steps = sgd(
        network, loss, samples.x_train, samples.y_train,
        iterations=iterations, batch_size=batch_size, learning_rate=learning_rate, l2=l2,
        generator=np.random.default_rng(seed),
    )  # fmt: skip
    train_loss, test_loss, gradient_norm = np.full((3, iterations, len(seeds)), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # a model that diverges shows in its numbers
        for iteration, step in enumerate(steps):
            train_loss[iteration] = step.loss
            test_loss[iteration] = loss.value(network.forward(samples.x_test), samples.y_test)
            if iteration in norms_at:
                gradient_norm[iteration] = step.gradient_norm
            if not np.isfinite(test_loss[iteration]).any():
                break
        predictions = network.forward(samples.x_test)[:, 0]
    for values in (train_loss, test_loss, gradient_norm):
        values[~np.isfinite(values)] = np.nan
    return History(train_loss, test_loss, gradient_norm, predictions)


def ridge(samples: Samples, l2: float) -> np.ndarray:
    """Solve the linear model exactly, and return its test loss, ``(M,)``.

    The minimum of 1/N sum_i (w . x_i - y_i)^2 + l2 / 2 |w|^2 is at (2/N X X^T + l2 I) w = 2/N X y.
    """
    x, y, count = samples.x_train, samples.y_train, samples.x_train.shape[-1]
    w = np.linalg.solve(2 / count * x @ x.mT + l2 * np.eye(INPUTS), 2 / count * x @ y.mT)  # (M, 4, 1)
    return SquaredLoss().value(w.mT @ samples.x_test, samples.y_test)
