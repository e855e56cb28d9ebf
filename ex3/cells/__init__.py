"""Many independent runs ("cells"), several at a time, none of them twice.

A run is a function of a config and its images (a ``Computation``); training a network in Keras is the usual one. A
cell depends on its config, the images, the packages and the code alone, and its file is named after them. Each runs in
a worker process that was started afresh, never forked, through joblib (see ``workers.py``). The driver writes every
cell as soon as it is finished (``stored.py``), and a later call finds it there.
"""

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

import joblib

from ex3 import data, locks, storage
from ex3.cells.position import CellProgress, CellResults, OnCellProgress
from ex3.cells.stored import Cell, cell_path, load_cells, seal_cell
from ex3.cells.workers import (
    Workers,
    call_in_processes,
    core_count,
    environment,
    require_same_environment,
    start_workers,
    threads_per_worker,
)  # fmt: skip
from ex3.config import Config
from ex3.errors import DataError, StoppedError, WorkerError
from ex3.memory import limit_jobs
from ex3.provenance import Computation
from ex3.results import DatasetInfo
from ex3.settings import ImagesConfig

__all__ = [
    "Cell", "CellProgress", "CellResults", "OnCellProgress", "Workers", "call_in_processes", "cell_path", "core_count",
    "run_cells", "threads_per_worker",
]  # fmt: skip

log = logging.getLogger("ex3")

MAX_DEATHS = 3  # of worker processes, before the sweep gives up

_one_at_a_time = threading.Lock()  # a Dask worker may have several threads; Keras has one global state

R = TypeVar("R")
KeeperOf = Callable[[Path, Any], Any]  # a cell's file and config -> the ``measured.Keeper`` of its training
Folders = tuple[Path | None, Path | None]  # of the images, and where those of a folder are kept once they are read


@dataclass(frozen=True)
class Work(Generic[R]):
    """What all cells of a call have in common; it travels to the workers.

    Attributes:
        dataset: The images.
        folders: Where the workers find them.
        computation: What is run.
        keeper_of: What keeps the states of the trainings.
        environment: What the workers need.
    """

    dataset: DatasetInfo
    folders: Folders
    computation: Computation[R]
    keeper_of: KeeperOf | None
    environment: Mapping[str, str]


def run_cells(
    configs: Sequence[Config],
    dataset: DatasetInfo,
    folder: Path,
    workers: Workers,
    computation: Computation[R],
    data_dir: Path | None = None,
    on_progress: OnCellProgress | None = None,
    image_cache: Path | None = None,
    on_run: Callable[[R], object] = lambda run: None,
    keeper_of: KeeperOf | None = None,
) -> CellResults[R]:
    """Run every config whose cell is not stored yet.

    A run whose loss becomes infinite or not a number is a result like any other.

    Args:
        configs: Of the cells, with their images and a seed each; equal configs are one cell. They run seed by seed,
            those of a seed in this order.
        dataset: The images; a worker that finds others refuses.
        folder: Where the cells are stored.
        workers: Where they run; the number of processes is at most that of the cells, and what the memory holds.
        computation: What is run.
        data_dir: As in ``data.load_dataset``; for Dask, as the workers see it.
        on_progress: Called at the beginning and after each cell.
        image_cache: As in ``data.load_dataset``.
        on_run: Called with each run as soon as it is there, the stored ones first, while others go on.
        keeper_of: A cell's file and config -> what keeps the state of its training; the computation's third argument.

    Raises:
        DataError: The cluster cannot be used, or a worker does not find the same images, packages and code.
        WorkerError: Worker processes were killed again and again.
        WriteError: Another process computes cells with one of the settings in this folder.
        StoppedError: Ctrl-C. The workers are stopped; finished cells are kept.
    """
    paths = [cell_path(folder, config, dataset, computation) for config in configs]
    cells = dict(zip(paths, configs, strict=True))
    done = load_cells(cells, computation)

    def show_progress(newest: Cell | None = None) -> None:
        if on_progress:
            diverged = sum(cell.run.diverged_at is not None for cell in done.values())
            on_progress(CellProgress(len(done), len(cells), min(jobs, len(cells) - len(done)), diverged, newest))

    jobs = limit_jobs(workers.jobs, len(cells))
    folders = data_dir and data_dir.resolve(), image_cache and image_cache.resolve()
    work = Work(dataset, folders, computation, keeper_of, environment(computation))
    is_computing = len(done) < len(cells)
    with _explained(done, cells, folder), _held(folder, cells, dataset, computation, is_computing):
        done |= load_cells({path: config for path, config in cells.items() if path not in done}, computation)
        reused = len(done)
        with start_workers(replace(workers, jobs=jobs), computation) as jobs:
            show_progress()
            for path in [path for path in cells if path in done]:
                on_run(done[path].run)
            for path, cell in _run_missing(cells, done, jobs, work):
                done[path] = cell
                show_progress(cell)
                on_run(cell.run)
    return CellResults([done[path].run for path in paths], reused, sum(done[path].seconds for path in cells))


