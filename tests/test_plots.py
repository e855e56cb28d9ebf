"""Each plot returns a Figure whose axes are labelled, whose title names the data, and which draws what it was given."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from ex3.plots.classifiers import comparison, learning_curves
from ex3.plots.style import MODEL_COLOURS, STYLE, smooth
from ex3.results import repeats


@pytest.fixture(scope="module")
def runs(dataset):
    from ex3.config import MlpConfig
    from ex3.runs import train_classifier

    base = MlpConfig(
        model="mlp",
        hidden_units=(8,),
        epochs=2,
        batch_size=64,
        optimizer="adam",
        learning_rate=0.01,
        momentum=0.9,
        label_smoothing=0.1,
    )
    return [train_classifier(base.model_copy(update={"seed": seed}), dataset)[1] for seed in (0, 1)]


def assert_labelled(figure: Figure, panels: int) -> None:
    assert isinstance(figure, Figure)
    assert len(figure.axes) == panels
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title()
    assert "scikit-learn's 8 x 8 digits" in figure.get_suptitle()


def test_smoothing_by_hand():
    np.testing.assert_allclose(smooth([1.0, 2.0], 0.5), [1.0, (0.25 * 1 + 0.5 * 2) / 0.75])
    np.testing.assert_allclose(smooth([3.0] * 5), [3.0] * 5)
    np.testing.assert_allclose(smooth([1.0, 4.0, 2.0], 0), [1.0, 4.0, 2.0])
    np.testing.assert_allclose(smooth([1.0, np.nan, 1.0]), [1.0, np.nan, 1.0])


def test_learning_curves_show_mean_and_raw_and_smoothed_loss(runs):
    figure = learning_curves(repeats(runs))
    assert_labelled(figure, 3)
    loss, accuracy, iterations = figure.axes
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["train", "test"]
    mean = np.mean([run.epochs.series["test_accuracy"] for run in runs], axis=0)
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), mean)
    assert len(accuracy.collections) == 2  # the bands
    raw, smoothed = iterations.lines
    np.testing.assert_allclose(raw.get_ydata(), runs[0].iterations.series["loss"])
    np.testing.assert_allclose(smoothed.get_ydata(), smooth(runs[0].iterations.series["loss"]))
    assert raw.get_linewidth() < smoothed.get_linewidth()
    assert "label smoothing" in iterations.get_ylabel()
    assert "2 seeds" in figure.get_suptitle()
    assert "±" in figure.get_suptitle()


def test_one_seed_has_no_band(runs):
    figure = learning_curves(repeats(runs[:1]))
    assert not figure.axes[0].collections
    assert "seed 0" in figure.get_suptitle()


def test_comparison_draws_each_model_in_each_panel(runs):
    models = {model: repeats([dataclasses.replace(run, name=model) for run in runs]) for model in MODEL_COLOURS}
    figure = comparison(models)
    assert_labelled(figure, 8)
    for axes in figure.axes[:4]:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(models)
    assert "s)" in figure.axes[1].get_xlabel()
    total = sum(int(text.get_text()) for text in figure.axes[4].texts)
    assert total == 2 * runs[0].dataset.sizes["test"]


def test_a_diverged_run_can_be_drawn(runs):
    lost = dataclasses.replace(
        runs[0], iterations=dataclasses.replace(runs[0].iterations, points=[1, 2], series={"loss": [2.0, float("nan")]})
    )
    assert_labelled(learning_curves(repeats([lost])), 3)


def test_classes_are_called_by_their_names(runs):
    names = [f"garment {k}" for k in range(10)]
    info = dataclasses.replace(runs[0].dataset, name="fashion-mnist", class_names=names)
    models = {model: repeats([dataclasses.replace(runs[0], dataset=info)]) for model in MODEL_COLOURS}
    confusion, per_class = comparison(models).axes[4], comparison(models).axes[7]
    for labels in (confusion.get_xticklabels(), confusion.get_yticklabels(), per_class.get_xticklabels()):
        assert [label.get_text() for label in labels] == names


def test_plots_change_no_global_setting(runs):
    before = dict(mpl.rcParams)
    figure = learning_curves(repeats(runs))
    assert dict(mpl.rcParams) == before
    figure.draw_without_rendering()
    assert figure.axes[0].xaxis.get_major_ticks()[0].gridline.get_alpha() == STYLE["grid.alpha"]
