"""Numbers for people: aligned text tables, and a mean with its spread."""

from collections.abc import Sequence

from ex3.results import Spread


def with_spread(value: Spread, digits: int) -> str:
    """Write a mean, and the standard deviation over the repeats where there are several."""
    mean = f"{value.mean:.{digits}f}"
    return f"{mean} ± {value.std:.{digits}f}" if value.count > 1 else mean


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a table: the first column to the left, the others to the right, two spaces apart."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
