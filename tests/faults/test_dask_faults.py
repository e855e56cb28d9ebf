"""Dask clusters that do not answer, addresses that are none, and workers that die again and again."""

import socket

import pytest
from promise import assert_one_line
from small_sweeps import SWEEP

import ex3.cells
from ex3.cells import workers
from ex3.errors import WorkerError

DASK = [*SWEEP, "-q", "--backend", "dask", "--address"]

# address -> exit code, what the error says
FAULTS = [
    ("", 2, "--address '': should be tcp://HOST:PORT"),
    ("tls://127.0.0.1:1", 2, "--address 'tls://127.0.0.1:1': should be tcp://HOST:PORT; tls:// and ucx:// need more"),
    ("ucx://127.0.0.1:1", 2, "--address 'ucx://127.0.0.1:1': should be tcp://HOST:PORT"),
    ("localhost", 2, "--address 'localhost': should be tcp://HOST:PORT"),
    ("tcp://127.0.0.1", 3, "tcp://127.0.0.1: no Dask scheduler answers there within 0.5 s"),
]


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "CONNECT_TIMEOUT", 0.5)


@pytest.mark.parametrize(("address", "code", "line"), FAULTS)
def test_an_address_that_is_none_is_one_line(run_cli, address, code, line):
    assert_one_line(run_cli(*DASK, address), code, line)


def test_a_port_that_accepts_and_says_nothing_is_given_up_on(run_cli):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert_one_line(run_cli(*DASK, address), 3, f"{address}: no Dask scheduler answers there within 0.5 s")


def test_a_cell_that_kills_its_worker_again_and_again_ends_the_sweep(compute_cells, monkeypatch):
    def run_missing(*_):
        raise type("KilledWorker", (Exception,), {})("Dask's has this name")

    monkeypatch.setattr(ex3.cells, "_run_missing", run_missing)
    with pytest.raises(WorkerError, match=r"killed its Dask worker more than three times .* 0 of 1 cells are finished"):
        compute_cells(0.1)
