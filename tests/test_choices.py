"""Named settings: the plan, the comparison seed by seed, the figures, and the command, all with made-up runs."""

import sys
from dataclasses import replace
from pathlib import Path

import fake_runs
import numpy as np
import pytest
from test_sweeps import make_run

from ex3 import choices, config_files
from ex3.choices import ChoicesConfig, ChoicesResult
from ex3.commands import command_module
from ex3.errors import ConfigError
from ex3.measures.paired import paired_difference
from ex3.plots.choices import draw_choices
from ex3.plots.iterations import draw_iterations
from ex3.plots.overfitting import draw_overfitting
from ex3.plots.rates import draw_rate_map
from ex3.results import Curves, Record, from_json, to_json

NAMES = list(command_module("choices").SECONDS)
DEPTHS = ChoicesConfig(model="mlp", seeds=3, settings={"depth": {"two": {}, "none": {"hidden_units": []}}})
COURSES = ChoicesConfig(model="mlp", seeds=2, settings={"MLP": {"nothing": {}, "dropout": {"dropout": 0.5}}})
CROSSED = ChoicesConfig(model="mlp", seeds=1, crossed={"learning_rate": [0.1, 1.0], "batch_size": [8, 80, 800]})


def bases() -> dict:
    return {model: config_files.load(config_files.shipped(model)) for model in ("linear", "mlp", "convnet")}


def summarise(config: ChoicesConfig, accuracies: dict[str, list[float]]) -> ChoicesResult:
    """Summarise made-up runs, and read the summary back from its JSON."""
    runs = {
        group: {name: [make_run(accuracies[name][seed], seed) for seed in range(config.seeds)] for name in settings}
        for group, settings in config.groups.items()
    }
    return from_json(ChoicesResult, to_json(choices.summarise(config, runs)))


@pytest.fixture(scope="module")
def depths() -> ChoicesResult:
    return summarise(DEPTHS, {"two": [0.90, 0.94, 0.98], "none": [0.89, 0.93, 0.97]})


@pytest.fixture(scope="module")
def rates() -> ChoicesResult:
    """Rate 0.1 is best for batches of 8, rate 1 for those of 80 and of 800."""
    best = {"0.1, 8", "1, 80", "1, 800"}
    names = CROSSED.groups[choices.CROSSED]
    numbers = {name: f"{row['learning_rate']:g}, {row['batch_size']}" for name, row in names.items()}
    return summarise(CROSSED, {name: [0.9 if numbers[name] in best else 0.5] for name in names})


def with_validation_curve(losses: list[float]):
    run = make_run(0.9)
    series = run.epochs.series | {"validation_loss": losses, "test_loss": [0.6, 0.5, 0.7, 0.9]}
    return replace(run, epochs=Curves("epoch", [1.0, 2.0, 3.0, 4.0], series))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_plan_is_of_allowed_settings(name):
    config = config_files.load_as(ChoicesConfig, config_files.shipped(f"choices-{name}"))
    shared = {model: config_files.change(bases()[model], config.base, "base") for model in config.models}
    plan = choices.plan_runs(config, shared, "here")
    assert {len(seeds) for group in plan.values() for seeds in group.values()} == {config.seeds}
    runs = [run for group in plan.values() for seeds in group.values() for run in seeds]
    assert {run.model for run in runs} == set(config.models)
    assert {run.label_smoothing for run in runs} <= {0, 0.05}


def test_a_plan_has_each_setting_with_each_seed():
    plan = choices.plan_runs(DEPTHS, bases(), "here")
    assert [run.hidden_units for run in plan["depth"]["none"]] == [()] * 3
    assert [run.seed for run in plan["depth"]["two"]] == [0, 1, 2]
    crossed = choices.plan_runs(CROSSED, bases(), "here")[choices.CROSSED]
    assert [(run.learning_rate, run.batch_size) for (run,) in crossed.values()] == [
        (rate, size) for rate in (0.1, 1.0) for size in (8, 80, 800)
    ]


def test_a_wrong_setting_is_named():
    wrong = ChoicesConfig(model="mlp", settings={"depth": {"two": {"hiden_units": []}}})
    with pytest.raises(ConfigError, match="here: MlpConfig has no key 'hiden_units'; did you mean 'hidden_units'"):
        choices.plan_runs(wrong, bases(), "here")
    with pytest.raises(ValueError, match="either settings or crossed values"):
        ChoicesConfig(model="mlp")


def test_settings_are_compared_seed_by_seed(depths):
    _, none = depths.choices
    assert none.difference.mean == pytest.approx(-0.01)
    assert none.difference.low == pytest.approx(none.difference.high)  # though the seeds lie 0.04 apart
    assert none.spreads["validation_accuracy"].std == pytest.approx(0.04)
    assert depths.best == {"depth": "two"}


