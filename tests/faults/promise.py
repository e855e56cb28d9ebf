"""What is promised for every fault: one line on stderr, the listed exit code, and nothing half-written."""

import re
from pathlib import Path


def files() -> dict[Path, bytes]:
    """Return the content of all files of the working directory."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def assert_one_line(result, code: int, line: str) -> None:
    """Check the exit code, and that stderr holds one error alone, in which the words of ``line`` stand.

    Args:
        result: What ``run_cli`` gave.
        code: The exit code, as the guide lists it.
        line: The error's text; ``...`` stands for anything.
    """
    pattern = ".*".join(map(re.escape, line.split("...")))
    assert re.fullmatch(rf"ex3: error: .*{pattern}.*\n", result.err), result.err
    assert result.code == code
