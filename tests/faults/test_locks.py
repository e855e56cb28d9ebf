"""Two processes in one folder: the second says who has it; a lock dies with its owner, and leaves no file."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import ROOT
from promise import assert_one_line
from small_steps import THEORY
from small_sweeps import SWEEP

from ex3 import locks
from ex3.errors import WriteError

HOLD = """
import sys
sys.path.insert(0, {root!r})
sys.argv = ["cli.py", "sweep", "lr"]
from pathlib import Path
from ex3 import locks
with locks.locked(Path({folder!r}), {parts!r}):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Return a function that lets another process hold a folder."""
    processes = []

    def start(folder: str, parts: Sequence[str] = ("",)) -> subprocess.Popen:
        Path(folder).mkdir(parents=True, exist_ok=True)
        program = HOLD.format(root=str(ROOT), folder=folder, parts=parts)
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def settings(run_cli, trained_configs, monkeypatch) -> list[str]:
    """Run a sweep; return the names under which it held its settings."""
    held, locked = [], locks.locked
    with monkeypatch.context() as patch:
        patch.setattr(locks, "locked", lambda folder, parts: held.extend(parts) or locked(folder, parts))
        assert run_cli(*SWEEP, "--jobs", 1, "-q").code == 0
    trained_configs.clear()
    return held


def test_a_second_sweep_with_one_of_the_settings_says_who_has_it(run_cli, trained_configs, hold, settings):
    Path("runs").rename("other")
    owner = hold("runs/cells", settings)
    line = (
        f"runs/cells: process {owner.pid}, cli.py sweep lr computes the same; wait for its end, or name other folders"
    )
    for values in ("0.01,0.1", "0.1,0.2"):
        assert_one_line(run_cli(*SWEEP, "--values", values, "--jobs", 1, "-q"), 4, line)
    assert trained_configs == []
    assert run_cli(*SWEEP, "--values", "0.2,0.3", "--jobs", 1, "-q").code == 0
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert run_cli(*SWEEP, "--jobs", 1, "-q").code == 0
    assert [path.name for path in Path("runs").iterdir()] == ["cells"]


def test_a_second_reproduce_says_who_has_the_folder(run_steps, hold):
    owner = hold("runs/reproduce")
    with pytest.raises(WriteError, match=f"runs/reproduce: process {owner.pid}, cli.py"):
        run_steps(THEORY)


def test_finished_cells_are_read_while_another_sweep_computes(run_cli, hold, settings):
    owner = hold("runs/cells", settings)
    assert "4 cells (4 reused)" in run_cli(*SWEEP, "--jobs", 1, "-q").out
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert "4 cells (4 reused)" in run_cli(*SWEEP, "--jobs", 1, "-q").out
    assert [path.name for path in Path("runs").iterdir()] == ["cells"]


def test_a_lock_is_for_one_at_a_time_and_leaves_nothing(tmp_path):
    folder = tmp_path / "cells"
    for _ in range(2):
        with locks.locked(folder):
            with pytest.raises(WriteError, match=f"process {os.getpid()}, "), locks.locked(folder):
                pass
            assert [path.name for path in tmp_path.iterdir()] == [".cells.lock"]
    assert list(tmp_path.iterdir()) == []
