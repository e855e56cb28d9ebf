"""``imbalance``: classes made rare and labels made wrong on purpose, and what helps against both (R2)."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ex3 import storage
from ex3.cells import Workers, cell_path, run_cells
from ex3.data import load_images
from ex3.data_care.altered import ALTERED_TRAINING, AlteredRun, Material, check_mess, gather
from ex3.data_care.config import AlteredConfig, ImbalanceConfig
from ex3.data_care.remedies import (
    CLEAN,
    NOTHING,
    TOGETHER,
    TRUE,
    ImbalanceResult,
    Remedy,
    Search,
    judge_search,
    plan_folds,
    plan_with_suspects,
    plan_without_suspects,
    summarise,
)
from ex3.data_care.suspects import Suspects, find_suspects, find_suspects_of_kind, out_of_fold
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Paths, divergence, figure_prefix, headline, make_record, require_at_hand
from ex3.plots import imbalance as plots
from ex3.progress import show_cells
from ex3.results import DatasetInfo, spread
from ex3.tables import Table, with_spread

Plan = Mapping[str, Sequence[AlteredConfig]]  # by remedy one config per seed, or by seed one per fold
ON_MNIST = "python cli.py imbalance --dataset mnist --classes 4,7,9"
HEADER = ["remedy", "balanced accuracy", "seconds"]


@dataclass(frozen=True)
class Trained:
    """All runs, arranged like the plan; the number of runs that were stored already; seconds as in ``CellResults``."""

    runs: dict[str, list[AlteredRun]]
    reused: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """One seed's suspects, and how good the searches were."""

    suspects: Suspects
    search: Search
    blind: Search


def run(
    config: ImbalanceConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    *,
    may_download: bool = True,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Make the mess, search for the wrong labels, train a network per remedy and seed, and write the results.

    Args:
        config: The mess, the network and its augmentation.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        may_download: Let Keras download a data set that is not at hand.
        fresh: Delete the stored runs of this experiment first.
        quiet: Show no progress.

    Raises:
        ConfigError: The mess or the network does not fit the images.
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        DivergedError: A loss became infinite or not a number before the search.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished runs are kept.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs / "cells")
    if not may_download:
        require_at_hand(config, paths, ON_MNIST)
    seeds = range(config.seed, config.seed + config.seeds)
    info, materials = _make_mess(config, seeds, paths)
    train = partial(_train, dataset=info, paths=paths, workers=workers, fresh=fresh, quiet=quiet)
    folds = {_fold_name(seed): plan_folds(config, seed, material) for seed, material in materials.items()}
    first = train(_by_name([plan_without_suspects(config, seed) for seed in seeds]) | folds)
    if problem := _first_divergence(first.runs):
        raise problem
    found = {seed: _search(config, info, materials[seed], first.runs[_fold_name(seed)]) for seed in seeds}
    second = train(_by_name([plan_with_suspects(config, seed, found[seed].suspects) for seed in seeds]))
    runs = {name: of_name for name, of_name in (first.runs | second.runs).items() if name not in folds}
    searches, blind = ([getattr(of_seed, kind) for of_seed in found.values()] for kind in ("search", "blind"))
    result = summarise(config, info, runs, [first.runs[name] for name in folds], searches, blind)
    written = _save_figures(config, result, runs, paths, command, first.seconds + second.seconds)
    count = sum(map(len, (first.runs | second.runs).values()))
    work = f"{count} runs ({first.reused + second.reused} reused)"
    return Outcome(
        table=_format(result),
        headline=headline(_finding(result), info, list(seeds), None, time.perf_counter() - start, work),
        written=written,
        problem=_first_divergence(second.runs),
    )


def _make_mess(config: ImbalanceConfig, seeds: Sequence[int], paths: Paths) -> tuple[DatasetInfo, dict[int, Material]]:
    """Return the clean images' description, and each seed's mess."""
    datasets = {seed: load_images(config, paths.data, seed, paths.image_cache) for seed in seeds}
    return datasets[seeds[0]].info, {seed: gather(dataset, config.mess, seed) for seed, dataset in datasets.items()}


def _search(config: ImbalanceConfig, dataset: DatasetInfo, material: Material, folds: Sequence[AlteredRun]) -> Found:
    """Search for the wrong labels, with and without the knowledge which class is mistaken for which."""
    actual, given = check_mess(config.mess, dataset.class_names, material.true)
    probabilities = out_of_fold(folds)
    suspects = find_suspects_of_kind(material.images.y, probabilities, actual, given)
    blind = find_suspects(material.images.y, probabilities)
    return Found(suspects, judge_search(material, suspects), judge_search(material, blind))


