"""``inspect``: what a careful person looks at before training: classes, duplicates, suspected wrong labels (R2)."""

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from ex3 import storage
from ex3.cells import CellResults, Workers, cell_path, run_cells
from ex3.config import ClassifierConfig
from ex3.config_files import change, load, shipped
from ex3.data import Dataset, Split, load_images
from ex3.data.sources import count_kinds
from ex3.data_care import inspection
from ex3.data_care.altered import ALTERED_TRAINING, AlteredRun, gather
from ex3.data_care.config import AlteredConfig, InspectConfig
from ex3.data_care.duplicates import Pairs
from ex3.data_care.inspection import SuspectsResult
from ex3.data_care.suspects import Suspects, find_suspects, fold_configs, out_of_fold
from ex3.errors import ConfigError, DivergedError
from ex3.experiments import Outcome, Paths, divergence, figure_prefix, headline, make_record, require_at_hand
from ex3.experiments import _inspection_texts as texts
from ex3.memory import limit_jobs
from ex3.plots import inspect as plots
from ex3.progress import show_cells
from ex3.provenance import RUN_PACKAGES

log = logging.getLogger("ex3")

ON_MNIST = "python cli.py inspect --dataset mnist --classes 4,7,9"


def run(
    config: InspectConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    *,
    with_suspects: bool = True,
    may_download: bool = True,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Look at the images, seek wrong labels among them, and write the results.

    Args:
        config: Which images, and how they are looked at.
        paths: Where to read and write.
        workers: Where the networks are trained.
        command: The command line that repeats this, for the twins.
        with_suspects: Train networks, and seek wrong labels with them.
        may_download: Let Keras download a data set that is not at hand.
        fresh: Delete the stored runs of this experiment first.
        quiet: Show no progress.

    Raises:
        ConfigError: The network does not fit the images, or a class has fewer images than there are folds.
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before anything is computed.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished runs are kept.
    """
    start = time.perf_counter()
    folder = paths.runs / "inspect"
    storage.check_writable(paths.figures, paths.runs / "cells", folder)
    if not may_download:
        require_at_hand(config, paths, ON_MNIST)
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    log.info("%s, from %s", dataset.info, paths.data or dataset.source)
    training = gather(dataset, None, config.seed).images
    plan = _plan_folds(config, dataset, training) if with_suspects else []
    kinds = count_kinds(config.dataset, paths.data, dataset.class_names, paths.image_cache)
    classes = inspection.summarise_classes(dataset, training, dict(kinds.most_common()), config.seed)
    duplicates, pairs = inspection.summarise_duplicates(dataset, training, config.near)
    looking = time.perf_counter() - start
    done = _train(plan, dataset, paths, workers, fresh, quiet) if plan else CellResults[AlteredRun]([], 0, 0)
    runs, problem = done.runs, _first_divergence(done.runs)
    suspects = _find_suspects(training, dataset.test, runs) if runs and not problem else {}
    result = _summarise_suspects(dataset, training, suspects, runs) if suspects else None
    written = _save_lists(folder, dataset, training, pairs, suspects)
    threads = runs[0].config.network.threads if runs else None
    record = partial(
        make_record,
        command=command,
        config=config.model_dump(mode="json"),
        dataset=dataset.info,
        seeds=[config.seed],
        seconds=looking + done.seconds / limit_jobs(workers.jobs, len(plan)),
        threads=threads or 1,
        packages=(*RUN_PACKAGES, "cleanlab"),
        models={f"fold {number}": run.run.weights for number, run in enumerate(runs, 1)},
    )
    for name, figure, part in plots.draw_all(classes, duplicates, result):
        full_name = f"{figure_prefix('inspect', dataset.info)}-{name}"
        written += storage.save_figure(paths.figures, figure, record(full_name, result=part))
    finding = texts.describe_finding(classes, duplicates, result)
    return Outcome(
        table=texts.format_results(classes, duplicates, result),
        headline=headline(finding, dataset.info, [config.seed], threads, time.perf_counter() - start),
        written=written,
        problem=problem,
    )


def _plan_folds(config: InspectConfig, dataset: Dataset, training: Split) -> list[AlteredConfig]:
    """Return one config per fold."""
    counts = np.bincount(training.y, minlength=len(dataset.class_names))
    if counts.min() < config.folds:
        name = dataset.class_names[counts.argmin()]
        raise ConfigError(
            f"folds = {config.folds}: the class {name} has {counts.min()} training images; "
            "fewer --folds need fewer, --no-suspects none"
        )
    network = choose_network(config, dataset, len(training) * (config.folds - 1) // config.folds)
    network.check_shape(dataset.shape)
    return fold_configs(network, None, training.y, config.folds)


def choose_network(config: InspectConfig, dataset: Dataset, count: int) -> ClassifierConfig:
    """Return the settings of the network: that for photographs where the images have colours, else the convnet's.

    Args:
        config: Of the experiment.
        dataset: The images.
        count: So many of them the network is trained on.
    """
    name = "photographs" if dataset.shape[-1] == 3 else "convnet"
    images = {key: value for key, value in config.images if value is not None}
    network = change(load(shipped(name)), {**config.network, **images, "seed": config.seed}, "network")
    steps_per_epoch = count // min(count, network.batch_size)
    return change(network, {"epochs": math.ceil(config.steps / steps_per_epoch)}, "steps")


def _train(
    plan: Sequence[AlteredConfig], dataset: Dataset, paths: Paths, workers: Workers, fresh: bool, quiet: bool
) -> CellResults[AlteredRun]:
    """Train the network of each fold, in parallel; finished runs are kept and found again."""
    folder, info = paths.runs / "cells", dataset.info
    if fresh:
        storage.remove_files(cell_path(folder, config, info, ALTERED_TRAINING) for config in plan)
    numbers = {config: number for number, config in enumerate(plan, 1)}

    def describe(run: AlteredRun) -> str:
        return f"fold {numbers[run.config]}"

    with nullcontext() if quiet else show_cells(describe) as on_progress:
        return run_cells(plan, info, folder, workers, ALTERED_TRAINING, paths.data, on_progress, paths.image_cache)


def _first_divergence(runs: Iterable[AlteredRun]) -> DivergedError | None:
    for number, run in enumerate(runs, 1):
        if run.diverged_at is not None:
            network = run.config.network
            return divergence(f"fold {number}", network.seed, run.diverged_at, network.learning_rate)
    return None


def _find_suspects(training: Split, test: Split, runs: Sequence[AlteredRun]) -> dict[str, Suspects]:
    """Find suspects in both splits; no network has seen a test image, so their mean judges these."""
    return {
        "training": find_suspects(training.y, out_of_fold(runs)),
        "test": find_suspects(test.y, np.mean([run.test for run in runs], axis=0)),
    }


def _summarise_suspects(
    dataset: Dataset, training: Split, suspects: Mapping[str, Suspects], runs: Sequence[AlteredRun]
) -> SuspectsResult:
    splits = {
        name: inspection.summarise_suspects(dataset, name, images, suspects[name])
        for name, images in (("training", training), ("test", dataset.test))
    }
    return SuspectsResult(dataset.info, len(runs), splits, sum(run.run.seconds for run in runs))


def _save_lists(
    folder: Path, dataset: Dataset, training: Split, pairs: Pairs, suspects: Mapping[str, Suspects]
) -> list[Path]:
    """Write all duplicates and, where they were sought, the suspects of both splits, as CSV."""
    written = [storage.save_text(folder / "duplicates.csv", texts.write_pairs(dataset, training, pairs))]
    files = {"training": folder / "suspects.csv", "test": folder / "suspects-test.csv"}
    for name, found in suspects.items():
        images = training if name == "training" else dataset.test
        written.append(storage.save_text(files[name], texts.write_labels(dataset, name, images, found)))
    return written
