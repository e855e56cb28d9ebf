"""Answers from a template and the figures' JSON twins: no number is typed, and no comparison goes unchecked.

A template (Jinja, Markdown) says what it needs::

    {% set convnet = twin("compare").result.convnet.metrics %}
    {% set mlp = twin("compare").result.mlp.metrics %}
    {{ claim("The convnet beats the MLP", "above(convnet.test_accuracy, mlp.test_accuracy)") }}:
    {{ convnet.test_accuracy | pm(4) }} against {{ mlp.test_accuracy | pm(4) }}. {{ figure("compare", "Three models") }}

A claim's predicate compares numbers with their spread over the seeds; see ``claims.Comparisons``.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from pydantic import ValidationError

from ex3.claims import Claim, Comparisons
from ex3.data import MNIST_FINGERPRINT
from ex3.errors import DataError
from ex3.results import Record, Spread, from_json, spread, to_json
from ex3.tables import with_spread


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
    twin = cache(partial(_read_twin, figures))

    def figure(name: str, caption: str) -> str:
        twin(name)  # a picture without its numbers is none
        path = Path(os.path.relpath(figures / f"{name}.png", beside)).as_posix()
        return f"![{caption}]({path})"

    environment.globals |= {"twin": twin, "figure": figure, "claim": _claimer(environment, claims)}
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


def _claimer(environment: jinja2.Environment, claims: list[Claim]) -> Callable:
    @jinja2.pass_context
    def claim(context: jinja2.runtime.Context, text: str, predicate: str) -> str:
        """Check a predicate over the template's variables, and return the statement that it stands for."""
        text, predicate = " ".join(text.split()), " ".join(predicate.split())
        comparisons = Comparisons()
        holds = environment.compile_expression(predicate, undefined_to_none=False)(
            {**context.get_all(), **comparisons.functions()}
        )
        if not comparisons.made:
            raise DataError(f"{context.name}: the claim {text!r} compares nothing: {predicate}")
        claims.append(Claim(context.name, text, predicate, "; ".join(comparisons.made), bool(holds)))
        return text

    return claim


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


def _extreme(matrix: Sequence[Node], find: Callable[[np.ndarray], int]) -> str:
    """The pair of digits (row into column) with the least or the largest entry, and that, in words."""
    values = np.array([[np.nan if value is None else value for value in row] for row in matrix])
    row, column = np.unravel_index(find(values), values.shape)
    return f"a {row} into a {column} ({values[row, column]:.1f})"


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
    "least_pair": lambda matrix: _extreme(matrix, np.nanargmin),
    "largest_pair": lambda matrix: _extreme(matrix, np.nanargmax),
    "matches": lambda found, wanted: sum(a == b for a, b in zip(found, wanted, strict=True)),
}
