"""The last net under every command: an error that nothing foresaw is one line, too, and nothing is swallowed."""

import os
import traceback

from ex3.errors import Ex3Error

TRACEBACK = "EX3_TRACEBACK"  # an environment variable: 1 shows where an error comes from, for a bug report


def describe(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code of an error, also of one that no part of this package foresaw."""
    if isinstance(error, Ex3Error):
        return str(error), error.exit_code
    name = type(error).__name__
    text = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":  # Python's or NumPy's, and TensorFlow's
        return f"not enough memory{f' ({text})' if text else ''}; smaller batches, images or networks need less", 6
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or text or name}", 4
    return f"{name}{f': {text}' if text else ''}; a defect of this package, which {TRACEBACK}=1 locates", 1


def show_traceback() -> None:
    """Print the traceback of the error under way on stderr, if the environment asks for it."""
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        traceback.print_exc()
