"""The only writer. Every file is complete or absent, and a failure leaves the old one unchanged.

A file is written to a temporary sibling, forced to the disk, and moved over the old one; files that belong together are
moved together. ``check_writable`` finds out before an hour of training whether that will work.
"""

import io
import logging
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import ValidationError

from ex3.errors import WriteError
from ex3.results import Record, from_json, to_json

if TYPE_CHECKING:  # who saves a figure has loaded matplotlib already
    from matplotlib.figure import Figure

log = logging.getLogger("ex3")

FIGURE_DPI = 100  # keeps the widest figure below 300 kB
T = TypeVar("T")
HOST = re.sub(r"\W", "", platform.node())[:32]  # in the names of temporary files: folders may be shared
FOLDERS = ("cells", "checkpoints", "images", "models", "reproduce")  # of runs/
Writer = Callable[[Path], object]  # fills a file


def check_writable(*folders: Path) -> None:
    """Create the folders and try a file in each; check that what stands in them does not stand in the way.

    Raises:
        WriteError: A folder cannot be made or written to.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"full?")
            entries = list(folder.iterdir())
        except OSError as error:
            raise WriteError(f"{folder}: not a folder that can be written to: {error.strerror}") from error
        for entry in entries:
            if entry.suffix == ".png" or (entry.suffix == ".json" and folder.name != "cells"):
                check_file(entry)  # a cell is checked, and computed again
            if entry.name in FOLDERS and not entry.is_dir():
                raise WriteError(f"{entry}: a file, where this package has a folder")


def check_file(path: Path) -> None:
    """Check that a file can stand in a place.

    Raises:
        WriteError: A folder stands there.
    """
    if path.is_dir():
        raise WriteError(f"{path}: a folder, where a file will be written")


def save_figure(folder: Path, figure: "Figure", record: Record[Any]) -> list[Path]:
    """Write ``<record.name>.png`` and its JSON twin, and return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=FIGURE_DPI)
    contents = {".png": png.getvalue(), ".json": to_json(record).encode()}
    return save_together({folder / f"{record.name}{end}": filler(content) for end, content in contents.items()})


def filler(content: bytes) -> Writer:
    """Return a function that writes a file's content, for ``save_together``."""
    return lambda temporary: temporary.write_bytes(content)


def save_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8, and return its path.

    Raises:
        WriteError: The file cannot be written.
    """
    return save_with(path, filler(text.encode()))


def save_tree(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by their relative paths, with the folders that they need.

    Raises:
        WriteError: A folder or a file cannot be written.
    """
    for name, content in contents.items():
        check_writable((folder / name).parent)
        save_with(folder / name, filler(content))


def save_json(path: Path, value: object) -> Path:
    """Write a dataclass as JSON, and return the file's path.

    Raises:
        WriteError: The file cannot be written.
    """
    return save_with(path, filler(to_json(value).encode()))


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write arrays as an ``.npz``, uncompressed, and return the file's path.

    Raises:
        WriteError: The file cannot be written.
    """
    return save_with(path, lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))


def load_json(kind: type[T], path: Path, consequence: str) -> T | None:
    """Read a dataclass that ``save_json`` wrote.

    Args:
        kind: The dataclass.
        path: The file.
        consequence: What happens when it is damaged, for the warning, e.g. ``it is computed again``.

    Returns:
        The dataclass; ``None`` where there is no such file, and, with a warning, where it is damaged.
    """
    try:
        return from_json(kind, path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        log.warning("%s: damaged; %s", path, consequence)
        return None


def save_with(path: Path, write: Writer) -> Path:
    """Let ``write`` fill a temporary sibling of the same suffix, then move it over ``path``, and return ``path``.

    Raises:
        WriteError: The file cannot be written.
    """
    return save_together({path: write})[0]


def save_together(writers: Mapping[Path, Writer]) -> list[Path]:
    """Write files that belong together: once all are on the disk, each is moved into place; return their paths.

    Args:
        writers: For each file, a function that fills a temporary sibling of the same suffix.

    Raises:
        WriteError: A file cannot be written; then none has changed.
    """
    temporaries = {path: path.with_name(f".{path.stem}-{HOST}-{os.getpid()}{path.suffix}") for path in writers}
    path = next(iter(writers))
    try:
        for folder in {path.parent for path in writers}:
            _remove_left_over(folder)
        for path, write in writers.items():
            check_file(path)
            _fill(temporaries[path], write)
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        for temporary in temporaries.values():
            with suppress(OSError):  # which would hide the error
                temporary.unlink(missing_ok=True)
    return list(writers)


def _fill(path: Path, write: Writer) -> None:
    """Let a function write a file, and force it to the disk."""
    write(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def save_folder(folder: Path, writers: Mapping[str, Writer]) -> list[Path]:
    """Write a folder's files by their names; when all are on the disk it is moved into place. Return their paths.

    The old folder is kept beside it until then; a kill between the two moves leaves it to ``recover_folder``.

    Raises:
        WriteError: A file cannot be written; then the old folder has not changed.
    """
    new = folder.with_name(f".{folder.name}-{HOST}-{os.getpid()}")
    try:
        _remove_left_over(folder.parent)
        recover_folder(folder)
        new.mkdir(exist_ok=True)
        for name, write in writers.items():
            _fill(new / name, write)
        if folder.exists():
            folder.replace(folder.with_name(f".{folder.name}.old"))
        new.replace(folder)
    except OSError as error:
        raise WriteError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # which would hide the error
            recover_folder(folder)
        shutil.rmtree(new, ignore_errors=True)
    return [folder / name for name in writers]


def recover_folder(folder: Path) -> None:
    """End what ``save_folder`` was killed in: remove the old folder where there is a new one, else put it back."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        old.replace(folder)


def _remove_left_over(folder: Path) -> None:
    """Delete what processes of this machine that were killed left behind: temporary files and folders."""
    for path in folder.glob(f".*-{HOST}-*"):
        process = path.stem.rpartition("-")[2]
        if os.name == "posix" and process.isdecimal() and not _is_running(int(process)):
            with suppress(WriteError):
                remove_files([path])


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (OSError, OverflowError) as error:
        return not isinstance(error, ProcessLookupError)
    return True


def remove_files(paths: Iterable[Path]) -> None:
    """Delete files, where they exist, and folders that stand in their place.

    Raises:
        WriteError: A file cannot be deleted.
    """
    for path in paths:
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"{path}: cannot be deleted: {error.strerror}") from error
