"""Labels of one's own for the training images, and some of the classes instead of all."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from ex3.config_files import nearest
from ex3.data.raw import RawDataset, find_index, find_label
from ex3.errors import ConfigError, DataError

HEADERS = (["file", "label"], ["index", "label"])


def relabel(raw: RawDataset, path: Path) -> RawDataset:
    """Replace labels of training images by those of a CSV file.

    Args:
        raw: The data set, with all its classes.
        path: Its first line is ``file,label`` or ``index,label``: a file relative to the data set's folder, or the
            place (from 0) among the training images as stored; a label is a class's name or its number (from 0).

    Raises:
        DataError: The file cannot be read, or one of its lines is wrong; the message names the first such line.
    """
    labels = raw.arrays["y_train"].copy()
    places = {name: place for place, name in enumerate(raw.files)}
    seen: dict[int, int] = {}
    for line, header, (item, text) in _rows(path):
        where = f"{path}, line {line}"
        if header == "file" and not raw.files:
            raise DataError(f"{path}: the images of {raw.name} are no files of their own; name them by index,label")
        index = places.get(str(PurePosixPath(item))) if header == "file" else find_index(item, len(labels))
        if index is None:
            what = "training image" if header == "file" else f"index below {len(labels)}"
            raise DataError(f"{where}: {item!r} is no {what} of {raw.name}")
        if index in seen:
            raise DataError(f"{where}: {item!r} has a label already, in line {seen[index]}")
        label = find_label(raw.class_names, text)
        if label is None:
            raise DataError(f"{where}: {text!r} is no class; there are {', '.join(raw.class_names)}")
        seen[index], labels[index] = line, label
    return replace(raw, arrays={**raw.arrays, "y_train": labels})


def keep_classes(raw: RawDataset, wanted: Sequence[str]) -> RawDataset:
    """Keep the images of some classes, labelled from 0 in the order of ``wanted`` (names, or labels from 0).

    Raises:
        ConfigError: A class is unknown or stands there twice, or there are fewer than two.
    """
    old: list[int] = []
    for name in wanted:
        label = find_label(raw.class_names, name)
        if label is None:
            known = ", ".join(raw.class_names)
            hint = nearest(name, raw.class_names)
            raise ConfigError(f"classes: {name!r} is no class of {raw.name}; there are {known}{hint}")
        if label in old:
            raise ConfigError(f"classes: {raw.class_names[label]} stands there more than once")
        old.append(label)
    if len(old) < 2:
        raise ConfigError(f"classes: there should be at least two, not {', '.join(wanted) or 'none'}")
    arrays, places = {}, {}
    for part in ("train", "test"):
        if f"y_{part}" in raw.arrays:
            y = raw.arrays[f"y_{part}"]
            kept = np.isin(y, old)
            places[part] = np.flatnonzero(kept)
            arrays[f"x_{part}"] = raw.arrays[f"x_{part}"][kept]
            arrays[f"y_{part}"] = np.argsort(old)[np.searchsorted(sorted(old), y[kept])]
    return replace(raw, class_names=tuple(raw.class_names[label] for label in old), arrays=arrays, places=places)


def _rows(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the number of each line, what its first column is, and its two columns."""
    try:
        if path.is_fifo():  # which may have no writer
            raise DataError(f"{path}: a pipe, not a file")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])
        if header not in HEADERS:
            raise DataError(f"{path}, line 1: should be file,label or index,label, not {','.join(header)!r}")
        for row in reader:
            if row and len(row) != 2:
                raise DataError(f"{path}, line {reader.line_num}: has {len(row)} columns instead of two")
            if row:
                yield reader.line_num, header[0], [column.strip() for column in row]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: no CSV: {error}") from error
