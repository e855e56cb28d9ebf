"""Optimisers, schedules and losses: against their formulas, and each setting takes part."""

import numpy as np
import pytest

from ex3 import models, training
from ex3.config import LinearConfig
from ex3.data.sampling import shuffled_order
from ex3.evaluation import predict
from ex3.runs import train_classifier


@pytest.fixture
def tiny_linear() -> LinearConfig:
    return LinearConfig(model="linear", epochs=1, batch_size=100, optimizer="sgd", learning_rate=0.5, momentum=0.0)


def test_sgd_on_the_linear_model_agrees_with_softmax_regression_by_hand(dataset, tiny_linear):
    """Starting from the model's own initial weights: the gradient of the mean cross-entropy is x^T (p - y) / n."""
    initial, _ = train_classifier(tiny_linear.model_copy(update={"learning_rate": 1e-30}), dataset)
    model, run = train_classifier(tiny_linear, dataset)
    weights, bias = (array.astype(float) for array in initial.get_weights())
    order = shuffled_order(0, 0, dataset.train.y)
    losses = []
    for start in range(0, len(order) - 99, 100):
        batch = order[start : start + 100]
        x, y = dataset.train.x[batch].reshape(100, 784).astype(float), np.eye(10)[dataset.train.y[batch]]
        p = np.exp(x @ weights + bias)
        p /= p.sum(axis=1, keepdims=True)
        losses.append(-np.mean(np.log(p[y == 1])))
        weights -= 0.5 * x.T @ (p - y) / 100
        bias -= 0.5 * (p - y).mean(axis=0)
    np.testing.assert_allclose(run.iterations.series["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(model.get_weights()[0], weights, atol=1e-4)


def test_label_smoothing_and_dropout_show_in_the_optimised_loss(dataset, tiny_mlp):
    def first_loss(**changes):
        return train_classifier(tiny_mlp.model_copy(update=changes), dataset)[1].iterations.series["loss"][0]

    assert len({first_loss(), first_loss(label_smoothing=0.2), first_loss(dropout=0.5)}) == 3


def test_each_optimiser_and_schedule_takes_part(dataset, tiny_mlp):
    variants = [
        {},
        {"beta_2": 0.9},
        {"momentum": 0.5},
        {"schedule": "one-cycle"},
        {"schedule": "one-cycle", "warmup": 0.6},
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.0},
    ]
    last = [train_classifier(tiny_mlp.model_copy(update=v), dataset)[1].metrics["train_loss"] for v in variants]
    assert len(set(last)) == len(variants)


def test_one_cycle_warms_up_to_the_peak_and_ends_at_zero(tiny_mlp):
    config = tiny_mlp.model_copy(update={"schedule": "one-cycle", "warmup": 0.25})
    optimizer = training.build_optimizer(config, total_steps=100)
    rates = []
    for step in range(101):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    rates = np.array(rates)
    assert rates.argmax() == 25
    assert rates[25] == pytest.approx(config.learning_rate)
    assert rates[0] == pytest.approx(config.learning_rate / 25)
    assert rates[100] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.diff(rates[:26]), np.diff(rates[:26])[0], rtol=1e-3)


def test_linear_regression_measures_the_loss_that_it_optimises(dataset, tiny_linear):
    model, run = train_classifier(tiny_linear.model_copy(update={"loss": "squared", "learning_rate": 0.05}), dataset)
    outputs = predict(models.logits_model(model), dataset.test.x)
    wanted = np.mean((outputs - np.eye(10)[dataset.test.y]) ** 2)
    assert run.metrics["test_loss"] == pytest.approx(wanted, rel=1e-5)
    assert run.iterations.series["loss"][-1] < run.iterations.series["loss"][0]
