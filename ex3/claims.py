"""Comparative statements, and what the results have to say to them; every comparison heeds the spread over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ex3.results import Finding, Spread
from ex3.tables import with_spread


@dataclass(frozen=True)
class Claim:
    """A comparative statement of the answers.

    Attributes:
        place: The template that it stands in.
        text: As it reads.
        predicate: What it demands of the results.
        numbers: The numbers that were compared, in words.
        holds: Whether the results bear it out.
    """

    place: str
    text: str
    predicate: str
    numbers: str
    holds: bool


class Comparisons:
    """What a predicate may ask. Each answer remembers the numbers that it rests on.

    A number is a ``Spread``, whose interval is mean ± standard deviation over the seeds; a list, one number per seed or
    the ends of an interval; or a plain number.
    """

    def __init__(self) -> None:
        self.made: list[str] = []

    def functions(self) -> dict[str, Callable[..., bool]]:
        """By the name that a predicate calls them."""
        names = (
            "above", "below", "alike", "at_least", "at_most", "always_above", "always_below", "passed", "hold",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def above(self, a: Any, b: Any) -> bool:
        """Whether a is larger, and the intervals do not touch."""
        return self._answer(_low(a) > _high(b), f"{_text(a)} > {_text(b)}")

    def below(self, a: Any, b: Any) -> bool:
        """Whether a is smaller, and the intervals do not touch."""
        return self._answer(_high(a) < _low(b), f"{_text(a)} < {_text(b)}")

    def alike(self, a: Any, b: Any) -> bool:
        """Whether the intervals overlap."""
        return self._answer(_low(a) <= _high(b) and _low(b) <= _high(a), f"{_text(a)} ~ {_text(b)}")

    def at_least(self, a: Any, bound: float) -> bool:
        """Whether all of the interval is no less than a bound."""
        return self._answer(_low(a) >= bound, f"{_text(a)} >= {bound:g}")

    def at_most(self, a: Any, bound: float) -> bool:
        """Whether all of the interval is no more than a bound."""
        return self._answer(_high(a) <= bound, f"{_text(a)} <= {bound:g}")

    def always_above(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Whether a is larger than so many times b with every single seed; both are lists, one number per seed."""
        wins = sum(x > times * y for x, y in zip(a, b, strict=True))
        return self._answer(wins == len(a), f"above {times:g} times the other with {wins} of {len(a)} seeds")

    def always_below(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Whether a is smaller than so many times b with every single seed; both are lists, one number per seed."""
        wins = sum(x < times * y for x, y in zip(a, b, strict=True))
        return self._answer(wins == len(a), f"below {times:g} times the other with {wins} of {len(a)} seeds")

    def passed(self, checks: Sequence[Any]) -> bool:
        """Whether every check of an evaluation of itself passed."""
        kept = [check.passed for check in checks]
        return self._answer(all(kept), f"{sum(kept)} of {len(kept)} checks")

    def hold(self, findings: Sequence[Any]) -> bool:
        """Whether every finding of the theory keeps to its bound."""
        kept = [Finding(one.statement, one.number, one.relation, one.bound).holds for one in findings]
        return self._answer(all(kept), f"{sum(kept)} of {len(kept)} findings")

    def _answer(self, holds: bool, numbers: str) -> bool:
        self.made.append(numbers)
        return bool(holds)


def _low(value: Any) -> float:
    return _interval(value)[0]


def _high(value: Any) -> float:
    return _interval(value)[1]


def _interval(value: Any) -> tuple[float, float]:
    if isinstance(value, Spread):
        margin = value.std if value.count > 1 else 0.0
        return value.mean - margin, value.mean + margin
    return (value, value) if isinstance(value, int | float) else (min(value), max(value))


def _text(value: Any) -> str:
    if isinstance(value, Spread):
        return with_spread(value, 4)
    return f"{value:.4g}" if isinstance(value, int | float) else f"{min(value):.4g} to {max(value):.4g}"