@contextmanager
def _explained(done: Mapping[Path, Cell], cells: Mapping[Path, Config], folder: Path) -> Iterator[None]:
    """Turn what ends the workers too early into an error that says what is kept."""
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerError(
            f"worker processes were killed {MAX_DEATHS} times (is there enough memory? fewer --jobs need less); "
            f"{_describe(done, cells, folder)}"
        ) from error
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's, which may not be installed
            raise
        raise WorkerError(
            f"a cell killed its Dask worker more than three times (is there enough memory?); "
            f"{_describe(done, cells, folder)}"
        ) from error
    except KeyboardInterrupt:
        state = _describe(done, cells, folder)
        raise StoppedError(f"interrupted; {state}; the same command goes on from there") from None


@contextmanager
def _held(
    folder: Path, cells: Mapping[Path, Config], dataset: DatasetInfo, computation: Computation, is_computing: bool
) -> Iterator[None]:
    """Let no other process compute cells with the same settings, whatever their seeds."""
    settings = {
        cell_path(folder, config.model_copy(update={"seed": 0}), dataset, computation).stem for config in cells.values()
    }
    if is_computing:
        with locks.locked(folder, settings):
            yield
    else:
        locks.remove_left_over(folder, settings)
        yield


def _describe(done: Mapping[Path, Cell], cells: Mapping[Path, Config], folder: Path) -> str:
    return f"{len(done)} of {len(cells)} cells are finished and kept in {folder}"


def _run_missing(
    cells: Mapping[Path, Any], done: dict[Path, Cell], jobs: int, work: Work
) -> Iterator[tuple[Path, Cell]]:
    """Store and yield each missing cell when it is finished; start those again whose worker was killed.

    They come seed by seed, since a worker keeps the images of a seed for its next cell.
    """
    deaths = 0
    in_turn = sorted(cells.items(), key=lambda cell: cell[1].seed)
    while missing := {path: config for path, config in in_turn if path not in done}:
        tasks = (joblib.delayed(_compute)(path, config, work) for path, config in missing.items() if not path.exists())
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        try:
            with warnings.catch_warnings(action="ignore"), closing(parallel(tasks)) as results:
                for path, cell in results:
                    storage.save_json(path, cell)
                    if work.keeper_of:
                        work.keeper_of(path, cells[path]).forget()
                    yield path, cell
        except BrokenProcessPool:
            deaths += 1
            if deaths == MAX_DEATHS:
                raise
            log.warning("a worker process was killed; the cells under way are started again")
        done |= load_cells({path: config for path, config in missing.items() if path not in done}, work.computation)


def _compute(path: Path, config: Any, work: Work) -> tuple[Path, Cell]:
    """Run one cell, in a worker.

    It holds no images itself: the frames that first import TensorFlow live as long as the process.
    """
    compute = getattr(import_module(work.computation.module), work.computation.function)
    with _one_at_a_time:
        start = time.perf_counter()
        require_same_environment("a worker", environment(work.computation), work.environment)
        run = _run(compute, path, config, work)
        return path, seal_cell(path, time.perf_counter() - start, run)


def _run(compute: Callable[..., R], path: Path, config: Any, work: Work[R]) -> R:
    """Call a computation with the images of its config.

    Raises:
        DataError: They are not those of the driver.
    """
    images, expected = load_images(config.images, config.seed, work.folders), work.dataset
    if images.fingerprint != expected.fingerprint:
        raise DataError(
            f"a worker found {images.name} ({images.fingerprint}) instead of {expected.name} "
            f"({expected.fingerprint}); name a --data-dir that it can see"
        )
    return compute(config, images, *([work.keeper_of(path, config)] if work.keeper_of else []))


@lru_cache(maxsize=1)
def load_images(images: ImagesConfig, seed: int, folders: Folders) -> data.Dataset:
    """Load images; keep those of the newest cell, since the next one often has the same."""
    data_dir, cache = folders
    return data.load_images(images, data_dir, seed, cache)
