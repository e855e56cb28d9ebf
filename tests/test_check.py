"""The gradient check passes, covers every layer, and catches common mistakes."""

import inspect

import numpy as np
import pytest

from ex3.experiments import check
from ex3.scratch import gradient_check, layers, losses, sgd


def test_every_gradient_agrees_with_both_references(run_cli):
    result = run_cli("check")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].startswith("17 of 17 gradients agree")


def test_every_layer_and_loss_has_a_case():
    cases = gradient_check.build_cases()
    checked = {type(layer) for case in cases for layer in case.network.layers} | {type(case.loss) for case in cases}
    for module in (layers, losses):
        written = {
            kind for _, kind in inspect.getmembers(module, inspect.isclass)
            if kind.__module__ == module.__name__ and not getattr(kind, "_is_protocol", False)
        }  # fmt: skip
        assert written <= checked
    assert [case.name for case in cases] == list(check.OUTPUTS)


def test_central_differences_by_hand():
    array = np.array([2.0, 3.0])
    differences = gradient_check.central_differences(lambda: float(array[0] ** 2 * array[1]), array)
    np.testing.assert_allclose(differences, [12, 4])
    np.testing.assert_array_equal(array, [2.0, 3.0])


def test_relative_error_by_hand():
    assert gradient_check.relative_error(np.array([3.0, 4.0]), np.array([0.0, 0.0])) == 1
    assert gradient_check.relative_error(np.array([3.0, 4.0]), np.array([3.0, 3.0])) == pytest.approx(0.2)
    assert np.isnan(gradient_check.relative_error(np.zeros(2), np.zeros(2)))


def wrong_sign(self, gradient):
    return -gradient * (self.x > 0)


def wrong_argmax(self, gradient):
    first_is_smaller = self.x[..., 0::2, :] < self.x[..., 1::2, :]
    dx = np.repeat(gradient, 2, axis=-2)
    dx[..., 0::2, :] *= first_is_smaller
    dx[..., 1::2, :] *= ~first_is_smaller
    return dx


def shifted_window(self, gradient):
    dx = original_correlation(self, gradient)
    self.gradients = [np.roll(self.gradients[0], 1, axis=-1)]
    return dx


def flipped_filter(self, gradient):
    original_correlation(self, gradient)
    flipped = layers.Correlation(self.parameters[0][..., ::-1])
    flipped.forward(self.x)
    return original_correlation(flipped, gradient)


def sum_for_mean(self, p, y):
    return 2 * (p - y)


def missing_lambda(network, loss, x, y, l2):
    return sgd.objective_gradients(network, loss, x, y, 0.0)


original_correlation = layers.Correlation.backward


@pytest.mark.parametrize(
    ("owner", "name", "mistake", "caught"),
    [
        (layers.ReLU, "backward", wrong_sign, "ReLU, d/dinput"),
        (layers.MaxPool, "backward", wrong_argmax, "max-pool, d/dinput"),
        (layers.Correlation, "backward", shifted_window, "correlation, d/dparameter 1"),
        (layers.Correlation, "backward", flipped_filter, "correlation, d/dinput"),
        (losses.SquaredLoss, "gradient", sum_for_mean, "squared loss, d/dinput"),
        (gradient_check, "objective_gradients", missing_lambda, "toy convnet, d/dparameter 2"),
    ],
)
def test_a_mistake_is_caught_and_named(run_cli, monkeypatch, owner, name, mistake, caught):
    monkeypatch.setattr(owner, name, mistake)
    result = run_cli("check")
    assert result.code == 1
    assert "FAILED" in result.out
    assert caught in result.err
