"""The autoencoder and its codes: against oracles, by hand, drawn, and end to end."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import run_process
from test_plots import assert_labelled

from ex3 import embedding, planes, storage
from ex3.backend import keras
from ex3.config import AutoencoderConfig
from ex3.data import Split
from ex3.errors import DataError
from ex3.experiments import Places
from ex3.experiments.trained import classifier
from ex3.plots import autoencoder as plots
from ex3.results import Record, from_json
from ex3.training import predict, train_autoencoder, train_classifier


@pytest.fixture(scope="module")
def tiny() -> AutoencoderConfig:
    return AutoencoderConfig(
        hidden_units=(32, 16), epochs=3, batch_size=64, optimizer="adam", learning_rate=0.003, momentum=0.9
    )


@pytest.fixture(scope="module")
def trained(tiny, dataset):
    return train_autoencoder(tiny, dataset)


def test_losses_are_mean_squared_errors_of_decoder_after_encoder(trained, dataset):
    model, run = trained
    codes = model.encoder.predict(dataset.test.x, verbose=0)
    assert codes.shape == (len(dataset.test), 2)
    images = model.decoder.predict(codes, verbose=0)
    assert images.shape == dataset.test.x.shape
    assert images.min() >= 0
    assert images.max() <= 1
    assert run.metrics["test_loss"] == pytest.approx(np.mean((images - dataset.test.x) ** 2), rel=1e-4)
    assert run.epochs.series["train_loss"][-1] < run.epochs.series["train_loss"][0]
    assert run.parameters == model.encoder.count_params() + model.decoder.count_params()
    assert set(run.metrics) >= {"validation_loss", "validation_neighbour_accuracy", "test_neighbour_accuracy"}
    assert run.confusion == []


def test_the_same_seed_gives_the_same_codes(tiny, trained, dataset):
    again, run = train_autoencoder(tiny, dataset)
    np.testing.assert_array_equal(predict(again.encoder, dataset.test.x), predict(trained[0].encoder, dataset.test.x))
    assert run.iterations == trained[1].iterations


@pytest.mark.parametrize("changes", [{"activation": "gelu"}, {"normalization": "batch"}, {"normalization": "layer"}])
def test_each_part_of_the_architecture_takes_part(tiny, trained, dataset, changes):
    _, run = train_autoencoder(tiny.model_copy(update=changes), dataset)
    assert run.metrics["test_loss"] != trained[1].metrics["test_loss"]


def test_codes_of_a_relu_bottleneck_are_never_negative_and_dead_ones_are_counted(tiny, dataset):
    model, _ = train_autoencoder(tiny.model_copy(update={"bottleneck": "relu", "epochs": 1}), dataset)
    assert predict(model.encoder, dataset.test.x).min() >= 0
    # A rate so large that the codes' biases jump below everything the weights can give.
    _, run = train_autoencoder(tiny.model_copy(update={"bottleneck": "relu", "learning_rate": 3.0}), dataset)
    assert run.metrics["dead_codes"] >= 1


def test_collapsed_codes_are_those_without_variance():
    codes = np.random.default_rng(0).normal(size=(100, 2))
    assert embedding.collapsed_codes(codes) == []
    assert embedding.collapsed_codes(codes * [1, 0]) == [1]
    assert embedding.collapsed_codes(codes * [1e-6, 1] + [5, 0]) == [0]
    assert embedding.collapsed_codes(np.zeros((100, 2))) == [0, 1]


def test_pca_agrees_with_the_singular_value_decomposition(dataset):
    pca = embedding.fit_pca(dataset.train)
    x = embedding.flat(dataset.train.x).astype(float)
    mean = x.mean(axis=0)
    directions = np.linalg.svd(x - mean, full_matrices=False)[2]
    test = embedding.flat(dataset.test.x)
    for components, error in embedding.pca_errors(pca, dataset.test).items():
        kept = directions[:components]
        expected = np.mean(((test - mean) @ kept.T @ kept + mean - test) ** 2)
        assert error == pytest.approx(expected, rel=1e-3)


def test_structure_of_perfect_and_of_random_codes():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    points = rng.normal(size=(200, 2)) + 20 * labels[:, np.newaxis]
    images = np.zeros((200, 28, 28, 1))
    images[:, 0, :2, 0] = points
    kept = embedding.structure(images, labels, points, seed=0)
    assert kept["trustworthiness"] == pytest.approx(1)
    assert kept["distance_ranks"] == pytest.approx(1, abs=1e-6)
    assert kept["silhouette"] > 0.9
    lost = embedding.structure(images, labels, rng.normal(size=(200, 2)), seed=0)
    assert lost["trustworthiness"] < 0.8
    assert abs(lost["distance_ranks"]) < 0.05
    assert abs(lost["silhouette"]) < 0.1
    assert embedding.structure(images, labels, np.zeros((200, 2)), seed=0)["distance_ranks"] == 0


def test_neighbours_are_fitted_on_training_codes_alone(dataset):
    def cheat(x):  # the label, as nobody can know it, for training images; a constant for others
        known = {image.tobytes(): label for image, label in zip(dataset.train.x, dataset.train.y, strict=True)}
        return np.array([[known.get(image.tobytes(), 0.0), 0.0] for image in x])

    assert embedding.neighbour_accuracy(cheat, dataset.train, dataset.test) == np.mean(dataset.test.y == 0)


def test_samples_are_drawn_without_repetition(dataset):
    sample = planes.draw(dataset.test, 100, seed=3)
    assert len({image.tobytes() for image in sample.x}) == 100
    assert len(planes.draw(dataset.test, 10**6, seed=3)) == len(dataset.test)


@pytest.fixture(scope="module")
def shown(trained, dataset):
    from ex3.config import LinearConfig

    settings = LinearConfig(model="linear", epochs=2, batch_size=32, optimizer="sgd", learning_rate=0.5, momentum=0.0)
    reader, _ = train_classifier(settings, dataset)
    return planes.show(trained[0], embedding.fit_pca(dataset.train), planes.draw(dataset.test, 360, 0), reader)


def test_figures_show_what_they_are_given(trained, shown, dataset):
    run = trained[1]
    figure = plots.curves([run, run], {2: 0.04, 8: 0.02})
    assert [line.get_ydata()[0] for line in figure.axes[0].lines[2:]] == [0.04, 0.02]
    assert "NOT MNIST" in figure.axes[0].get_title()

    figure = plots.scatter(shown.codes, shown.labels, dataset.info)
    assert_labelled(figure, 3)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list("0123456789")
    np.testing.assert_allclose(figure.axes[1].collections[0].get_offsets(), shown.codes["pca"])
    medians = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    zeros = shown.codes["autoencoder"][shown.labels["autoencoder"] == 0]
    np.testing.assert_allclose(medians["0"], np.median(zeros, axis=0))

    figure = plots.reconstructions(shown.images, shown.read, shown.digits, dict.fromkeys(shown.images, "0.5"), "title")
    assert len(figure.axes) == 30
    words = [axes.get_xlabel() for axes in figure.axes[:10]]
    right = [digit == label for digit, label in zip(shown.read["original"], shown.digits, strict=True)]
    assert [word.endswith("right") for word in words] == right

    figure = plots.manifold(
        shown.plane, shown.grid, shown.codes["autoencoder"], shown.labels["autoencoder"], "NOT MNIST"
    )
    assert_labelled(figure, 2)
    assert figure.axes[0].images[0].get_array().shape == (planes.GRID * 28, planes.GRID * 28)


def test_the_plane_holds_the_decoder_at_each_point_of_the_grid(trained, shown):
    columns, rows = shown.grid
    assert (np.diff(columns) > 0).all()
    assert (np.diff(rows) < 0).all()
    point = np.array([[columns[3], rows[7]]], np.float32)
    np.testing.assert_allclose(shown.plane[7, 3], predict(trained[0].decoder, point)[0, ..., 0], atol=1e-5)


FAST = ["--dataset", "digits", "--epochs", 1, "--set", "hidden_units=[8]", "-q"]


def test_the_command_writes_figures_twins_encoder_and_decoder(dataset):
    result = run_process("autoencoder", *FAST, "--seeds", 2)
    assert result.returncode == 0, result.stderr
    assert "samples = 5000: there are 360 test images; all are used" in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[:4]] == ["method", "autoencoder", "PCA", "t-SNE,"]
    assert "data digits, seeds 0 to 1, threads 2" in result.stdout.splitlines()[-1]
    for name in ("curves", "scatter", "reconstructions", "manifold"):
        record = from_json(Record, Path(f"figures/autoencoder-{name}.json").read_bytes())
        assert (record.name, record.seeds) == (f"autoencoder-{name}", [0, 1])
    scatter = json.loads(Path("figures/autoencoder-scatter.json").read_text())["result"]
    assert set(scatter["scores"]) == {"autoencoder", "pca", "tsne"}
    assert scatter["scores"]["tsne"]["mse"]["mean"] is None
    encoder = keras.saving.load_model("runs/autoencoder/encoder.keras")
    decoder = keras.saving.load_model("runs/autoencoder/decoder.keras")
    codes = encoder.predict(dataset.test.x, verbose=0)
    assert decoder.predict(codes, verbose=0).shape == dataset.test.x.shape
    first, second = scatter["codes"]["autoencoder"]
    assert len(codes) == len(first) == len(second)


def test_bottlenecks_are_compared_over_seeds():
    result = run_process("autoencoder", "--bottlenecks", *FAST, "--seeds", 2)
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[:3]] == ["bottleneck", "linear", "relu"]
    record = from_json(Record, Path("figures/autoencoder-bottleneck.json").read_bytes())
    assert {kind: len(runs) for kind, runs in record.result["runs"].items()} == {"linear": 2, "relu": 2}
    words = "--dataset digits --epochs 1 --seeds 2 --bottlenecks --set 'hidden_units=[8]'"
    assert sorted(record.command.split()[3:]) == sorted(words.split())
    again = run_process("autoencoder", "--bottlenecks", *FAST, "--seeds", 2)
    assert "4 runs (4 reused)" in again.stdout


def test_a_run_that_diverges_ends_with_exit_code_5():
    words = ["--set", "optimizer=sgd", "--set", "schedule=constant", "--learning-rate", 1e38]
    result = run_process("autoencoder", *FAST, "--seeds", 1, *words)
    assert result.returncode == 5
    assert result.stderr.splitlines()[-1].startswith("ex3: error: autoencoder, seed 0: the loss is not finite from")


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--limit", "99"], "limit = 99"),
        (["--samples", "0"], "--samples"),
        (["--set", "bottleneck=tanh"], "bottleneck = 'tanh'"),
        (["--set", "hidden_units=[]"], "hidden_units = []"),
        (["--set", "dropout=0.5"], "AutoencoderConfig has no key 'dropout'"),
    ],
)
def test_bad_values_are_refused(run_cli, words, fragment):
    result = run_cli("autoencoder", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert fragment in result.err


def test_a_trained_classifier_is_read_back_or_trained_now(dataset, caplog):
    places = Places(Path("figures"), Path("runs"))
    file = Path("runs/train-linear/model.keras")
    first = classifier("linear", dataset, places, 2, quiet=True)
    assert f"{file}: no such file; it is trained now" in caplog.text
    caplog.clear()
    again = classifier("linear", dataset, places, 2, quiet=True)
    np.testing.assert_array_equal(predict(again, dataset.test.x), predict(first, dataset.test.x))
    assert not caplog.text
    file.write_bytes(b"<html>")
    classifier("linear", dataset, places, 2, quiet=True)
    assert "not a .keras file" in caplog.text
    assert file.stat().st_size > 1000


def test_a_classifier_of_other_images_is_neither_used_nor_replaced(dataset, caplog):
    places = Places(Path("figures"), Path("runs"))
    first = classifier("linear", dataset, places, 2, quiet=True)
    before = Path("runs/train-linear/model.keras").read_bytes()
    half = Split(dataset.train.x[::2], dataset.train.y[::2])
    other = dataclasses.replace(dataset, train=half, fingerprint="another")
    second = classifier("linear", other, places, 2, quiet=True)
    assert "trained on digits; another one is trained on these images, and not kept" in caplog.text
    assert not np.array_equal(predict(second, dataset.test.x), predict(first, dataset.test.x))
    assert Path("runs/train-linear/model.keras").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.keras", b""),
        ("model.keras", b"<html>not a model</html>"),
        ("model.keras", None),
        ("run.json", b"{"),
        ("config.toml", b"model = 'lenet'"),
    ],
)
def test_a_damaged_classifier_is_refused_with_its_reason(dataset, tmp_path, name, content):
    classifier("linear", dataset, Places(tmp_path, tmp_path), 2, quiet=True)
    file = tmp_path / "train-linear" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(DataError, match="train-linear"):
        storage.load_classifier(tmp_path / "train-linear" / "model.keras")


def test_a_truncated_model_and_one_of_another_shape_are_refused(dataset, tmp_path):
    classifier("linear", dataset, Places(tmp_path, tmp_path), 2, quiet=True)
    folder = tmp_path / "train-linear"
    whole = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="train-linear"):
        storage.load_classifier(folder / "model.keras")
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    other.save(folder / "model.keras")
    with pytest.raises(DataError, match="train-linear"):
        storage.load_classifier(folder / "model.keras")
