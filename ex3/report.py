"""Answers from a template and the figures' JSON twins: no number is typed, and no comparison goes unchecked.

A template (Jinja, Markdown) says what it needs::

    {% set convnet = twin("compare").result.convnet.metrics %}
    {% set mlp = twin("compare").result.mlp.metrics %}
    {{ claim("The convnet beats the MLP", "above(convnet.test_accuracy, mlp.test_accuracy)") }}:
    {{ convnet.test_accuracy | pm(4) }} against {{ mlp.test_accuracy | pm(4) }}. {{ figure("compare", "Three models") }}

A claim's predicate compares numbers with their spread over the seeds; see ``_Comparisons``.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from pydantic import ValidationError

from ex3.data import MNIST_FINGERPRINT
from ex3.errors import DataError
from ex3.results import Record, Spread, from_json, spread, to_json
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


def render(template: Path, figures: Path, beside: Path) -> tuple[str, list[Claim]]:
    """Fill a template with the numbers of the figures' twins.

    Args:
        template: A Jinja template; it may include others of its folder.
        figures: Folder of the PNGs and their twins.
        beside: The folder that the text will stand in; pictures are linked from there.

    Returns:
        The text, and every claim in it, those that do not hold included.

    Raises:
        DataError: The template is missing or wrong; a figure or its twin is missing, damaged, or not made from MNIST; a
            twin has no such key.
    """
    if not template.is_file():
        raise DataError(f"{template}: no such template")
    claims: list[Claim] = []
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals |= {
        "twin": lambda name: _read_twin(figures, name),
        "figure": lambda name, caption: _link(figures, beside, name, caption),
        "claim": _claimer(environment, claims),
        "claims": claims,
    }
    environment.filters |= FILTERS
    try:
        text = environment.get_template(template.name).render()
    except jinja2.TemplateSyntaxError as error:
        raise DataError(f"{error.filename or template}, line {error.lineno}: {error.message}") from error
    except jinja2.TemplateNotFound as error:
        raise DataError(f"{template}: includes {error.name}, which is not in its folder") from error
    except (jinja2.TemplateError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise DataError(f"{_where(template, error)}: {error}") from error
    return text, claims


class Node:
    """A part of a twin that remembers where it stands, so that a key that is not there can be named."""

    def __init__(self, value: Any, file: Path, path: str):
        self._value, self._file, self._path = value, file, path

    def __getattr__(self, key: str) -> Any:
        if key.startswith(("__", "jinja_")):  # Python's and Jinja's own questions
            raise AttributeError(key)
        return self[key]

    def __getitem__(self, key: str | int) -> Any:
        try:
            return self._wrap(self._value[key], key)
        except (KeyError, IndexError, TypeError):
            known = ", ".join(map(str, self._value)) if isinstance(self._value, Mapping) else f"0 to {len(self) - 1}"
            raise DataError(f"{self._file}: no key {self._path}.{key}; there are {known}") from None

    def __iter__(self) -> Iterator[Any]:
        keys = self._value if isinstance(self._value, Mapping) else range(len(self._value))
        for key in keys:
            yield key if isinstance(self._value, Mapping) else self[key]

    def __len__(self) -> int:
        return len(self._value)

    def all(self, **wanted: Any) -> "Node":
        """Return the entries of a list whose keys have these values."""
        kept = [entry._value for entry in self if all(entry[key] == value for key, value in wanted.items())]
        return Node(kept, self._file, f"{self._path}, {', '.join(f'{key} = {wanted[key]!r}' for key in wanted)}")

    def where(self, **wanted: Any) -> Any:
        """Return the one entry of a list whose keys have these values."""
        found = self.all(**wanted)
        if len(found) != 1:
            raise DataError(f"{self._file}: {len(found)} entries of {found._path}, instead of one")
        return found[0]

    def _wrap(self, value: Any, key: str | int) -> Any:
        if isinstance(value, Mapping) and set(value) == {"mean", "std", "count"}:
            return from_json(Spread, json.dumps(value))
        return Node(value, self._file, f"{self._path}.{key}") if isinstance(value, dict | list) else value


def _read_twin(figures: Path, name: str) -> Node:
    """Read a twin whose figure is there, too, and which rests on MNIST (or, for the toys, on no images)."""
    file = figures / f"{name}.json"
    for path in (file, file.with_suffix(".png")):
        if not path.is_file():
            raise DataError(f"{path}: missing; python cli.py reproduce makes it")
    try:
        record = from_json(Record, file.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{file}: damaged; python cli.py reproduce makes it anew") from error
    if record.dataset.name != "toy" and record.dataset.fingerprint != MNIST_FINGERPRINT:
        raise DataError(f"{file}: its key dataset is {record.dataset.name}, not the original mnist")
    return Node(json.loads(to_json(record)), file, name)


def _link(figures: Path, beside: Path, name: str, caption: str) -> str:
    """Return the Markdown of a picture."""
    _read_twin(figures, name)
    path = Path(os.path.relpath(figures / f"{name}.png", beside)).as_posix()
    return f"![{caption}]({path})"


def _claimer(environment: jinja2.Environment, claims: list[Claim]) -> Callable:
    @jinja2.pass_context
    def claim(context: jinja2.runtime.Context, text: str, predicate: str) -> str:
        """Check a predicate over the template's variables, and return the statement that it stands for."""
        text, predicate = " ".join(text.split()), " ".join(predicate.split())
        comparisons = _Comparisons()
        holds = environment.compile_expression(predicate, undefined_to_none=False)(
            {**context.get_all(), **comparisons.functions()}
        )
        if not comparisons.made:
            raise DataError(f"{context.name}: the claim {text!r} compares nothing: {predicate}")
        claims.append(Claim(context.name, text, predicate, "; ".join(comparisons.made), bool(holds)))
        return text

    return claim


