"""``toy --explain``: one sample's values and gradients through the toy convnet, as a figure and a table."""

import time
from pathlib import Path

from ex3 import storage
from ex3.experiments import Outcome, make_record
from ex3.plots.explain import draw_explanation
from ex3.results import DatasetInfo
from ex3.scratch.explain import Trace, trace
from ex3.tables import Table

NODES = {
    "x": ["x1", "x2", "x3", "x4"],
    "w": [f"w{number}, entry {entry}" for number in (1, 2) for entry in (1, 2, 3)],
    "z": [f"z of filter {number} at {place}" for number in (1, 2) for place in (1, 2, 3, 4)],
    "o": [f"o of filter {number} at {place}" for number in (1, 2) for place in (1, 2, 3, 4)],
    "m": [f"m of filter {number}, pair {pair}" for number in (1, 2) for pair in (1, 2)],
    "u": [f"u of filter {number}, pair {pair}" for number in (1, 2) for pair in (1, 2)],
    "p": ["p"],
    "L": ["L"],
}


def run(figures: Path, command: str) -> Outcome:
    """Trace the sample, draw it, and list each number with its gradient.

    Args:
        figures: Folder of the PNG and its twin.
        command: The command line that repeats this, for the twin.

    Raises:
        WriteError: The folder cannot be written to.
    """
    storage.check_writable(figures)
    traced = trace()
    p, loss = traced.values["p"][0], traced.values["L"][0]
    return Outcome(
        table=_table(traced),
        headline=f"p = {p:g}, y = {traced.y:g}, L = {loss:g}, data toy, one sample",
        written=publish(traced, figures, command),
    )


def publish(traced: Trace, figures: Path, command: str) -> list[Path]:
    """Draw the sample's way, write the figure and its twin, and return their paths."""
    start = time.perf_counter()
    dataset = DatasetInfo("toy", "one sample", fingerprint="", sizes={}, class_names=[])
    figure = draw_explanation(traced)
    record = make_record(
        "toy-explain", command, {}, dataset, [], time.perf_counter() - start, traced,
        threads=1, precision="float64", packages=["numpy"],
    )  # fmt: skip
    return storage.save_figure(figures, figure, record)


def _table(traced: Trace) -> Table:
    rows = [
        [label, f"{value:g}", f"{gradient + 0:g}"]
        for name, labels in NODES.items()
        for label, value, gradient in zip(labels, traced.values[name], traced.gradients[name], strict=True)
    ]
    return Table(["number", "value", "gradient of L"], rows)