def _fold_name(seed: int) -> str:
    return f"folds, seed {seed}"


def _by_name(plans: Sequence[Mapping[str, AlteredConfig]]) -> dict[str, list[AlteredConfig]]:
    """One plan per seed -> by remedy, one config per seed."""
    return {name: [plan[name] for plan in plans] for name in plans[0]}


def _train(plan: Plan, dataset: DatasetInfo, paths: Paths, workers: Workers, fresh: bool, quiet: bool) -> Trained:
    """Train every network of a plan, in parallel; finished runs are kept and found again."""
    configs = [config for of_name in plan.values() for config in of_name]
    folder = paths.runs / "cells"
    for config in configs:
        config.network.check_shape(dataset.shape)
    if fresh:
        storage.remove_files(cell_path(folder, config, dataset, ALTERED_TRAINING) for config in configs)
    names = {config: name for name, of_name in plan.items() for config in of_name}

    def describe(run: AlteredRun) -> str:
        return f"{names[run.config]}, seed {run.config.seed}"

    with nullcontext() if quiet else show_cells(describe) as on_progress:
        done = run_cells(
            configs, dataset, folder, workers, ALTERED_TRAINING, paths.data, on_progress, paths.image_cache
        )
    in_order = iter(done.runs)
    runs = {name: [next(in_order) for _ in of_name] for name, of_name in plan.items()}
    return Trained(runs, done.reused, done.seconds)


def _save_figures(
    config: ImbalanceConfig,
    result: ImbalanceResult,
    runs: Mapping[str, Sequence[AlteredRun]],
    paths: Paths,
    command: str,
    seconds: float,
) -> list[Path]:
    written: list[Path] = []
    prefix = figure_prefix("imbalance", result.dataset)
    record = partial(
        make_record,
        command=command,
        config=config.model_dump(mode="json"),
        dataset=result.dataset,
        seeds=[run.config.seed for run in runs[NOTHING]],
        seconds=seconds,
        result=result,
        threads=runs[NOTHING][0].config.network.threads,
        packages=("tensorflow", "keras", "numpy", "scikit-learn", "cleanlab"),
        models={
            f"{name}, seed {run.config.seed}": run.run.weights for name, of_name in runs.items() for run in of_name
        },
    )
    for name, draw in plots.FIGURES.items():
        written += storage.save_figure(paths.figures, draw(result), record(f"{prefix}-{name}"))
    return written


def _format(result: ImbalanceResult) -> list[Table | str]:
    header = [*HEADER, *(f"recall {name}" for name in result.dataset.class_names)]
    table = Table(header, [_row(name, remedy) for name, remedy in result.remedies.items()])
    lines = [
        f"suspects of {kind}: {with_spread(spread([search.suspects for search in searches]), 0)}, of which "
        f"{with_spread(spread([search.hits for search in searches]), 0)} of {searches[0].planted} wrong labels"
        for kind, searches in (
            (f"images labelled {result.given_class}, answered {result.actual_class}", result.searches),
            ("all images", result.blind),
        )
    ]
    return [table, "\n".join(lines)]


def _row(name: str, remedy: Remedy) -> list[str]:
    recalls = [sum(of_class) / len(of_class) for of_class in zip(*remedy.recalls, strict=True)]
    return [
        name, with_spread(remedy.accuracy, 4), with_spread(remedy.seconds, 0), *(f"{recall:.3f}" for recall in recalls),
    ]  # fmt: skip


def _finding(result: ImbalanceResult) -> str:
    accuracies = [
        f"{name} {with_spread(result.remedies[name].accuracy, 4)}" for name in (NOTHING, TOGETHER, TRUE, CLEAN)
    ]
    recall = with_spread(result.recall_at["0.75"], 2)
    return f"balanced test accuracy: {', '.join(accuracies)}; wrong labels found at a precision of 0.75: {recall}"


def _first_divergence(runs: Mapping[str, Sequence[AlteredRun]]) -> DivergedError | None:
    for name, of_name in runs.items():
        for run in of_name:
            if run.diverged_at is not None:
                return divergence(name, run.config.seed, run.diverged_at, run.config.network.learning_rate)
    return None
