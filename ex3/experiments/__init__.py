"""One short file per command: load the data, compute, draw, save, and say what to print."""

from dataclasses import dataclass
from pathlib import Path

from ex3.errors import Ex3Error


@dataclass(frozen=True)
class Places:
    """Where an experiment reads and writes.

    Attributes:
        figures: Folder of the PNGs and their JSON twins.
        runs: Folder of the trained models.
        data: Folder (or ``.npz``) of the images; ``None`` leaves the search to ``data.load_dataset``.
    """

    figures: Path
    runs: Path
    data: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What a finished experiment has to say.

    Attributes:
        table: The numbers, aligned.
        headline: The last line, for people and for scripts.
        written: The files, in the order in which they were written.
        problem: What went wrong although all of this was written, such as a run that diverged.
    """

    table: str
    headline: str
    written: list[Path]
    problem: Ex3Error | None = None
