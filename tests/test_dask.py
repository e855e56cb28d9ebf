"""A sweep on a Dask cluster: a scheduler and two workers on this machine, one of which is killed."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from small_sweeps import CELLS, SWEEP, numbers, wait_for

from ex3 import config, data, provenance
from ex3.cells import Workers, run_cells
from ex3.cells.workers import start_workers
from ex3.errors import DataError

DASK = Path(sys.executable).with_name("dask")
WORKER = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]


@pytest.fixture
def start(monkeypatch) -> Iterator[Callable[..., subprocess.Popen]]:
    """Return a function that starts a scheduler or a worker, which can import this package unless told otherwise."""
    pytest.importorskip("distributed")
    broken = Path("broken", "ex3")
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'ex3'\")")
    processes = []

    def start(*words: object, has_package: bool = True) -> subprocess.Popen:
        monkeypatch.setenv("PYTHONPATH", str(ROOT if has_package else broken.parent.resolve()))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes.append(subprocess.Popen([DASK, *map(str, words)], **quiet))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(start) -> str:
    """Start a scheduler; return its address."""
    return start_scheduler(start)


def start_scheduler(start: Callable[..., subprocess.Popen], has_package: bool = True) -> str:
    file = Path("scheduler.json").resolve()
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    start("scheduler", *words, has_package=has_package)
    wait_for(file.exists)
    return json.loads(file.read_text())["address"]


def connect(address: str) -> None:
    with start_workers(Workers(1, address), provenance.TRAINING):
        pass


def test_a_sweep_survives_the_loss_of_a_worker_with_the_same_numbers(run_cli, start, scheduler, monkeypatch):
    workers = [start("worker", scheduler, *WORKER) for _ in range(2)]
    words = ["--epochs", 20, "--threads", 2, "--backend", "dask", "--address", scheduler]

    def kill_one() -> None:
        wait_for(lambda: list(CELLS.glob("*.json")), seconds=100)
        workers[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    result = run_cli(*SWEEP, *words)
    killer.join()
    assert (workers[0].wait(), result.code) == (-signal.SIGKILL, 0), result.err
    assert "4 cells (0 reused)" in result.out
    found = numbers()[0.1, 1]
    settings = config.LinearConfig.model_validate(found["config"])
    Path("alone").mkdir()
    alone = run_cells([settings], data.load_dataset("digits").info, Path("alone"), Workers(1), provenance.TRAINING)
    assert found["weights"] == alone.runs[0].weights

    monkeypatch.setattr(provenance, "version", lambda _: "0.1")  # of this process, as if it had other packages
    with pytest.raises(DataError, match=r"its worker tcp://.* has tensorflow \S+ instead of 0\.1, keras "):
        connect(scheduler)


def test_a_worker_without_this_package_is_refused(start, scheduler):
    start("worker", scheduler, *WORKER, has_package=False)
    with pytest.raises(
        DataError, match=r"its workers cannot import ex3; run 'pip install \.' in this project's folder"
    ):
        connect(scheduler)


def test_a_scheduler_without_this_package_is_refused(start):
    with pytest.raises(DataError, match=r"its scheduler cannot import ex3; run 'pip install \.' in this project's"):
        connect(start_scheduler(start, has_package=False))


def test_a_scheduler_without_workers_and_an_unreachable_one_are_named(scheduler, monkeypatch):
    monkeypatch.setattr("ex3.cells.workers.CONNECT_TIMEOUT", 0.5)
    with pytest.raises(DataError, match="this Dask scheduler has no workers"):
        connect(scheduler)
    with pytest.raises(DataError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there within 0\.5 s"):
        connect("tcp://127.0.0.1:9")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DataError, match=r"--backend dask: needs 'pip install -r requirements-dask\.txt'"):
        connect("tcp://127.0.0.1:9")
