"""``handin --verify``: what a grader does with the file: unpack it, look for the PDF and the ID, run the code."""

import os
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from ex3 import storage
from ex3.answers import archive
from ex3.data.sources import MNIST_FOLDER
from ex3.errors import CheckFailedError, DataError
from ex3.experiments import Outcome

NAME = re.compile(r"ex3_(?P<identity>[A-Za-z0-9][A-Za-z0-9-]{0,31})\.tar")
JOB = ["train", "linear", "--limit", "2000", "--epochs", "1", "--quiet"]
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
MOST_STREAMS, MOST_BYTES = 10_000, 200_000  # of a PDF, unpacked bytes of each


@dataclass(frozen=True)
class Step:
    """One thing that a grader does."""

    what: str
    passed: bool
    detail: str


def run(file: Path, seconds: float) -> Outcome:
    """Unpack a hand-in into a temporary folder, and try it.

    Args:
        file: ``ex3_<ID>.tar``.
        seconds: Time limit of each command that is run.

    Returns:
        A row for each step; the outcome's problem names those that failed.

    Raises:
        DataError: There is no such file.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    steps = verify(file, seconds)
    failed = [step.what for step in steps if not step.passed]
    width = max(len(step.what) for step in steps)
    return Outcome(
        table="\n".join(f"{one.what:{width}}  {'ok' if one.passed else 'FAILED':6}  {one.detail}" for one in steps),
        headline=f"{len(steps) - len(failed)} of {len(steps)} steps passed: {file}",
        problem=CheckFailedError(f"{file}: {', '.join(failed)}") if failed else None,
    )


def verify(file: Path, seconds: float) -> list[Step]:
    """Go through all steps; those that need an earlier one are left out when it fails."""
    name = NAME.fullmatch(file.name)
    steps = [Step("name", bool(name), file.name if name else f"{file.name}, which is not ex3_<ID>.tar")]
    try:
        contents = archive.unpack(file)
    except DataError as error:
        return [*steps, Step("unpack", False, str(error))]
    steps.append(Step("unpack", True, f"{len(contents)} files, {sum(map(len, contents.values())):,} bytes"))
    steps += _look_into(contents, name["identity"] if name else "")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        storage.save_tree(root, contents)
        steps.append(_execute("check", ["check"], root, seconds))
        steps.append(_execute("main job", JOB, root, seconds))
    return steps


def _look_into(contents: Mapping[str, bytes], identity: str) -> list[Step]:
    pdf, answers = contents.get("Answers.pdf", b""), contents.get("Answers.md", b"").decode("utf-8", "replace")
    is_pdf, has_identity = pdf.startswith(b"%PDF-"), bool(identity) and holds_text(pdf, identity)
    pictures = archive.PICTURE.findall(answers)
    missing = [name for name in pictures if name not in contents]
    shown = f"{len(pictures)} figures" + (f", missing: {', '.join(missing)}" if missing else "")
    return [
        Step("Answers.pdf", is_pdf, f"{len(pdf):,} bytes" if is_pdf else "missing, or no PDF"),
        Step("ID in the PDF", has_identity, identity if has_identity else "not found in its title or author"),
        Step("figures", bool(pictures) and not missing, shown),
    ]


def holds_text(pdf: bytes, text: str) -> bool:
    """Tell whether a text is in a PDF's own words, such as its author; what stands on pages is coded by its fonts."""
    wanted = [text.encode(), text.encode("utf-16-be")]
    parts = (_inflate(match[1]) for match in STREAM.finditer(pdf))
    return any(words in part for part in chain([pdf], islice(parts, MOST_STREAMS)) for words in wanted)


def _inflate(stream: bytes) -> bytes:
    """Return the beginning of a compressed part; nothing where it is something else, such as a JPEG picture."""
    try:
        return zlib.decompressobj().decompress(stream, MOST_BYTES)
    except zlib.error:
        return b""


def _execute(what: str, words: list[str], root: Path, seconds: float) -> Step:
    """Run one command of the unpacked code; the images, which are not handed in, come from this package."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [sys.executable, "cli.py", *words], cwd=root, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=seconds, check=False, env={**environment, "EX3_DATA_DIR": str(MNIST_FOLDER)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Step(what, False, f"not done within {seconds:g} s")
    lines = (done.stdout if done.returncode == 0 else done.stderr).decode("utf-8", "replace").strip().splitlines()
    last = lines[-1][:200] if lines else "no output"
    return Step(what, done.returncode == 0, last if done.returncode == 0 else f"exit code {done.returncode}: {last}")
