"""``handin``: the tar file of exercise S1, with the code and the answers as a PDF."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import ex3
from ex3 import storage
from ex3.answers import archive, published
from ex3.answers.pdf import build_pdf
from ex3.answers.render import render
from ex3.errors import ClaimError, DataError, WriteError
from ex3.experiments import Outcome
from ex3.tables import Table

ROOT = Path(ex3.__file__).parents[1]


@dataclass(frozen=True)
class Author:
    """Who hands in.

    Attributes:
        identity: The ID, which is in the name of the file.
        name: May be empty.
    """

    identity: str
    name: str


@dataclass(frozen=True)
class Sources:
    """What the answers are made from.

    Attributes:
        template: Of the answers.
        is_own: Whether the template is the user's own, so that the written answers are not compared with it.
        answers: The written answers; figures are named from their folder.
        figures: Folder of the figures and their twins.
    """

    template: Path
    is_own: bool
    answers: Path
    figures: Path


def run(author: Author, sources: Sources, folder: Path, force: bool, commands: Collection[str]) -> Outcome:
    """Set the answers and pack the hand-in.

    Args:
        author: Who hands in.
        sources: What the answers are made from.
        folder: Where ``ex3_<ID>.tar`` is written.
        force: Overwrite it.
        commands: The command lines that ``reproduce`` runs, of which the figures may come.

    Returns:
        The number and size of the files by folder; the tar file's size and SHA-256.

    Raises:
        ClaimError: A claim does not hold, or the written answers are stale.
        DataError: A figure, a twin or an optional package is missing; or a figure is damaged.
        WriteError: The file exists already, or cannot be written.
    """
    file = folder / f"ex3_{author.identity}.tar"
    if file.exists() and not force:
        raise WriteError(f"{file}: exists already; --force overwrites it")
    storage.check_writable(folder)
    text = _render(sources)
    if defects := published.check_figures(sources.figures, commands):
        raise DataError(f"{'; '.join(defects)}; python cli.py reproduce makes the published figures")
    base = sources.answers.parent
    files = archive.find_code(ROOT) | archive.find_pictures(text, base)
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents["Answers.md"] = text.encode()
    contents["Answers.pdf"] = build_pdf(text, base, author.name, author.identity)
    packed = archive.pack(contents, file.stem)
    storage.save_with(file, storage.filler(packed))
    return Outcome(
        table=_summarise(contents),
        headline=f"{len(contents)} files, {len(packed):,} bytes, SHA-256 {hashlib.sha256(packed).hexdigest()}",
        written=[file],
    )


def _render(sources: Sources) -> str:
    """Return the answers, whose claims hold and which are those that are written."""
    text, claims = render(sources.template, sources.figures, sources.answers.parent)
    if wrong := [claim for claim in claims if not claim.holds]:
        raise ClaimError("; ".join(f"the claim {one.text!r} does not hold: {one.numbers}" for one in wrong))
    is_written = sources.answers.is_file() and sources.answers.read_bytes() == text.encode()
    if not (sources.is_own or is_written):
        raise ClaimError(f"{sources.answers} is stale or missing; python cli.py report writes it")
    return text


def _summarise(contents: Mapping[str, bytes]) -> Table:
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for name, content in contents.items():
        top = name.split("/")[0] + "/" * ("/" in name)
        count[top] += 1
        size[top] += len(content)
    rows = [[name, str(count[name]), f"{size[name]:,}"] for name in sorted(count)]
    return Table(["in the file", "files", "bytes"], rows)
