"""The hand-written networks: against numbers computed by hand, a per-sample oracle, and each other."""

import numpy as np
import pytest

from ex3.scratch import targets
from ex3.scratch.layers import Correlation, Flatten, Linear, MaxPool, ReLU
from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import build_linear, build_toy_convnet
from ex3.scratch.sgd import objective_gradients, sgd
from ex3.scratch.toy import fit, initial_network, log_spaced, solve_ridge

SETTINGS = {"iterations": 40, "batch_size": 32, "learning_rate": 0.02, "l2": 0.01, "seed": 0}


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, np.newaxis]


def plain_toy_convnet(w: np.ndarray, u: np.ndarray, x: np.ndarray) -> float:
    """The exercise sheet's formulas, literally, for one sample."""
    m = []
    for f in (0, 1):
        padded = [0.0, *x, 0.0]
        z = [sum(w[f][k] * padded[i + k] for k in range(3)) for i in range(4)]
        a = [max(0.0, value) for value in z]
        m += [max(a[0], a[1]), max(a[2], a[3])]
    return sum(u[j] * m[j] for j in range(4))


def test_correlation_by_hand():
    layer = Correlation(np.array([[1.0, 10.0, 100.0]]))
    np.testing.assert_array_equal(layer.forward(column(1, 2, 3, 4))[0, :, 0], [210, 321, 432, 43])
    dx = layer.backward(np.ones((1, 4, 1)))
    np.testing.assert_array_equal(layer.gradients[0], [[1 + 2 + 3, 1 + 2 + 3 + 4, 2 + 3 + 4]])
    np.testing.assert_array_equal(dx[:, 0], [11, 111, 111, 110])


def test_ties_and_the_kink_are_decided_as_documented():
    relu = ReLU()
    relu.forward(column(-1, 0, 2))
    np.testing.assert_array_equal(relu.backward(np.ones((3, 1)))[:, 0], [0, 0, 1])
    pool = MaxPool()
    np.testing.assert_array_equal(pool.forward(column(5, 5, 1, 3))[:, 0], [5, 3])
    np.testing.assert_array_equal(pool.backward(column(7, 8))[:, 0], [7, 0, 0, 8])


def test_flatten_and_linear_by_hand():
    assert Flatten().forward(np.arange(12.0).reshape(2, 3, 2)).shape == (6, 2)
    layer = Linear(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(layer.forward(np.array([[3.0, 4.0], [5.0, 6.0]])), [[13, 16]])
    np.testing.assert_array_equal(layer.backward(np.array([[1.0, 10.0]])), [[1, 10], [2, 20]])
    np.testing.assert_array_equal(layer.gradients[0], [[43, 65]])


def test_squared_loss_by_hand():
    loss = SquaredLoss()
    p, y = np.array([[1.0, 4.0]]), np.array([[0.0, 2.0]])
    assert loss.value(p, y) == 2.5
    np.testing.assert_array_equal(loss.gradient(p, y), [[1.0, 2.0]])


def test_the_network_computes_the_exercise_sheets_formulas():
    generator = np.random.default_rng(3)
    w, u, x = generator.normal(size=(2, 3)), generator.normal(size=4), generator.normal(size=(4, 50))
    p = build_toy_convnet(w, u[np.newaxis]).forward(x)
    np.testing.assert_allclose(p[0], [plain_toy_convnet(w, u, sample) for sample in x.T], rtol=1e-13)


@pytest.mark.parametrize("model", ["linear", "convnet"])
def test_many_models_at_once_are_the_same_as_each_alone(model):
    samples = targets.draw(["y2", "y3"], [0, 1, 2])
    together = fit(model, "normal", [0, 1, 2] * 2, samples, **SETTINGS)
    alone = fit(model, "normal", [1], targets.draw(["y3"], [1]), **SETTINGS)
    np.testing.assert_allclose(together.test_loss[:, 4], alone.test_loss[:, 0], rtol=1e-12)
    np.testing.assert_allclose(together.predictions[4], alone.predictions[0], rtol=1e-12)


def test_sgd_is_the_formula_with_the_l2_term_and_a_falling_rate():
    generator = np.random.default_rng(0)
    x, y, w = generator.normal(size=(4, 6)), generator.normal(size=(1, 6)), generator.normal(size=(1, 4))
    expected = w.copy()
    order = np.random.default_rng(7)
    permuted = None
    for iteration in range(5):
        step = iteration % 2
        if step == 0:
            indices = order.permutation(6)
            permuted = indices if permuted is None else permuted[indices]
        batch = permuted[3 * step : 3 * step + 3]
        residual = expected @ x[:, batch] - y[:, batch]
        expected -= 0.1 * (1 - iteration / 5) * (2 / 3 * residual @ x[:, batch].T + 0.3 * expected)
    network = build_linear(w)
    steps = list(
        sgd(
            network, SquaredLoss(), x, y,
            iterations=5, batch_size=3, learning_rate=0.1, l2=0.3, generator=np.random.default_rng(7),
        )
    )  # fmt: skip
    assert len(steps) == 5
    np.testing.assert_allclose(network.parameters[0], expected, rtol=1e-12)


def test_the_gradient_does_not_depend_on_the_batch_size():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(4, 8)), generator.normal(size=(1, 8))
    network = build_toy_convnet(generator.normal(size=(2, 3)), generator.normal(size=(1, 4)))
    _, once = objective_gradients(network, SquaredLoss(), x, y, 0.1)
    _, twice = objective_gradients(network, SquaredLoss(), np.tile(x, 2), np.tile(y, 2), 0.1)
    for left, right in zip(once, twice, strict=True):
        np.testing.assert_allclose(left, right)


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
        filters, u = network.parameters
        if init == "zeros":
            assert np.all(np.array(norms) == 0)
            assert not filters.any()
            assert not u.any()
        else:
            np.testing.assert_array_equal(filters[:, 0], filters[:, 1])
            np.testing.assert_array_equal(u[..., :2], u[..., 2:])
            assert np.all(np.array(norms) > 0)


def test_targets_samples_and_noise_are_those_of_the_exercise():
    w, x = np.eye(4), column(1, 2, 3, 4)
    assert targets.y1(w, x) == 10
    assert targets.y2(w, x) == 4
    assert targets.y3(w, x) == pytest.approx(np.log(np.exp([1, 2, 3, 4]).sum()))
    assert np.isfinite(targets.y3(1000 * w, x)).all()
    samples = targets.draw(["y1"], list(range(50)))
    assert samples.x_train.shape == (50, 4, 1000)
    assert samples.y_test.shape == (50, 1, 200)
    assert -2.5 <= samples.x_train.min() < -2.49
    assert 2.49 < samples.x_train.max() < 2.5
    noise = samples.noise_floor / np.square(samples.y_test).mean(axis=(1, 2))
    assert np.median(noise) == pytest.approx(1e-4, rel=0.1)


def test_ridge_is_the_minimum_of_the_objective():
    samples = targets.draw(["y3"], [0, 1])
    settings = SETTINGS | {"iterations": 3000, "batch_size": 1000, "l2": 0.5}
    slow = fit("linear", "normal", [0, 1], samples, **settings)
    np.testing.assert_allclose(slow.test_loss[-1], solve_ridge(samples, 0.5), rtol=1e-6)
    assert (solve_ridge(samples, 0.0) != solve_ridge(samples, 0.5)).all()


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
