"""A sweep on a Dask cluster: a scheduler and two workers on this machine, one of which is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_process, start_process
from test_cells import SWEEP, numbers, wait_for


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
    process = start_process(*words, "--backend", "dask", "--address", address, "--runs", "runs")
    wait_for(lambda: process.poll() is not None or list(Path("runs/cells").glob("*.json")))
    workers[0].kill()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert "4 cells (0 reused)" in out
    here = run_process(*words, "--threads", "1", "--jobs", "2", "--runs", "here", "-q")
    assert here.returncode == 0, here.stderr
    assert numbers() == numbers(Path("here/cells"))


def test_workers_without_this_package_are_told_how_to_find_it(cluster):
    address, workers = cluster
    for worker in workers:
        worker.kill()
    dask = Path(sys.executable).with_name("dask")
    words = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    elsewhere = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([dask, "worker", *words], env=elsewhere, **quiet) as worker:
        result = run_process(*SWEEP, "--backend", "dask", "--address", address)
        worker.kill()
    assert (result.returncode, result.stdout) == (3, "")
    assert f"its workers cannot import ex3; start them with PYTHONPATH={ROOT}" in result.stderr
    assert result.stderr.count("\n") == 1


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
