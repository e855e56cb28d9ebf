"""Many independent training runs ("cells"), several at a time, none of them twice.

A cell is a pure function of its config and the images. Each runs in a worker process that was started afresh, never
forked, through joblib: processes of this machine (loky), or the workers of a Dask cluster. The driver writes every cell
the moment it is finished, under a name made from all that its numbers depend on; a later call finds it there.
"""

import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
from joblib.externals.loky import get_reusable_executor

import ex3
from ex3 import storage
from ex3.config import AutoencoderConfig, TrainConfig
from ex3.data import load_dataset
from ex3.errors import DataError, StoppedError, WorkerError
from ex3.results import Cell, DatasetInfo, Run

log = logging.getLogger("ex3")

ROOT = Path(__file__).parents[1]
CONNECT_TIMEOUT = 10  # seconds to wait for a Dask scheduler, and for its first worker
DEATHS = 3  # of worker processes, and the sweep gives up

_one_at_a_time = threading.Lock()  # a Dask worker may have several threads; Keras has one global state


@dataclass(frozen=True)
class Workers:
    """Where cells run.

    Attributes:
        jobs: Processes of this machine.
        address: Of a Dask scheduler whose workers are used instead, e.g. ``tcp://127.0.0.1:8786``.
    """

    jobs: int
    address: str | None = None


@dataclass(frozen=True)
class CellReport:
    """How far the cells are, for whoever watches.

    Attributes:
        done: Cells that are finished, the reused ones included, of ``total``.
        running: Cells under way.
        diverged: Finished cells whose loss became infinite or not a number.
        newest: The cell that was finished last; ``None`` at the beginning.
    """

    done: int
    total: int
    running: int
    diverged: int
    newest: Cell | None = None


def core_count() -> int:
    """Return how many processor cores this process may use."""
    return joblib.cpu_count()


def threads_per_worker(jobs: int) -> int:
    """Return how many threads each of so many workers may have, so that together they have the cores."""
    return max(1, core_count() // jobs)


def run_cells(
    configs: Sequence[TrainConfig],
    dataset: DatasetInfo,
    folder: Path,
    workers: Workers,
    data_dir: Path | None = None,
    report: Callable[[CellReport], None] | None = None,
) -> tuple[list[Run], int]:
    """Train every config that is not in the folder yet.

    A run whose loss becomes infinite or not a number is a result like any other.

    Args:
        configs: What each cell depends on; equal configs are one cell.
        dataset: The images; a worker that finds others refuses.
        folder: Where the cells are kept.
        workers: Where they run.
        data_dir: As in ``data.load_dataset``; for Dask, as the workers see it.
        report: Called at the beginning and after each cell.

    Returns:
        The runs, in the order of the configs, and how many cells were there already.

    Raises:
        DataError: The cluster cannot be used, or a worker does not find the same images.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. The workers are stopped; what was finished is kept.
    """
    cells = {storage.cell_path(folder, config, dataset): config for config in configs}
    done = _stored(cells)
    reused, deaths = len(done), 0

    def tell(jobs: int, newest: Cell | None = None) -> None:
        if report:
            diverged = sum(cell.run.diverged_at is not None for cell in done.values())
            report(CellReport(len(done), len(cells), min(jobs, len(cells) - len(done)), diverged, newest))

    try:
        with _pool(workers) as jobs:
            tell(jobs)
            while missing := {path: config for path, config in cells.items() if path not in done}:
                try:
                    for path, cell in _in_parallel(missing, jobs, dataset, data_dir and data_dir.resolve()):
                        storage.save_cell(path, cell)
                        done[path] = cell
                        tell(jobs, cell)
                except BrokenProcessPool as error:
                    deaths += 1
                    if deaths == DEATHS:
                        raise WorkerError(
                            f"worker processes were killed {deaths} times (is there enough memory? fewer --jobs need "
                            f"less); {_state(done, cells, folder)}"
                        ) from error
                    log.warning("a worker process was killed; the cells under way are started again")
                done |= _stored(missing)
    except KeyboardInterrupt:
        raise StoppedError(f"interrupted; {_state(done, cells, folder)}; the same command goes on from there") from None
    return [done[storage.cell_path(folder, config, dataset)].run for config in configs], reused


def _stored(cells: Mapping[Path, TrainConfig]) -> dict[Path, Cell]:
    return {path: cell for path, config in cells.items() if (cell := storage.load_cell(path, config))}


def _state(done: Mapping, cells: Mapping, folder: Path) -> str:
    return f"{len(done)} of {len(cells)} cells are finished and kept in {folder}"


def _in_parallel(
    cells: Mapping[Path, TrainConfig], jobs: int, dataset: DatasetInfo, data_dir: Path | None
) -> Iterator[tuple[Path, Cell]]:
    """Yield each cell when it is finished; leave those out that another sweep has finished in the meantime."""
    tasks = (
        joblib.delayed(_compute)(path, config, dataset, data_dir)
        for path, config in cells.items()
        if not _stored({path: config})
    )
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
    with warnings.catch_warnings(action="ignore"), closing(parallel(tasks)) as results:
        yield from results


def _compute(path: Path, config: TrainConfig, dataset: DatasetInfo, data_dir: Path | None) -> tuple[Path, Cell]:
    """Train one cell, in a worker."""
    from ex3.training import train_autoencoder, train_classifier

    train = train_autoencoder if isinstance(config, AutoencoderConfig) else train_classifier
    with _one_at_a_time:
        start = time.perf_counter()
        images = load_dataset(config.dataset, data_dir, config.seed, config.limit)
        if images.fingerprint != dataset.fingerprint:
            raise DataError(
                f"a worker found {images.name} ({images.fingerprint}) instead of {dataset.name} "
                f"({dataset.fingerprint}); name a --data-dir that it can see"
            )
        _, run = train(config, images)
        return path, Cell(ex3.__version__, time.perf_counter() - start, run)


@contextmanager
def _pool(workers: Workers) -> Iterator[int]:
    """Make joblib use the workers; say how many cells run at a time."""
    if workers.address:
        with _cluster(workers.address) as count, joblib.parallel_config(backend="dask"):
            yield count
        return
    try:
        with joblib.parallel_config(backend="loky", initializer=_follow, initargs=(os.getpid(),)):
            yield workers.jobs
    finally:
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _follow(driver: int) -> None:
    """Let a worker leave Ctrl-C and warnings to the driver, and end when the driver is no more."""
    log.setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[int]:
    """Connect to a Dask scheduler and see that its workers can compute cells; say how many there are."""
    try:
        from distributed import Client
    except ImportError as error:
        raise DataError("--backend dask: needs 'pip install -r requirements-dask.txt'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: no Dask scheduler answers there within {CONNECT_TIMEOUT} s") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
            versions = set(client.run(_version).values())
        except TimeoutError as error:
            raise DataError(f"{address}: this Dask scheduler has no workers") from error
        except Exception as error:  # what a worker could not import comes back as a bare Exception
            if "No module named 'ex3'" not in str(error):
                raise
            raise DataError(f"{address}: its workers cannot import ex3; start them with PYTHONPATH={ROOT}") from error
        if versions != {ex3.__version__}:
            raise DataError(
                f"{address}: its workers have ex3 {', '.join(sorted(versions))}, here it is {ex3.__version__}"
            )
        yield len(client.ncores())


def _version() -> str:
    return ex3.__version__
