"""A sweep on a Dask cluster: a scheduler and two workers on this machine, one of which is killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_process
from test_cells import SWEEP, numbers, start, wait_for


@pytest.fixture
def cluster(monkeypatch):
    """Start a scheduler and two workers; return its address and the workers."""
    pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    dask = Path(sys.executable).with_name("dask")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    file = Path("scheduler.json").resolve()
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    scheduler = subprocess.Popen([dask, "scheduler", *words], **quiet)
    workers = [
        subprocess.Popen(
            [dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"], **quiet
        )
        for _ in range(2)
    ]
    wait_for(file.exists)
    yield json.loads(file.read_text())["address"], workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


def test_a_sweep_survives_the_loss_of_a_worker_with_the_same_numbers(cluster):
    address, workers = cluster
    words = [*SWEEP, "--epochs", "400"]
    process = start(*words, "--backend", "dask", "--address", address, "--runs", "runs")
    wait_for(lambda: process.poll() is not None or list(Path("runs/cells").glob("*.json")))
    workers[0].kill()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert "4 cells (0 reused)" in out
    here = run_process(*words, "--threads", "1", "--jobs", "2", "--runs", "here", "-q")
    assert here.returncode == 0, here.stderr
    assert numbers() == numbers(Path("here/cells"))


def test_an_unreachable_scheduler_and_a_missing_package_are_one_line_each():
    pytest.importorskip("distributed")
    words = [*SWEEP, "--backend", "dask", "--address", "tcp://127.0.0.1:9"]
    result = run_process(*words)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == "ex3: error: tcp://127.0.0.1:9: no Dask scheduler answers there within 10 s\n"
    Path("distributed.py").write_text("raise ImportError")
    result = run_process(*words, PYTHONPATH=".")
    assert (result.returncode, result.stderr) == (
        3,
        "ex3: error: --backend dask: needs 'pip install -r requirements-dask.txt'\n",
    )
