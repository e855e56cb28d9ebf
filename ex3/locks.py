"""A folder that one process holds: two at once would compute the same, and one would undo the other's work."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ex3.errors import WriteError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs, so that no other process computes the same; the lock dies with its owner.

    Raises:
        WriteError: Another process holds it; the message says which.
    """
    path = folder.with_name(f".{folder.name}.lock")
    with _open_locked(path, folder) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()}, {shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):  # Windows deletes no open file
                path.unlink()


def _open_locked(path: Path, folder: Path) -> IO[str]:
    try:
        while True:
            file = path.open("a+", encoding="utf-8", errors="replace")
            if not _lock(file):
                owner = path.read_text("utf-8", "replace") or "another process"
                raise WriteError(f"{folder}: {owner} computes in it; wait for its end, or name other folders")
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file  # else its owner deleted it in the meantime
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror}") from error


def _lock(file: IO[str]) -> bool:
    """Lock a file until it is closed or this process ends; tell whether no other process has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # what is locked cannot be read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
