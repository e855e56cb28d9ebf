"""What hand-written classifiers are trained on: noise, images of noise, shifts, attacks, boxes."""

import numpy as np
import pytest

from ex3.by_hand import classifier, training
from ex3.by_hand.certified import read_dense
from ex3.by_hand.classifier import build_classifier
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.rejection import attack_with_pgd
from ex3.by_hand.training import encode, rows_of, shift_images, train_network
from ex3.defences.certificate import Relu, certify
from ex3.scratch.intervals import IntervalLinear
from ex3.scratch.losses import CrossEntropy


def settings(**changes) -> NetworkConfig:
    tiny = {"dataset": "digits", "components": 32, "hidden_units": 32, "epochs": 3, "batch_size": 16}
    return NetworkConfig(**tiny | {"head": "softmax"} | changes)


def test_boxes_keep_their_size_at_the_start_of_training_on_intervals():
    config = settings(components=0, interval_epsilon=0.1, hidden_units=400)
    network = build_classifier(config, 200, 10, np.random.default_rng(0))
    before = np.stack([np.zeros((1, 200), np.float32), np.ones((1, 200), np.float32)])
    assert IntervalLinear(network.layers[0]).forward(before)[1].mean() == pytest.approx(2, rel=0.03)  # E|w| = 2 / 200
    assert network.layers[2].weights.value.std() == pytest.approx(np.sqrt(2 * np.pi) / 400, rel=0.05)


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
