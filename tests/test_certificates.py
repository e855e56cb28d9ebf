"""Certificates against brute force: nothing in the box breaks a certified image, and a wrong bound is found out."""

import itertools

import numpy as np
import pytest

from ex3 import backend, models
from ex3.adversarial import attacks
from ex3.adversarial.victims import keras_victim
from ex3.backend import keras, tf
from ex3.config import MlpConfig
from ex3.defences import certificate, crown, intervals
from ex3.defences.certificate import Dense, Relu
from ex3.defences.layers import read_layers
from ex3.errors import DataError
from ex3.robust_config import RobustConfig

SHAPE, CLASSES = (4, 4, 1), 3
EPSILON = 0.04
CORNERS = np.array(list(itertools.product((-1, 1), repeat=16)), np.float32).reshape(-1, *SHAPE)
IMAGES = np.random.default_rng(5).random((40, *SHAPE), dtype=np.float32)


@pytest.fixture(autouse=True, scope="module")
def _two_threads():
    backend.prepare(0, 2, "float32")  # TensorFlow cannot change their number after its first use


def random_network(seed: int, normalization: str = "batch", contrast: float = 1.0) -> keras.Model:
    """Build a network of 4 x 4 images whose weights, biases and statistics are all random."""
    config = RobustConfig(epochs=1, filters=(3, 4), kernel_size=3, hidden_units=(5,), normalization=normalization,
                          contrast=contrast)  # fmt: skip
    model = models.build(config, SHAPE, CLASSES)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        arrays = [rng.normal(0, 2 / np.sqrt(max(array[..., 0].size, 4)), array.shape) for array in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            arrays = [rng.normal(0, 0.2, array.shape) for array in arrays]
            arrays[0] += 1
            arrays[3] = rng.uniform(0.3, 2, arrays[3].shape)  # the variance
        layer.set_weights(arrays)
    return model


def least_margins(model: keras.Model, x: np.ndarray, y: int) -> np.ndarray:
    """Return the least z_y - z_k over all corners of the box around one image, and over random points in it."""
    inside = np.random.default_rng(0).uniform(-1, 1, (5_000, *SHAPE)).astype(np.float32)
    points = np.clip(x + np.float32(EPSILON) * np.concatenate([CORNERS, inside]), 0, 1)
    z = models.logits_model(model).predict(points, batch_size=8_192, verbose=0)
    return (z[:, [y]] - z).min(axis=0)


def answers(model: keras.Model) -> np.ndarray:
    return model.predict(IMAGES, verbose=0).argmax(axis=1)


@pytest.mark.parametrize(("seed", "contrast"), [(0, 1), (1, 1), (2, 1), (3, 3)])
def test_no_corner_and_no_point_of_the_box_is_below_the_bound(seed, contrast):
    model = random_network(seed, contrast=contrast)
    y = answers(model)
    bounds = certificate.bound_margins(read_layers(model), IMAGES, y, EPSILON)
    for image in range(2):
        least = least_margins(model, IMAGES[image], y[image])
        others = np.arange(CLASSES) != y[image]
        assert (least[others] >= bounds[image][others]).all()


def test_pgd_breaks_no_certified_image_and_some_others():
    certified, broken = [], []
    for seed in (0, 5, 6):
        model = random_network(seed)
        y = answers(model)
        certified.append(certificate.certify(read_layers(model), IMAGES, y, 0.1))
        victim = keras_victim(model, "margin", batch_size=len(IMAGES))
        attacked = attacks.pgd(victim, IMAGES, y, 0.1, steps=20, step_size=0.1)
        broken.append(victim.logits(attacked).argmax(axis=1) != y)
    assert np.sum(certified) >= 20
    assert np.sum(broken) >= 5
    assert not np.any(np.array(certified) & np.array(broken))


@pytest.mark.parametrize("part", ["Dense", "Scale", "Relu"])
def test_an_error_planted_in_a_bound_is_found_by_the_corners(part, monkeypatch):
    """An eighth of a layer's radius gives bounds that some corners are below."""
    kind = getattr(certificate, part)
    right = certificate.PASSES[kind]
    monkeypatch.setitem(
        certificate.PASSES, kind, lambda layer, box: (found := right(layer, box))._replace(radius=found.radius / 8)
    )
    below = []
    for seed in (0, 1):
        model = random_network(seed)
        y = answers(model)
        bounds = certificate.bound_margins(read_layers(model), IMAGES[:2], y[:2], EPSILON)
        below += [bool((least_margins(model, IMAGES[i], y[i]) < bounds[i]).any()) for i in range(2)]
    assert any(below)


def test_the_bound_of_a_linear_model_is_its_exact_minimum():
    rng = np.random.default_rng(0)
    head = Dense(rng.normal(size=(16, 3)), rng.normal(size=3))
    x = rng.uniform(0.2, 0.8, (5, 16)).astype(np.float32)
    y = np.array([0, 1, 2, 0, 1])
    bounds = certificate.bound_margins([head], x, y, 0.1)
    for row, (image, label) in enumerate(zip(x, y, strict=True)):
        for k in set(range(3)) - {label}:
            w = head.weights[:, label] - head.weights[:, k]
            exact = image @ w + head.bias[label] - head.bias[k] - 0.1 * np.abs(w).sum()
            assert bounds[row, k] == pytest.approx(exact, abs=1e-4)
            assert bounds[row, k] < exact
        assert bounds[row, label] == np.inf


def test_a_margin_that_rounding_could_turn_is_not_certified():
    """z_0 - z_1 = 1e-3 exactly, but as the sum of 1e4 and -1e4 + 1e-3, which float32 gets wrong by more than that."""
    x, y = np.ones((1, 2), np.float32), np.array([0])
    fragile = Dense(np.array([[1e4, 0.0], [-1e4 + 1e-3, 0.0]]), np.zeros(2))
    sound = Dense(np.array([[1e-3, 0.0], [0.0, 0.0]]), np.zeros(2))
    assert not certificate.certify([fragile], x, y, 0.0).any()
    assert certificate.certify([sound], x, y, 0.0).all()


def test_a_bound_that_is_not_a_number_certifies_nothing():
    head = Dense(np.full((2, 2), np.nan), np.zeros(2))
    assert not certificate.certify([head], np.ones((1, 2), np.float32), np.array([0]), 0.1).any()


def test_pixels_beyond_black_and_white_are_not_in_the_box():
    """Without the limits [0, 1] the second pixel could fall to -0.5 and the first rise to 1.5, and the class change."""
    head = Dense(np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([1.2, 0.0]))
    x = np.array([[1.0, 0.0]], np.float32)
    assert certificate.certify([head], x, np.array([0]), 0.5).all()


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_the_bounds_of_training_agree_with_the_certificate(normalization):
    model = random_network(4, normalization)
    y = answers(model)
    logits = models.logits_model(model)
    found = intervals.propagate(logits, intervals.image_box(tf.constant(IMAGES), tf.constant(EPSILON)), training=False)
    worst = intervals.worst_logits(logits.get_layer("logits"), found.last, tf.one_hot(y, CLASSES)).numpy()
    bounds = certificate.bound_margins(read_layers(model), IMAGES, y, EPSILON)
    others = np.isfinite(bounds)
    np.testing.assert_allclose(-worst[others], bounds[others], atol=1e-3)
    np.testing.assert_allclose(worst[~others], 0, atol=1e-5)


def hidden_layer(seed: int) -> tuple[Dense, Dense]:
    rng = np.random.default_rng(seed)
    hidden = Dense(rng.normal(0, 0.5, (16, 8)), rng.normal(0, 0.3, 8))
    return hidden, Dense(rng.normal(0, 0.5, (8, CLASSES)), rng.normal(0, 0.3, CLASSES))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_crown_is_below_every_corner_and_above_the_intervals(seed):
    hidden, head = hidden_layer(seed)
    x = IMAGES.reshape(-1, 16)
    y = (np.maximum(x @ hidden.weights + hidden.bias, 0) @ head.weights + head.bias).argmax(axis=1)
    bounds = crown.bound_margins(hidden, head, x, y, EPSILON)
    looser = certificate.bound_margins([hidden, Relu(), head], x, y, EPSILON)
    finite = np.isfinite(bounds)
    assert np.mean(bounds[finite] - looser[finite]) > 0.05
    for image in range(4):
        points = np.clip(x[image] + EPSILON * CORNERS.reshape(-1, 16), 0, 1)
        z = np.maximum(points @ hidden.weights + hidden.bias, 0) @ head.weights + head.bias
        least = (z[:, [y[image]]] - z).min(axis=0)
        assert (least[finite[image]] >= bounds[image][finite[image]]).all()


def test_crown_is_exact_where_no_relu_is_open():
    hidden, head = hidden_layer(0)
    hidden = Dense(hidden.weights, np.full(8, 10.0))
    x = np.full((1, 16), 0.5, np.float32)
    bounds = crown.bound_margins(hidden, head, x, np.array([0]), EPSILON)
    matrix = hidden.weights @ (head.weights[:, [0]] - head.weights)
    exact = x @ matrix + 10 * (head.weights[:, [0]] - head.weights).sum(axis=0) + head.bias[0] - head.bias
    exact -= EPSILON * np.abs(matrix).sum(axis=0)
    np.testing.assert_allclose(bounds[0, 1:], exact[0, 1:], atol=1e-3)


def test_layers_without_a_bound_and_other_arithmetic_are_refused(dataset, tiny_mlp):
    mlp = models.build(MlpConfig(**{**tiny_mlp.model_dump(), "dropout": 0.1}), (8, 8, 1), 10)
    assert [type(layer).__name__ for layer in read_layers(mlp)] == ["Flatten", "Dense", "Relu", "Dense"]
    pooled = keras.Sequential([keras.Input(SHAPE), keras.layers.MaxPooling2D(2, name="pool")])
    with pytest.raises(DataError, match="pool: no bound is known for such a layer"):
        read_layers(pooled)
    half = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(name="flat", dtype="bfloat16")])
    with pytest.raises(DataError, match="flat: computes in bfloat16"):
        read_layers(half)
