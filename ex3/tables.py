"""Numbers for people: a mean with its spread, and tables, as aligned text or fitted to the width of a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ex3.results import Spread

if TYPE_CHECKING:  # heavy
    from rich.console import RenderableType

STYLES = {
    "ok": "green", "PASS": "green", "done": "green", "WARN": "yellow", "FAILED": "bold red", "failed": "bold red",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns; ``str`` aligns them, the first column to the left and the others to the right.

    Attributes:
        header: Names of the columns, those that matter most first: a narrow terminal does not show the last ones.
        rows: Their cells.
        best: The row that gets a ``*``, from 0; ``None`` for none.
        best_by: What it is the best by.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    best: int | None = None
    best_by: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.lines, strict=True)]
        texts = []
        for first, *others in self.lines:
            cells = [first.ljust(widths[0]), *(map(str.rjust, others, widths[1:]))]
            texts.append("  ".join(cells))
        return "\n".join([*texts, *self.notes])

    @property
    def lines(self) -> list[list[str]]:
        """Header and rows, with the mark of the best one."""
        rows = [list(row) for row in self.rows]
        if self.best is not None:
            rows[self.best][0] += " *"
        return [list(self.header), *rows]

    @property
    def notes(self) -> list[str]:
        """The line that explains the mark, if there is one."""
        return [] if self.best is None else [f"* best by {self.best_by}"]


Text = str | Table | Sequence[str | Table]  # its blocks are set off by empty lines


def with_spread(value: Spread, digits: int) -> str:
    """Write a mean, and the standard deviation over the repeats where there are several."""
    mean = f"{value.mean:.{digits}f}"
    return f"{mean} ± {value.std:.{digits}f}" if value.count > 1 else mean


def plain(text: Text) -> str:
    """Write text without colours, its tables aligned."""
    return "\n\n".join(map(str, blocks(text)))


def for_terminal(text: Text, width: int) -> "Iterator[RenderableType]":
    """Yield rich's renderables of text, in colour, its tables no wider than ``width`` columns of the terminal."""
    for number, block in enumerate(blocks(text)):
        if number:
            yield ""
        if isinstance(block, Table):
            yield from _fit(block, width)
            continue
        for line in block.splitlines():
            yield _coloured(line)


def blocks(text: Text) -> Sequence[str | Table]:
    """Return the blocks of text."""
    return [text] if isinstance(text, str | Table) else text


def _coloured(line: str) -> "RenderableType":
    """Colour a line's first word, where it is one of ``STYLES``."""
    from rich.text import Text as Line

    first, _, rest = line.partition(" ")
    return Line.assemble((first, STYLES.get(first, "")), line[len(first) :]) if rest else Line(line)


def _fit(table: Table, width: int) -> "Iterator[RenderableType]":
    """Yield a table whose cells break where they have to, and a line that names the columns that do not fit at all."""
    from rich.table import Table as Grid
    from rich.text import Text as Line

    # a cell breaks before the sign of its spread, and never before the mark of the best row
    lines = [[cell.replace(" ± ", " ±").replace(" *", "*") for cell in line] for line in table.lines]
    widths = fit_widths(lines, width)
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= width else 1
    grid = Grid(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    for position, (name, column) in enumerate(zip(lines[0], widths, strict=False)):
        grid.add_column(name, width=column, justify="right" if position else "left", vertical="top")
    for number, row in enumerate(lines[1:]):
        cells = [Line(cell, STYLES.get(cell, "")) for cell in row[: len(widths)]]
        grid.add_row(*cells, style="bold" if number == table.best else None)
    yield grid
    yield from (Line(note, "dim") for note in table.notes)
    if left_out := table.header[len(widths) :]:
        yield Line(f"no room for: {', '.join(left_out)}", "dim")


def fit_widths(lines: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the widths of the columns that fit: as wide as their longest cell, or narrower, never than their words.

    Args:
        lines: Header and rows.
        width: Of the terminal; between two columns stays at least one space.
    """
    columns = list(zip(*lines, strict=True))
    words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    while len(words) > 1 and sum(words) + len(words) - 1 > width:
        words.pop()
    widths = [max(map(len, column)) for column in columns[: len(words)]]
    while sum(widths) + len(widths) - 1 > width:
        spare = [wide - least for wide, least in zip(widths, words, strict=True)]
        if not any(spare):
            break  # one column, with a word wider than the terminal
        widths[max(range(len(widths)), key=lambda k: (spare[k] > 0, widths[k]))] -= 1
    return widths
