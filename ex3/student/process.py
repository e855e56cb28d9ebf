"""What the process of a student's file does for its own sake: bounds what it may use, and reports line by line.

Each report is one line of JSON, written as soon as it is known: what is done stays known when the process is killed.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MEMORY, FILE_SIZE = 3 << 30, 16 << 20  # bytes


class Report:
    """Writes lines of JSON to where stdout led; stdin, stdout and stderr then lead nowhere."""

    def __init__(self, file: str):
        self.file = file
        self.descriptor = os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)

    def value(self, part: str, value: object) -> None:
        """Report the result of a part."""
        self._line({"part": part, "value": value})

    def attempt(self, part: str, compute: Callable[[], Any], seconds: float) -> bool:
        """Report what a function returns, or the error that it raises, and whether it succeeded."""
        try:
            with time_limit(seconds):
                value = compute()
        except BaseException as error:
            self._line({"part": part, "error": describe(error, self.file)})
            return False
        self.value(part, value)
        return True

    def _line(self, content: object) -> None:
        os.write(self.descriptor, json.dumps(content).encode() + b"\n")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TimeoutError`` in the block after some seconds of computing, where the platform can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"still computing after {seconds:g} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)  # again and again, since the file may catch it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def describe(error: BaseException, file: str) -> dict[str, object]:
    """Return an error as one line of text, and the last line of the file on its way; 0 for none."""
    trace, line = error.__traceback__, error.lineno if isinstance(error, SyntaxError) else 0
    while trace:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == file else line
        trace = trace.tb_next
    words = " ".join(str(error).split())[:200]
    return {"text": f"{type(error).__name__}: {words}" if words else type(error).__name__, "line": line or 0}


def limit_resources(seconds: float) -> None:
    """Bound memory, processor time and the size of files, where the platform can."""
    try:
        import resource
    except ImportError:
        return
    bounds = {"RLIMIT_AS": MEMORY, "RLIMIT_CPU": int(seconds) + 1, "RLIMIT_FSIZE": FILE_SIZE, "RLIMIT_CORE": 0}
    for name, bound in bounds.items():
        try:
            resource.setrlimit(getattr(resource, name), (bound, bound))
        except (AttributeError, OSError, ValueError):  # there is none, or a lower one
            continue
