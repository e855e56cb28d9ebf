"""The summary of a sweep and its figures, from runs made by hand."""

import math

import numpy as np
import pytest
from figure_texts import read_setting
from test_plots import assert_labelled, end_labels

from ex3 import sweeps
from ex3.commands import command_module
from ex3.config import AutoencoderConfig, MlpConfig
from ex3.plots.dead import draw_dead_units
from ex3.plots.sweep import sweep_by_seed, sweep_curves
from ex3.plots.sweep_summary import figures_of
from ex3.results import Curves, DatasetInfo, Run, Spread, from_json, to_json
from ex3.sweeps import KINDS, EqualWork

NAN = math.nan
SHARED = {"epochs": 2, "optimizer": "sgd", "momentum": 0.0, "batch_size": 8, "learning_rate": 0.1, "hidden_units": (4,)}
DIGITS = DatasetInfo("digits", "scikit-learn", "0", {"train": 100, "validation": 10, "test": 20}, list("0123456789"))


def make_run(
    accuracy: float,
    seed: int = 0,
    diverged_at: int | None = None,
    steps: int = 40,
    seconds: float = 8.0,
    dead: float = 0.0,
) -> Run:
    """Make a run of two epochs, evaluated four times, whose accuracies rise linearly to the given one."""
    fractions = np.linspace(0.25, 1, 4)
    series = {"seconds": (fractions * seconds).tolist()}
    metrics = {"dead_conv1": 0.0, "dead_dense1": dead}
    for split, bonus in (("train", 0.01), ("test", 0.0), ("validation", -0.01)):
        values = {"accuracy": accuracy + bonus, "loss": NAN if diverged_at else 1 - accuracy - bonus}
        metrics |= {f"{split}_{quantity}": value for quantity, value in values.items()}
        series |= {f"{split}_{quantity}": (fractions * value).tolist() for quantity, value in values.items()}
    return Run(
        name="mlp",
        config=MlpConfig(model="mlp", seed=seed, **SHARED),
        dataset=DIGITS,
        parameters=1,
        epochs=Curves("epoch", (fractions * 2).tolist(), series),
        iterations=Curves("iteration", list(range(1, steps + 1)), {"loss": [1.0] * steps}),
        metrics=metrics,
        confusion=[[1]],
        seconds=seconds,
        diverged_at=diverged_at,
        weights="0",
    )


def make_autoencoder_run(bottleneck: str, loss: float, seed: int) -> Run:
    config = AutoencoderConfig(bottleneck=bottleneck, seed=seed, **SHARED)
    metrics = {"train_loss": loss, "validation_loss": loss, "test_loss": loss}
    metrics |= {"validation_neighbour_accuracy": 0.7, "test_neighbour_accuracy": 0.7, "dead_codes": float(seed)}
    series = {"seconds": [1.0, 2.0], "train_loss": [1.0, loss], "test_loss": [1.0, loss]}
    curves = Curves("epoch", [1.0, 2.0], series), Curves("iteration", [1, 2], {"loss": [1.0, 1.0]})
    return Run("autoencoder", config, DIGITS, 1, *curves, metrics, [], 2.0, None, "0")


GRID = {
    0.01: [make_run(0.6), make_run(0.7, 1)],
    0.1: [make_run(0.8), make_run(0.9, 1)],
    1.0: [make_run(0.99), make_run(0.1, 1, diverged_at=3)],
    10.0: [make_run(0.1, seed, diverged_at=1) for seed in (0, 1)],
}
PAIR = {0.0: GRID[0.01], 0.25: GRID[0.1]}
BOTTLENECKS = {
    "linear": [make_autoencoder_run("linear", 0.03, seed) for seed in (0, 1)],
    "relu": [make_autoencoder_run("relu", 0.04, seed) for seed in (0, 1)],
}


def summarise(command: str) -> sweeps.SweepResult:
    """Summarise a grid that suits a sweep, and read the summary back from its JSON."""
    kind = KINDS[command]
    grid = BOTTLENECKS if command == "bottleneck" else GRID
    result = sweeps.summarise(kind, grid, dict.fromkeys(kind.compared_models, PAIR))
    return from_json(sweeps.SweepResult, to_json(result))


