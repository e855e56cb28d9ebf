"""The hand-written networks: against numbers computed by hand, a per-sample oracle, and each other."""

import numpy as np
import pytest

from ex3.defences.certificate import Dense, Relu, bound_margins
from ex3.scratch import targets
from ex3.scratch.activations import GELU, ReLU, TanhGELU
from ex3.scratch.distances import NearestCentre, SquaredNorms
from ex3.scratch.intervals import (
    IntervalLinear,
    IntervalMargins,
    IntervalReLU,
    WorstCase,
    box_around,
    build_interval_network,
)
from ex3.scratch.layers import Correlation, Flatten, Linear, MaxPool, Projection
from ex3.scratch.losses import CrossEntropy, DistanceLoss, HingeLoss, MarginLoss, RbfLoss, SquaredLoss
from ex3.scratch.network import Network, build_toy_convnet
from ex3.scratch.toy import fit, solve_ridge

SETTINGS = {"iterations": 40, "batch_size": 32, "learning_rate": 0.02, "l2": 0.01, "seed": 0}


def row(*values: float) -> np.ndarray:
    return np.array([values], float)


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
    np.testing.assert_array_equal(layer.forward(row(1, 2, 3, 4)), [[[210, 321, 432, 43]]])
    layer.differentiate(np.ones((1, 1, 4)))
    np.testing.assert_array_equal(layer.filters.gradient, [[1 + 2 + 3, 1 + 2 + 3 + 4, 2 + 3 + 4]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 4))), [[11, 111, 111, 110]])


def test_ties_and_the_kink_are_decided_as_documented():
    relu = ReLU()
    relu.forward(row(-1, 0, 2))
    np.testing.assert_array_equal(relu.backward(np.ones((1, 3))), [[0, 0, 1]])
    pool = MaxPool()
    np.testing.assert_array_equal(pool.forward(row(5, 5, 1, 3)), [[5, 3]])
    np.testing.assert_array_equal(pool.backward(row(7, 8)), [[7, 0, 0, 8]])


