"""Gradient descent with a batch size of 1, and without the work that changes nothing.

A loss such as the hinge's is exactly 0 for most samples after a short while. Such a sample has no gradient, so plain
SGD would compute it and move nothing. Here a block of samples is computed at once with the present weights; the samples
up to the first one with a loss are done, that one makes the next update, and the following block starts behind it. The
weights are those of SGD with a batch size of 1, at a fraction of the cost. Weight decay would move them with every
sample, so it acts in the updates alone.
"""

from collections.abc import Iterator

import numpy as np

from ex3.scratch.losses import Loss
from ex3.scratch.network import Network
from ex3.scratch.sgd import Momentum, Schedule, Transform, differentiate_objective, one_cycle

LEAST_BLOCK, LARGEST_BLOCK = 4, 64


def sgd_one_by_one(
    network: Network,
    loss: Loss,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    learning_rate: float,
    generator: np.random.Generator,
    l2: float = 0.0,
    schedule: Schedule = one_cycle,
    transform: Transform | None = None,
) -> Iterator[int]:
    """Minimise the loss, sample by sample, in a new random order in each epoch.

    theta <- theta - rate (dL/dtheta + l2 theta) for a sample with a loss above 0; no change for any other.

    Args:
        network: Its parameters are changed in place.
        loss: Per sample, at least 0.
        x: Inputs ``(N, n)``.
        y: Labels ``(N,)``.
        epochs: Passes over the samples.
        learning_rate: Its largest value.
        generator: Draws the order of the samples.
        l2: lambda of each update, at least 0.
        schedule: The course of the learning rate over all samples of all epochs.
        transform: Applied to a block's inputs, e.g. to add noise.

    Yields:
        After each epoch, its number of updates.
    """
    count = len(x)
    optimiser = Momentum(network.parameters)
    block = LARGEST_BLOCK
    for epoch in range(epochs):
        order = generator.permutation(count)
        position = updates = 0
        while position < count:
            rows = order[position : position + block]
            inputs, labels = x.take(rows, axis=0), y.take(rows)
            if transform:
                inputs = transform(inputs, labels)
            wrong = loss.per_sample(network.forward(inputs), labels).nonzero()[0]
            if len(wrong) == 0:
                position += len(rows)
                block = min(2 * block, LARGEST_BLOCK)
                continue
            first = int(wrong[0])
            sample = slice(first, first + 1)
            differentiate_objective(network, loss, inputs[sample], labels[sample], l2)
            optimiser.step(learning_rate * schedule((epoch + (position + first) / count) / epochs))
            position, updates = position + first + 1, updates + 1
            block = min(max(2 * first, LEAST_BLOCK), LARGEST_BLOCK)
        yield updates
