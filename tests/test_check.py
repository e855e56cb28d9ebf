"""The gradient check passes, covers every layer, and catches common mistakes."""

import inspect

import numpy as np
import pytest

from ex3.backend import tf
from ex3.experiments import check
from ex3.scratch import activations, distances, gradient_check, intervals, layers, losses, network, sgd


def test_every_gradient_agrees_with_both_references(run_cli):
    result = run_cli("check")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].startswith("52 of 52 gradients agree")


def test_every_layer_and_loss_has_a_case():
    cases = gradient_check.build_cases()
    checked = {type(layer) for case in cases for layer in case.network.layers} | {type(case.loss) for case in cases}
    for module in (layers, activations, distances, intervals, losses):
        written = {
            kind for _, kind in inspect.getmembers(module, inspect.isclass)
            if kind.__module__ == module.__name__ and issubclass(kind, layers.Layer | losses.Loss)
        }  # fmt: skip
        assert written - {layers.Layer, losses.Loss} <= checked
    assert [case.name for case in cases] == list(check.OUTPUTS)


@pytest.mark.parametrize(("name", "approximate"), [("GELU", False), ("tanh GELU", True)])
def test_the_gelus_are_tensorflows_own_except_for_its_rounded_constants(name, approximate):
    x = tf.constant(np.linspace(-5, 5, 101))
    ours, theirs = check.OUTPUTS[name](x), tf.nn.gelu(x, approximate=approximate)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert tf.cast(0.044715, tf.float64) != 0.044715  # as in TensorFlow's code: rounded to float32 on the way


def test_central_differences_by_hand():
    array = np.array([2.0, 3.0])
    differences = gradient_check.central_differences(lambda: float(array[0] ** 2 * array[1]), array)
    np.testing.assert_allclose(differences, [12, 4])
    np.testing.assert_array_equal(array, [2.0, 3.0])


def test_relative_error_by_hand():
    assert gradient_check.relative_error(np.array([3.0, 4.0]), np.array([0.0, 0.0])) == 1
    assert gradient_check.relative_error(np.array([3.0, 4.0]), np.array([3.0, 3.0])) == pytest.approx(0.2)
    assert np.isnan(gradient_check.relative_error(np.zeros(2), np.zeros(2)))


def relu_with_the_wrong_sign(self, gradient):
    return -gradient * (self.x > 0)


def pool_to_the_smaller_entry(self, gradient):
    first_is_smaller = self.x[..., 0::2] < self.x[..., 1::2]
    dx = np.repeat(gradient, 2, axis=-1)
    dx[..., 0::2] *= first_is_smaller
    dx[..., 1::2] *= ~first_is_smaller
    return dx


def correlation_with_a_shifted_window(self, gradient):
    true_differentiate(self, gradient)
    self.filters.gradient = np.roll(self.filters.gradient, 1, axis=-1)


def correlation_with_flipped_filters(self, gradient):
    flipped = layers.Correlation(self.filters.value[..., ::-1])
    flipped.forward(self.x)
    return true_backward(flipped, gradient)


def linear_without_the_biases_gradient(self, gradient):
    self.weights.gradient = gradient.mT @ self.x


def projection_without_the_transpose(self, gradient):
    return gradient @ self.directions


def threshold_from_the_wrong_side(self, gradient):
    self.threshold.gradient = np.sum(gradient * (self.x > self.threshold.value), keepdims=True)[0]


def gelu_without_the_density(self, gradient):
    return gradient * self.phi


def tanh_gelu_without_the_cubic_terms_derivative(self, gradient):
    return gradient * (0.5 * (1 + self.tanh) + 0.5 * self.x * (1 - self.tanh * self.tanh) * self.SCALE)


def centres_without_the_factor_2(self, gradient):
    self.centres.gradient = gradient.mT @ self.x - gradient.sum(axis=0)[:, np.newaxis] * self.centres.value


def centres_that_pull_only(self, gradient):
    return 2 * gradient @ self.centres.value


def norms_without_the_factor_2(self, gradient):
    return (-gradient[..., np.newaxis] * self.z).reshape(len(gradient), -1)


def sum_for_mean(self, p, y):
    return 2 * (p - y)


def hinge_with_minus_1_at_the_true_class(self, p, y):
    gradient = np.where(self._excesses(p, y) > 0, 1.0, 0.0)
    gradient[np.arange(len(y)), y] = -1
    return gradient / len(y)


def softmax_alone(self, p, y):
    return np.exp(p) / np.exp(p).sum(axis=1, keepdims=True) / len(y)


def own_distance_pushed_out(self, p, y):
    return np.where(y[:, np.newaxis] == np.arange(p.shape[1]), 1, self.margin + p > 0) / (self.margin * len(y))


def noise_taken_for_the_last_class(self, p, y):
    return true_rbf_gradient(self, p, np.minimum(y, p.shape[1] - 1))


def margin_to_the_second_rival(self, p, y):
    return true_margin_gradient(self, np.where(p == p.max(axis=1, keepdims=True), p.min() - 1, p), y)


def distance_to_every_class(self, p, y):
    return np.full_like(p, -1 / len(y))


def intervals_with_signed_weights(self, gradient):
    self.layer.differentiate(gradient[0])
    weights = self.layer.weights
    weights.gradient = weights.gradient + gradient[1].mT @ self.radius


def intervals_with_signed_radii(self, gradient):
    return np.stack([self.layer.backward(part) for part in gradient])


def intervals_that_ignore_the_low_end(self, gradient):
    of_high = gradient.sum(axis=0) / 2 * (self.high > 0)
    return np.stack([of_high, of_high])


