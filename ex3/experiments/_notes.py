"""What ``reproduce`` remembers of a completed step, and whether that still holds."""

from dataclasses import dataclass
from pathlib import Path

from ex3 import provenance, storage


@dataclass(frozen=True)
class CompletedStep:
    """The note of a completed step.

    Attributes:
        identity: Digest of everything that its result depends on.
        seconds: Its duration, divided by the number of steps that shared the machine.
        headline: Its last line.
        files: Every file that it wrote, with the digest of its content.
    """

    identity: str
    seconds: float
    headline: str
    files: dict[str, str]


def load_note(path: Path) -> CompletedStep | None:
    """Read a note; ``None`` where there is none, and, with a warning, where it is damaged."""
    return storage.load_json(CompletedStep, path, "its experiment is done again")


def is_valid(step: CompletedStep, identity: str) -> bool:
    """Check that neither the step's dependencies nor the files that it wrote have changed."""
    return step.identity == identity and all(
        Path(path).is_file() and provenance.file_digest(Path(path)) == digest for path, digest in step.files.items()
    )
