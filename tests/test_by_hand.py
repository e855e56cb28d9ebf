"""The hand-written classifiers: PCA against an oracle, how they are trained, and what attacks see of them."""

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.decomposition import PCA

from ex3.by_hand import classifier, training
from ex3.by_hand.certified import read_dense
from ex3.by_hand.classifier import build_classifier
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.rejection import attack_with_pgd
from ex3.by_hand.training import HandRun, encode, rows_of, shift_images, train_network
from ex3.by_hand.victim import network_victim
from ex3.defences.certificate import Relu, certify
from ex3.errors import ConfigError
from ex3.results import from_json, to_json
from ex3.scratch.activations import TanhGELU
from ex3.scratch.gradient_check import central_differences
from ex3.scratch.intervals import IntervalLinear
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


def test_boxes_keep_their_size_at_the_start_of_training_on_intervals():
    config = settings(components=0, interval_epsilon=0.1, hidden_units=400)
    network = build_classifier(config, 200, 10, np.random.default_rng(0))
    before = np.stack([np.zeros((1, 200), np.float32), np.ones((1, 200), np.float32)])
    assert IntervalLinear(network.layers[0]).forward(before)[1].mean() == pytest.approx(2, rel=0.03)  # E|w| = 2 / 200
    assert network.layers[2].weights.value.std() == pytest.approx(np.sqrt(2 * np.pi) / 400, rel=0.05)


@pytest.mark.parametrize("head", ["rbf-general", "rbf-linear"])
def test_distances_start_at_the_order_of_lambda(head):
    random = np.random.default_rng(0)
    network = build_classifier(settings(head=head, margin=100, hidden_units=400), 50, 10, random)
    distances = -network.forward(random.standard_normal((200, 50), dtype=np.float32))
    assert distances.mean() == pytest.approx(100, rel=0.2)


@pytest.fixture
def catch(monkeypatch, dataset):
    """Return a function that gives what ``train`` gets for a config: the network, inputs, labels and transform."""

    def call(**changes):
        caught = []

        def spy(network, config, x, y, generator, transform=None):
            caught.append((network, x, y, transform))
            yield None

        monkeypatch.setattr(training, "train", spy)
        train_network(settings(**changes), dataset)
        return caught[0]

    return call


def test_noise_is_drawn_once_or_for_each_batch(catch, dataset):
    codes = encode(dataset, 32).train
    _, once, _, transform = catch(noise=0.5, noise_once=True)
    assert transform is None
    assert np.std(once - codes) == pytest.approx(0.5, rel=0.02)
    _, x, y, transform = catch(noise=0.5)
    np.testing.assert_array_equal(x, codes)
    one, other = transform(x, y), transform(x, y)
    assert np.std(one - x) == pytest.approx(0.5, rel=0.02)
    assert np.std(one - other) == pytest.approx(0.5 * np.sqrt(2), rel=0.02)


def test_images_of_noise_are_a_class_of_their_own(catch, dataset):
    _, x, y, _ = catch(noise_images=20, head="rbf", components=0)
    count = len(dataset.train)
    np.testing.assert_array_equal(x[:count], rows_of(dataset.train.x))
    np.testing.assert_array_equal(y, [*dataset.train.y, *[10] * 20])
    assert 0 <= x[count:].min() < 0.01
    assert 0.99 < x[count:].max() <= 1
    codes = catch(noise_images=20, head="rbf")[1]
    np.testing.assert_allclose(codes[count:], encode(dataset, 32).encoder.forward(x[count:]), atol=1e-5)


def test_a_batch_is_shifted_by_each_number_of_pixels(catch):
    _, x, y, transform = catch(shift=1)
    seen = {transform(x[:2], y[:2]).tobytes() for _ in range(100)}
    image = x[:2].reshape(2, 28, 28)
    assert seen == {shift_images(image, right, down).tobytes() for right in (-1, 0, 1) for down in (-1, 0, 1)}


@pytest.mark.parametrize(
    ("right", "down", "expected"),
    [
        (0, 0, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (1, 0, [[0, 1, 2], [0, 4, 5], [0, 7, 8]]),
        (-1, 0, [[2, 3, 0], [5, 6, 0], [8, 9, 0]]),
        (0, 1, [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),
        (0, -1, [[4, 5, 6], [7, 8, 9], [0, 0, 0]]),
        (1, -1, [[0, 4, 5], [0, 7, 8], [0, 0, 0]]),
        (-2, 2, [[0, 0, 0], [0, 0, 0], [3, 0, 0]]),
    ],
)
def test_shifts_by_hand(right, down, expected):
    image = np.arange(1, 10).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(shift_images(image, right, down)[0, :, :, 0], expected)


def test_adversarial_training_attacks_within_epsilon(catch):
    network, x, y, transform = catch(adversarial_epsilon=0.1)
    attacked = transform(x, y)
    assert 0.09 < np.abs(attacked - x).max() <= 0.1 + 1e-6
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    before, after = (CrossEntropy().value(network.forward(images), y) for images in (x, attacked))
    assert after > 1.2 * before


def test_adversarial_training_helps_against_pgd(dataset):
    test, accuracy = dataset.test, []
    for epsilon in (0, 0.1):
        network, _ = train_network(settings(epochs=4, adversarial_epsilon=epsilon), dataset)
        attacked = attack_with_pgd(network, test.x, test.y, 0.1, seed=0)
        accuracy.append(np.mean(network.forward(rows_of(attacked)).argmax(axis=1) == test.y))
    assert accuracy[1] > accuracy[0] + 0.1


def test_training_on_intervals_makes_boxes_whose_epsilon_rises(monkeypatch, dataset):
    caught = []

    def spy(network, loss, x, y, *, iterations, transform, **settings):
        caught.extend(transform(x[:4], y[:4]) for _ in range(iterations))
        yield from ()

    monkeypatch.setattr(classifier, "sgd", spy)
    config = settings(components=0, interval_epsilon=0.2, interval_ramp=0.5, epochs=1, batch_size=100)
    list(classifier.train(build_classifier(config, 784, 10, np.random.default_rng(0)), config,
                          rows_of(dataset.train.x), dataset.train.y, np.random.default_rng(0)))  # fmt: skip
    steps = len(dataset.train) // 100
    widest = [2 * box[1].max() for box in caught]
    risen = np.minimum(np.arange(1, steps + 1) / (0.5 * steps), 1)
    np.testing.assert_allclose(widest, 2 * 0.2 * risen, rtol=1e-5)
    assert {box.dtype for box in caught} == {np.dtype(np.float32)}


def test_training_on_intervals_certifies(dataset):
    test, shares = dataset.test, []
    for epsilon in (0, 0.05):
        config = settings(components=0, interval_epsilon=epsilon, l2=0, epochs=4)
        hidden, head = read_dense(train_network(config, dataset)[0])
        shares.append(np.mean(certify([hidden, Relu(), head], rows_of(test.x), test.y, 0.05)))
    assert shares[1] > shares[0] + 0.3


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
