"""What a model of any framework answers for the test images, read from a file without trusting it.

A file holds class probabilities or labels, a row per test image in the stored order: an array in NumPy's ``.npy``, or
a CSV file. Logits are refused, since their softmax is easily made where they come from.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ex3.data.raw import find_label
from ex3.errors import DataError

TOLERANCE = 0.01  # of a row's sum: rounded numbers and half precision are allowed, forgotten columns are not
MOST_NAMES = 5  # in a message
HEADER = ["label"]


@dataclass(frozen=True)
class Answers:
    """A model's answers, one per image.

    Attributes:
        labels: The answered classes, int64 ``(N,)``.
        probabilities: Of each class, float64 ``(N, classes)``, each row with the sum 1; ``None`` where only the labels
            are known.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None

    @classmethod
    def most_probable(cls, probabilities: np.ndarray) -> "Answers":
        """Answer the most probable class; divide each row by its sum, which rounding has moved away from 1."""
        exact = np.asarray(probabilities, np.float64)
        return cls(exact.argmax(axis=1), exact / exact.sum(axis=1, keepdims=True))


def read_answers(path: Path, count: int, class_names: Sequence[str]) -> Answers:
    """Read probabilities or labels of all test images.

    Args:
        path: A ``.npy`` file with an array ``(N, classes)`` of probabilities, or ``(N,)`` of integer labels; or a
            ``.csv`` file with a column per class, or one column of labels (names, or numbers from 0). A first line
            ``label``, or one that names each class once, is a header; the columns may then be in any order.
        count: Number of test images.
        class_names: Of all classes, in the order of the labels.

    Raises:
        DataError: The file cannot be read, or holds something else; the message names the first wrong row.
    """
    readers = {".npy": _read_npy, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: should end in .npy or .csv")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    return readers[path.suffix.lower()](path, count, class_names)


def _read_npy(path: Path, count: int, class_names: Sequence[str]) -> Answers:
    """Read an array; its rows are numbered from 0."""
    array = _open_npy(path)
    if array.ndim == 0 or array.shape[1:] not in {(), (len(class_names),)}:
        raise DataError(f"{path}: its shape is {array.shape}; {_allowed_columns(class_names)}")
    _check_count(path, len(array), count)
    if array.ndim == 2:
        if array.dtype.kind not in "fiu":
            raise DataError(f"{path}: probabilities should be real numbers, not {array.dtype}")
        return _from_probabilities(np.array(array, np.float64), class_names, lambda row: f"{path}, row {row}")
    if array.dtype.kind not in "iu":
        raise DataError(f"{path}: labels should be integers from 0 to {len(class_names) - 1}, not {array.dtype}")
    for row in np.flatnonzero((array < 0) | (array >= len(class_names)))[:1]:
        raise DataError(f"{path}, row {row}: {array[row]} is no class; labels go from 0 to {len(class_names) - 1}")
    return Answers(np.array(array, np.int64))


def _open_npy(path: Path) -> np.ndarray:
    """Map an array into memory, so that nothing is read before its shape is known; nothing pickled is loaded."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # Python's own parser reads the header, and raises anything for what is no literal
        if "Python objects" in str(error):
            raise DataError(f"{path}: holds pickled Python objects, which are never loaded") from error
        raise DataError(f"{path}: not a whole NumPy array: {str(error) or type(error).__name__}") from error


def _read_csv(path: Path, count: int, class_names: Sequence[str]) -> Answers:
    """Read a table; its lines are numbered from 1."""
    lines = _read_lines(path)
    columns = len(lines[0][1]) if lines else 0
    for line, cells in lines:
        _check_columns(f"{path}, line {line}", len(cells), class_names)
        if len(cells) != columns:
            raise DataError(f"{path}, line {line}: has {len(cells)} columns, but the first line has {columns}")
    order = _read_header(lines[0][1], class_names, len(lines) == count) if lines else None
    lines = lines if order is None else lines[1:]
    _check_count(path, len(lines), count, " below a header, if any: label, or each class once")
    if columns == 1:
        return Answers(np.array([_find_class(f"{path}, line {line}", cells[0], class_names) for line, cells in lines]))
    values = np.array([[_parse(f"{path}, line {line}", cell) for cell in cells] for line, cells in lines])
    in_order = values if order is None else values[:, np.argsort(order)]
    return _from_probabilities(in_order, class_names, lambda row: f"{path}, line {lines[row][0]}")


def _read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the number and the cells of each line that is not empty."""
    try:
        reader = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: no CSV: {error}") from error


def _read_header(cells: Sequence[str], class_names: Sequence[str], is_full: bool) -> list[int] | None:
    """Return the class of each column where the first line is a header, else ``None``.

    Args:
        cells: Of the first line.
        class_names: Of all classes.
        is_full: Whether there are as many lines as images. A line ``0,1`` is then a row of probabilities.
    """
    if len(cells) == 1:
        return [] if cells == HEADER else None
    labels = [find_label(class_names, cell) for cell in cells]
    if set(labels) != set(range(len(class_names))) or (is_full and all(map(str.isdecimal, cells))):
        return None
    return [label for label in labels if label is not None]


def _find_class(where: str, text: str, class_names: Sequence[str]) -> int:
    label = find_label(class_names, text)
    if label is None:
        last = len(class_names) - 1
        raise DataError(f"{where}: {text!r} is no class; there are {_list_classes(class_names)}, or 0 to {last}")
    return label


def _parse(where: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{where}: {text!r} is no number") from None


def _check_count(path: Path, rows: int, count: int, where: str = "") -> None:
    if rows != count:
        raise DataError(f"{path}: has {rows:,} rows; there should be one for each of the {count:,} test images{where}")


def _check_columns(where: str, columns: int, class_names: Sequence[str]) -> None:
    if columns not in {1, len(class_names)}:
        raise DataError(f"{where}: has {columns} columns; {_allowed_columns(class_names)}")


def _allowed_columns(class_names: Sequence[str]) -> str:
    return f"allowed are labels alone, or {len(class_names)} probabilities per image: {_list_classes(class_names)}"


def _list_classes(class_names: Sequence[str]) -> str:
    return ", ".join(class_names[:MOST_NAMES]) + (", ..." if len(class_names) > MOST_NAMES else "")


def _from_probabilities(values: np.ndarray, class_names: Sequence[str], where: Callable[[int], str]) -> Answers:
    """Check that each row of ``values`` is a distribution; ``where`` names a row."""
    allowed = f"allowed are probabilities, each row with the sum 1 (\u00b1 {TOLERANCE}); of logits, give the softmax"
    for row, column in np.argwhere(~((values >= 0) & (values <= 1 + TOLERANCE)))[:1]:
        raise DataError(f"{where(row)}: {values[row, column]:g} for {class_names[column]} is wrong; {allowed}")
    sums = values.sum(axis=1)
    for row in np.flatnonzero(np.abs(sums - 1) > TOLERANCE)[:1]:
        raise DataError(f"{where(row)}: the sum is {sums[row]:g}; {allowed}")
    return Answers.most_probable(values)
