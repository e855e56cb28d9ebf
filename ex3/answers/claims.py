"""Claims of the answers, and the comparisons that check them: each takes the spread over seeds into account."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, get_args

from ex3.measures.paired import PairedDifference, paired_difference
from ex3.results import Spread
from ex3.scratch.theory import Finding, Relation
from ex3.tables import with_spread

Value = Spread | float | None | Iterable[float | None]  # None: a number that was not finite, as JSON stores it


class CheckedItem(Protocol):
    """One line of an evaluation's check of itself."""

    passed: bool


@dataclass(frozen=True)
class Claim:
    """A statement of the answers that compares results.

    Attributes:
        template: File name of the template that makes it.
        text: Its wording.
        predicate: The comparison that has to hold, an expression over the template's variables.
        numbers: The compared numbers, as text.
        holds: Whether it holds.
    """

    template: str
    text: str
    predicate: str
    numbers: str
    holds: bool


class Comparisons:
    """The functions that a predicate may call.

    They compare intervals: of a ``Spread``, mean ± standard deviation over the seeds; of a list, the range of its
    numbers; a plain number is compared as it is. The lists of ``always_...`` and ``paired_...`` hold one number per
    seed, of the same seeds in the same order; ``paired_...`` compare the 95 % t interval of their differences with 0,
    so that what two settings have in common with a seed cancels.

    Attributes:
        made: The compared numbers as text, one entry per comparison.
        valid: False once nothing (an empty list, a spread over no seed) or something else than a finite number was
            compared. A claim does not hold then, even if its predicate negates the comparison.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.valid = True

    def functions(self) -> dict[str, Callable[..., bool]]:
        """Return the functions by the name that a predicate calls them."""
        names = (
            "above", "below", "alike", "at_least", "at_most", "always_above", "always_below", "paired_above",
            "paired_below", "paired_alike", "passed", "hold",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def above(self, a: Value, b: Value) -> bool:
        """Check that a is larger than b and that their intervals do not overlap."""
        return self._record(self._low(a) > self._high(b), f"{_text(a)} > {_text(b)}")

    def below(self, a: Value, b: Value) -> bool:
        """Check that a is smaller than b and that their intervals do not overlap."""
        return self._record(self._high(a) < self._low(b), f"{_text(a)} < {_text(b)}")

    def alike(self, a: Value, b: Value) -> bool:
        """Check that the intervals of a and b overlap."""
        overlap = self._low(a) <= self._high(b) and self._low(b) <= self._high(a)
        return self._record(overlap, f"{_text(a)} ~ {_text(b)}")

    def at_least(self, a: Value, bound: float) -> bool:
        """Check that no part of a's interval is below a bound."""
        return self._record(self._low(a) >= self._low(bound), f"{_text(a)} >= {bound:g}")

    def at_most(self, a: Value, bound: float) -> bool:
        """Check that no part of a's interval is above a bound."""
        return self._record(self._high(a) <= self._high(bound), f"{_text(a)} <= {bound:g}")

    def always_above(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Check that ``a > times * b`` for every seed.

        Raises:
            ValueError: The lists differ in length.
        """
        wins = sum(x > times * y for x, y in self._pairs(a, b, times))
        return self._record(wins == len(a), f"above {times:g} times the other with {wins} of {len(a)} seeds")

    def always_below(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Check that ``a < times * b`` for every seed.

        Raises:
            ValueError: The lists differ in length.
        """
        wins = sum(x < times * y for x, y in self._pairs(a, b, times))
        return self._record(wins == len(a), f"below {times:g} times the other with {wins} of {len(a)} seeds")

    def paired_above(self, a: Sequence[float], b: Sequence[float]) -> bool:
        """Check that a is larger than b, seed by seed: the interval of a - b lies above 0.

        Raises:
            ValueError: The lists differ in length.
        """
        difference = self._difference(a, b)
        return self._record(difference.low > 0, f"{_difference_text(difference)} > 0")

    def paired_below(self, a: Sequence[float], b: Sequence[float]) -> bool:
        """Check that a is smaller than b, seed by seed: the interval of a - b lies below 0.

        Raises:
            ValueError: The lists differ in length.
        """
        difference = self._difference(a, b)
        return self._record(difference.high < 0, f"{_difference_text(difference)} < 0")

    def paired_alike(self, a: Sequence[float], b: Sequence[float]) -> bool:
        """Check that the seeds show no difference: the interval of a - b holds 0.

        Raises:
            ValueError: The lists differ in length.
        """
        difference = self._difference(a, b)
        return self._record(difference.low <= 0 <= difference.high, f"{_difference_text(difference)} ~ 0")

    def passed(self, checks: Iterable[CheckedItem]) -> bool:
        """Check that an evaluation's checks of itself all passed."""
        return self._all([check.passed is True for check in checks], "checks")

    def hold(self, findings: Iterable[Finding]) -> bool:
        """Check that every finding of the theory is within its bound."""
        read = [Finding("", _float(one.number), one.relation, _float(one.bound)) for one in findings]
        self.valid &= all(math.isfinite(one.number) and math.isfinite(one.bound) for one in read)
        self.valid &= all(one.relation in get_args(Relation) for one in read)
        return self._all([one.holds for one in read], "findings")

    def _all(self, results: list[bool], noun: str) -> bool:
        self.valid &= bool(results)
        return self._record(bool(results) and all(results), f"{sum(results)} of {len(results)} {noun}")

    def _pairs(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> list[tuple[float, float]]:
        pairs = [(_float(x), _float(y)) for x, y in zip(a, b, strict=True)]
        self.valid &= bool(pairs) and all(map(math.isfinite, [times, *itertools.chain(*pairs)]))
        return pairs

    def _difference(self, a: Sequence[float], b: Sequence[float]) -> PairedDifference:
        difference = paired_difference(*([pair[k] for pair in self._pairs(a, b)] for k in (0, 1)))
        self.valid &= math.isfinite(difference.low)
        return difference

    def _low(self, value: Value) -> float:
        return self._interval(value)[0]

    def _high(self, value: Value) -> float:
        return self._interval(value)[1]

    def _interval(self, value: Value) -> tuple[float, float]:
        interval = _interval(value)
        self.valid &= all(map(math.isfinite, interval))
        return interval

    def _record(self, holds: bool, numbers: str) -> bool:
        self.made.append(numbers)
        return holds


def _difference_text(difference: PairedDifference) -> str:
    return f"{difference.mean:.3g} ({difference.low:.3g} to {difference.high:.3g})"


def _float(number: float | None) -> float:
    """Return a twin's number; ``nan`` for null and for a truth value, which is none."""
    return math.nan if number is None or isinstance(number, bool) else number


def _interval(value: Value) -> tuple[float, float]:
    """Return a value's least and largest number; both are nan where a number is not finite or there is none."""
    if isinstance(value, Spread):
        margin = value.std if value.count > 1 else 0.0
        numbers = [value.mean - margin, value.mean + margin] * (value.count > 0)
    elif value is None or isinstance(value, int | float):
        numbers = [_float(value)]
    else:
        numbers = [_float(number) for number in value]
    if not numbers or not all(map(math.isfinite, numbers)):
        return math.nan, math.nan
    return min(numbers), max(numbers)


def _text(value: Value) -> str:
    if isinstance(value, Spread):
        return with_spread(value, 4)
    if value is None or isinstance(value, int | float):
        return f"{_float(value):.4g}"
    low, high = _interval(value)
    return f"{low:.4g} to {high:.4g}"
