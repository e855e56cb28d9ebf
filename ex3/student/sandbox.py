"""Run a student's file in a process of its own, with as few rights as the platform gives.

The process gets 20 seconds, an empty temporary folder to work in, no stdin and an empty environment, and nobody reads
what it prints. Where the platform has such limits, memory, processor time and the size of files are bounded; on Linux,
where user namespaces are allowed, it has no network, and all processes that it starts end with it. Elsewhere Python's
sockets are taken away, which a file could get round. It can still do with files whatever its user can.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from ex3.student.problem import pose
from ex3.student.process import FILE_SIZE

SECONDS = 20
ROOT = str(Path(__file__).parents[2])
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from ex3.student.child import main; del sys.path[0]; main()"
NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--kill-child", "--fork"]
LIMITED_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Parts = dict[str, dict[str, Any]]


def run(file: Path, seconds: float = SECONDS) -> Parts:
    """Run a file, and return what it reported: by part, ``value`` or ``error``; not to be trusted.

    Args:
        file: A Python file.
        seconds: The process is killed after so long.

    Returns:
        The parts; ``end`` tells why there are no more of them, unless the process came to its end.
    """
    isolation = NAMESPACES if has_namespaces() else []
    problem = {**pose(), "file": str(file.resolve()), "seconds": seconds, "block sockets": not isolation}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*isolation, sys.executable, "-I", "-B", "-c", PROGRAM, ROOT],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(problem).encode(), timeout=seconds)
            end = _describe_end(process.returncode)
        except subprocess.TimeoutExpired:
            end = f"not done within {seconds:g} s"
        finally:
            _kill(process)
        output.seek(0)
        parts = _parse(output.read(FILE_SIZE))
    return parts | {"end": {"error": {"text": end, "line": 0}}} if end else parts


@cache
def has_namespaces() -> bool:
    """Tell whether processes can be started without a network, as those of another user."""
    try:
        done = subprocess.run([*NAMESPACES, "true"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), folder)
    return {**kept, **folders, **LIMITED_THREADS, "MPLBACKEND": "Agg", "LANG": "C.UTF-8"}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process with all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):  # no groups on this platform; or it has ended already
        process.kill()
    process.wait()


def _describe_end(code: int) -> str:
    if code == 0:
        return ""
    return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _parse(output: bytes) -> Parts:
    """Read the lines that are complete; whatever else is there is left out."""
    parts: Parts = {}
    for line in output.splitlines():
        try:
            content = json.loads(line)
            parts[str(content.pop("part"))] = content
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            continue
    return parts
