"""Each plot returns a Figure whose axes are labelled, whose title names the data, and which draws what it was given."""

import dataclasses
import re
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from conftest import ROOT
from figure_texts import read_setting
from matplotlib.figure import Figure

from ex3.plots import certificates, colours, imbalance, reject
from ex3.plots.classifiers import Confusions, comparison, confusion_shares, learning_curves, sum_confusions
from ex3.plots.colours import MODEL_COLOURS
from ex3.plots.style import END, STYLE, WIDTH, LineEnd, label_ends, smooth, styled
from ex3.plots.titles import set_titles
from ex3.results import Curves, repeats

KIND_OF = {"noise": "uniform noise", "fgsm": "FGSM", "pgd": "PGD"}


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
    assert figure.get_figwidth() == WIDTH
    assert len(figure.axes) == panels
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title() or panels == 1
    assert figure.get_suptitle()
    assert "scikit-learn's 8 x 8 digits" in read_setting(figure)


def end_labels(axes) -> list[str]:
    """Return the names at the ends of lines."""
    return [text.get_text() for text in axes.texts if text.get_gid() == END]


@styled
def draw_ends(heights: list[float]) -> Figure:
    figure = Figure(figsize=(WIDTH, 3))
    axes = figure.subplots()
    axes.set_ylim(0, 1)
    label_ends(axes, [LineEnd(1, height, f"line {k}", "black") for k, height in enumerate(heights)])
    return figure


def test_names_at_the_ends_of_lines_never_touch_nor_leave_the_axes():
    figure = draw_ends([0.5, 0.5, 0.51, 1.0, 0.99, 0.0, float("nan")])
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
    assert boxes[0].y0 >= axes.bbox.y0 - 2
    assert boxes[-1].y1 <= axes.bbox.y1 + 2


def test_a_name_with_room_stands_at_the_end_of_its_line():
    (text,) = draw_ends([0.5]).axes[0].texts
    assert text.get_position() == (5, pytest.approx(0))


def test_the_setting_stands_between_the_finding_and_the_axes():
    @styled
    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4))
        figure.subplots().set_title("panel")
        set_titles(figure, "a finding that needs more than one line " * 4 + "with 99 % of it", "a setting " * 30)
        return figure

    figure = draw()
    figure.draw_without_rendering()
    (setting,) = figure.artists
    title, panel = figure._suptitle.get_window_extent(), figure.axes[0].title.get_window_extent()
    assert title.y0 >= setting.get_window_extent().y1
    assert setting.get_window_extent().y0 >= panel.y1
    assert setting.get_window_extent().width < figure.bbox.width
    assert "99 %" in figure.get_suptitle()
    assert read_setting(figure) == " ".join(["a setting"] * 30)


def test_the_lines_of_a_title_are_about_equally_long():
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    set_titles(figure, "With one word more than there is room for in a line, a title has two lines of equal length", "")
    first, second = figure.get_suptitle().splitlines()
    assert abs(len(first) - len(second)) < 10


def test_the_same_thing_has_the_same_colour_everywhere():
    for attack in ("noise", "fgsm", "pgd"):
        assert colours.DEFENCE_COLOURS[attack] == colours.ATTACK_COLOURS[attack] == reject.KINDS[KIND_OF[attack]]
    assert certificates.LINES["left"][1] == colours.ATTACK_COLOURS["pgd"]
    assert certificates.LINES["intervals"][1] == colours.DEFENCE_COLOURS["ibp"]
    assert imbalance.REMEDY_COLOURS["nothing"] == colours.TREATMENT_COLOURS["nothing"]
    for table in (colours.ATTACK_COLOURS, colours.DEFENCE_COLOURS, colours.TREATMENT_COLOURS, colours.MODEL_COLOURS):
        assert len(set(table.values())) == len(table)


def test_every_colour_stands_in_the_one_table():
    files = [file for file in (ROOT / "ex3" / "plots").glob("*.py") if file.name != "colours.py"]
    assert [file.name for file in files if re.search(r"#[0-9a-fA-F]{6}\b|tab:", file.read_text("utf-8"))] == []


def test_smoothing_by_hand():
    np.testing.assert_allclose(smooth([1.0, 2.0], 0.5), [1.0, (0.25 * 1 + 0.5 * 2) / 0.75])
    np.testing.assert_allclose(smooth([3.0] * 5), [3.0] * 5)
    np.testing.assert_allclose(smooth([1.0, 4.0, 2.0], 0), [1.0, 4.0, 2.0])
    np.testing.assert_allclose(smooth([1.0, np.nan, 1.0]), [1.0, np.nan, 1.0])


