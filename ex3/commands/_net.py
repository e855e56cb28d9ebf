"""The last net under every command: an error that nothing foresaw is one line, too, and nothing is swallowed."""

import errno
import io
import os
import sys
import traceback
import warnings

from ex3.errors import Ex3Error

TRACEBACK = "EX3_TRACEBACK"  # an environment variable: 1 shows where an error comes from, for a bug report
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def mend_environment() -> None:
    """Make the rest of the process independent of closed streams and of the user's warning filters."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed; else the next file that is opened would get its number
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    if (
        os.environ.pop("PYTHONWARNINGS", None) or sys.warnoptions
    ):  # which may turn any warning of a library into an error
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)


def drop_output() -> None:
    """Drop what stdout does not take, which Python would try to write again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def describe(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code of an error, also of one that no part of this package foresaw."""
    if isinstance(error, Ex3Error):
        return str(error), error.exit_code
    name = type(error).__name__
    text = next(iter(str(error).strip().splitlines()), "")
    if (
        isinstance(error, MemoryError)  # Python's, or NumPy's
        or name == "ResourceExhaustedError"  # TensorFlow's
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, ImportError) and "failed to map segment" in text)
    ):
        return f"not enough memory{f' ({text})' if text else ''}; smaller batches, images or networks need less", 6
    if isinstance(error, OSError):  # while reading; storage.py has its own error
        is_full = error.errno in FULL
        where = error.filename or ("stdout" if is_full else "a file")
        return f"{where}: {error.strerror or text or name}", 4 if is_full else 3
    return f"{name}{f': {text}' if text else ''}; a defect of this package, which {TRACEBACK}=1 locates", 1


def show_traceback() -> None:
    """Print the traceback of the error under way on stderr, if the environment asks for it."""
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        traceback.print_exc()
