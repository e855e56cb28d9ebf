"""The toy command end to end, on few iterations."""

from pathlib import Path

import numpy as np
import pytest
from figure_texts import read_setting

from ex3.config import ToyConfig
from ex3.experiments import toy
from ex3.plots.capacity import TargetCapacity, ToyCapacity, draw_capacity
from ex3.plots.explain import draw_explanation
from ex3.plots.toy import (
    FinalFit,
    ToyCurves,
    ToyInitialisations,
    ToyPredictions,
    draw_curves,
    draw_initialisations,
    draw_l2,
    draw_predictions,
)
from ex3.results import Record, from_json
from ex3.scratch.explain import Trace
from ex3.scratch.targets import draw

FIGURES = {
    "toy-curves": ToyCurves,
    "toy-fit": ToyPredictions,
    "toy-init": ToyInitialisations,
    "toy-l2": dict[float, list[FinalFit]],
    "toy-explain": Trace,
    "toy-capacity": ToyCapacity,
}
TARGETS = ["y1", "y2"]


@pytest.fixture(scope="module")
def config():
    return ToyConfig(iterations=600, batch_size=32, learning_rate=0.01, seeds=3)


@pytest.fixture(scope="module")
def fits(config):
    return toy.fit_models(config, ["linear", "convnet"], TARGETS, draw(TARGETS, [0, 1, 2]))


def read_twins() -> dict[str, Record]:
    paths = {name: Path(f"figures/{name}.json") for name in FIGURES}
    return {name: from_json(Record[FIGURES[name]], path.read_bytes()) for name, path in paths.items() if path.exists()}


def test_toy_writes_its_figures_and_twins(run_cli, monkeypatch):
    monkeypatch.setattr(toy, "RESTARTS", 2)
    result = run_cli("toy", "--iterations", 30, "--seeds", 3)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert [line.split()[:2] for line in lines[1:7]] == [
        [target, model] for model in ("linear", "convnet") for target in ("y1", "y2", "y3")
    ]
    assert lines[-1].startswith("within twice the noise floor: linear y1 ")
    assert ", data toy, seeds 0 to 2, " in lines[-1]
    twins = read_twins()
    for name, record in twins.items():
        assert f"wrote figures/{name}.png" in lines
        assert record.command == "python cli.py toy --iterations 30 --seeds 3"
        assert record.dataset.name == "toy"
        assert record.seeds == ([] if name == "toy-explain" else [0, 1, 2])
    assert list(twins["toy-l2"].result) == toy.L2S
    capacity = twins["toy-capacity"].result
    assert (capacity.restarts, capacity.l2, list(capacity.targets)) == (2, 0.001, ["y1", "y2", "y3"])
    assert all(len(errors) == 3 for errors in vars(capacity.targets["y2"]).values())
    assert not Path("runs").exists()


def test_a_fit_that_diverges_is_drawn_and_reported(run_cli):
    options = ["--model", "linear", "--target", "y3", "--iterations", 60, "--seeds", 2, "--learning-rate", 1e3]
    result = run_cli("toy", *options)
    assert result.code == 5
    assert result.err.count("\n") == 1
    assert "ex3: error: linear on y3, seed 0: the loss is not finite from iteration" in result.err
    assert {path.stem for path in Path("figures").glob("*.png")} == FIGURES.keys() - {"toy-capacity"}  # no convnet
    (lost,) = read_twins()["toy-curves"].result.fits
    assert (lost.model, lost.target) == ("linear", "y3")
    assert np.isnan(lost.test_loss).all()
    title = draw_curves(read_twins()["toy-curves"].result).get_suptitle()
    assert " ".join(title.split()) == "The linear model learns none of the functions (a fit diverges)"


def test_linear_learns_y1_to_the_noise_floor(fits):
    linear_y1 = fits[0]
    assert (linear_y1.model, linear_y1.target) == ("linear", "y1")
    assert toy.share_within_floor(linear_y1) == 1.0
    np.testing.assert_allclose(linear_y1.test_loss, linear_y1.ridge_test_loss, rtol=0.1)


def test_the_curves_quantiles_are_ordered(fits):
    series = fits[2].curves.series
    for name in ("train_loss", "test_loss", "gradient_norm"):
        low, median, high = (np.array(series[f"{name}_{part}"]) for part in ("low", "median", "high"))
        assert (low <= median).all()
        assert (median <= high).all()
    assert fits[2].curves.points[0] == 1
    assert fits[2].curves.points[-1] == 600


