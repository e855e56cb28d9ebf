"""The statements of ``docs/toy.md`` on what the toy convnet can represent, checked numerically."""

import numpy as np
import pytest

from ex3.scratch import capacity, targets
from ex3.scratch.network import Network, build_toy_convnet
from ex3.scratch.targets import Samples
from ex3.scratch.toy import fit

E1, E4 = np.eye(4)[0], np.eye(4)[3]


@pytest.fixture
def random_networks() -> Network:
    generator = np.random.default_rng(0)
    return build_toy_convnet(generator.normal(size=(50, 2, 3)), generator.normal(size=(50, 1, 4)))


def test_it_is_positively_homogeneous_and_y3_is_not(random_networks):
    x = np.random.default_rng(1).normal(size=(50, 20, 4))
    np.testing.assert_allclose(random_networks.forward(3.7 * x), 3.7 * random_networks.forward(x), rtol=1e-12)
    assert targets.y3(np.eye(4), np.zeros((1, 4))) == pytest.approx(np.log(4))


def test_it_never_compares_the_first_input_with_the_last_and_the_maximum_does(random_networks):
    x = np.random.default_rng(1).normal(size=(50, 20, 4))

    def mixed_difference(p, x):
        return p(x + E1 + 2 * E4) - p(x + E1) - p(x + 2 * E4) + p(x)

    np.testing.assert_allclose(mixed_difference(random_networks.forward, x), 0, atol=1e-12)
    assert mixed_difference(lambda x: targets.y2(np.eye(4), x), np.zeros((1, 4))) == -1


def test_it_represents_the_first_and_the_last_input():
    x = np.random.default_rng(1).normal(size=(100, 4))
    first = build_toy_convnet(np.array([[1.0, 0, 0], [-1, 0, 0]]), np.array([[1.0, 0, -1, 0]]))
    last = build_toy_convnet(np.array([[0, 0, 1.0], [0, 0, -1]]), np.array([[0, 1.0, 0, -1]]))
    np.testing.assert_allclose(first.forward(x)[:, 0], x[:, 0])
    np.testing.assert_allclose(last.forward(x)[:, 0], x[:, 3])


def test_no_other_linear_function_is_ever_fitted():
    """Of 32 starts each, one at least finds c = e1, and none comes near c = e2, c = e1 + e4 or c = (1, 1, 1, 1)."""
    starts = 32
    directions = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, 1]], float)
    x = np.random.default_rng(0).uniform(-2.5, 2.5, (1200, 4))
    y = np.repeat(directions @ x.T, starts, axis=0)[..., np.newaxis]
    x = np.stack([x] * len(y))
    samples = Samples(x[:, :1000], y[:, :1000], x[:, 1000:], y[:, 1000:], np.zeros(len(y)))
    history = fit(
        "convnet", "normal", list(range(starts)) * len(directions), samples,
        iterations=1000, batch_size=32, learning_rate=0.05, l2=0.0, seed=0,
    )  # fmt: skip
    e1, *others = np.nanmin(history.test_loss[-1].reshape(len(directions), starts), axis=1)
    assert e1 < 1e-4
    assert min(others) > 0.03


def test_the_floor_of_the_maximum_by_quadrature():
    """On a grid of x1, x4 and b = max(x2, x3): what no sum of a function of x1 and one of x4 explains."""
    side = (np.arange(100) + 0.5) / 100
    u, v, b = np.meshgrid(side, side, side, indexing="ij")
    f = np.maximum(np.maximum(u, v), b)
    rest = f - f.mean(0, keepdims=True) - f.mean(1, keepdims=True) + f.mean((0, 1), keepdims=True)
    density = 2 * side  # of the larger of two uniform numbers
    assert 25 * np.mean(rest**2 * density) == pytest.approx(capacity.MAXIMUM_FLOOR, rel=2e-3)


def test_floors_of_homogeneous_functions():
    """y2 is homogeneous itself; of the constant log 4 the best multiple of s misses 1/25 (theory question 1)."""
    assert capacity.homogeneous_floor("y2", np.eye(4)) == pytest.approx(0, abs=1e-12)
    assert capacity.homogeneous_floor("y3", np.zeros((4, 4))) == pytest.approx(np.log(4) ** 2 / 25)


def test_bfgs_ends_below_sgd_and_above_the_floor():
    samples = targets.draw(["y2"], [0])
    history = fit(
        "convnet", "normal", [0], samples, iterations=500, batch_size=32, learning_rate=0.01, l2=0.0, seed=0
    )  # fmt: skip
    (best,) = capacity.best_fits(samples, 4)
    assert capacity.MAXIMUM_FLOOR < best < history.test_loss[-1, 0]
