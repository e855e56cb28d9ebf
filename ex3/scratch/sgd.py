"""Stochastic gradient descent, written out: schedules of the learning rate, momentum, and the loop over batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.scratch.layers import Parameter
from ex3.scratch.losses import Loss
from ex3.scratch.network import Network

Schedule = Callable[[float], float]  # share of the steps that are done, in [0, 1) -> share of the learning rate
Transform = Callable[[np.ndarray, np.ndarray], np.ndarray]  # inputs of a batch, targets -> inputs to learn from

WARMUP = 0.2  # of the one-cycle schedule


def linear_decay(progress: float) -> float:
    """Fall from 1 to 0 in a straight line."""
    return 1 - progress


def one_cycle(progress: float) -> float:
    """Rise from 0 to 1 in a straight line, then fall to 0 as half a cosine (after Smith and Topin 2019)."""
    if progress < WARMUP:
        return progress / WARMUP
    return 0.5 + 0.5 * math.cos(math.pi * (progress - WARMUP) / (1 - WARMUP))


class Momentum:
    """Gradient descent with momentum mu: v <- mu v - rate g, theta <- theta + v; mu = 0 is plain gradient descent.

    Nesterov's form looks one step ahead: theta <- theta + mu v - rate g, with the new v (Sutskever et al. 2013).

    Args:
        parameters: Changed in place; g is their gradient.
        momentum: mu, in [0, 1).
        nesterov: Whether to look ahead.
    """

    def __init__(self, parameters: Sequence[Parameter], momentum: float = 0.0, nesterov: bool = False):
        self.parameters, self.momentum, self.nesterov = parameters, momentum, nesterov
        self.velocities = [np.zeros_like(parameter.value) for parameter in parameters]

    def step(self, rate: float) -> None:
        """Update every parameter once."""
        for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
            change = rate * parameter.gradient
            np.multiply(velocity, self.momentum, out=velocity)
            np.subtract(velocity, change, out=velocity)
            parameter.value += self.momentum * velocity - change if self.nesterov else velocity


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


def differentiate_objective(network: Network, loss: Loss, x: np.ndarray, y: np.ndarray, l2: float) -> np.ndarray:
    """Differentiate J = the mean loss over the batch + l2 / 2 times the squared norm of all weights, biases spared.

    Each parameter's gradient becomes dJ/dtheta = dL/dtheta + l2 theta.

    Returns:
        The mean loss, J without its l2 term.
    """
    p = network.forward(x)
    network.differentiate(loss.gradient(p, y))
    for parameter in network.parameters:
        if l2 and not parameter.is_bias:
            parameter.gradient = parameter.gradient + l2 * parameter.value
    return loss.value(p, y)


def sgd(
    network: Network,
    loss: Loss,
    x: np.ndarray,
    y: np.ndarray,
    *,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    generator: np.random.Generator,
    l2: float = 0.0,
    momentum: float = 0.0,
    nesterov: bool = False,
    schedule: Schedule = linear_decay,
    transform: Transform | None = None,
) -> Iterator[Step]:
    """Minimise J, batch by batch.

    Each epoch visits the samples in a new random order, the same for all models, and drops the last batch if it is
    incomplete.

    Args:
        network: Its parameters are changed in place, before each step is yielded.
        loss: Function of outputs and targets.
        x: Inputs ``(N, n)``.
        y: Targets ``(N, outputs)``, or labels ``(N,)``.
        iterations: Number of gradient steps.
        batch_size: B, samples per step; at most N.
        learning_rate: Its largest value.
        generator: Draws the order of the samples.
        l2: lambda, at least 0.
        momentum: mu, in [0, 1).
        nesterov: Use Nesterov's momentum.
        schedule: The course of the learning rate.
        transform: Applied to each batch's inputs, e.g. to add noise.

    Yields:
        The loss and gradient of each iteration.
    """
    axis = x.ndim - 2  # of the samples, after the models'
    order = np.arange(x.shape[axis])
    steps_per_epoch = len(order) // batch_size
    optimiser = Momentum(network.parameters, momentum, nesterov)
    for iteration in range(iterations):
        step = iteration % steps_per_epoch
        if step == 0:
            order = generator.permutation(order)
        rows = order[step * batch_size : (step + 1) * batch_size]
        inputs, targets = x.take(rows, axis), y.take(rows, axis)
        if transform:
            inputs = transform(inputs, targets)
        value = differentiate_objective(network, loss, inputs, targets, l2)
        optimiser.step(learning_rate * schedule(iteration / iterations))
        yield Step(value, [parameter.gradient for parameter in network.parameters])
