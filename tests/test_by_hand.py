"""The hand-written classifiers: PCA against an oracle, how they are trained, and what attacks see of them."""

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.decomposition import PCA

from ex3.by_hand.classifier import build_classifier
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.training import HandRun, encode, rows_of, train_network
from ex3.by_hand.victim import network_victim
from ex3.errors import ConfigError
from ex3.results import from_json, to_json
from ex3.scratch.activations import TanhGELU
from ex3.scratch.gradient_check import central_differences
from ex3.scratch.layers import Linear, Projection
from ex3.scratch.losses import CrossEntropy
from ex3.scratch.network import Network
from ex3.scratch.pca import fit_pca


def settings(**changes) -> NetworkConfig:
    tiny = {"dataset": "digits", "components": 32, "hidden_units": 32, "epochs": 3, "batch_size": 16}
    return NetworkConfig(**tiny | {"head": "softmax"} | changes)


def test_pca_agrees_with_scikit_learn(dataset):
    x = rows_of(dataset.train.x).astype(float)
    projection, explained = fit_pca(x, 10)
    reference = PCA(10, svd_solver="full").fit(x)
    ours, theirs = projection.forward(x + 0.1), reference.transform(x + 0.1)
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(signs * ours, theirs, atol=1e-9)
    assert explained == pytest.approx(reference.explained_variance_ratio_.sum(), rel=1e-10)
    np.testing.assert_allclose(projection.directions.T @ projection.directions, np.eye(10), atol=1e-12)


def test_pca_keeps_single_precision(dataset):
    x = rows_of(dataset.train.x)
    assert fit_pca(x, 5)[0].forward(x).dtype == np.float32


def test_encode_projects_all_images_with_the_training_images_pca(dataset):
    inputs = encode(dataset, 20)
    projection, explained = fit_pca(rows_of(dataset.train.x), 20)
    for codes, split in zip(
        (inputs.train, inputs.validation, inputs.test), (dataset.train, dataset.validation, dataset.test), strict=True
    ):
        np.testing.assert_allclose(codes, projection.forward(rows_of(split.x)), atol=1e-5)
    assert 0.5 < inputs.explained == explained < 1


def test_encode_takes_the_pixels_or_refuses(dataset):
    pixels = encode(dataset, 0)
    np.testing.assert_array_equal(pixels.validation, dataset.validation.x.reshape(-1, 784))
    assert (pixels.encoder.layers, pixels.explained) == ([], 1)
    with pytest.raises(ConfigError, match=r"components = 785: the images have 784 pixels"):
        encode(dataset, 785)


@pytest.mark.parametrize(
    ("head", "activation", "parameters"),
    [
        ("hinge", "relu", 32 * 32 + 32 + 10 * 32 + 10),
        ("softmax", "gelu", 32 * 32 + 32 + 10 * 32 + 10),
        ("rbf", "relu", 32 * 32 + 32 + 10 * 32),
        ("rbf-softmax", "gelu-exact", 32 * 32 + 32 + 10 * 32),
        ("rbf-linear", "relu", 32 * 32 + 32 + 8 * 32 + 8 + 10 * 8),
        ("rbf-general", "gelu", 32 * 32 + 32 + 10 * (8 * 32 + 8)),
    ],
)
def test_every_head_learns_the_digits(dataset, head, activation, parameters):
    rate = 0.03 if head == "hinge" else 0.1
    network, run = train_network(settings(head=head, activation=activation, learning_rate=rate), dataset)
    assert run.parameters == parameters
    assert run.epochs.points == [1, 2, 3]
    assert {len(series) for series in run.epochs.series.values()} == {3}
    assert run.metrics["test_accuracy"] == run.epochs.series["test_accuracy"][-1] > 0.9
    assert run.metrics["test_loss"] < 0.8 * run.epochs.series["test_loss"][0]
    scores = network.forward(rows_of(dataset.validation.x))  # of pixels, not of codes
    assert run.metrics["validation_accuracy"] == np.mean(scores.argmax(axis=1) == dataset.validation.y) > 0.85
    assert from_json(HandRun, to_json(run)) == run