def test_learning_curves_show_mean_and_raw_and_smoothed_loss(runs):
    figure = learning_curves(repeats(runs))
    assert_labelled(figure, 3)
    loss, accuracy, iterations = figure.axes
    assert end_labels(loss) == ["train", "test"]
    assert list(loss.get_xticks()) == [0, 1, 2]
    mean = np.mean([run.epochs.series["test_accuracy"] for run in runs], axis=0)
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), mean)
    assert len(accuracy.collections) == 2  # the bands
    raw, smoothed = iterations.lines
    np.testing.assert_allclose(raw.get_ydata(), runs[0].iterations.series["loss"])
    np.testing.assert_allclose(smoothed.get_ydata(), smooth(runs[0].iterations.series["loss"]))
    assert raw.get_linewidth() < smoothed.get_linewidth()
    assert "label smoothing" in iterations.get_ylabel()
    assert "2 seeds" in read_setting(figure)
    assert "±" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ((0.95, 0.94), "on training images 4.50 points higher with every seed"),
        ((0.95, 0.84), "on training images about the same (-0.50 points)"),
        ((0.85, 0.84), "on test images 5.50 points higher with every seed"),
    ],
)
def test_the_title_says_whether_training_images_are_better(runs, train, words):
    changed = [
        dataclasses.replace(run, metrics={**run.metrics, "test_accuracy": 0.9, "train_accuracy": value})
        for run, value in zip(runs, train, strict=True)
    ]
    assert words in " ".join(learning_curves(repeats(changed)).get_suptitle().split())


def test_one_seed_has_no_band(runs):
    figure = learning_curves(repeats(runs[:1]))
    assert not figure.axes[0].collections
    assert "seed 0" in read_setting(figure)


def test_comparison_draws_each_model_s_error_over_time(runs):
    models = {model: repeats([dataclasses.replace(run, name=model) for run in runs]) for model in MODEL_COLOURS}
    figure = comparison(models)
    assert_labelled(figure, 1)
    (axes,) = figure.axes
    error = 100 * (1 - np.mean([run.metrics["test_accuracy"] for run in runs]))
    names = [text.get_text() for text in axes.texts]
    assert names == [f"{name} {error:.2f} %" for name in ("linear", "MLP", "convnet")]
    assert "seconds" in axes.get_xlabel()


def test_the_comparison_s_title_names_who_leads_until_when(runs):
    def run_with(seconds: list[float], accuracies: list[float]):
        series = {**runs[0].epochs.series, "seconds": seconds, "test_accuracy": accuracies}
        return repeats([dataclasses.replace(runs[0], epochs=Curves("epoch", [1.0, 2.0], series))])

    fast, good = run_with([1, 2], [0.8, 0.8]), run_with([1, 4], [0.5, 0.9])
    title = " ".join(comparison({"linear": fast, "convnet": good}).get_suptitle().split())
    assert title == "Fewest errors: the linear model up to 3.2 s of training, then the convnet"
    title = comparison({"linear": run_with([1, 2], [0.3, 0.4]), "convnet": good}).get_suptitle()
    assert title == "Fewest errors: the convnet"


def test_confusions_are_shares_of_the_rows_on_one_scale(runs):
    models = {model: repeats(runs) for model in MODEL_COLOURS}
    added = sum_confusions(models)
    assert np.sum(added.counts["mlp"]) == 2 * runs[0].dataset.sizes["test"]
    counts = {"linear": [[8, 2, 0], [0, 5, 0], [0, 0, 0]], "mlp": [[10, 0, 0], [1, 99, 0], [0, 0, 0]]}
    info = dataclasses.replace(runs[0].dataset, class_names=["a", "b", "c"])
    figure = confusion_shares(Confusions(info, 1, counts))
    linear, mlp, _ = figure.axes
    assert " ".join(figure.get_suptitle().split()) == (
        "Most often the linear model takes a for b (20.0 %), the MLP takes b for a (1.0 %)"
    )
    assert [text.get_text() for text in linear.texts] == ["20"]
    assert linear.images[0].get_clim() == mlp.images[0].get_clim()
    np.testing.assert_allclose(linear.images[0].get_array().filled(0), [[0.8, 0.2, 0], [0, 1, 0], [0, 0, 0]])


def test_a_diverged_run_can_be_drawn(runs):
    lost = dataclasses.replace(
        runs[0], iterations=dataclasses.replace(runs[0].iterations, points=[1, 2], series={"loss": [2.0, float("nan")]})
    )
    assert_labelled(learning_curves(repeats([lost])), 3)


def test_classes_are_called_by_their_names(runs):
    names = [f"garment {k}" for k in range(10)]
    info = dataclasses.replace(runs[0].dataset, name="fashion-mnist", class_names=names)
    models = {model: repeats([dataclasses.replace(runs[0], dataset=info)]) for model in MODEL_COLOURS}
    confusion = confusion_shares(sum_confusions(models)).axes[0]
    for labels in (confusion.get_xticklabels(), confusion.get_yticklabels()):
        assert [label.get_text() for label in labels] == names


def test_plots_change_no_global_setting(runs):
    before = dict(mpl.rcParams)
    figure = learning_curves(repeats(runs))
    assert dict(mpl.rcParams) == before
    figure.draw_without_rendering()
    assert figure.axes[0].xaxis.get_major_ticks()[0].gridline.get_alpha() == STYLE["grid.alpha"]
