"""The hand-written networks that experiments train: their configs, their runs in parallel, and the twins' heads."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ex3 import storage
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.training import HandRun
from ex3.cells import Workers, cell_path, run_cells
from ex3.config import Config
from ex3.config_files import change
from ex3.data import load_images
from ex3.errors import DivergedError
from ex3.experiments import Paths, Result, divergence, make_record
from ex3.progress import show_cells
from ex3.provenance import Computation
from ex3.results import DatasetInfo, Record

log = logging.getLogger("ex3")

C = TypeVar("C", bound=NetworkConfig)
R = TypeVar("R", bound=HandRun)


@dataclass(frozen=True)
class TrainedNetworks(Generic[R]):
    """All runs by network, one per seed.

    Attributes:
        runs: By network.
        dataset: Their images.
        reused: Number of runs that were stored already.
        seconds: As in ``CellResults``.
    """

    runs: dict[str, list[R]]
    dataset: DatasetInfo
    reused: int
    seconds: float


def expand_seeds(kind: type[C], settings: Mapping[str, Any], measured: Mapping[str, Any], seeds: int) -> list[C]:
    """Return a network's config with each of its seeds.

    Args:
        kind: Class of the config.
        settings: The network's.
        measured: Settings of what is measured.
        seeds: Number of seeds, from that of the settings upwards.

    Raises:
        ConfigError: A value is not allowed.
    """
    base = change(kind(), {**settings, **measured}, "network")
    return [change(base, {"seed": seed}, "seeds") for seed in range(base.seed, base.seed + seeds)]


def train_networks(
    plan: Mapping[str, Sequence[C]],
    computation: Computation[R],
    paths: Paths,
    workers: Workers,
    fresh: bool,
    quiet: bool,
) -> TrainedNetworks[R]:
    """Train every network with every seed, in parallel; finished runs are kept and found again.

    Args:
        plan: By name, the configs of a network.
        computation: What is run.
        paths: Where to read and write.
        workers: Where the runs take place.
        fresh: Delete the stored runs first.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    folder = paths.runs / "cells"
    configs = [config for seeds in plan.values() for config in seeds]
    configs.sort(key=lambda config: config.adversarial_epsilon == 0)  # the longest first: attacked in training
    first = configs[0]
    dataset = load_images(first, paths.data, first.seed, paths.image_cache).info
    log.info("%s, from %s", dataset, paths.data or dataset.source)
    if max(config.batch_size for config in configs) > dataset.sizes["train"]:
        log.warning("batch sizes above %d are cut to it: there are no more training images", dataset.sizes["train"])
    if fresh:
        storage.remove_files(cell_path(folder, config, dataset, computation) for config in configs)
    names: dict[NetworkConfig, str] = {config: name for name, seeds in plan.items() for config in seeds}

    def describe(run: HandRun) -> str:
        return f"{names[run.config]}, seed {run.config.seed}"

    with nullcontext() if quiet else show_cells(describe) as on_progress:
        done = run_cells(configs, dataset, folder, workers, computation, paths.data, on_progress, paths.image_cache)
    by_config = {run.config: run for run in done.runs}
    runs = {name: [by_config[config] for config in seeds] for name, seeds in plan.items()}
    return TrainedNetworks(runs, dataset, done.reused, done.seconds)


def record_networks(
    name: str,
    runs: Mapping[str, Sequence[HandRun]],
    result: Result,
    config: Config,
    command: str,
    dataset: DatasetInfo,
    seconds: float,
) -> Record[Result]:
    """Build the twin of a figure that rests on hand-written networks; see ``make_record``."""
    seeds = sorted({run.config.seed for of_network in runs.values() for run in of_network})
    models = {
        f"{network}, seed {run.config.seed}": run.weights for network, of_network in runs.items() for run in of_network
    }
    return make_record(
        name, command, config.model_dump(mode="json"), dataset, seeds, seconds, result,
        threads=1, packages=["numpy", "scipy", "scikit-learn"], models=models,
    )  # fmt: skip


def first_divergence(runs: Mapping[str, Sequence[HandRun]]) -> DivergedError | None:
    """Return the error for the first run whose loss was not finite, if there is one."""
    for name, of_network in runs.items():
        for run in of_network:
            if run.diverged_at is not None:
                return divergence(name, run.config.seed, run.diverged_at, run.config.learning_rate)
    return None
