"""Whatever is raised inside a command ends in one line with its code; the traceback is there when it is asked for."""

import errno
import os

import pytest
from promise import assert_one_line

from ex3.experiments import theory


class ResourceExhaustedError(Exception):
    """Has the name of TensorFlow's."""


# fault -> exit code, line
FAULTS = [
    (MemoryError(), 6, "error: not enough memory; smaller batches, images or networks need less"),
    (MemoryError("Unable to allocate 8 GiB"), 6, "not enough memory (Unable to allocate 8 GiB)"),
    (ResourceExhaustedError("OOM when allocating\nlong text"), 6, "not enough memory (OOM when allocating);"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x"), 4, "error: runs/x: No space left on device"),
    (OSError("odd"), 3, "error: a file: odd"),
    (
        RecursionError("maximum depth"),
        1,
        "RecursionError: maximum depth; a defect of this package, which",
    ),
    (AssertionError(), 1, "error: AssertionError; a defect"),
    (ValueError("one\n\ntwo"), 1, "ValueError: one;"),
]


@pytest.mark.parametrize(("fault", "code", "line"), FAULTS)
def test_an_unforeseen_error_is_one_line(run_cli, monkeypatch, fault, code, line):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(theory, "run", fail)
    assert_one_line(run_cli("theory"), code, line.removeprefix("error: "))
    monkeypatch.setenv("EX3_TRACEBACK", "1")
    result = run_cli("theory")
    assert result.code == code
    assert result.err.startswith("Traceback (most recent call last)")
    assert "in fail" in result.err
    assert line in result.err.splitlines()[-1]