def test_equal_settings_give_equal_weights_and_each_setting_matters(dataset):
    changes = [
        {}, {"seed": 1}, {"noise": 0.1}, {"noise": 0.1, "noise_once": True}, {"shift": 1},
        {"adversarial_epsilon": 0.1}, {"components": 0, "interval_epsilon": 0.1},
        {"components": 0, "interval_epsilon": 0.1, "interval_ramp": 0.8},
        {"l2": 0}, {"momentum": 0}, {"batch_size": 1, "momentum": 0},
    ]  # fmt: skip
    first, again = (
        [train_network(settings(epochs=1, **change), dataset)[1].weights for change in changes] for _ in range(2)
    )
    assert first == again
    assert len(set(first)) == len(changes)


def test_initial_weights_have_the_scale_of_their_fan_in():
    config = settings(hidden_units=400)
    first, _, second = build_classifier(config, 200, 10, np.random.default_rng(0)).layers
    assert first.weights.value.std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)
    assert second.weights.value.std() == pytest.approx(np.sqrt(1 / 400), rel=0.05)
    assert first.weights.value.dtype == np.float32
    assert not first.bias.value.any()


@pytest.mark.parametrize("head", ["rbf-general", "rbf-linear"])
def test_distances_start_at_the_order_of_lambda(head):
    random = np.random.default_rng(0)
    network = build_classifier(settings(head=head, margin=100, hidden_units=400), 50, 10, random)
    distances = -network.forward(random.standard_normal((200, 50), dtype=np.float32))
    assert distances.mean() == pytest.approx(100, rel=0.2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("batch", "last"), [({"batch_size": 16}, 80), ({"batch_size": 1, "momentum": 0}, 1293)])
def test_a_run_that_diverges_says_so(dataset, batch, last):
    _, run = train_network(settings(learning_rate=1e5, **batch), dataset)
    assert 1 < run.diverged_at <= last
    assert run.epochs.points == [1]
    assert np.isnan([run.metrics[f"{split}_loss"] for split in ("train", "validation", "test")]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "linear"}, "head"),
        ({"margin": 0}, "margin"),
        ({"noise": -0.1}, "noise"),
        ({"batch_size": 1}, "momentum = 0"),
        ({"noise_images": 5, "head": "hinge"}, "noise_images: head = 'hinge' has no class"),
        ({"interval_epsilon": 0.1}, "interval_epsilon: needs components = 0"),
        ({"interval_epsilon": 0.1, "components": 0, "activation": "gelu"}, "activation = 'relu'"),
        ({"interval_epsilon": 0.1, "components": 0, "head": "rbf"}, "linear scores"),
        ({"interval_epsilon": 0.1, "components": 0, "noise": 0.1}, "takes neither noise"),
        ({"interval_epsilon": 0.1, "components": 0, "adversarial_epsilon": 0.1}, "nor adversarial_epsilon"),
    ],
)
def test_configs_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        settings(**change)


def test_a_victims_gradients_are_central_differences_through_the_projection():
    draw = np.random.default_rng(0).standard_normal
    hidden = [Linear(draw((6, 4)), draw((1, 6))), TanhGELU(), Linear(draw((3, 6)))]
    network = Network([Projection(draw((1, 9)), draw((9, 4))), *hidden])
    x, y = draw((5, 3, 3, 1)), np.array([0, 1, 2, 0, 1])

    def check(slopes, objective):
        np.testing.assert_allclose(slopes, central_differences(objective, x), rtol=1e-5, atol=1e-8)

    loss = CrossEntropy()
    victim = network_victim(network, loss)
    scores, gradient = victim.gradient(x, y)
    np.testing.assert_array_equal(scores, network.forward(x.reshape(5, 9)))
    check(gradient, lambda: loss.per_sample(victim.logits(x), y).sum())  # each image's own loss, not the mean
    again, jacobian = victim.jacobian(x)
    np.testing.assert_array_equal(again, scores)
    assert jacobian.shape == (5, 3, 3, 3, 1)
    for k in range(3):
        check(jacobian[:, k], lambda k=k: victim.logits(x)[:, k].sum())
