"""The plane that is asked for structure: neighbours against brute force, the loss against its formulas, training."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ex3.backend import prepare, tf
from ex3.embedding import neighbours, structured
from ex3.embedding.planes import flat, walk_between
from ex3.plots.planes import NAME_GAP, apart
from ex3.plots.structure import sweep_structure
from ex3.results import Record, from_json
from ex3.runs import train_autoencoder
from ex3.structured_config import StructuredConfig
from ex3.sweeps import SweepResult

FIELDS = {
    "hidden_units": (32, 16), "epochs": 2, "batch_size": 64, "optimizer": "adam", "learning_rate": 0.003,
    "momentum": 0.9, "neighbour_weight": 0.01, "neighbour_weight_end": 0.002, "distance_weight": 0.008,
    "distance_weight_end": 0.004, "threads": 2,
}  # fmt: skip
CONFIG = StructuredConfig(**FIELDS)


@pytest.fixture(autouse=True, scope="module")
def _threads():
    prepare(seed=0, threads=2, precision="float32")  # before TensorFlow's first operation


def bars(slants: list[float], shift: int = 0) -> np.ndarray:
    """Draw a bar per slant, ``(N, 21, 21, 1)``: its column moves by the slant with each row."""
    images = np.zeros((len(slants), 21, 21, 1), np.float32)
    for image, slant in zip(images, slants, strict=True):
        for row in range(4, 17):
            image[row, round(10 + shift + slant * (row - 10)), 0] = 1
    return images


def test_deskewed_bars_stand_upright_in_the_middle():
    upright = bars([0])[..., 0]
    np.testing.assert_allclose(neighbours.deskew(bars([0])), upright, atol=1e-5)
    np.testing.assert_allclose(neighbours.deskew(bars([0], shift=3)), upright, atol=1e-5)
    np.testing.assert_allclose(neighbours.deskew(bars([1.0, -1.0])), np.repeat(upright, 2, axis=0), atol=1e-5)
    assert np.isfinite(neighbours.deskew(np.zeros((1, 8, 8, 3), np.float32))).all()


def test_neighbours_are_those_of_brute_force_within_each_block(monkeypatch, dataset):
    monkeypatch.setattr(neighbours, "BLOCK", 120)
    monkeypatch.setattr(neighbours, "ROWS", 50)
    images = dataset.train.x[:200, ..., 0]
    found = neighbours.nearest(images, 5)
    assert found.shape == (200, 5)
    points = images.reshape(200, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(200, -1)
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    distances[np.arange(200)[:, np.newaxis] // 100 != np.arange(200) // 100] = np.inf  # two blocks of 100
    np.fill_diagonal(distances, np.inf)
    expected = np.sort(distances, axis=1)[:, :5]
    np.testing.assert_allclose(np.take_along_axis(distances, found, axis=1), expected, atol=1e-3)


def test_equal_images_are_neighbours_of_each_other_and_never_of_themselves():
    found = neighbours.nearest(np.ones((4, 6, 7), np.float32), 5)
    assert [sorted(row) for row in found.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_deskewing_finds_more_neighbours_of_the_same_digit(dataset):
    x, y = dataset.train.x, dataset.train.y
    agreement = [
        np.mean(y[neighbours.nearest(found, 5)] == y[:, np.newaxis]) for found in (x[..., 0], neighbours.deskew(x))
    ]
    assert agreement[1] > agreement[0]


@pytest.mark.parametrize(("count", "batch_size"), [(100, 16), (101, 16), (11, 64)])
def test_each_batch_holds_images_and_in_its_second_half_a_neighbour_of_each(count, batch_size):
    near = np.random.default_rng(0).integers(count, size=(count, 3))
    order, labels = structured.paired_order(near, batch_size), np.zeros(count, int)
    rows = order(0, 0, labels)
    size = min(batch_size, count) // 2 * 2
    images, partners = np.split(rows.reshape(-1, size), 2, axis=1)
    assert len(images) == count // size
    assert len(np.unique(images)) == images.size
    assert all(partner in near[image] for image, partner in zip(images.flat, partners.flat, strict=True))
    np.testing.assert_array_equal(rows, order(0, 0, labels))
    assert (rows != order(0, 1, labels)).any()
    assert (rows != order(1, 0, labels)).any()


def test_the_terms_are_those_of_their_formulas():
    rng = np.random.default_rng(0)
    codes, x = rng.normal(size=(8, 2)).astype(np.float32), rng.random((8, 3, 2, 1)).astype(np.float32)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    squares = {(i, j): float(((codes[i] - codes[j]) ** 2).sum()) for i, j in pairs}
    others = sum(1 / (1 + square) for (i, j), square in squares.items() if i - j != 4)
    expected = np.mean([np.log(1 + squares[i + 4, i]) for i in range(4)]) + np.log(others)
    assert float(structured.neighbour_term(tf.constant(codes))) == pytest.approx(expected, rel=1e-5)
    far = [np.linalg.norm(flat(x)[i] - flat(x)[j]) for i, j in pairs]
    there = [np.sqrt(squares[pair]) for pair in pairs]
    expected = 1 - np.corrcoef(far, there)[0, 1]
    assert float(structured.distance_term(tf.constant(x), tf.constant(codes))) == pytest.approx(expected, rel=1e-4)


def test_the_terms_reward_structure_and_have_finite_gradients_where_all_codes_are_equal():
    x = np.random.default_rng(0).random((8, 2, 1, 1)).astype(np.float32)
    assert float(structured.distance_term(tf.constant(x), tf.constant(flat(x)))) == pytest.approx(0, abs=1e-3)
    codes = tf.zeros((8, 2))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        value = structured.neighbour_term(codes) + structured.distance_term(tf.constant(x), codes)
    assert np.isfinite(tape.gradient(value, codes)).all()
    clusters = tf.constant(np.tile([[0, 0], [9, 0], [0, 9], [9, 9]], (2, 1)), tf.float32)
    strangers = tf.concat([clusters[:4], clusters[4:][::-1]], axis=0)
    assert float(structured.neighbour_term(clusters)) < float(structured.neighbour_term(strangers))


def test_the_weights_fall_between_the_two_points():
    shares = [float(structured.share_fallen(CONFIG, tf.constant(step), 100)) for step in (0, 30, 60, 90, 100)]
    assert shares == pytest.approx([0, 0, 0.5, 1, 1])
    assert structured.between(0.01, 0.002, 0.5) == pytest.approx(0.006)


@pytest.fixture(scope="module")
def trained(dataset):
    return train_autoencoder(CONFIG, dataset)[1]


def test_a_run_has_scores_of_its_structure_and_repeats_its_weights(trained, dataset):
    assert set(trained.metrics) >= {"test_silhouette", "validation_silhouette", "test_distance_ranks", "test_loss"}
    assert trained.epochs.series["test_loss"][-1] < 0.3  # the mean squared error alone, not the whole loss
    assert train_autoencoder(CONFIG, dataset)[1].weights == trained.weights


@pytest.mark.parametrize(
    "changes",
    [
        {"without": "neighbours"}, {"without": "deskewing"}, {"neighbours": 1}, {"distance_weight_end": 0.1},
        {"fall_start": 0.8}, {"fall_end": 0.4},
    ],
)  # fmt: skip
def test_each_setting_takes_part(trained, dataset, changes):
    run = train_autoencoder(CONFIG.model_copy(update=changes), dataset)[1]
    assert run.weights != trained.weights


def test_leaving_a_term_out_is_the_same_as_giving_it_no_weight(dataset):
    left_out = train_autoencoder(CONFIG.model_copy(update={"without": "both"}), dataset)[1]
    none = {"neighbour_weight": 0.0, "neighbour_weight_end": 0.0, "distance_weight": 0.0, "distance_weight_end": 0.0}
    weightless = train_autoencoder(CONFIG.model_copy(update=none), dataset)[1]
    assert left_out.metrics["test_loss"] == pytest.approx(weightless.metrics["test_loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 63}, "half of a batch are neighbours"),
        ({"fall_start": 0.5, "fall_end": 0.5}, "does not come after"),
        ({"without": "labels"}, "without"),
        ({"distance_weight": -1.0}, "distance_weight"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        StructuredConfig(**FIELDS | changes)


def test_a_walk_has_equal_steps_and_both_ends():
    points = walk_between(np.array([0.0, 1.0]), np.array([9.0, -2.0]), 10)
    assert (points.shape, points.dtype) == ((10, 2), np.float32)
    np.testing.assert_allclose(points[[0, -1]], [[0, 1], [9, -2]])
    np.testing.assert_allclose(np.diff(points, axis=0), np.tile([1, -1 / 3], (9, 1)), rtol=1e-5)


def test_names_do_not_touch_and_stay_where_there_is_room():
    places = apart(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [300.0, 0.0]]))
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=-1) + 1e3 * np.eye(4)
    assert distances.min() > 0.9 * NAME_GAP
    np.testing.assert_allclose(places[3], [300, 0], atol=0.1)


def test_the_sweep_draws_a_row_per_part_that_is_left_out(run_cli, quick_scores):
    words = ["--dataset", "digits", "--epochs", 1, "--set", "hidden_units=[8]", "--seeds", 2, "--jobs", 1, "-q"]
    result = run_cli("sweep", "structure", "--values", "nothing,neighbours,distances", *words)
    assert result.code == 0, result.err
    assert [line.split()[0] for line in result.out.splitlines()[1:4]] == ["distances", "neighbours", "nothing"]
    assert "by validation neighbour accuracy" in result.out.splitlines()[-1]
    record = from_json(Record[SweepResult], Path("figures/sweep-structure.json").read_bytes())
    figure = sweep_structure(record.result)
    assert [axes.get_xlabel() for axes in figure.axes][2] == "silhouette"
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == [
        "whole recipe", "no neighbours' term", "no distances' term",
    ]  # fmt: skip
    whole = [run.metrics["test_loss"] for run in record.result.values[2].runs]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), whole)