class _Comparisons:
    """What a predicate may ask. Each answer remembers the numbers that it rests on.

    A number is a ``Spread`` (taken as mean ± standard deviation over the seeds), a plain number, or a list with one
    number per seed.
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
        """Whether a is larger, and the intervals mean ± standard deviation do not touch."""
        return self._answer(_low(a) > _high(b), f"{_text(a)} > {_text(b)}")

    def below(self, a: Any, b: Any) -> bool:
        """Whether a is smaller, and the intervals mean ± standard deviation do not touch."""
        return self._answer(_high(a) < _low(b), f"{_text(a)} < {_text(b)}")

    def alike(self, a: Any, b: Any) -> bool:
        """Whether the intervals mean ± standard deviation overlap."""
        return self._answer(_low(a) <= _high(b) and _low(b) <= _high(a), f"{_text(a)} ~ {_text(b)}")

    def at_least(self, a: Any, bound: float) -> bool:
        """Whether the mean less the standard deviation, or each number of a list, is no less than a bound."""
        return self._answer(_low(a) >= bound, f"{_text(a)} >= {bound:g}")

    def at_most(self, a: Any, bound: float) -> bool:
        """Whether the mean and the standard deviation, or each number of a list, come to no more than a bound."""
        return self._answer(_high(a) <= bound, f"{_text(a)} <= {bound:g}")

    def always_above(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Whether a is larger than so many times b with every single seed; both have one number per seed."""
        wins = sum(x > times * y for x, y in zip(a, b, strict=True))
        return self._answer(wins == len(a), f"above {times:g} times the other with {wins} of {len(a)} seeds")

    def always_below(self, a: Sequence[float], b: Sequence[float], times: float = 1) -> bool:
        """Whether a is smaller than so many times b with every single seed; both have one number per seed."""
        wins = sum(x < times * y for x, y in zip(a, b, strict=True))
        return self._answer(wins == len(a), f"below {times:g} times the other with {wins} of {len(a)} seeds")

    def passed(self, checks: Sequence[Any]) -> bool:
        """Whether every check of an evaluation of itself passed."""
        kept = [check.passed for check in checks]
        return self._answer(all(kept), f"{sum(kept)} of {len(kept)} checks")

    def hold(self, findings: Sequence[Any]) -> bool:
        """Whether every finding of the theory keeps to its bound."""
        kept = [
            finding.number <= finding.bound if finding.relation == "<=" else finding.number >= finding.bound
            for finding in findings
        ]
        return self._answer(all(kept), f"{sum(kept)} of {len(kept)} findings")

    def _answer(self, holds: bool, numbers: str) -> bool:
        self.made.append(numbers)
        return bool(holds)


def _low(value: Any) -> float:
    if isinstance(value, Spread):
        return value.mean - (value.std if value.count > 1 else 0)
    return min(value) if isinstance(value, Node) else value


def _high(value: Any) -> float:
    if isinstance(value, Spread):
        return value.mean + (value.std if value.count > 1 else 0)
    return max(value) if isinstance(value, Node) else value


def _text(value: Any) -> str:
    if isinstance(value, Spread):
        return with_spread(value, 4)
    return f"{min(value):.4g} to {max(value):.4g}" if isinstance(value, Node) else f"{value:.4g}"


def _where(template: Path, error: Exception) -> str:
    """Return the file and line of the template that an error comes from."""
    trace = error.__traceback__
    place = str(template)
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if Path(file).parent == template.parent:
            place = f"{file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _gap(runs: Sequence[Node], quantity: str) -> Spread:
    """By how much runs do better on train than on test: in ``loss`` or ``accuracy``, both positive then."""
    sign = 1 if quantity == "accuracy" else -1
    return spread([sign * (run.metrics[f"train_{quantity}"] - run.metrics[f"test_{quantity}"]) for run in runs])


def _hardest(runs: Sequence[Node]) -> int:
    """The digit whose test images runs classify correctly the least often."""
    return min(range(10), key=lambda digit: _recall(runs, digit).mean)


def _most_confused(runs: Sequence[Node]) -> str:
    """The two digits that runs mistake for each other most often, in words."""
    counts = sum(np.array([list(row) for row in run.confusion]) for run in runs)
    np.fill_diagonal(counts, 0)
    first, second = np.unravel_index(np.argmax(np.triu(counts + counts.T)), counts.shape)
    return f"{first} and {second}"


def _recall(runs: Sequence[Node], digit: int) -> Spread:
    """The share of a digit's test images that runs classify correctly."""
    return spread([run.confusion[digit][digit] / sum(run.confusion[digit]) for run in runs])


FILTERS: dict[str, Callable[..., Any]] = {
    # numbers -> text
    "pm": with_spread,
    "fix": lambda number, digits: f"{number:,.{digits}f}",
    "significant": lambda number, digits=2: f"{float(f'{number:.{digits}g}'):g}",
    "power": lambda number: f"{number:.0e}",
    "percent": lambda share, digits=0: f"{100 * share:.{digits}f} %",
    "escape_pipes": lambda text: text.replace("|", "\\|"),
    # a twin's lists -> numbers
    "median": lambda values: float(np.median(list(values))),
    "quantile": lambda values, share: float(np.quantile(list(values), share)),
    "spread": lambda values: spread(list(values)),
    "each": lambda runs, key: [run[key] for run in runs],
    "metric": lambda runs, name: spread([run.metrics[name] for run in runs]),
    "gap": _gap,
    "recall": _recall,
    "hardest": _hardest,
    "most_confused": _most_confused,
}