def test_the_command_line_offers_every_kind_of_sweep():
    module = command_module("sweep")
    assert list(KINDS) == module.PARAMETERS
    assert [step.words for step in module.STEPS] == [("sweep", command) for command in KINDS]


def test_the_best_value_ranks_first_on_validation_and_has_no_diverged_run():
    assert summarise("lr").best == 0.1
    assert summarise("bottleneck").best == "linear"
    assert sweeps.summarise(KINDS["lr"], {1.0: GRID[1.0]}, {}).best is None
    flattered = make_run(0.85)
    flattered.metrics["test_accuracy"] = 1.0
    assert sweeps.summarise(KINDS["lr"], {1: [make_run(0.86)], 2: [flattered]}, {}).best == 1


def test_equal_accuracies_are_ranked_by_the_loss():
    better = make_run(0.8)
    better.metrics["validation_loss"] = 0.1
    assert sweeps.summarise(KINDS["lr"], {1: [make_run(0.8)], 2: [better], 3: [make_run(0.8)]}, {}).best == 2


def test_numbers_are_means_over_the_runs_that_did_not_diverge():
    _, both, one, none = summarise("lr").values
    assert both.spreads["test_accuracy"] == Spread(pytest.approx(0.85), pytest.approx(math.sqrt(0.005)), 2)
    assert (one.spreads["test_accuracy"].mean, one.diverged) == (0.99, 1)
    assert math.isnan(none.spreads["test_accuracy"].mean)
    assert none.diverged == 2


def test_a_gap_is_positive_where_train_is_better():
    spreads = summarise("dropout").compared["mlp"][1].spreads
    assert spreads["accuracy_gap"].mean == pytest.approx(0.01)
    assert spreads["loss_gap"].mean == pytest.approx(0.01)


def test_values_are_compared_after_equal_work():
    slow, fast = make_run(0.8, steps=40, seconds=16.0), make_run(0.4, steps=10, seconds=8.0)
    result = sweeps.summarise(KINDS["batch-size"], {8: [slow], 32: [fast]}, {})
    assert [(work.amount, work.unit) for work in result.equal_work] == [
        (8.0, "seconds"), (8, "gradient steps"), (32, "gradient steps"), (128, "gradient steps"),
    ]  # fmt: skip
    of_slow, of_fast = (of_value.spreads for of_value in result.values)
    assert of_slow["test_accuracy_after_equal_seconds"].mean == pytest.approx(0.4)
    assert of_slow["test_accuracy_after_32_steps"].mean == pytest.approx(0.64)
    assert of_fast["test_accuracy_after_8_steps"].mean == pytest.approx(0.32)
    assert math.isnan(of_fast["test_accuracy_after_32_steps"].mean)
    assert of_slow["seconds_per_epoch"].mean == 8.0


def test_nothing_is_known_before_the_first_evaluation():
    run = make_run(0.8)  # evaluated after 10 of 40 steps, in 2 of 8 s
    assert math.isnan(sweeps.accuracy_after(run, EqualWork(8, "gradient steps", "")))
    assert math.isnan(sweeps.accuracy_after(run, EqualWork(1.0, "seconds", "")))


def draw(command: str, name: str):
    return figures_of(summarise(command), "sweep")[name](summarise(command))