def test_paired_differences_by_hand():
    found = paired_difference([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])
    margin = 4.302653 * np.std([1, 2, 4], ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom, 97.5 %
    assert (found.mean, found.count) == (pytest.approx(7 / 3), 3)
    assert (found.low, found.high) == (pytest.approx(7 / 3 - margin), pytest.approx(7 / 3 + margin))
    assert np.isnan(paired_difference([1.0, np.nan], [0.0, 0.0]).mean)
    assert np.isnan(paired_difference([1.0], [0.0]).low)


def test_early_stopping_is_judged_where_the_validation_loss_is_lowest():
    stopped = choices.add_early_stop(with_validation_curve([0.7, 0.6, 0.4, 0.8])).metrics
    assert (stopped["stop_epoch"], stopped["stop_test_loss"]) == (3, 0.7)
    run = make_run(0.9)
    del run.epochs.series["validation_loss"]
    assert choices.add_early_stop(run) == run


def test_the_best_rates_and_their_power_of_the_batch_size(rates):
    assert rates.rates_by_size == {8: 0.1, 80: 1.0, 800: 1.0}
    assert rates.exponent == pytest.approx(0.5)
    assert choices.scaling_exponent({8: 0.1, 80: 1.0}) == pytest.approx(1)
    assert choices.scaling_exponent({8: 0.1, 800: 1.0}) == pytest.approx(0.5)


def test_choices_are_drawn_with_the_group_that_matters_most(depths):
    figure = draw_choices(depths)
    assert figure.get_suptitle() == "Most depends on the depth: 93.0 % with two, 92.0 % with none"
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["two", "none"]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [11, 7, 3])


def test_the_map_marks_the_best_rates(rates):
    axes = draw_rate_map(rates).axes[0]
    best, linear = axes.lines
    assert list(best.get_ydata()) == [0, 1, 1]
    assert list(linear.get_ydata())[:2] == [0, 1]
    assert np.isnan(linear.get_ydata()[2])  # beyond the rates that were tried
    assert "is 0.1 for batches of 8 and 1 for those of 800" in " ".join(draw_rate_map(rates).get_suptitle().split())


def test_over_fitting_is_drawn_with_its_lowest_point():
    runs = {name: [with_validation_curve([0.7, 0.6, 0.4, 0.8])] * 2 for name in ("nothing", "dropout")}
    figure = draw_overfitting(choices.summarise(COURSES, {"MLP": runs}))
    assert figure.get_suptitle() == "Test accuracy at the end: 90.0 % with nothing; 90.0 % with dropout"
    plan = ChoicesConfig(model="mlp", seeds=2, settings=dict.fromkeys(("MLP", "convnet"), COURSES.settings["MLP"]))
    two = choices.summarise(plan, {"MLP": runs, "convnet": runs})
    course = "0.500 after epoch 2, 0.900 at the end"
    title = " ".join(draw_overfitting(two).get_suptitle().split())
    assert title == f"The test loss rises again: MLP {course}; convnet {course}"
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_xlabel()) == ("cross-entropy (nats)", "epoch")
    dots = [line for line in loss.lines if len(line.get_xdata()) == 1]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [(3, 0.7)] * 2


def test_every_gradient_step_is_drawn_beside_the_test_images():
    plan = ChoicesConfig(model="mlp", seeds=1, settings={"steps": {"MLP": {}}, "regression": {"slow": {}}})
    run = make_run(0.9)
    steps = Curves("iteration", run.iterations.points, run.iterations.series | {"accuracy": [0.5] * 40})
    result = choices.summarise(
        plan, {"steps": {"MLP": [replace(run, iterations=steps)]}, "regression": {"slow": [make_run(0.2)]}}
    )
    accuracy, regression = draw_iterations(result).axes[:2]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [0.5] * 40)
    assert list(accuracy.lines[2].get_xdata()) == [10, 20, 30, 40]  # after a quarter, a half, ... of all steps
    assert [text.get_text() for text in regression.texts] == ["slow"]
    title = " ".join(draw_iterations(result).get_suptitle().split())
    assert title == "Right at the end, of the batches' images and of the test images: MLP 50.0 % and 90.0 %"


def test_the_command_writes_figure_and_twin(run_cli, monkeypatch):
    train = staticmethod(fake_runs.train)
    monkeypatch.setitem(sys.modules, "ex3.runs", type("FakeRuns", (), {"train": train}))
    result = run_cli("choices", "rates", "--dataset", "digits", "--jobs", 1, "-q")
    assert result.code == 0, result.err
    record = from_json(Record[ChoicesResult], Path("figures/choices-rates.json").read_bytes())
    assert (record.name, record.seeds, len(record.models)) == ("choices-rates", [0, 1], 32)
    assert record.config["base"]["optimizer"] == "sgd"
    assert "32 cells (0 reused), data digits, seeds 0 to 1" in result.out.splitlines()[-1]
    again = run_cli("choices", "rates", "--dataset", "digits", "--jobs", 1, "-q")
    assert "32 cells (32 reused)" in again.out


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_config_gives_the_same_choices(run_cli, name):
    first = run_cli("choices", name, "--threads", 1, "--seeds", 2, "--print-config")
    Path("printed.toml").write_text(first.out)
    second = run_cli("choices", name, "--config", "printed.toml", "--print-config")
    assert (first.code, first.out) == (0, second.out)
