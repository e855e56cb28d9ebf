"""Finished runs on disk: written once, sealed, and never believed without a look at the seal."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ex3 import provenance, storage
from ex3.config import Config
from ex3.provenance import Computation
from ex3.results import DatasetInfo, to_json

log = logging.getLogger("ex3")

R = TypeVar("R")
CONSEQUENCE = "deleted, and computed again"


@dataclass(frozen=True)
class Cell(Generic[R]):
    """A finished run, as it is stored.

    Attributes:
        seconds: From loading the data to the last evaluation.
        run: All measurements; it has a ``config`` and a ``diverged_at``.
        seal: Digest of the file's name and of the run. It differs in a file that was changed, or that was copied from
            a run of other images, packages or code.
    """

    seconds: float
    run: R
    seal: str


def cell_path(folder: Path, config: Config, dataset: DatasetInfo, computation: Computation) -> Path:
    """Return the file of a cell, named after everything that its numbers depend on."""
    return folder / f"{provenance.run_identity(config, dataset.fingerprint, computation)}.json"


def seal_cell(path: Path, seconds: float, run: R) -> Cell[R]:
    """Return a finished run as it is stored in a file."""
    return Cell(seconds, run, provenance.digest(path.stem, to_json(run)))


def load_cells(cells: Mapping[Path, Config], computation: Computation) -> dict[Path, Cell]:
    """Read the stored cells; delete damaged ones, with a warning."""
    found = {}
    kind: Any = Cell  # of the computation's results, which only the running program knows
    for path, config in cells.items():
        if not path.exists():
            continue
        cell = storage.load_json(kind[computation.result], path, CONSEQUENCE)
        if cell and cell.run.config == config and cell == seal_cell(path, cell.seconds, cell.run):
            found[path] = cell
            continue
        if cell:
            log.warning("%s: holds another run, or was changed; %s", path, CONSEQUENCE)
        storage.remove_files([path])
    return found