def title_of(figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_each_kind_of_sweep_has_its_figures():
    names = {command: list(figures_of(summarise(command), "sweep")) for command in KINDS if command != "structure"}
    assert names == {
        "lr": ["sweep", "sweep-summary", "sweep-dead"],
        "dropout": ["sweep", "sweep-summary", "sweep-compared"],
        "batch-size": ["sweep", "sweep-summary", "sweep-dead"],
        "bottleneck": ["sweep"],
    }


def test_curves_have_a_line_per_seed_and_name_the_values_that_diverged():
    figure = sweep_curves(summarise("lr"))
    assert_labelled(figure, 2)
    assert end_labels(figure.axes[1]) == ["0.01", "0.1", "1 (1 of 2 diverged)"]
    lasts = [line.get_ydata()[-1] for line in figure.axes[1].lines]
    np.testing.assert_allclose(lasts, [0.6, 0.7, 0.8, 0.9, 0.99])
    assert title_of(figure) == (
        "Learning rate: 1 is best after 1 epoch (0.495) and after 2 epochs (0.990); "
        "1 of 2 seeds learns nothing at 1, 2 of 2 at 10"
    )


@pytest.mark.parametrize(
    ("command", "name", "panels", "scale"),
    [
        ("lr", "sweep-summary", 2, "log"),
        ("batch-size", "sweep-summary", 2, "log"),
        ("dropout", "sweep-summary", 2, "linear"),
        ("dropout", "sweep-compared", 4, "linear"),
    ],
)
def test_summaries_have_their_panels(command, name, panels, scale):
    figure = draw(command, name)
    assert_labelled(figure, panels)
    assert figure.axes[0].get_xscale() == scale


def test_final_results_name_the_splits_and_the_values_that_diverged():
    figure = draw("lr", "sweep-summary")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"train", "validation", "test", "1 of 2 diverged", "2 of 2 diverged"} <= set(texts)
    assert title_of(figure).startswith("Learning rate: 0.1 is best by validation (test accuracy 0.8500 ±")


def test_dropout_is_compared_with_none_for_two_networks():
    figure = draw("dropout", "sweep-compared")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [f"{model}, {name}" for model in ("MLP", "convnet") for name in ("loss", "accuracy")]
    assert end_labels(figure.axes[0]) == ["train, 0", "test, 0", "train, 0.25", "test, 0.25"]
    assert "MLP and convnet on" in read_setting(figure)
    assert "MLP 0.010 ± 0.000 and 0.010 ± 0.000" in title_of(figure)


def test_the_gap_s_title_says_from_where_on_it_is_gone():
    result = summarise("dropout")
    for of_value, gap in zip(result.values, (0.03, 0.01, -0.01, NAN), strict=True):
        of_value.spreads["loss_gap"] = Spread(gap, 0.0, 2)
    figure = figures_of(result, "sweep")["sweep-summary"](result)
    assert title_of(figure) == (
        "The gap between test and train loss is 0.030 at dropout probability 0.01, gone from 1 on"
    )


def test_batch_sizes_are_drawn_after_equal_work():
    figure = draw("batch-size", "sweep-summary")
    assert end_labels(figure.axes[0]) == ["32 steps"]  # no run took 128
    result = summarise("batch-size")
    metric = result.equal_work[-1].metric
    for accuracies, finding in (
        ((0.5, 0.6, 0.7), "After 512 steps the larger batch size is better, from 0.01 to 1"),
        ((0.5, 0.7, 0.6), "After 512 steps the best batch size is 0.1"),
    ):
        for of_value, accuracy in zip(result.values, accuracies, strict=False):
            of_value.spreads[metric] = Spread(accuracy, 0.0, 2)
        drawn = figures_of(result, "sweep")["sweep-summary"](result)
        assert title_of(drawn) == f"{finding}; after 2 epochs 0.1 is best"


def test_bottlenecks_are_drawn_seed_by_seed():
    figure = sweep_by_seed(summarise("bottleneck"))
    assert_labelled(figure, 3)
    loss, _, dead = figure.axes
    assert end_labels(loss) == ["linear", "relu"]
    assert len(loss.lines) == 4
    linear, relu = dead.lines
    np.testing.assert_allclose(linear.get_xdata(), [-0.04, 0.96])
    np.testing.assert_allclose(relu.get_xdata(), [0.04, 1.04])
    np.testing.assert_allclose(relu.get_ydata(), [0, 1])
    assert "a code dies in 1 of 2 seeds with linear codes, 1 of 2 seeds with relu codes" in title_of(figure)


def test_dead_units_are_drawn_per_layer_and_named_in_the_title():
    grid = {0.1: [make_run(0.9), make_run(0.8, 1)], 1.0: [make_run(0.1, dead=1.0), make_run(0.1, 1, dead=0.5)]}
    figure = draw_dead_units(sweeps.summarise(KINDS["lr"], grid, {}))
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["convolution 1", "dense layer 1"]
    means = [list(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "-"]
    assert means == [[0, 0], [0, 0.75]]
    title = figure.get_suptitle().replace("\n", " ")
    assert title.startswith("At learning rate 1, 75 % of the units of dense layer 1 are dead")
