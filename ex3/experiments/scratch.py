"""``scratch``: classifiers written by hand, disturbed by noise and attacked (R3)."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ex3 import storage
from ex3.by_hand import scratch_results
from ex3.by_hand.config import ScratchConfig
from ex3.by_hand.robustness import STUDY, StudiedRun, StudyConfig
from ex3.by_hand.scratch_results import REPORTED, Ceiling, MaskingResult, NoiseMatrix, Reported, Trained
from ex3.cells import Workers
from ex3.experiments import Outcome, Paths, headline
from ex3.experiments.hand_written import expand_seeds, first_divergence, record_networks, train_networks
from ex3.plots import scratch as plots
from ex3.results import DatasetInfo
from ex3.tables import Table, with_spread

if TYPE_CHECKING:  # plots alone needs it
    from matplotlib.figure import Figure

NOISY = "hinge"  # the network that is also trained with noise
ATTACKED = ("hinge", "softmax", "rbf-general")
HEADER = ["network", "test accuracy", "train accuracy", "inputs", "batch", "rate", "epochs", "seconds"]

Runs = dict[str, list[StudiedRun]]


def run(
    config: ScratchConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train all networks with all seeds, disturb and attack them, and write the results.

    Args:
        config: The networks, and what is done to them.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        fresh: Delete the stored runs of this experiment first.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished runs are kept.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs / "cells")
    plan, noisy = plan_networks(config), plan_noise(config)
    done = train_networks(plan | noisy, STUDY, paths, workers, fresh, quiet)
    trained: Runs = {name: done.runs[name] for name in plan}
    written = []
    for name, runs, result, figure in _draw(config, done.dataset, trained, {name: done.runs[name] for name in noisy}):
        record = record_networks(name, runs, result, config, command, done.dataset, done.seconds)
        written += storage.save_figure(paths.figures, figure, record)
    networks = {name: scratch_results.summarise_training(runs) for name, runs in trained.items()}
    best = max(networks, key=lambda name: networks[name].metrics["validation_accuracy"].mean)
    accuracy = with_spread(networks[best].metrics["test_accuracy"], 4)
    work = f"{sum(map(len, done.runs.values()))} runs ({done.reused} reused)"
    seeds = [run.config.seed for run in trained[best]]
    return Outcome(
        table=Table(
            HEADER,
            [*map(_row, networks.items()), *map(_reported_row, REPORTED)],
            list(networks).index(best),
            "validation accuracy",
        ),
        headline=headline(
            f"best by validation: {best}, test accuracy {accuracy}", done.dataset, seeds, None,
            time.perf_counter() - start, work,
        ),
        written=written,
        problem=first_divergence(done.runs),
    )  # fmt: skip


def plan_networks(config: ScratchConfig) -> dict[str, list[StudyConfig]]:
    """Return the configs of all networks, by name; those that are attacked say so.

    Raises:
        ConfigError: A value is not allowed.
    """
    attacked = {"attack_epsilon": config.attack_epsilon, "attack_samples": config.attack_samples}

    def measured(name: str) -> dict[str, Any]:
        return {"test_noise": config.test_noise} | (attacked if name in ATTACKED else {})

    return {
        name: expand_seeds(StudyConfig, settings, measured(name), seeds)
        for networks, seeds in ((config.networks, config.seeds), (config.variations, config.variation_seeds))
        for name, settings in networks.items()
    }


def plan_noise(config: ScratchConfig) -> dict[str, list[StudyConfig]]:
    """Return the configs of the network that is trained with noise: anew for each batch, and once."""
    if NOISY not in config.networks:
        return {}
    settings = config.networks[NOISY]
    return {
        _noise_name(sigma, once): expand_seeds(
            StudyConfig,
            {**settings, "noise": sigma, "noise_once": once},
            {"test_noise": config.test_noise},
            config.variation_seeds,
        )
        for sigma in config.train_noise
        for once in (False, True)
    }


def _noise_name(sigma: float, once: bool) -> str:
    return f"{NOISY}, noise {sigma:g} {'once' if once else 'anew'}"


def _draw(
    config: ScratchConfig, dataset: DatasetInfo, trained: Runs, noisy: Runs
) -> Iterator[tuple[str, Runs, Any, "Figure"]]:
    """Yield each figure for which there are networks: its name, the runs it rests on, its result, and itself."""
    networks = {name: scratch_results.summarise_training(runs) for name, runs in trained.items()}
    training = scratch_results.build_training(dataset, networks)
    yield "scratch-training", trained, training, plots.draw_training(training)
    if rbf := {name: trained[name] for name in plots.RBF_TITLES if name in trained}:
        ceiling = Ceiling(dataset, {name: networks[name] for name in rbf})
        yield "scratch-ceiling", rbf, ceiling, plots.draw_ceiling(ceiling)
    if noisy:
        matrix = _summarise_noise(config, dataset, trained[NOISY], noisy)
        yield "scratch-noise", noisy, matrix, plots.draw_noise(matrix)
    if attacked := {name: runs for name, runs in trained.items() if any(run.masking for run in runs)}:
        masked = {name: scratch_results.summarise_masking(runs) for name, runs in attacked.items()}
        masking = MaskingResult(dataset, list(config.attack_epsilon), masked)
        yield "scratch-masking", attacked, masking, plots.draw_masking(masking)


def _summarise_noise(
    config: ScratchConfig, dataset: DatasetInfo, clean: Sequence[StudiedRun], noisy: Mapping[str, Sequence[StudiedRun]]
) -> NoiseMatrix:
    rows = [
        [clean[: config.variation_seeds], *(noisy[_noise_name(sigma, once)] for sigma in config.train_noise)]
        for once in (False, True)
    ]
    anew, once = ([scratch_results.summarise_noise(runs) for runs in of_kind] for of_kind in rows)
    return NoiseMatrix(dataset, [0.0, *config.train_noise], list(config.test_noise), anew, once)


def _row(named: tuple[str, Trained]) -> list[str]:
    name, network = named
    config = network.config
    return [
        name,
        with_spread(network.metrics["test_accuracy"], 4),
        with_spread(network.metrics["train_accuracy"], 4),
        f"PCA {config.components}" if config.components else "pixels",
        str(config.batch_size),
        f"{config.learning_rate:g}",
        str(config.epochs),
        with_spread(network.seconds, 1),
    ]


def _reported_row(reported: Reported) -> list[str]:
    train = "-" if reported.train_accuracy is None else f"{reported.train_accuracy:g}"
    name = f"R3 reports: {reported.network}"
    return [name, f"{reported.test_accuracy:g}", train, "", "", "", "", reported.seconds or "-"]
