"""Jinja filters for the templates: numbers to text, and a twin's lists to numbers."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ex3.answers.twins import Node
from ex3.measures.paired import PairedDifference, paired_difference
from ex3.results import Spread, spread
from ex3.tables import with_spread


def _number(value: float | None) -> float:
    """Number of a twin; JSON stores one that is not finite as null."""
    return math.nan if value is None else value


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [_number(value) for value in values]


def _metric(runs: Sequence[Node], name: str) -> Spread:
    """Metric of runs, over their seeds."""
    return spread(_numbers(run.metrics[name] for run in runs))


def _seeds(runs: Sequence[Node], name: str) -> list[float]:
    """Metric of runs, one number per seed."""
    return _numbers(run.metrics[name] for run in runs)


def _named(choices: Sequence[Node], part: str) -> list[Node]:
    """Choices whose name has a part; none where no such setting was tried."""
    return [choice for choice in choices if part in choice.name]


def _finals(curves: Sequence[Node], name: str) -> list[float]:
    """Last value of a series, one number per seed."""
    return [_number(of_seed.series[name][len(of_seed.series[name]) - 1]) for of_seed in curves]


def _gaps(runs: Sequence[Node], quantity: str) -> list[float]:
    """By how much each run does better on train than on test."""
    sign = 1 if quantity == "accuracy" else -1
    train, test = (_seeds(runs, f"{split}_{quantity}") for split in ("train", "test"))
    return [sign * (a - b) for a, b in zip(train, test, strict=True)]


def _difference(a: Sequence[float], b: Sequence[float], digits: int) -> str:
    """Mean of a - b over the seeds, with its interval, as text."""
    return _interval(paired_difference(_numbers(a), _numbers(b)), digits)


def _interval(difference: PairedDifference | Node, digits: int) -> str:
    """Mean difference with its 95 % t interval, as text."""
    return f"{difference.mean:+.{digits}f} ({difference.low:+.{digits}f} to {difference.high:+.{digits}f})"


def _gap(runs: Sequence[Node], quantity: str) -> Spread:
    """By how much runs do better on train than on test, in ``loss`` or ``accuracy``; positive when they over-fit."""
    return spread(_gaps(runs, quantity))


def _recall(runs: Sequence[Node], digit: int) -> Spread:
    """Share of a digit's test images that runs classify correctly."""
    return spread([run.confusion[digit][digit] / sum(run.confusion[digit]) for run in runs])


def _hardest(runs: Sequence[Node]) -> int:
    """Digit with the lowest recall."""
    return min(range(len(runs[0].confusion)), key=lambda digit: _recall(runs, digit).mean)


def _most_confused(runs: Sequence[Node]) -> str:
    """Pair of digits that runs mistake for each other most often, as text."""
    counts = np.sum([[list(row) for row in run.confusion] for run in runs], axis=0)
    np.fill_diagonal(counts, 0)
    first, second = np.unravel_index(np.argmax(np.triu(counts + counts.T)), counts.shape)
    return f"{first} and {second}"


def _extreme(matrix: Sequence[Node], find: Callable[[np.ndarray], int]) -> str:
    """Pair of digits (row into column) with the extreme entry, and that entry, as text."""
    values = np.array([_numbers(row) for row in matrix])
    row, column = np.unravel_index(find(values), values.shape)
    return f"a {row} into a {column} ({values[row, column]:.1f})"


FILTERS: dict[str, Callable[..., Any]] = {
    # numbers -> text
    "pm": with_spread,
    "fix": lambda number, digits: f"{number:z,.{digits}f}",
    "significant": lambda number, digits=2: f"{float(f'{number:.{digits}g}'):g}",
    "difference": _difference,
    "interval": _interval,
    "power": lambda number: f"{number:.0e}",
    "percent": lambda share, digits=0: f"{100 * share:.{digits}f} %",
    # a twin's lists -> numbers
    "median": lambda values: float(np.median(_numbers(values))),
    "quantile": lambda values, share: float(np.quantile(_numbers(values), share)),
    "spread": lambda values: spread(_numbers(values)),
    "named": _named,
    "values": lambda entries: [entries[key] for key in entries],
    "each": lambda runs, key: [run[key] for run in runs],
    "column": lambda rows, index: spread(_numbers(row[index] for row in rows)),
    "share_of": lambda parts, wholes: [part / whole for part, whole in zip(parts, wholes, strict=True)],
    "metric": _metric,
    "seeds": _seeds,
    "finals": _finals,
    "gaps": _gaps,
    "gap": _gap,
    "recall": _recall,
    "hardest": _hardest,
    "most_confused": _most_confused,
    "least_pair": lambda matrix: _extreme(matrix, np.nanargmin),
    "largest_pair": lambda matrix: _extreme(matrix, np.nanargmax),
    "matches": lambda found, wanted: sum(a == b for a, b in zip(found, wanted, strict=True)),
}