def margins_of_rising_scores_only(self, gradient):
    true_margins(self, gradient)
    between = np.sign(self.between) * (gradient.reshape(len(gradient), -1).T @ self.radius).reshape(self.between.shape)
    self.layer.weights.gradient += between.sum(axis=1)


def worst_case_in_every_row(self, p, y):
    return np.repeat(self.loss.gradient(p[np.arange(len(y)), y], y)[:, np.newaxis], p.shape[1], axis=1)


def missing_l2_term(network, loss, x, y, l2):
    return sgd.differentiate_objective(network, loss, x, y, 0.0)


def l2_term_on_biases(network, loss, x, y, l2):
    sgd.differentiate_objective(network, loss, x, y, 0.0)
    for parameter in network.parameters:
        parameter.gradient = parameter.gradient + l2 * parameter.value


def chain_that_skips_activations(self, gradient):
    for layer in reversed(self.layers):
        layer.differentiate(gradient)
        gradient = layer.backward(gradient) if layer.parameters else gradient


true_differentiate, true_backward = layers.Correlation.differentiate, layers.Correlation.backward
true_margins = intervals.IntervalMargins.differentiate
true_rbf_gradient, true_margin_gradient = losses.RbfLoss.gradient, losses.MarginLoss.gradient


@pytest.mark.parametrize(
    ("owner", "name", "mistake", "caught"),
    [
        (activations.ReLU, "backward", relu_with_the_wrong_sign, ["ReLU, d/dinput"]),
        (layers.MaxPool, "backward", pool_to_the_smaller_entry, ["max-pool, d/dinput"]),
        (layers.Correlation, "differentiate", correlation_with_a_shifted_window, ["correlation, d/dw"]),
        (layers.Correlation, "backward", correlation_with_flipped_filters, ["correlation, d/dinput"]),
        (layers.Linear, "differentiate", linear_without_the_biases_gradient, ["linear, d/db"]),
        (layers.Projection, "backward", projection_without_the_transpose, ["projection, d/dinput"]),
        (activations.ParameterisedReLU, "differentiate", threshold_from_the_wrong_side, ["parameterised ReLU, d/dt"]),
        (activations.GELU, "backward", gelu_without_the_density, ["GELU, d/dinput"]),
        (activations.TanhGELU, "backward", tanh_gelu_without_the_cubic_terms_derivative, ["tanh GELU, d/dinput"]),
        (distances.NearestCentre, "differentiate", centres_without_the_factor_2, ["nearest centre, d/dc"]),
        (distances.NearestCentre, "backward", centres_that_pull_only, ["nearest centre, d/dinput"]),
        (distances.SquaredNorms, "backward", norms_without_the_factor_2, ["squared norms, d/dinput"]),
        (losses.SquaredLoss, "gradient", sum_for_mean, ["squared loss, d/dinput"]),
        (losses.HingeLoss, "gradient", hinge_with_minus_1_at_the_true_class, ["hinge loss, d/dinput"]),
        (losses.CrossEntropy, "gradient", softmax_alone, ["cross-entropy, d/dinput"]),
        (losses.RbfLoss, "gradient", own_distance_pushed_out, ["RBF loss, d/dinput"]),
        (losses.RbfLoss, "gradient", noise_taken_for_the_last_class, ["RBF loss, d/dinput"]),
        (losses.MarginLoss, "gradient", margin_to_the_second_rival, ["margin loss, d/dinput"]),
        (losses.DistanceLoss, "gradient", distance_to_every_class, ["distance loss, d/dinput"]),
        (intervals.IntervalLinear, "differentiate", intervals_with_signed_weights, ["interval linear, d/dW"]),
        (intervals.IntervalLinear, "backward", intervals_with_signed_radii, ["interval linear, d/dinput"]),
        (intervals.IntervalReLU, "backward", intervals_that_ignore_the_low_end, ["interval ReLU, d/dinput"]),
        (intervals.IntervalMargins, "differentiate", margins_of_rising_scores_only, ["interval margins, d/dW"]),
        (intervals.WorstCase, "gradient", worst_case_in_every_row, ["worst case, d/dinput"]),
        (gradient_check, "differentiate_objective", missing_l2_term,
         ["toy convnet, d/dw of layer 1", "toy convnet, d/dW of layer 5"]),
        (gradient_check, "differentiate_objective", l2_term_on_biases,
         ["RBF network, d/db of layer 1", "RBF network, d/db of layer 3"]),
        (gradient_check, "differentiate_objective", l2_term_on_biases,
         ["hinge network, d/db of layer 1", "hinge network, d/db of layer 3"]),
        (network.Network, "differentiate", chain_that_skips_activations,
         ["hinge network, d/dW of layer 1", "hinge network, d/db of layer 1"]),
    ],
)  # fmt: skip
def test_a_mistake_is_caught_by_both_references_and_named(monkeypatch, owner, name, mistake, caught):
    monkeypatch.setattr(owner, name, mistake)
    (case,) = [case for case in gradient_check.build_cases() if case.name == caught[0].split(",")[0]]
    wrong = [agreement for agreement in check.compare(case) if not agreement.passed]
    assert [agreement.gradient for agreement in wrong] == caught
    assert all(agreement.numerical > check.NUMERICAL_TOLERANCE for agreement in wrong)
    assert all(agreement.automatic > check.AUTOMATIC_TOLERANCE for agreement in wrong)


def test_the_command_names_the_mistake(run_cli, monkeypatch):
    monkeypatch.setattr(activations.ReLU, "backward", relu_with_the_wrong_sign)
    result = run_cli("check")
    assert result.code == 1
    assert result.out.count("FAILED") == 1 + 2 + 3  # of the layer, the toy convnet and the hinge network
    assert "ReLU, d/dinput; toy convnet, d/dw of layer 1; toy convnet, d/dinput; hinge network, " in result.err
