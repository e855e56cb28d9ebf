"""Two processes in one folder: the second says who has it; a lock dies with its owner, and leaves no file."""

import os
import signal
import subprocess
import sys
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
with locks.locked(Path({folder!r})):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Return a function that lets another process hold a folder."""
    processes = []

    def start(folder: str) -> subprocess.Popen:
        Path(folder).mkdir(parents=True)
        program = HOLD.format(root=str(ROOT), folder=folder)
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_second_sweep_says_who_has_the_folder(run_cli, trained_configs, hold):
    owner = hold("runs/cells")
    line = f"runs/cells: process {owner.pid}, cli.py sweep lr computes in it; wait for its end, or name other folders"
    assert_one_line(run_cli(*SWEEP, "--jobs", 1, "-q"), 4, line)
    assert trained_configs == []
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert run_cli(*SWEEP, "--jobs", 1, "-q").code == 0
    assert [path.name for path in Path("runs").iterdir()] == ["cells"]


def test_a_second_reproduce_says_who_has_the_folder(run_steps, hold):
    owner = hold("runs/reproduce")
    with pytest.raises(WriteError, match=f"runs/reproduce: process {owner.pid}, cli.py"):
        run_steps(THEORY)


def test_finished_cells_are_read_while_another_sweep_computes(run_cli, trained_configs, hold):
    assert run_cli(*SWEEP, "--jobs", 1, "-q").code == 0
    Path("runs/cells").rename("kept")
    hold("runs/cells")
    Path("runs/cells").rmdir()
    Path("kept").rename("runs/cells")
    assert "4 cells (4 reused)" in run_cli(*SWEEP, "--jobs", 1, "-q").out


def test_a_lock_is_for_one_at_a_time_and_leaves_nothing(tmp_path):
    folder = tmp_path / "cells"
    for _ in range(2):
        with locks.locked(folder):
            with pytest.raises(WriteError, match=f"process {os.getpid()}, "), locks.locked(folder):
                pass
            assert [path.name for path in tmp_path.iterdir()] == [".cells.lock"]
    assert list(tmp_path.iterdir()) == []
