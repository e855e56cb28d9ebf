"""Reading figures' JSON twins for the answers: every key that is missing is named, with the file it is missing from."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ex3.data import MNIST_FINGERPRINT
from ex3.errors import DataError
from ex3.results import DatasetInfo, Record, Spread, from_json

MNIST_FINGERPRINTS = {MNIST_FINGERPRINT, "51ad1968edfc3322"}  # of all digits, and of 4, 7 and 9


class Node:
    """A part of a twin: its keys are attributes, its lists can be searched, and errors name the file and the key."""

    def __init__(self, value: Any, file: Path, path: str):
        self._value, self._file, self._path = value, file, path

    def __getattr__(self, key: str) -> Any:
        if key.startswith(("__", "jinja_")):  # looked up by Python and Jinja, not by a template
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
        """Return the entries of a list whose keys have the wanted values."""
        kept = [entry._value for entry in self if all(entry[key] == value for key, value in wanted.items())]
        return Node(kept, self._file, f"{self._path}, {', '.join(f'{key} = {wanted[key]!r}' for key in wanted)}")

    def where(self, **wanted: Any) -> Any:
        """Return the only entry of a list whose keys have the wanted values.

        Raises:
            DataError: There is none, or more than one.
        """
        found = self.all(**wanted)
        if len(found) != 1:
            raise DataError(f"{self._file}: {len(found)} entries of {found._path}, instead of one")
        return found[0]

    def _wrap(self, value: Any, key: str | int) -> Any:
        if is_spread(value):
            return from_json(Spread, json.dumps(value))
        return Node(value, self._file, f"{self._path}.{key}") if isinstance(value, dict | list) else value


def is_spread(value: object) -> bool:
    """Check whether a part of a twin's JSON is a ``Spread``."""
    return isinstance(value, Mapping) and set(value) == {"mean", "std", "count"}


def read_twin(figures: Path, name: str) -> Node:
    """Read the twin of a figure.

    Args:
        figures: Folder of the PNGs and their twins.
        name: The figure's name.

    Raises:
        DataError: The figure or its twin is missing; the twin is damaged, or rests on other images than the answers do.
    """
    file = figures / f"{name}.json"
    for path in (file, file.with_suffix(".png")):
        if not path.is_file():
            raise DataError(f"{path}: missing; python cli.py reproduce makes it")
    try:
        content = file.read_bytes()
        record = from_json(Record[Any], content)
    except (OSError, ValidationError) as error:
        raise DataError(f"{file}: damaged; python cli.py reproduce makes it anew") from error
    if not _is_published(record.dataset):
        raise DataError(f"{file}: its key dataset is {record.dataset.name}, not the original mnist")
    return Node(json.loads(content), file, name)


def _is_published(dataset: DatasetInfo) -> bool:
    """Tell whether the answers may rest on these images: toys, MNIST or three of its classes, and photographs.

    The photographs have no fingerprint that all copies share: some are JPEG files.
    """
    return dataset.name in ("toy", "cars-cats-trucks") or dataset.fingerprint in MNIST_FINGERPRINTS
