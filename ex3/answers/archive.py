"""The hand-in as a tar file: what is in it, the same bytes for the same input, and reading such a file with care."""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from ex3.errors import ConfigError, DataError

FILES = ["cli.py", "*.md", "LICENSE", "pyproject.toml", "requirements*"]
FOLDERS = ["ex3", "configs", "docs", "tests", "benchmarks"]
SUFFIXES = {".py", ".md", ".toml", ".jinja", ".typ", ".txt", ".lock", ".typed", ".js", ".css", ".png"}
IGNORED = ["__pycache__", ".*", "*.pyc", "runs", "build", "dist"]  # wherever they stand
MOMENT = 315_532_800  # 1 January 1980 in UTC, the modification time of every file
MOST_FILES, MOST_BYTES = 5_000, 200_000_000
PICTURE = re.compile(r"!\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")


def check_identity(identity: str, any_form: bool) -> None:
    """Check an ID: nine digits, of which the last makes the sum divisible by ten.

    Every second digit counts twice, and a number of two digits as its digits' sum.

    Args:
        identity: The ID.
        any_form: Allow any word of letters, digits and hyphens.

    Raises:
        ConfigError: It is no ID.
    """
    if any_form:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}", identity):
            raise ConfigError(f"--id {identity}: allowed are up to 32 letters, digits and hyphens")
        return
    if not re.fullmatch(r"[0-9]{9}", identity):
        raise ConfigError(f"--id {identity}: should be 9 digits; --any-id allows others")
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(identity))
    if total % 10:
        raise ConfigError(f"--id {identity}: the last digit does not fit the others; --any-id allows it")


def find_code(root: Path) -> dict[str, Path]:
    """Find what is handed in but for the answers: code, configs, documents, lists of packages; no data.

    Args:
        root: The checkout.

    Returns:
        Files by their paths below ``root``.

    Raises:
        DataError: There is no checkout, such as in an installed package.
    """
    if not (root / "cli.py").is_file():
        raise DataError(f"{root}: no checkout of this package, so there is no code to hand in")
    found = [path for pattern in FILES for path in root.glob(pattern)]
    found += [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in SUFFIXES]
    paths = {path.relative_to(root): path for path in found if path.is_file() and not path.is_symlink()}
    return {name.as_posix(): path for name, path in paths.items() if not any(map(_is_ignored, name.parts))}


def find_pictures(text: str, folder: Path) -> dict[str, Path]:
    """Find the pictures of the answers and their twins.

    Args:
        text: The answers, in Markdown.
        folder: That their paths start from.

    Raises:
        DataError: A picture is missing, or lies outside the folder.
    """
    found = {}
    for name in dict.fromkeys(PICTURE.findall(text)):
        for path in (folder / name, (folder / name).with_suffix(".json")):
            if not path.resolve().is_relative_to(folder.resolve()):
                raise DataError(f"{name}: lies outside the folder of the answers")
            if not path.is_file():
                raise DataError(f"{path}: missing; the answers show it")
            found[path.relative_to(folder).as_posix()] = path
    return found


def pack(files: Mapping[str, bytes], folder: str) -> bytes:
    """Pack files into a tar file, below one folder; neither time nor owner nor order depends on the machine."""
    buffer = io.BytesIO()
    with tarfile.TarFile(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), MOMENT, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def unpack(file: Path) -> dict[str, bytes]:
    """Read a tar file that somebody sent: plain files and folders below one folder, not too many and not too large.

    Raises:
        DataError: It is no tar file, or holds anything else.
    """
    try:
        with tarfile.TarFile(file) as tar:
            entries = dict(_checked_entries(tar, file.stem))
            return {name: (tar.extractfile(entry) or io.BytesIO()).read() for name, entry in entries.items()}
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{file}: cannot be read as a tar file: {error}") from error


def _checked_entries(tar: tarfile.TarFile, folder: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield the plain files by their paths below the folder."""
    size = 0
    for count, entry in enumerate(tar, start=1):
        path, size = PurePosixPath(entry.name), size + entry.size
        if path.is_absolute() or ".." in path.parts or "\\" in entry.name or path.parts[:1] != (folder,):
            raise DataError(f"{entry.name!r} lies outside the folder {folder}/")
        if not (entry.isreg() or entry.isdir()):
            raise DataError(f"{entry.name!r} is neither a file nor a folder, but a link or a device")
        if count > MOST_FILES or size > MOST_BYTES:
            raise DataError(f"more than {MOST_FILES} files or {MOST_BYTES // 1_000_000} MB")
        if entry.isreg():
            yield path.relative_to(folder).as_posix(), entry


def _is_ignored(part: str) -> bool:
    return any(fnmatch(part, pattern) for pattern in IGNORED)
