"""SGD with a batch size of 1 leaves out only what changes nothing."""

from typing import NamedTuple

import numpy as np
import pytest

from ex3.scratch import one_by_one
from ex3.scratch.activations import ReLU
from ex3.scratch.layers import Linear
from ex3.scratch.losses import HingeLoss
from ex3.scratch.network import Network
from ex3.scratch.one_by_one import sgd_one_by_one
from ex3.scratch.sgd import one_cycle


class Problem(NamedTuple):
    """A network to train, with inputs and labels."""

    network: Network
    x: np.ndarray
    y: np.ndarray


def separable_problem() -> Problem:
    """Return an untrained network, 50 points, and as their labels a linear function's largest output."""
    draw = np.random.default_rng(3).standard_normal
    x = draw((50, 5))
    layers = [Linear(draw((8, 5)), draw((1, 8))), ReLU(), Linear(draw((3, 8)), draw((1, 3)))]
    return Problem(Network(layers), x, (x @ draw((5, 3))).argmax(axis=1))


def descend_sample_by_sample(problem: Problem, epochs: int, rate: float, l2: float, seed: int) -> list[int]:
    """Minimise the hinge loss as SGD with a batch size of 1 is usually written; return the updates of each epoch."""
    network, x, y = problem
    generator, updates = np.random.default_rng(seed), [0] * epochs
    for epoch in range(epochs):
        for position, row in enumerate(generator.permutation(len(x))):
            scores, label = network.forward(x[[row]]), y[[row]]
            if HingeLoss().value(scores, label) == 0:
                continue
            updates[epoch] += 1
            network.differentiate(HingeLoss().gradient(scores, label))
            for p in network.parameters:
                slope = p.gradient if p.is_bias else p.gradient + l2 * p.value
                p.value -= rate * one_cycle((epoch + position / len(x)) / epochs) * slope
    return updates


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(("least", "largest"), [(4, 64), (1, 1), (2, 7), (50, 50)])
def test_sgd_one_by_one_skips_only_what_changes_nothing(monkeypatch, least, largest, l2):
    monkeypatch.setattr(one_by_one, "LEAST_BLOCK", least)
    monkeypatch.setattr(one_by_one, "LARGEST_BLOCK", largest)
    plain, blocks = separable_problem(), separable_problem()
    expected = descend_sample_by_sample(plain, epochs=6, rate=0.05, l2=l2, seed=1)
    updates = sgd_one_by_one(
        blocks.network, HingeLoss(), blocks.x, blocks.y,
        epochs=6, learning_rate=0.05, l2=l2, generator=np.random.default_rng(1),
    )  # fmt: skip
    assert list(updates) == expected
    assert 0 < expected[-1] < 25 < expected[0]  # both kinds of samples occur
    for ours, theirs in zip(blocks.network.parameters, plain.network.parameters, strict=True):
        np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-10)


def test_sgd_one_by_one_learns_from_the_transformed_inputs():
    first, second = separable_problem(), separable_problem()
    rule = {"epochs": 2, "learning_rate": 0.05}
    doubled = sgd_one_by_one(
        first.network, HingeLoss(), 2 * first.x, first.y, generator=np.random.default_rng(1), **rule
    )
    transformed = sgd_one_by_one(
        second.network, HingeLoss(), second.x, second.y, generator=np.random.default_rng(1),
        transform=lambda x, y: 2 * x, **rule,
    )  # fmt: skip
    assert list(transformed) == list(doubled)
    np.testing.assert_array_equal(second.network.parameters[0].value, first.network.parameters[0].value)
