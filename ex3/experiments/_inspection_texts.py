"""What ``inspect`` says: the table, the finding, and the files of suspects and duplicates."""

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from ex3.data import Dataset, Split
from ex3.data_care.duplicates import Pairs
from ex3.data_care.inspection import (
    ClassesResult,
    DuplicatesResult,
    PairCounts,
    SuspectsOfSplit,
    SuspectsResult,
    item_of,
    show,
)
from ex3.data_care.suspects import Suspects
from ex3.tables import Table

MOST_KINDS, MOST_EXCHANGES = 3, 5  # in a line
PAIRS_HEADER = ["split", "image", "label", "other_split", "other_image", "other_label", "similarity"]


def format_results(
    classes: ClassesResult, duplicates: DuplicatesResult, suspects: SuspectsResult | None
) -> list[Table | str]:
    """Write the numbers: a table of the classes, a line for each finding."""
    names = classes.dataset.class_names
    rows = [
        [name, f"{training:,}", f"{test:,}"]
        for name, training, test in zip(names, classes.counts["training"], classes.counts["test"], strict=True)
    ]
    rows.append(["largest / smallest", *(f"{ratio:.2f}" for ratio in classes.imbalance.values())])
    lines = {
        "stored images": _list_counts(classes.kinds, MOST_KINDS),
        "constant images": ", ".join(f"{count} {name}" for name, count in classes.constant.items()),
        "equal images": _describe_pairs(duplicates.equal),
        "near duplicates": f"{_describe_pairs(duplicates.near)}; {duplicates.crowded:,} simple images are not compared",
    }
    for name, found in suspects.splits.items() if suspects else ():
        lines[f"suspects, {name}"] = _describe_suspects(found, names)
    width = max(map(len, lines)) + 2
    findings = [f"{title:{width}}{line}" for title, line in lines.items()]
    return [Table(["class", "training", "test"], rows), "\n".join(findings)]


def describe_finding(classes: ClassesResult, duplicates: DuplicatesResult, suspects: SuspectsResult | None) -> str:
    """Write the results in a few words, e.g. ``largest / smallest class 1.50, 7 equal and 3 nearly equal pairs``."""
    parts = [
        f"largest / smallest class {classes.imbalance['training']:.2f}",
        f"{duplicates.equal.all} equal and {duplicates.near.all} nearly equal pairs",
    ]
    if suspects:
        counts = [f"{found.count} of {found.images} {name} labels" for name, found in suspects.splits.items()]
        parts.append(f"suspected wrong {' and '.join(counts)}")
    return ", ".join(parts)


def write_labels(dataset: Dataset, name: str, images: Split, suspects: Suspects) -> str:
    """Write the suspects of a split with their suggested labels, as CSV that ``--labels`` reads.

    Args:
        dataset: The images.
        name: Of the split, ``training`` or ``test``.
        images: Of the split.
        suspects: Found among them.
    """
    kind = "file" if (dataset.files if name == "training" else dataset.test_files) else "index"
    rows = [
        [item_of(dataset, name, images, row), dataset.class_names[suspects.suggested[row]]] for row in suspects.rows
    ]
    return _write_csv([[kind, "label"], *rows])


def write_pairs(dataset: Dataset, training: Split, pairs: Pairs) -> str:
    """Write pairs of duplicates as CSV; their rows count the training images, and then the test images."""
    rows = []
    for pair, similarity in zip(pairs.rows.tolist(), pairs.similarity, strict=True):
        images = [show(dataset, training, row) for row in pair]
        columns = [[image.split, image.item, dataset.class_names[image.label]] for image in images]
        rows.append([*columns[0], *columns[1], f"{similarity:.3f}"])
    return _write_csv([PAIRS_HEADER, *rows])


def _write_csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _list_counts(counts: dict[str, int], most: int) -> str:
    """Write ``5,000 x 32 x 32, colour; ...``: the first few, and how many more there are."""
    listed = [f"{count:,} of {name}" for name, count in counts.items()]
    more = [f"{len(listed) - most} further kinds"] if len(listed) > most else []
    return "; ".join([*listed[:most], *more])


def _describe_pairs(counts: PairCounts) -> str:
    return (
        f"{counts.all:,} pairs: {counts.training:,} training, {counts.test:,} test, {counts.across:,} across the two; "
        f"{counts.other_label:,} with different labels"
    )


def _describe_suspects(found: SuspectsOfSplit, class_names: Sequence[str]) -> str:
    """Write ``26 of 1,200, 2.2 %: 20 car that look like cat, ...``, and how often network and label agree."""
    counts = np.array(found.counts)
    largest = np.argsort(-counts, axis=None, kind="stable")[:MOST_EXCHANGES]
    exchanges = [
        f"{counts[given, suggested]:,} {class_names[given]} to {class_names[suggested]}"
        for given, suggested in zip(*np.unravel_index(largest, counts.shape), strict=True)
        if counts[given, suggested]
    ]
    share = found.count / found.images
    listed = f" ({', '.join(exchanges)})" if exchanges else ""
    return f"{found.count:,} of {found.images:,}, {share:.1%}{listed}; network and label agree on {found.agreement:.2%}"
