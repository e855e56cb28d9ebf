"""Sweeps of one parameter over several values and seeds: the kinds of sweeps, and the summary of their runs.

The differences between the sweeps are data: one ``SweepKind`` each. ``summarise`` turns all runs into one
``SweepResult``, which the figures draw and their JSON twins store. The best value is chosen on the validation images.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from ex3.results import Curves, DatasetInfo, Number, Run, Spread, spread
from ex3.robust_config import AnyTrainConfig

Value = int | float | str
Grid = Mapping[Value, Sequence[Run]]  # value -> one run per seed; values ascend

SPLITS = ("validation", "test", "train")  # the one that decides first
CLASSIFIER_COLUMNS = (
    *((f"{split}_{quantity}", 4) for quantity in ("accuracy", "loss") for split in SPLITS),
    ("seconds_per_epoch", 2),
)
AUTOENCODER_COLUMNS = (
    *((f"{split}_loss", 5) for split in SPLITS),
    *((f"{split}_neighbour_accuracy", 3) for split in SPLITS[:2]),
    ("dead_codes", 1),
)
STRUCTURE_COLUMNS = (*AUTOENCODER_COLUMNS[2:-1], ("test_silhouette", 3), ("test_distance_ranks", 3))


@dataclass(frozen=True)
class SweepKind:
    """One parameter that can be swept, and how its values are compared; the defaults are those of classifiers.

    Attributes:
        command: Name on the command line and in the figures' names.
        parameter: Field of the network's config.
        label: Name in figures and tables.
        unit: Of the values; empty where they have none.
        scale: Scale of the axis of values; ``categorical`` values are drawn seed by seed.
        models: Networks that can be swept.
        ranking: Metrics that rank the values, the decisive one first; of an accuracy the highest mean wins, of a loss
            the lowest.
        columns: Metrics in the printed table, each with its number of decimals.
        compared_models: Networks whose learning curves are also compared, at ``compared_values``.
        compared_values: The values for ``compared_models``.
        has_equal_work: Whether the values are also compared after equally many gradient steps and seconds, since they
            take different numbers of steps per epoch.
    """

    command: str
    parameter: str
    label: str
    scale: Literal["linear", "log", "categorical"]
    unit: str = ""
    models: tuple[str, ...] = ("linear", "mlp", "convnet")
    ranking: tuple[str, ...] = ("validation_accuracy", "validation_loss")
    columns: tuple[tuple[str, int], ...] = CLASSIFIER_COLUMNS
    compared_models: tuple[str, ...] = ()
    compared_values: tuple[float, ...] = ()
    has_equal_work: bool = False


KINDS = {
    kind.command: kind
    for kind in (
        SweepKind("lr", "learning_rate", label="learning rate", scale="log"),
        SweepKind(
            "dropout", "dropout", label="dropout probability", scale="linear", models=("mlp", "convnet"),
            compared_models=("mlp", "convnet"), compared_values=(0.0, 0.25),
        ),
        SweepKind("batch-size", "batch_size", label="batch size", scale="log", unit="images", has_equal_work=True),
        SweepKind(
            "bottleneck", "bottleneck", label="bottleneck", scale="categorical", models=("autoencoder",),
            ranking=("validation_loss",), columns=AUTOENCODER_COLUMNS,
        ),
        SweepKind(
            "structure", "without", label="left out", scale="categorical", models=("autoencoder-structured",),
            ranking=("validation_neighbour_accuracy",), columns=STRUCTURE_COLUMNS),
    )
}  # fmt: skip


@dataclass(frozen=True)
class SweptRun:
    """One run, as a sweep's figures show it.

    Attributes:
        seed: The run's seed.
        epochs: The learning curves.
        metrics: The run's metrics; and ``seconds_per_epoch``, ``loss_gap`` (test - train), ``accuracy_gap`` (train -
            test) and, where values are compared after equal work, the metrics of ``EqualWork``.
        diverged_at: The first iteration (from 1) whose loss was not finite, or ``None``.
    """

    seed: int
    epochs: Curves
    metrics: dict[str, Number]
    diverged_at: int | None


AnyRun = TypeVar("AnyRun", Run, SweptRun)


@dataclass(frozen=True)
class ValueResult:
    """One value of the parameter.

    Attributes:
        value: The value.
        diverged: Number of runs that diverged.
        spreads: Mean and spread of each metric over the runs that did not diverge; ``nan`` when all did.
        runs: One per seed.
    """

    value: Value
    diverged: int
    spreads: dict[str, Spread]
    runs: list[SweptRun]


@dataclass(frozen=True)
class EqualWork:
    """An amount of training after which all values are compared.

    Attributes:
        amount: E.g. 512.
        unit: Of the amount.
        metric: The metric that holds the test accuracy after this amount, interpolated between two evaluations;
            ``nan`` for a run that did not train as long.
    """

    amount: Number
    unit: Literal["gradient steps", "seconds"]
    metric: str


@dataclass(frozen=True)
class SweepResult:
    """All results of a sweep.

    Attributes:
        parameter: The field of the config that varied.
        config: The first run's; the others differ in the parameter and the seed alone.
        dataset: The images.
        best: The value that ranks first on the validation images among those without a diverged run; ``None`` when all
            have one.
        values: In ascending order.
        compared: By network, the values that are compared in addition (``SweepKind.compared_values``).
        equal_work: Empty where one epoch is equal work.
    """

    parameter: str
    config: AnyTrainConfig
    dataset: DatasetInfo
    best: Value | None
    values: list[ValueResult]
    compared: dict[str, list[ValueResult]]
    equal_work: list[EqualWork]


def format_value(value: Value) -> str:
    """Write a value for people."""
    return value if isinstance(value, str) else f"{value:g}"


def kind_of(parameter: str) -> SweepKind:
    """Return the kind of sweep that varies a field of the config."""
    return next(kind for kind in KINDS.values() if kind.parameter == parameter)


def converged(runs: Iterable[AnyRun]) -> list[AnyRun]:
    """Return the runs that did not diverge."""
    return [run for run in runs if run.diverged_at is None]


def summarise(kind: SweepKind, grid: Grid, compared: Mapping[str, Grid]) -> SweepResult:
    """Summarise a sweep.

    Args:
        kind: The kind of sweep.
        grid: All runs; at least one did not diverge.
        compared: By network, the runs at ``kind.compared_values``.
    """
    equal_work = plan_equal_work(grid) if kind.has_equal_work else []
    values = summarise_values(grid, equal_work)
    first = next(iter(grid.values()))[0]
    return SweepResult(
        parameter=kind.parameter,
        config=first.config,
        dataset=first.dataset,
        best=best_value(values, kind.ranking),
        values=values,
        compared={model: summarise_values(of_model, []) for model, of_model in compared.items()},
        equal_work=equal_work,
    )


def best_value(values: Sequence[ValueResult], ranking: Sequence[str]) -> Value | None:
    """Return the value that ranks first, among those without a diverged run; ``None`` when all have one."""

    def score(result: ValueResult) -> list[float]:
        return [result.spreads[name].mean * (-1 if name.endswith("loss") else 1) for name in ranking]

    best = max((result for result in values if not result.diverged), key=score, default=None)
    return best.value if best else None


def plan_equal_work(grid: Grid) -> list[EqualWork]:
    """Choose the amounts of training to compare values at.

    They are the training time of the fastest run, and three numbers of gradient steps: the largest of 2, 8, 32, ...
    that all runs reach, and 4 and 16 times it.
    """
    runs = [run for of_value in grid.values() for run in converged(of_value)]
    fewest = min(len(run.iterations.points) for run in runs)
    steps = 2 * 4 ** int(np.log2(max(fewest, 2) / 2) / 2)
    in_time = EqualWork(min(run.seconds for run in runs), "seconds", "test_accuracy_after_equal_seconds")
    amounts = [steps * factor for factor in (1, 4, 16)]
    return [in_time, *(EqualWork(n, "gradient steps", f"test_accuracy_after_{n}_steps") for n in amounts)]


def accuracy_after(run: Run, work: EqualWork) -> float:
    """Interpolate the test accuracy after some training; ``nan`` where the run has no evaluations around that point."""
    series = run.epochs.series
    if work.unit == "seconds":
        return float(np.interp(work.amount, series["seconds"], series["test_accuracy"], left=np.nan))
    steps = np.array(run.epochs.points) / run.epochs.points[-1] * len(run.iterations.points)
    return float(np.interp(work.amount, steps, series["test_accuracy"], left=np.nan, right=np.nan))


def summarise_values(grid: Grid, equal_work: Sequence[EqualWork]) -> list[ValueResult]:
    """Summarise each value's runs, in the order of the grid."""
    results = []
    for value, runs in grid.items():
        swept = [_summarise_run(run, equal_work) for run in runs]
        steady = [run.metrics for run in converged(swept)]
        spreads = {name: spread([metrics[name] for metrics in steady] or [float("nan")]) for name in swept[0].metrics}
        results.append(ValueResult(value, len(runs) - len(steady), spreads, swept))
    return results


def _summarise_run(run: Run, equal_work: Sequence[EqualWork]) -> SweptRun:
    metrics = run.metrics | {"loss_gap": run.metrics["test_loss"] - run.metrics["train_loss"]}
    if "test_accuracy" in metrics:
        metrics["accuracy_gap"] = metrics["train_accuracy"] - metrics["test_accuracy"]
    metrics["seconds_per_epoch"] = run.seconds / run.epochs.points[-1]
    metrics |= {work.metric: accuracy_after(run, work) for work in equal_work}
    return SweptRun(run.config.seed, run.epochs, metrics, run.diverged_at)
