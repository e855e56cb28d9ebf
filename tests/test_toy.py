"""The toy command end to end, on few iterations."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import assert_refused

from ex3.config import ToyConfig
from ex3.experiments import toy
from ex3.plots.toy import toy_curves, toy_fit, toy_init, toy_l2
from ex3.results import Record, from_json
from ex3.scratch.targets import draw

FAST = ["--iterations", 30, "--seeds", 3]
FIGURES = ["toy-curves", "toy-fit", "toy-init", "toy-l2"]


@pytest.fixture(scope="module")
def fits():
    config = ToyConfig(iterations=600, batch_size=32, learning_rate=0.01, seeds=3)
    samples = draw(["y1", "y2"], [0, 1, 2])
    return [fit for model in ("linear", "convnet") for fit in toy.fit_model(config, model, ["y1", "y2"], samples)]


def test_toy_writes_its_figures_and_twins(run_cli):
    result = run_cli("toy", *FAST)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert [line.split()[:2] for line in lines[1:7]] == [
        [target, model] for model in ("linear", "convnet") for target in ("y1", "y2", "y3")
    ]
    assert lines[-1].startswith("within twice the noise floor: linear y1 ")
    for name in FIGURES:
        assert f"wrote figures/{name}.png" in lines
        record = from_json(Record, Path(f"figures/{name}.json").read_bytes())
        assert record.command == "python cli.py toy --iterations 30 --seeds 3"
        assert (record.dataset.name, record.seeds) == ("toy", [0, 1, 2])
    assert not Path("runs").exists()


def test_one_model_and_one_target_can_be_picked(run_cli):
    result = run_cli("toy", *FAST, "--model", "linear", "--target", "y3", "--l2", 0.1)
    assert result.code == 0, result.err
    fits = json.loads(Path("figures/toy-curves.json").read_text())["result"]["fits"]
    assert [(fit["model"], fit["target"]) for fit in fits] == [("linear", "y3")]


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


def test_figures_are_labelled(fits):
    by_init = {"normal": fits[2:], "zeros": fits[2:]}
    by_l2 = {0.0: fits, 0.1: fits}
    panels = {toy_curves(fits): 4, toy_fit(fits): 4, toy_init(by_init): 4, toy_l2(by_l2): 2}
    for figure, count in panels.items():
        assert len(figure.axes) == count
        assert figure.get_suptitle()
        for axes in figure.axes:
            assert axes.get_xlabel()
            assert axes.get_ylabel()
            assert axes.lines


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--learning-rate", "nan"], "learning_rate = nan"),
        (["--learning-rate", "inf"], "learning_rate = inf"),
        (["--learning-rate", "-1"], "learning_rate = -1"),
        (["--learning-rate", "0"], "learning_rate = 0"),
        (["--batch-size", "0"], "batch_size = 0"),
        (["--batch-size", "1001"], "batch_size = 1001"),
        (["--iterations", "0"], "iterations = 0"),
        (["--seeds", "0"], "seeds = 0"),
        (["--target", "y4"], "target = 'y4'"),
        (["--model", "mlp"], "model = 'mlp'"),
        (["--init", "ones"], "init = 'ones'"),
        (["--l2", "-0.1"], "l2 = -0.1"),
        (["--set", "lambda=1"], "no key 'lambda'"),
    ],
)
def test_wrong_words_are_refused(run_cli, words, fragment):
    assert_refused(run_cli("toy", *words), 2, fragment)


def test_a_rate_at_which_it_diverges_is_drawn_and_reported(run_cli):
    result = run_cli("toy", "--iterations", 60, "--seeds", 2, "--learning-rate", 1e3)
    assert result.code == 5
    assert result.err.count("\n") == 1
    assert "ex3: error: linear on y1, seed 0: the loss is not finite from iteration" in result.err
    assert all(Path(f"figures/{name}.png").exists() for name in FIGURES)