def test_flatten_and_linear_by_hand():
    flat = Flatten().forward(np.arange(12.0).reshape(2, 3, 2))
    np.testing.assert_array_equal(flat, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    layer = Linear(row(1, 2), row(100))
    np.testing.assert_array_equal(layer.forward(np.array([[3.0, 5.0], [4.0, 6.0]])), [[113], [116]])
    gradient = np.array([[1.0], [10.0]])
    np.testing.assert_array_equal(layer.backward(gradient), [[1, 2], [10, 20]])
    layer.differentiate(gradient)
    np.testing.assert_array_equal(layer.weights.gradient, [[43, 65]])
    np.testing.assert_array_equal(layer.bias.gradient, [[11]])


def test_projection_by_hand():
    layer = Projection(row(1, 2), np.array([[1.0, 10.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(layer.forward(row(2, 4)), [[1, 12]])
    np.testing.assert_array_equal(layer.backward(row(1, 1)), [[11, 1]])


def test_gelus_by_hand():
    """Phi(1) = 0.84134475, phi(1) = 0.24197072, Phi(-2) = 0.02275013, phi(-2) = 0.05399097."""
    exact, by_tanh = GELU(), TanhGELU()
    np.testing.assert_allclose(exact.forward(row(-2, 0, 1)), [[-0.04550026, 0, 0.84134475]], atol=1e-8)
    np.testing.assert_allclose(exact.backward(np.ones((1, 3))), [[-0.08523180, 0.5, 1.08331547]], atol=1e-8)
    np.testing.assert_allclose(by_tanh.forward(row(-2, 0, 1)), [[-0.04540231, 0, 0.84119199]], atol=1e-8)
    np.testing.assert_allclose(by_tanh.backward(np.ones((1, 3))), [[-0.08609926, 0.5, 1.08296408]], atol=1e-8)


def test_the_tanh_gelu_is_near_the_exact_one():
    x = np.linspace(-10, 10, 100_001)
    exact, by_tanh = GELU(), TanhGELU()
    errors = np.abs(by_tanh.forward(x) - exact.forward(x))
    assert errors.max() == pytest.approx(4.73e-4, rel=0.01)
    errors_of_slope = np.abs(by_tanh.backward(np.ones_like(x)) - exact.backward(np.ones_like(x)))
    assert errors_of_slope.max() == pytest.approx(8.68e-4, rel=0.01)


def test_nearest_centre_by_hand():
    layer = NearestCentre(np.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(layer.forward(np.array([[0.0, 0.0], [3.0, 0.0]])), [[0, -25], [-9, -16]])
    gradient = np.array([[1.0, 10.0], [100.0, 1000.0]])
    layer.differentiate(gradient)
    np.testing.assert_array_equal(layer.centres.gradient, [[600, 0], [-60, -8080]])
    np.testing.assert_array_equal(layer.backward(gradient), [[60, 80], [-600, 8000]])


def test_squared_norms_by_hand():
    layer = SquaredNorms(2)
    np.testing.assert_array_equal(layer.forward(row(1, 2, 3, 4)), [[-5, -25]])
    np.testing.assert_array_equal(layer.backward(row(1, 10)), [[-2, -4, -60, -80]])


def box(centre: list[float], radius: list[float]) -> np.ndarray:
    return np.array([[centre], [radius]], float)


def test_boxes_by_hand():
    np.testing.assert_allclose(box_around(row(0.1, 0.5, 1.0), 0.2), box([0.15, 0.5, 0.9], [0.15, 0.2, 0.1]))
    linear = IntervalLinear(Linear(np.array([[1.0, -2.0], [3.0, 0.0]]), row(10, 0)))
    np.testing.assert_array_equal(linear.forward(box([1, 2], [0.5, 0.25])), box([7, 3], [1, 1.5]))
    np.testing.assert_array_equal(IntervalReLU().forward(box([5, -5, 0], [1, 1, 2])), box([5, 0, 1], [1, 0, 1]))


def test_margins_by_hand():
    """s_1 - s_0 = 2 h + 1 for h in [2, 4]; both scores apart would give 3 h in [6, 12] and h + 1 in [3, 5]."""
    margins = IntervalMargins(Linear(np.array([[1.0], [3.0]]), row(0, 1)))
    np.testing.assert_array_equal(margins.forward(box([3], [1])), [[[0, 9], [-5, 0]]])
    worst = WorstCase(CrossEntropy())
    np.testing.assert_allclose(worst.per_sample(np.array([[[0, 9], [-5, 0]]]), np.array([1])), [np.log1p(np.exp(-5))])


def test_bounds_hold_everything_in_the_box_and_agree_with_the_certificate():
    generator = np.random.default_rng(0)
    x, y = generator.random((5, 4)), np.array([0, 1, 2, 0, 1])
    draw = generator.standard_normal
    hidden, head = Linear(draw((6, 4)), draw((1, 6))), Linear(draw((3, 6)), draw((1, 3)))
    network = Network([hidden, ReLU(), head])
    upper = build_interval_network(network).forward(box_around(x, 0.1))
    for _ in range(200):
        scores = network.forward(np.clip(x + generator.uniform(-0.1, 0.1, x.shape), 0, 1))
        assert (scores[:, np.newaxis] - scores[:, :, np.newaxis] <= upper + 1e-12).all()
    dense = [Dense(layer.weights.value.T, layer.bias.value[0]) for layer in (hidden, head)]
    lower = bound_margins([dense[0], Relu(), dense[1]], x, y, 0.1)
    others = np.isfinite(lower)
    np.testing.assert_allclose(-upper[np.arange(5), y][others], lower[others], atol=1e-4)


@pytest.mark.parametrize(
    ("loss", "p", "y", "per_sample", "twice_the_gradient"),
    [
        (SquaredLoss(), [[1], [4]], [[0], [2]], [1, 4], [[2], [4]]),
        (HingeLoss(), [[2, 1.5, 0], [0.5, 3, 1]], [0, 2], [0.5, 3.5], [[-1, 1, 0], [1, 1, -2]]),
        (HingeLoss(), [[2, 1, 0], [0, 1, 9]], [0, 2], [0, 0], [[0, 0, 0], [0, 0, 0]]),
        (CrossEntropy(), [[0, np.log(3)], [7, 7]], [0, 1], [np.log(4), np.log(2)], [[-0.75, 0.75], [0.5, -0.5]]),
        (CrossEntropy(), [[1000, 0], [0, -1000]], [1, 0], [1000, 0], [[1, -1], [0, 0]]),
        (RbfLoss(4), [[-1, -3, -9], [-1, -3, -9]], [0, 3], [0.5, 1], [[-0.25, 0.25, 0], [0.25, 0.25, 0]]),
        (MarginLoss(), [[2, 1, 5], [2, 1, 5]], [0, 2], [3, -3], [[-1, 0, 1], [1, 0, -1]]),
        (DistanceLoss(), [[-2, -1, -5], [-2, -1, -5]], [0, 2], [2, 5], [[-1, 0, 0], [0, 0, -1]]),
    ],
)
def test_losses_of_two_samples_by_hand(loss, p, y, per_sample, twice_the_gradient):
    p, y = np.array(p, float), np.array(y)
    np.testing.assert_allclose(loss.per_sample(p, y), per_sample)
    assert loss.value(p, y) == pytest.approx(np.mean(per_sample))
    np.testing.assert_allclose(2 * loss.gradient(p, y), twice_the_gradient, atol=1e-15)


def test_the_network_computes_the_exercise_sheets_formulas():
    generator = np.random.default_rng(3)
    w, u, x = generator.normal(size=(2, 3)), generator.normal(size=4), generator.normal(size=(50, 4))
    p = build_toy_convnet(w, u[np.newaxis]).forward(x)
    np.testing.assert_allclose(p[:, 0], [plain_toy_convnet(w, u, sample) for sample in x], rtol=1e-13)


@pytest.mark.parametrize("model", ["linear", "convnet"])
def test_many_models_at_once_are_the_same_as_each_alone(model):
    samples = targets.draw(["y2", "y3"], [0, 1, 2])
    together = fit(model, "normal", [0, 1, 2] * 2, samples, **SETTINGS)
    alone = fit(model, "normal", [1], targets.draw(["y3"], [1]), **SETTINGS)
    np.testing.assert_allclose(together.test_loss[:, 4], alone.test_loss[:, 0], rtol=1e-12)
    np.testing.assert_allclose(together.predictions[4], alone.predictions[0], rtol=1e-12)


def test_targets_samples_and_noise_are_those_of_the_exercise():
    w, x = np.eye(4), row(1, 2, 3, 4)
    assert targets.y1(w, x) == 10
    assert targets.y2(w, x) == 4
    assert targets.y3(w, x) == pytest.approx(np.log(np.exp([1, 2, 3, 4]).sum()))
    assert np.isfinite(targets.y3(1000 * w, x)).all()
    samples = targets.draw(["y1"], list(range(50)))
    assert samples.x_train.shape == (50, 1000, 4)
    assert samples.y_test.shape == (50, 200, 1)
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
