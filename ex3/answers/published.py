"""Checks of what a checkout publishes: the figures with their twins, the links of the answers, the README's numbers.

They only read. Each returns its findings as text, one line each; an empty list means that all is well.
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ex3.answers.twins import is_spread, read_twin
from ex3.errors import DataError

MAX_PNG_BYTES = 300_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
OURS = ("ex3", "python")  # whose versions change no number
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
SPREAD = re.compile(r"(\d+\.(\d+)) ± (\d+\.\d+)")


def figure_names(figures: Path) -> list[str]:
    """Return the names of all figures of a folder, those without a PNG or without a twin included."""
    return sorted({path.stem for path in figures.glob("*") if path.suffix in {".png", ".json"}})


def check_figures(figures: Path, commands: Collection[str]) -> list[str]:
    """Check each figure: a small PNG, and a twin that names it, rests on MNIST and comes from ``reproduce``.

    Args:
        figures: Folder of the PNGs and their twins.
        commands: The command lines that ``reproduce`` runs.
    """
    names = figure_names(figures)
    return [problem for name in names for problem in _check_figure(figures, name, commands)]


def check_answers(text: str, folder: Path, figures: Path) -> list[str]:
    """Check that the files which the answers link to exist, and that they show every figure.

    Args:
        text: The answers, in Markdown.
        folder: The folder that their links start from.
        figures: Folder of the PNGs.
    """
    links = {link for link in LINK.findall(text) if "://" not in link}
    linked = {(folder / link).resolve() for link in links}
    missing = sorted(folder / link for link in links if not (folder / link).exists())
    pictures = sorted(path for path in figures.glob("*.png") if path.resolve() not in linked)
    return [f"{path}: linked from the answers, but missing" for path in missing] + [
        f"{path}: the answers do not show it" for path in pictures
    ]


def check_readme(readme: Path, figures: Path) -> list[str]:
    """Check that each "mean ± deviation" in the README's tables is a twin's.

    Rows with ``--config`` have no twin.

    Args:
        readme: A Markdown file; nothing is checked where there is none.
        figures: Folder of the twins.
    """
    if not readme.is_file():
        return []
    known, lines = _known_spreads(figures), readme.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|") and "--config" not in line]
    return [
        f"{readme}: {match[0]} is in no twin of {figures}"
        for row in rows
        for match in SPREAD.finditer(row)
        if not _is_known(match, known)
    ]


def check_headers(configs: Path, figures: Path) -> list[str]:
    """Check that each "mean ± deviation" in the comments of the configs is a twin's.

    Args:
        configs: Folder of the configs. One whose header shows a command with ``--config`` has no published figure.
        figures: Folder of the twins.
    """
    known = _known_spreads(figures)
    texts = {file: file.read_text("utf-8") for file in sorted(configs.glob("*.toml"))}
    headers = {
        file: " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        for file, text in texts.items()
    }
    return [
        f"{file}: {match[0]} is in no twin of {figures}"
        for file, header in headers.items()
        if "--config" not in header
        for match in SPREAD.finditer(header)
        if not _is_known(match, known)
    ]


def _check_figure(figures: Path, name: str, commands: Collection[str]) -> Iterator[str]:
    try:
        twin = read_twin(figures, name)
    except DataError as error:
        yield str(error)
        return
    file, png = figures / f"{name}.json", figures / f"{name}.png"
    if twin.name != name:
        yield f"{file}: its name is {twin.name}"
    if twin.command not in commands:
        yield f"{file}: its command is {twin.command!r}, which reproduce does not run"
    for package in twin.versions:
        if package not in OURS and twin.versions[package] != installed(package):
            yield f"{file}: made with {package} {twin.versions[package]}; {installed(package)} is installed"
    if not png.read_bytes().startswith(PNG_SIGNATURE):
        yield f"{png}: not a PNG"
    if png.stat().st_size >= MAX_PNG_BYTES:
        yield f"{png}: {png.stat().st_size // 1000} kB; at most {MAX_PNG_BYTES // 1000} kB are published"


def _known_spreads(figures: Path) -> list[tuple[float, float]]:
    return [(part["mean"], part["std"]) for twin in _contents(figures) for part in _spreads(twin)]


def _is_known(match: re.Match, known: list[tuple[float, float]]) -> bool:
    """Check that a "mean ± deviation" is one of the known ones, with as many digits as it has."""
    digits = len(match[2])
    return any((f"{mean:.{digits}f}", f"{std:.{digits}f}") == (match[1], match[3]) for mean, std in known)


@cache
def installed(package: str) -> str:
    """Return the version of an installed package; ``none`` where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _contents(figures: Path) -> Iterator[Any]:
    """Yield the content of every twin that is JSON; ``check_figures`` names the others."""
    for file in figures.glob("*.json"):
        with suppress(ValueError):
            yield json.loads(file.read_bytes())


def _spreads(part: Any) -> Iterator[dict[str, float]]:
    """Yield every finite ``Spread`` in a twin's JSON."""
    if is_spread(part):
        if None not in part.values():
            yield part
    elif isinstance(part, dict | list):
        for value in part.values() if isinstance(part, dict) else part:
            yield from _spreads(value)
