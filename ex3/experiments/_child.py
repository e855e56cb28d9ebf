"""A module of this package in a process of its own, which the terminal's Ctrl-C reaches only through its parent."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

import ex3
from ex3 import storage
from ex3.errors import ExperimentError, WriteError
from ex3.experiments import OutcomeSummary
from ex3.results import from_json

PACKAGE_PARENT = str(Path(ex3.__file__).parents[1])
PATIENCE = 20  # seconds that an interrupted command gets to save its results
OnStart = Callable[["subprocess.Popen[str]"], object]


def run_command(
    arguments: Sequence[str], file: Path, on_line: Callable[[str], None], on_start: OnStart, cores: int
) -> OutcomeSummary:
    """Run a command to its end.

    Args:
        arguments: The command line after ``python cli.py``.
        file: Where the command leaves its outcome; deleted in the end.
        on_line: Called with each line that the command writes to stderr.
        on_start: Called with the process, so that another thread can end it.
        cores: Processor cores that it uses.

    Raises:
        ExperimentError: The command failed; the message is its last line on stderr.
    """
    last, words = "", ["ex3", "--outcome", str(file), "--parent", str(os.getpid()), *arguments]
    try:
        with start_process(words, cores) as process:
            on_start(process)
            for line in process.stderr or ():
                last = line.strip() or last
                on_line(last)
        if process.returncode:
            raise ExperimentError(f"exit code {process.returncode}: {last.removeprefix('ex3: error: ')}")
        return from_json(OutcomeSummary, file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ExperimentError(f"{file}: gone or damaged, although the experiment ended well") from error
    finally:
        with suppress(WriteError):  # which would hide the error
            storage.remove_files([file])


@contextmanager
def start_process(words: Sequence[str], cores: int | None = None) -> Iterator["subprocess.Popen[str]"]:
    """Start ``python -m`` with words and wait for its end; when this process is interrupted, end it as well."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", *words],  # -P: the working directory may hold a module of any name
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=_environment(cores),
        start_new_session=True,
    )
    try:
        yield process
        process.wait()
    except BaseException:
        end_processes([process])
        raise
    finally:
        if process.stderr:
            process.stderr.close()


def end_processes(processes: Collection["subprocess.Popen[str]"]) -> None:
    """Ask processes to save their results and to end; kill those that do not, or all at another Ctrl-C."""
    for process in processes:
        process.terminate()  # also where Ctrl-C is ignored, as in the background
    end = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0, end - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            end = 0
            process.kill()
            process.wait()


def _environment(cores: int | None) -> dict[str, str]:
    """Return an environment in which the command finds this package, installed or not, and counts so many cores.

    Args:
        cores: ``None`` for all.
    """
    folders = [PACKAGE_PARENT, *filter(None, [os.environ.get("PYTHONPATH")])]
    count = {} if cores is None else {"LOKY_MAX_CPU_COUNT": str(cores)}  # read by joblib
    return {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": os.pathsep.join(folders), **count}
