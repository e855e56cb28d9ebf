"""Parts of a folder that one process holds: two at once would compute the same, or undo each other's work."""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from ex3.errors import WriteError


@contextmanager
def locked(folder: Path, parts: Iterable[str] = ("",)) -> Iterator[None]:
    """Hold a folder while the block runs, so that no other process computes the same; the lock dies with its owner.

    Args:
        folder: Its parent exists.
        parts: Names of what is computed in it, where other parts are free; by default the folder is one.

    Raises:
        WriteError: Another process holds one of them; the message says which process.
    """
    with ExitStack() as held:
        for part in sorted(set(parts)):
            held.enter_context(_locked_file(folder, folder.with_name(f".{folder.name}{part and '-'}{part}.lock")))
        yield


def remove_left_over(folder: Path, parts: Iterable[str]) -> None:
    """Remove the locks of processes that were killed."""
    for part in parts:
        with suppress(WriteError), locked(folder, [part]):
            pass


@contextmanager
def _locked_file(folder: Path, path: Path) -> Iterator[None]:
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
                raise WriteError(f"{folder}: {owner} computes the same; wait for its end, or name other folders")
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