def test_finished_fits_are_used_again_and_are_those_of_a_new_fit(config, fits):
    samples = draw(TARGETS, [0, 1, 2])
    used_again = toy.fit_initialisations(config, TARGETS, samples, fits)
    assert used_again == toy.fit_initialisations(config, TARGETS, samples, [])
    assert used_again.normal == fits[2:]


def test_figures_are_labelled(fits):
    figures = {
        draw_curves(ToyCurves(fits)): 2,
        draw_predictions(ToyPredictions(fits, 0)): 2,
        draw_initialisations(ToyInitialisations(normal=fits[2:], equal=fits[2:], zeros=fits[2:])): 2,
        draw_l2({0.01: fits, 0.1: fits}): 2,
    }
    for figure, panels in figures.items():
        assert len(figure.axes) == panels
        assert figure.get_suptitle()
        assert "3 seeds" in read_setting(figure)
        assert figure.axes[0].get_ylabel()
        for axes in figure.axes:
            assert axes.get_xlabel()
            assert axes.get_title()
            assert axes.lines


def test_the_seed_that_is_shown_is_the_median(config, fits):
    for result in fits:
        shown = result.test_loss[result.example_seed - config.seed]
        assert shown == np.median(result.test_loss)
        errors = np.subtract(result.example["prediction"], result.example["target"])
        np.testing.assert_allclose(np.mean(errors**2), shown)


def test_titles_say_what_is_learned(fits):
    def title(figure):
        return " ".join(figure.get_suptitle().split())

    expected = "The linear model learns y₁, the convnet learns none of the functions (errors at least "
    assert title(draw_curves(ToyCurves(fits))).startswith(expected)
    assert title(draw_predictions(ToyPredictions(fits, 0))).startswith("Only the linear model on y₁ is on the line")
    assert title(draw_predictions(ToyPredictions(fits[1:], 0))).startswith("No model is on the line")
    same = ToyInitialisations(normal=fits[2:], equal=fits[2:], zeros=fits[2:])
    assert title(draw_initialisations(same)).startswith("From zeros gradients reach ")
    assert title(draw_initialisations(same)).endswith("1.0 to 1.0 times the error of random ones")
    assert title(draw_l2({0.01: fits, 0.1: fits})).startswith(
        "From λ = 0.01 to 0.1 the linear model's error grows 1-fold at most (on y₁)"
    )


def test_the_capacity_is_drawn_with_its_numbers():
    one = TargetCapacity(floor=[0.0, 0.0], best=[1.0, 1.0], sgd=[2.0, 4.0], sgd_without_l2=[2.0, 2.0])
    figure = draw_capacity(ToyCapacity(5, 0.001, {"y1": one}))
    (axes,) = figure.axes
    assert [label.get_text().split("\n")[-1] for label in axes.get_xticklabels()] == ["above 0", "1", "3"]
    assert figure.get_suptitle().endswith("33 % on y₁")


@pytest.mark.parametrize(
    ("words", "fragment"), [(["--batch-size", 1001], "batch_size = 1001"), (["--target", "y4"], "target = 'y4'")]
)
def test_a_wrong_value_is_refused_before_anything_is_written(run_cli, words, fragment):
    result = run_cli("toy", *words)
    assert result.code == 2
    assert fragment in result.err
    assert not Path("figures").exists()


def test_explain_lists_each_number_with_its_gradient(run_cli):
    result = run_cli("toy", "--explain", "--out", "explained")
    assert result.code == 0, result.err
    rows = {line[:22].strip(): [float(cell) for cell in line[22:].split()] for line in result.out.splitlines()[1:37]}
    assert rows["p"] == [1 * 1 - 0.5 * 2 + 2 * 0.75 + 1 * 0, 2 * (1.5 - 2)]
    assert rows["m of filter 1, pair 2"] == [2, -1 * -0.5]
    assert rows["z of filter 1 at 3"] == [-0.5 * 0.5 + 1 * 2 + 0.5 * 0.5, 0.5]
    assert rows["z of filter 2 at 3"] == [-0.5, 0]  # the ReLU's mask
    assert rows["w1, entry 1"] == [0.5, -1 * 1 + 0.5 * -0.5]
    assert sorted(path.name for path in Path("explained").iterdir()) == ["toy-explain.json", "toy-explain.png"]
    record = from_json(Record[Trace], Path("explained/toy-explain.json").read_bytes())
    assert record.command == "python cli.py toy"
    figure = draw_explanation(record.result)
    assert figure.get_suptitle().startswith("Of 8 filter outputs, 3 learn")
