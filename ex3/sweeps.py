"""What a sweep says: runs of several values and seeds -> numbers to compare the values by. NumPy alone.

A value's numbers are means over those of its seeds that did not diverge. Values are chosen on the validation images.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ex3.results import Run, Spread, spread

Grid = Mapping[Any, Sequence[Run]]  # value -> one run per seed; values ascend


def finished(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that did not diverge."""
    return [run for run in runs if run.diverged_at is None]


def summarise(runs: Sequence[Run], number: Callable[[Run], float]) -> Spread:
    """Return the mean and spread of a number over the runs that did not diverge; ``nan`` when all did."""
    return spread([number(run) for run in finished(runs)] or [float("nan")])


def best_value(grid: Grid) -> Any | None:
    """Return the value with the highest mean validation accuracy; none with a diverged run, ``None`` when all have."""
    steady = {value: runs for value, runs in grid.items() if len(finished(runs)) == len(runs)}

    def score(value: Any) -> tuple[float, float]:
        accuracy, loss = (
            summarise(steady[value], lambda run, name=name: run.metrics[f"validation_{name}"]).mean
            for name in ("accuracy", "loss")
        )
        return accuracy, -loss

    return max(steady, key=score, default=None)


def seconds_per_epoch(run: Run) -> float:
    """Training time, without evaluations, per pass over the training images."""
    return run.seconds / run.epochs.points[-1]


def gap(run: Run, quantity: str) -> float:
    """By how much a run does better on train than on test: in ``loss`` (nats) or ``accuracy``, both positive then."""
    difference = run.metrics[f"train_{quantity}"] - run.metrics[f"test_{quantity}"]
    return difference if quantity == "accuracy" else -difference


def common_updates(grid: Grid) -> list[int]:
    """Return gradient steps to compare values at: the largest of 2, 8, 32, ... that all reach, 4 and 16 times it."""
    fewest = min(len(run.iterations.points) for runs in grid.values() for run in finished(runs))
    largest = 2 * 4 ** int(np.log2(max(fewest, 2) / 2) / 2)
    return [largest * factor for factor in (1, 4, 16)]


def common_seconds(grid: Grid) -> float:
    """Return the training time of the fastest run: the longest that all values can be compared at."""
    return min(run.seconds for runs in grid.values() for run in finished(runs))


def accuracy_after_updates(run: Run, updates: int) -> float:
    """Return the test accuracy after so many gradient steps, interpolated; ``nan`` outside of what was evaluated."""
    points = np.array(run.epochs.points) / run.epochs.points[-1] * len(run.iterations.points)
    return float(np.interp(updates, points, run.epochs.series["test_accuracy"], left=np.nan, right=np.nan))


def accuracy_after_seconds(run: Run, seconds: float) -> float:
    """Return the test accuracy after so much training time, interpolated; ``nan`` before the first evaluation."""
    series = run.epochs.series
    return float(np.interp(seconds, series["seconds"], series["test_accuracy"], left=np.nan))
