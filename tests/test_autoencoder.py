"""The autoencoder and its codes: against oracles, by hand, drawn, and end to end."""

from pathlib import Path

import numpy as np
import pytest
from figure_texts import read_setting

from ex3 import config_files, evaluation
from ex3.backend import keras
from ex3.config import AutoencoderConfig
from ex3.embedding import planes, scores
from ex3.embedding.comparison import GRID, WALK_STEPS
from ex3.embedding.results import CodesInPlane, DecodedGrid, LossCurves, Reconstructions
from ex3.evaluation import predict
from ex3.plots import autoencoder as plots
from ex3.plots import planes as plane_plots
from ex3.results import Record, from_json
from ex3.runs import train_autoencoder


@pytest.fixture(scope="module")
def tiny() -> AutoencoderConfig:
    return AutoencoderConfig(
        hidden_units=(32, 16), epochs=3, batch_size=64, optimizer="adam", learning_rate=0.003, momentum=0.9, threads=2
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
    assert evaluation.collapsed_codes(codes) == []
    assert evaluation.collapsed_codes(codes * [1, 0]) == [1]
    assert evaluation.collapsed_codes(codes * [1e-6, 1] + [5, 0]) == [0]
    assert evaluation.collapsed_codes(np.zeros((100, 2))) == [0, 1]


def test_pca_agrees_with_the_singular_value_decomposition(dataset):
    pca = planes.fit_pca(dataset.train)
    x = planes.flat(dataset.train.x).astype(float)
    mean = x.mean(axis=0)
    directions = np.linalg.svd(x - mean, full_matrices=False)[2]
    test = planes.flat(dataset.test.x)
    for components, error in planes.pca_errors(pca, dataset.test).items():
        kept = directions[:components]
        expected = np.mean(((test - mean) @ kept.T @ kept + mean - test) ** 2)
        assert error == pytest.approx(expected, rel=1e-3)


def test_structure_of_perfect_and_of_random_codes(monkeypatch):
    monkeypatch.setattr(scores, "PAIRS", 20_000)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    points = rng.normal(size=(200, 2)) + 20 * labels[:, np.newaxis]
    images = np.zeros((200, 28, 28, 1))
    images[:, 0, :2, 0] = points
    kept = scores.structure(images, labels, points, seed=0)
    assert kept["trustworthiness"] == pytest.approx(1)
    assert kept["distance_ranks"] == pytest.approx(1, abs=1e-6)
    assert kept["silhouette"] > 0.9
    lost = scores.structure(images, labels, rng.normal(size=(200, 2)), seed=0)
    assert lost["trustworthiness"] < 0.8
    assert abs(lost["distance_ranks"]) < 0.05
    assert abs(lost["silhouette"]) < 0.1
    assert scores.structure(images, labels, np.zeros((200, 2)), seed=0)["distance_ranks"] == 0


def test_neighbours_are_fitted_on_training_codes_alone(dataset):
    known = np.stack([dataset.train.y, np.zeros(len(dataset.train))], axis=1)  # the label, as nobody can know it
    unknown = np.zeros((len(dataset.test), 2))
    accuracy = evaluation.neighbour_accuracy(known, dataset.train.y, unknown, dataset.test.y)
    assert accuracy == np.mean(dataset.test.y == 0)


FAST = ["--dataset", "digits", "--epochs", 1, "--set", "hidden_units=[8]", "--jobs", 1, "--threads", 2, "-q"]
RESULTS = {
    "curves": LossCurves,
    "scatter": CodesInPlane,
    "reconstructions": Reconstructions,
    "manifold": DecodedGrid,
    "manifold-structured": DecodedGrid,
}


@pytest.fixture
def written(run_cli, quick_scores):
    """Run the command with two seeds; return what it printed, and the figures' twins."""
    result = run_cli("autoencoder", *FAST, "--seeds", 2, "--limit", 1000)
    assert result.code == 0, result.err
    files = {name: Path(f"figures/autoencoder-{name}.json").read_bytes() for name in RESULTS}
    return result, {name: from_json(Record[kind], files[name]) for name, kind in RESULTS.items()}


def test_the_command_writes_figures_twins_encoder_and_decoder(written, dataset):
    result, twins = written
    assert "samples = 5000: there are 360 test images; all are used" in result.err
    names = [line.split("  ")[0] for line in result.out.splitlines()[:5]]
    assert names == ["method", "autoencoder", "structured autoencoder", "PCA", "t-SNE"]
    assert "data digits, seeds 0 to 1, threads 2" in result.out.splitlines()[-1]
    for name, record in twins.items():
        assert (record.name, record.seeds) == (f"autoencoder-{name}", [0, 1])
        assert set(record.models) == {"autoencoder", "structured", "convnet"}
        assert [config["model"] for config in record.config.values()] == ["autoencoder", "autoencoder-structured"]
    codes_in_plane = twins["scatter"].result
    check_scores(codes_in_plane, dataset)
    assert len(list(Path("runs/models").glob("autoencoder-structured-seed0-*/decoder.keras"))) == 1
    (convnet,) = Path("runs/models").glob("convnet-*")
    assert config_files.load(convnet / "config.toml").limit == 1000
    (folder,) = Path("runs/models").glob("autoencoder-seed0-*")
    encoder = keras.saving.load_model(folder / "encoder.keras")
    decoder = keras.saving.load_model(folder / "decoder.keras")
    codes = encoder.predict(dataset.test.x, verbose=0)
    assert decoder.predict(codes, verbose=0).shape == dataset.test.x.shape
    drawn = dataset.test.sample(5000, seed=0).first(100)
    np.testing.assert_allclose(np.array(codes_in_plane.codes["autoencoder"]).T, predict(encoder, drawn.x), atol=1e-3)
    check_figures(twins)
    check_grid(twins["manifold"].result, decoder)


def check_scores(codes: CodesInPlane, dataset) -> None:
    """All methods are scored with all seeds, and those scores that t-SNE has, on the same images."""
    assert set(codes.scores) == {"autoencoder", "structured", "pca", "tsne"}
    assert np.isnan(codes.scores["tsne"]["mse"].mean)
    assert {spread.count for scores in codes.scores.values() for spread in scores.values()} == {2}
    assert len(set(codes.by_seed["tsne"]["silhouette"])) == 2
    points = dataset.test.sample(5000, seed=0).first(len(codes.labels))
    assert codes.labels == points.y.tolist()
    for method, found in codes.codes.items():
        expected = scores.structure(points.x, points.y, np.array(found).T, seed=0)["silhouette"]
        assert codes.by_seed[method]["silhouette"][0] == pytest.approx(expected, abs=1e-2)


def check_figures(twins) -> None:
    """Each figure can be drawn from its twin alone, and shows what stands in it."""
    figure = plots.curves(twins["curves"])
    errors = twins["curves"].result.pca_test_mse
    assert [line.get_ydata()[0] for line in figure.axes[0].lines[3:]] == list(errors.values())
    assert "scikit-learn's 8 x 8 digits" in read_setting(figure)

    scatter = twins["scatter"]
    figure = plane_plots.scatter(scatter)
    np.testing.assert_allclose(figure.axes[2].collections[0].get_offsets().T, scatter.result.codes["pca"])
    assert {axes.get_xscale() for axes in figure.axes} == {"linear"}
    for axes, codes in zip(figure.axes, scatter.result.codes.values(), strict=True):
        places = {text.get_text(): text.xy for text in axes.texts}
        zeros = np.array(codes)[:, np.array(scatter.result.labels) == 0]
        np.testing.assert_allclose(places["0"], np.median(zeros, axis=1))

    reconstructions = twins["reconstructions"]
    figure = plots.reconstructions(reconstructions)
    assert len(figure.axes) == 50
    assert reconstructions.result.walk.pictures.shape == (WALK_STEPS, 28, 28)
    labels = [axes.xaxis.label for axes in figure.axes[:10]]
    read, classes = reconstructions.result.read["original"], reconstructions.result.labels
    assert [label.get_text() for label in labels] == [str(label) for label in read]
    colours = {(label.get_color(), a == b) for label, a, b in zip(labels, read, classes, strict=True)}
    assert len(colours) == len({a == b for a, b in zip(read, classes, strict=True)})

    figure = plane_plots.manifold(twins["manifold"])
    assert figure.axes[0].images[0].get_array().shape == (GRID * 28, GRID * 28)
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title()


def check_grid(grid: DecodedGrid, decoder: keras.Model) -> None:
    """The picture holds the decoder's output at each point of the grid."""
    assert (np.diff(grid.first_codes) > 0).all()
    assert (np.diff(grid.second_codes) < 0).all()
    point = np.array([[grid.first_codes[3], grid.second_codes[7]]], np.float32)
    np.testing.assert_allclose(grid.pictures.unpack()[7, 3], predict(decoder, point)[0, ..., 0], atol=0.5 / 255 + 1e-5)


def test_a_run_that_diverges_ends_with_exit_code_5(run_cli):
    words = ["--set", "optimizer=sgd", "--set", "schedule=constant", "--learning-rate", 1e38]
    result = run_cli("autoencoder", *FAST, "--seeds", 1, "--limit", 200, *words)
    assert result.code == 5
    assert result.err.splitlines()[-1].startswith("ex3: error: ")
    assert "seed 0: the loss is not finite from" in result.err.splitlines()[-1]
