"""Stochastic gradient descent, written out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ex3.scratch.losses import Loss
from ex3.scratch.network import Network


@dataclass(frozen=True)
class Step:
    """The loss and gradient of one iteration, at the parameters before their update.

    Attributes:
        loss: Mean over the batch, without the l2 term; one entry per model.
        gradients: Gradient of the objective, with the l2 term; one array per parameter.
    """

    loss: np.ndarray
    gradients: list[np.ndarray]

    @property
    def gradient_norm(self) -> np.ndarray:
        """Euclidean norm over all parameters; one entry per model."""
        return np.sqrt(sum(np.square(gradient).sum(axis=(-2, -1)) for gradient in self.gradients))


def objective_gradients(
    network: Network, loss: Loss, x: np.ndarray, y: np.ndarray, l2: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Differentiate J = mean of loss(p, y) over the batch + l2 / 2 times the squared norm of ALL parameters.

    Returns:
        The mean loss (J without its l2 term), and dJ/dtheta = dL/dtheta + l2 theta for each parameter theta.
    """
    p = network.forward(x)
    network.backward(loss.gradient(p, y))
    pairs = zip(network.gradients, network.parameters, strict=True)
    return loss.value(p, y), [gradient + l2 * parameter for gradient, parameter in pairs]


def sgd(
    network: Network,
    loss: Loss,
    x: np.ndarray,
    y: np.ndarray,
    *,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    l2: float,
    generator: np.random.Generator,
) -> Iterator[Step]:
    """Minimise J, batch by batch: theta <- theta - rate dJ/dtheta; the rate falls linearly to 0.

    Each epoch visits the samples in a new random order, the same for all models, and drops the last batch if it is
    incomplete.

    Args:
        network: Its parameters are changed in place, before each step is yielded.
        loss: Function of predictions and targets.
        x: Inputs ``(n, N)``.
        y: Targets ``(outputs, N)``.
        iterations: Number of gradient steps.
        batch_size: B, samples per step; at most N.
        learning_rate: Rate of the first step.
        l2: lambda, at least 0.
        generator: Draws the order of the samples.

    Yields:
        The loss and gradient of each iteration.
    """
    steps_per_epoch = x.shape[-1] // batch_size
    for iteration in range(iterations):
        step = iteration % steps_per_epoch
        if step == 0:
            order = generator.permutation(x.shape[-1])
            x, y = x[..., order], y[..., order]
        batch = slice(step * batch_size, (step + 1) * batch_size)
        value, gradients = objective_gradients(network, loss, x[..., batch], y[..., batch], l2)
        rate = learning_rate * (1 - iteration / iterations)
        for parameter, gradient in zip(network.parameters, gradients, strict=True):
            parameter[...] -= rate * gradient
        yield Step(value, gradients)
