"""How far many runs have come, and what all of them give."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ex3.cells.stored import Cell

R = TypeVar("R")


@dataclass(frozen=True)
class CellProgress:
    """The current position of a sweep.

    Attributes:
        done: Finished cells of ``total``, with the reused ones.
        total: Number of cells.
        running: Cells under way.
        diverged: Finished cells whose loss became infinite or not a number.
        newest: The cell that finished last; ``None`` at the beginning.
    """

    done: int
    total: int
    running: int
    diverged: int
    newest: Cell | None = None


OnCellProgress = Callable[[CellProgress], None]


@dataclass(frozen=True)
class CellResults(Generic[R]):
    """All requested runs.

    Attributes:
        runs: In the order of the configs.
        reused: Number of cells that were stored already.
        seconds: Of all cells, added up, however many ran at a time.
    """

    runs: list[R]
    reused: int
    seconds: float
