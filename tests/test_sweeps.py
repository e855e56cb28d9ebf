"""What a sweep concludes from its runs, on runs made by hand, and how it is drawn."""

import math

import numpy as np
import pytest
from test_plots import assert_labelled

from ex3 import sweeps
from ex3.plots.sweep import sweep_curves, sweep_summary
from ex3.results import Curves, DatasetInfo, Run, Spread

NAN = math.nan


def make_run(
    accuracy: float, seed: int = 0, diverged_at: int | None = None, steps: int = 40, seconds: float = 8.0
) -> Run:
    """Make a run of two epochs, evaluated four times, whose accuracies rise linearly to the given one."""
    numbers = np.linspace(0.25, 1, 4)
    series = {"seconds": (numbers * seconds).tolist()}
    metrics = {}
    for split, bonus in (("train", 0.01), ("test", 0.0), ("validation", -0.01)):
        values = {"accuracy": accuracy + bonus, "loss": NAN if diverged_at else 1 - accuracy - bonus}
        metrics |= {f"{split}_{quantity}": value for quantity, value in values.items()}
        series |= {f"{split}_{quantity}": (numbers * value).tolist() for quantity, value in values.items()}
    return Run(
        name="mlp",
        config={"seed": seed, "epochs": 2, "optimizer": "sgd", "momentum": 0.0, "batch_size": 8, "learning_rate": 0.1},
        dataset=DatasetInfo("digits", "scikit-learn", "0", {"train": 100, "validation": 10, "test": 20}),
        parameters=1,
        epochs=Curves("epoch", (numbers * 2).tolist(), series),
        iterations=Curves("iteration", list(range(1, steps + 1)), {"loss": [1.0] * steps}),
        metrics=metrics,
        confusion=[[1]],
        seconds=seconds,
        diverged_at=diverged_at,
    )


GRID = {
    0.01: [make_run(0.6), make_run(0.7, 1)],
    0.1: [make_run(0.8), make_run(0.9, 1)],
    1.0: [make_run(0.99), make_run(0.1, 1, diverged_at=3)],
    10.0: [make_run(0.1, seed, diverged_at=1) for seed in (0, 1)],
}


def test_the_best_value_has_the_highest_validation_accuracy_and_no_diverged_run():
    assert sweeps.best_value(GRID) == 0.1
    assert sweeps.best_value({10.0: GRID[10.0]}) is None


def test_the_best_value_is_chosen_on_validation_though_another_tests_better():
    flattered = make_run(0.85)
    flattered.metrics["test_accuracy"] = 1.0
    assert sweeps.best_value({1: [make_run(0.86)], 2: [flattered]}) == 1


def test_numbers_are_means_over_the_runs_that_did_not_diverge():
    def accuracy(run):
        return run.metrics["test_accuracy"]

    assert sweeps.summarise(GRID[0.1], accuracy) == Spread(pytest.approx(0.85), pytest.approx(math.sqrt(0.005)), 2)
    assert sweeps.summarise(GRID[1.0], accuracy).mean == 0.99
    assert math.isnan(sweeps.summarise(GRID[10.0], accuracy).mean)


def test_the_gap_is_positive_where_train_is_better():
    assert sweeps.gap(make_run(0.8), "accuracy") == pytest.approx(0.01)
    assert sweeps.gap(make_run(0.8), "loss") == pytest.approx(0.01)


def test_accuracies_at_equal_work_are_read_off_the_curves():
    slow, fast = make_run(0.8, steps=40, seconds=16.0), make_run(0.4, steps=10, seconds=8.0)
    grid = {8: [slow], 32: [fast]}
    assert sweeps.common_updates(grid) == [8, 32, 128]
    assert sweeps.common_seconds(grid) == 8.0
    assert sweeps.accuracy_after_updates(slow, 20) == pytest.approx(0.4)
    assert sweeps.accuracy_after_updates(fast, 10) == pytest.approx(0.4)
    assert math.isnan(sweeps.accuracy_after_updates(fast, 32))
    assert math.isnan(sweeps.accuracy_after_updates(slow, 8))
    assert sweeps.accuracy_after_seconds(slow, 8.0) == pytest.approx(0.4)
    assert sweeps.seconds_per_epoch(slow) == 8.0


def test_curves_show_every_value_and_tell_which_diverged():
    figure = sweep_curves("learning_rate", GRID)
    assert_labelled(figure, 2)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["0.01", "0.1", "1 (1 of 2 diverged)", "10 (2 of 2 diverged)"]
    medians = [line.get_ydata()[-1] for line in figure.axes[1].lines if len(line.get_ydata()) == 4]
    np.testing.assert_allclose(medians, [0.65, 0.85, 0.99])


@pytest.mark.parametrize(("parameter", "panels"), [("learning_rate", 2), ("batch_size", 4), ("dropout", 8)])
def test_summaries_have_their_panels(parameter, panels):
    pair = {0.0: GRID[0.01], 0.25: GRID[0.1]}
    figure = sweep_summary(parameter, GRID, {"mlp": pair, "convnet": pair} if parameter == "dropout" else {})
    assert_labelled(figure, panels)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert {"train", "validation", "test", "10 (2 of 2 diverged)"} <= set(legend)
    if parameter == "dropout":
        four = [text.get_text() for text in figure.axes[4].get_legend().get_texts()]
        assert four == [f"{split}, dropout {p}" for p in ("0", "0.25") for split in ("train", "test")]
