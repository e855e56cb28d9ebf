"""One short file per command: load the data, compute, draw, save, and say what to print."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import ex3
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


def versions(*packages: str) -> dict[str, str]:
    """Return the versions that a result may depend on: this package's, Python's, and those of the given packages."""
    ours = {"ex3": ex3.__version__, "python": platform.python_version()}
    return ours | {package: version(package) for package in packages}
