"""Workers that run cells: processes of this machine (loky), or those of a Dask cluster."""

import logging
import os
import platform
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import joblib
from joblib.externals.loky import get_reusable_executor

from ex3 import provenance
from ex3.errors import ConfigError, DataError
from ex3.provenance import Computation

log = logging.getLogger("ex3")

CONNECT_TIMEOUT = 10  # seconds to wait for a Dask scheduler, and for its first worker
INSTALL_HINT = "run 'pip install .' in this project's folder there"

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Workers:
    """Where cells run.

    Attributes:
        jobs: Processes of this machine.
        address: Of a Dask scheduler whose workers are used instead, e.g. ``tcp://127.0.0.1:8786``.
    """

    jobs: int
    address: str | None = None


def core_count() -> int:
    """Return the number of processor cores that this process may use."""
    return joblib.cpu_count()


def threads_per_worker(jobs: int) -> int:
    """Return the threads per worker when all workers share the cores."""
    return max(1, core_count() // jobs)


@contextmanager
def start_workers(workers: Workers, computation: Computation) -> Iterator[int]:
    """Make joblib use the workers while the block runs; yield the number of cells that run at a time.

    Args:
        workers: Where cells run.
        computation: Of the cells.

    Raises:
        ConfigError: The cluster's address is none.
        DataError: The cluster cannot be used, or a worker has other packages or other code than this process.
    """
    if workers.address is not None:
        with _cluster(workers.address, computation) as count, joblib.parallel_config(backend="dask"):
            yield count
        return
    with _processes():
        yield workers.jobs


def call_in_processes(function: Callable[[A], R], arguments: Iterable[A]) -> list[R]:
    """Call a function with each argument, in as many processes as there are cores; the results keep their order."""
    with _processes():
        return joblib.Parallel(n_jobs=core_count())(map(joblib.delayed(function), arguments))


@contextmanager
def _processes() -> Iterator[None]:
    """Make joblib use processes of this machine, which end with the block, or with this process."""
    try:
        with joblib.parallel_config(backend="loky", initializer=_follow_driver, initargs=(os.getpid(),)):
            yield
    finally:
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def environment(computation: Computation) -> dict[str, str]:
    """Return the versions of the packages and the digest of the code that the numbers of cells depend on."""
    versions = provenance.versions(*computation.packages)
    python = ".".join(platform.python_version_tuple()[:2])  # decides the digest of the code
    packages = {package: versions[package] for package in computation.packages}
    return {"Python": python, **packages, "ex3 code": provenance.code_digest(computation.module)}


def require_same_environment(worker: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Check that a worker has the same packages and code as the driver.

    Raises:
        DataError: It has not; the message names each difference.
    """
    differences = [f"{name} {theirs[name]} instead of {ours[name]}" for name in ours if theirs[name] != ours[name]]
    if differences:
        raise DataError(f"{worker} has {', '.join(differences)}; {INSTALL_HINT}")


def _follow_driver(driver: int) -> None:
    """Leave Ctrl-C and warnings to the driver, and end this worker when the driver ends."""
    log.setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _cluster(address: str, computation: Computation) -> Iterator[int]:
    """Connect to a Dask scheduler and check its workers; yield their number."""
    try:
        from distributed import Client
    except ImportError as error:
        raise DataError("--backend dask: needs 'pip install -r requirements-dask.txt'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    client = _connect(Client, address)
    with client:
        for worker, theirs in _ask_workers(client, address, computation).items():
            require_same_environment(f"{address}: its worker {worker}", theirs, environment(computation))
        yield len(client.ncores())


def _connect(build_client: Callable[..., Any], address: str) -> Any:
    """Connect to a scheduler; give up on one that accepts and says nothing, for which Dask waits for ever."""
    if not address.startswith("tcp://"):
        raise ConfigError(
            f"--address {address!r}: should be tcp://HOST:PORT; tls:// and ucx:// need more than an address"
        )
    clients: queue.Queue[Any] = queue.Queue()

    def connect() -> None:
        try:
            clients.put(build_client(address, timeout=CONNECT_TIMEOUT, set_as_default=True))
        except Exception as error:
            clients.put(error)

    threading.Thread(target=connect, daemon=True).start()
    silence = f"{address}: no Dask scheduler answers there within {CONNECT_TIMEOUT} s"
    try:
        client = clients.get(timeout=2 * CONNECT_TIMEOUT)
    except queue.Empty:
        raise DataError(silence) from None
    if isinstance(client, Exception):
        raise DataError(silence) from client
    return client


def _ask_workers(client: Any, address: str, computation: Computation) -> dict[str, dict[str, str]]:
    """Return the environment of each worker of a cluster; check that scheduler and workers can import this package."""
    asked = "scheduler"
    try:
        client.run_on_scheduler(core_count)  # it reads each task on its way to a worker
        asked = "workers"
        client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
        return client.run(environment, computation)
    except TimeoutError as error:
        raise DataError(f"{address}: this Dask scheduler has no workers") from error
    except Exception as error:  # distributed raises the exception of the other side, of any type
        raise DataError(f"{address}: its {asked} cannot import ex3; {INSTALL_HINT} ({error})") from error
