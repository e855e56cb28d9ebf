"""Gradient descent by hand: its formula, its schedules, and what stands still."""

import numpy as np
import pytest

from ex3.scratch import targets
from ex3.scratch.layers import Linear, Parameter
from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import WARMUP, Momentum, differentiate_objective, linear_decay, one_cycle, sgd
from ex3.scratch.toy import fit, initial_network, log_spaced

SETTINGS = {"iterations": 40, "batch_size": 32, "learning_rate": 0.02, "l2": 0.01, "seed": 0}


def row(*values: float) -> np.ndarray:
    return np.array([values], float)


def test_sgd_is_the_formula_with_the_l2_term_and_a_falling_rate():
    generator = np.random.default_rng(0)
    x, y, w = generator.normal(size=(6, 4)), generator.normal(size=(6, 1)), generator.normal(size=(1, 4))
    expected = w.copy()
    order = np.random.default_rng(7)
    permuted = None
    for iteration in range(5):
        step = iteration % 2
        if step == 0:
            indices = order.permutation(6)
            permuted = indices if permuted is None else permuted[indices]
        batch = permuted[3 * step : 3 * step + 3]
        residual = x[batch] @ expected.T - y[batch]
        expected -= 0.1 * (1 - iteration / 5) * (2 / 3 * residual.T @ x[batch] + 0.3 * expected)
    network = build_linear(w)
    steps = list(
        sgd(
            network, SquaredLoss(), x, y,
            iterations=5, batch_size=3, learning_rate=0.1, l2=0.3, generator=np.random.default_rng(7),
        )
    )  # fmt: skip
    assert len(steps) == 5
    np.testing.assert_allclose(network.parameters[0].value, expected, rtol=1e-12)


def test_sgd_follows_the_schedule_and_learns_from_the_transformed_inputs():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(6, 4)), generator.normal(size=(6, 1))
    once, twice = build_linear(np.ones((1, 4))), build_linear(np.ones((1, 4)))
    settings = {"iterations": 5, "batch_size": 3}
    plain = sgd(once, SquaredLoss(), 2 * x, y, **settings, learning_rate=0.05, generator=np.random.default_rng(7))
    other = sgd(
        twice, SquaredLoss(), x, y, **settings, learning_rate=0.1, generator=np.random.default_rng(7),
        schedule=lambda progress: linear_decay(progress) / 2, transform=lambda x, y: 2 * x,
    )  # fmt: skip
    assert len(list(plain)) == len(list(other)) == 5
    np.testing.assert_allclose(twice.parameters[0].value, once.parameters[0].value, rtol=1e-12)


def test_momentum_is_the_formula():
    theta, v = row(1, -2), np.zeros((1, 2))
    parameter = Parameter("w", theta.copy())
    optimiser = Momentum([parameter], momentum=0.9)
    for rate in (0.1, 0.2, 0.05):
        v = 0.9 * v - rate * 3 * theta
        theta = theta + v
        parameter.gradient = 3 * parameter.value
        optimiser.step(rate)
        np.testing.assert_allclose(parameter.value, theta)


def test_nesterovs_momentum_takes_the_gradient_one_step_ahead():
    theta, v = row(1, -2), np.zeros((1, 2))
    parameter = Parameter("w", theta.copy())
    optimiser = Momentum([parameter], momentum=0.9, nesterov=True)
    for rate in (0.1, 0.2, 0.05):
        v = 0.9 * v - rate * 3 * (theta + 0.9 * v)
        theta = theta + v
        parameter.gradient = 3 * parameter.value
        optimiser.step(rate)
        np.testing.assert_allclose(parameter.value, theta + 0.9 * v)


def test_schedules_by_hand():
    assert [linear_decay(progress) for progress in (0, 0.25, 1)] == [1, 0.75, 0]
    assert [one_cycle(progress) for progress in (0, WARMUP / 2, WARMUP, 1)] == [0, 0.5, 1, 0]
    assert one_cycle((WARMUP + 1) / 2) == pytest.approx(0.5)


def test_the_l2_term_spares_biases():
    layer = Linear(row(1, 2), row(3))
    zeros, y = np.zeros((2, 2)), np.array([[3.0], [2.0]])
    assert differentiate_objective(Network([layer]), SquaredLoss(), zeros, y, 0.5) == 0.5
    np.testing.assert_array_equal(layer.weights.gradient, [[0.5, 1]])
    np.testing.assert_array_equal(layer.bias.gradient, [[1]])


def test_the_gradient_does_not_depend_on_the_batch_size():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(8, 4)), generator.normal(size=(8, 1))
    network = build_toy_convnet(generator.normal(size=(2, 3)), generator.normal(size=(1, 4)))
    differentiate_objective(network, SquaredLoss(), x, y, 0.1)
    once = [parameter.gradient for parameter in network.parameters]
    differentiate_objective(network, SquaredLoss(), np.tile(x, (2, 1)), np.tile(y, (2, 1)), 0.1)
    for before, parameter in zip(once, network.parameters, strict=True):
        np.testing.assert_allclose(before, parameter.gradient)


def test_zero_weights_never_move_and_equal_filters_stay_equal():
    samples = targets.draw(["y1", "y2", "y3"], [0])
    for init, l2 in (("zeros", 0.0), ("zeros", 0.5), ("equal", 0.01)):
        network = initial_network("convnet", init, [0] * 3)
        settings = {key: value for key, value in SETTINGS.items() if key not in ("seed", "l2")}
        steps = sgd(
            network,
            SquaredLoss(),
            samples.x_train,
            samples.y_train,
            l2=l2,
            generator=np.random.default_rng(0),
            **settings,
        )
        norms = [step.gradient_norm for step in steps]
        filters, u = (parameter.value for parameter in network.parameters)
        if init == "zeros":
            assert np.all(np.array(norms) == 0)
            assert not filters.any()
            assert not u.any()
        else:
            np.testing.assert_array_equal(filters[:, 0], filters[:, 1])
            np.testing.assert_array_equal(u[..., :2], u[..., 2:])
            assert np.all(np.array(norms) > 0)


def test_log_spaced_iterations_are_denser_at_the_start():
    assert log_spaced(1000, 4) == [0, 9, 99, 999]
    assert log_spaced(3, 100) == [0, 1, 2]


def test_a_model_that_diverges_does_not_stop_the_others():
    samples = targets.draw(["y1"], [0, 1])
    samples.y_train[0] *= 1e200
    history = fit("convnet", "normal", [0, 1], samples, **SETTINGS)
    assert np.isnan(history.test_loss[-1, 0])
    assert np.isfinite(history.test_loss[:, 1]).all()
    first, second = history.diverged_at()
    assert np.isfinite(history.test_loss[: first - 1, 0]).all()
    assert not np.isfinite(history.test_loss[first - 1, 0])
    assert second is None
