"""``defend``: networks that are trained against noise of a bound, attacked, and certified (R0, R3)."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ex3 import model_store, models, storage
from ex3.adversarial.defence_results import Defence, Defences, build_defences, build_pictures
from ex3.adversarial.defend_config import DefendConfig, DefendedConfig
from ex3.adversarial.defended import DEFEND, DefendedRun
from ex3.adversarial.worst_case import ATTACKS
from ex3.backend import prepare
from ex3.cells import CellResults, Workers, cell_path, run_cells
from ex3.config_files import change
from ex3.data import load_images
from ex3.defences.example import build_example
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Paths, divergence, headline, make_record
from ex3.experiments._by_hand import certify_by_hand
from ex3.plots import box as box_plots
from ex3.plots import defend as plots
from ex3.progress import show_cells
from ex3.results import DatasetInfo
from ex3.tables import Table, blocks, with_spread

if TYPE_CHECKING:  # plots alone needs it
    from matplotlib.figure import Figure

log = logging.getLogger("ex3")

HEADER = ["network", "clean", "all attacks", "certified", "PGD, ce", "PGD, margin", "PGD, targeted", "95 % interval",
          "median least noise", "tested", "seconds"]  # fmt: skip
Runs = dict[str, list[DefendedRun]]


def run(
    config: DefendConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    export: Path | None = None,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train and judge every network with every seed, and write the results.

    Args:
        config: The networks, and how they are judged.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        export: File for the weights of the first seed's networks.
        fresh: Delete the stored runs of this experiment first.
        quiet: Show no progress.

    Raises:
        ConfigError: A value is not allowed.
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        CheckFailedError: An attack breaks an image that is certified.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished runs are kept.
    """
    storage.check_writable(paths.figures, paths.runs / "cells", *([export.parent] if export else []))
    outcomes = []
    if config.networks:
        outcomes.append(_defend(config, paths, workers, command, export, fresh, quiet))
    if config.hand:
        outcomes.append(certify_by_hand(config, paths, workers, command, fresh, quiet))
    return Outcome(
        table=[block for outcome in outcomes for block in blocks(outcome.table)],
        headline=outcomes[0].headline,
        written=[path for outcome in outcomes for path in outcome.written],
        problem=next((outcome.problem for outcome in outcomes if outcome.problem), None),
    )


def _defend(
    config: DefendConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    export: Path | None,
    fresh: bool,
    quiet: bool,
) -> Outcome:
    """Train and judge the networks in Keras."""
    start = time.perf_counter()
    runs, dataset, done = _run_cells(plan_networks(config), paths, workers, fresh, quiet)
    defences = build_defences(dataset, runs)
    first, count = next(iter(runs.values())), sum(map(len, runs.values()))
    seeds, threads = [one.config.seed for one in first], first[0].config.threads
    weights = {f"{network}, seed {one.config.seed}": one.run.weights for network, of in runs.items() for one in of}
    written = []
    for name, result, figure in _draw(defences, runs):
        record = make_record(
            name, command, config.model_dump(mode="json"), dataset, seeds, done.seconds, result,
            threads=threads, models=weights,
        )  # fmt: skip
        written += storage.save_figure(paths.figures, figure, record)
    written += _save_models(runs, paths.runs)
    if export:
        written.append(storage.save_arrays(export, name_weights(runs)))
    work = f"{count} runs ({done.reused} reused)"
    return Outcome(
        table=Table(HEADER, [_row(name, defence) for name, defence in defences.networks.items()]),
        headline=headline(_finding(defences), dataset, seeds, threads, time.perf_counter() - start, work),
        written=written,
        problem=_divergence(runs),
    )


def plan_networks(config: DefendConfig) -> dict[str, list[DefendedConfig]]:
    """Return the configs of all networks, by name: one per seed.

    Raises:
        ConfigError: A value is not allowed.
    """
    plan = {}
    for name, settings in config.networks.items():
        base = change(DefendedConfig(), settings, f"network {name}")
        plan[name] = [change(base, {"seed": seed}, "seeds") for seed in range(base.seed, base.seed + config.seeds)]
    return plan


def name_weights(runs: Mapping[str, Sequence[DefendedRun]]) -> dict[str, Any]:
    """Return the weights of the first seed's networks as ``<network>/<layer>/<variable>``."""
    first = {name: of_network[0].weights.unpack() for name, of_network in runs.items()}
    return {f"{name}/{path}": array for name, weights in first.items() for path, array in weights.items()}


def _run_cells(
    plan: Mapping[str, Sequence[DefendedConfig]], paths: Paths, workers: Workers, fresh: bool, quiet: bool
) -> tuple[Runs, DatasetInfo, CellResults[DefendedRun]]:
    """Run what is not stored yet, the longest first, so that the processes end together."""
    folder = paths.runs / "cells"
    names = {config: name for name, seeds in plan.items() for config in seeds}
    configs = sorted(names, key=_passes, reverse=True)
    dataset = load_images(configs[0], paths.data, configs[0].seed, paths.image_cache).info
    log.info("%s, from %s", dataset, paths.data or dataset.source)
    for config in configs:
        config.check_shape(dataset.shape)
    if fresh:
        storage.remove_files(cell_path(folder, config, dataset, DEFEND) for config in configs)

    def describe(run: DefendedRun) -> str:
        return f"{names[run.config]}, seed {run.config.seed}"

    with nullcontext() if quiet else show_cells(describe) as on_progress:
        done: CellResults[DefendedRun] = run_cells(
            configs, dataset, folder, workers, DEFEND, paths.data, on_progress, paths.image_cache
        )
    by_config = {run.config: run for run in done.runs}
    return {name: [by_config[config] for config in seeds] for name, seeds in plan.items()}, dataset, done


def _passes(config: DefendedConfig) -> int:
    """Return about how many passes over the images, forward and back, the training costs."""
    per_epoch = {"adversarial": 1 + config.attack_steps, "ibp": 5}  # measured; an interval is more than its two ends
    return config.epochs * per_epoch.get(config.defence, 1)


def _draw(defences: Defences, runs: Runs) -> Iterator[tuple[str, Any, "Figure"]]:
    """Yield each figure: its name, its result, and itself."""
    pictures, example = build_pictures(defences.dataset, runs), build_example()
    yield "defend-epsilon", defences, plots.draw_epsilon(defences)
    yield "defend-training", defences, plots.draw_training(defences)
    yield "defend-noise", pictures, plots.draw_noise(pictures)
    yield "defend-inside", pictures, plots.draw_inside(pictures)
    yield "defend-box", example, box_plots.draw_box(example)


def _save_models(runs: Runs, folder: Path) -> list[Path]:
    """Write the first seed's networks where ``attack`` and others find them, like any classifier."""
    written = []
    for first, *_ in runs.values():
        if first.diverged_at is None:
            dataset, network = first.run.dataset, first.run.config
            prepare(network.seed, network.threads, network.precision)
            model = models.build(first.config.network, dataset.shape, len(dataset.class_names))
            weights = first.weights.unpack()
            for variable in model.weights:
                variable.assign(weights[variable.path.removeprefix(f"{model.name}/")])
            written += model_store.save_models(folder, {"model": model}, first.run)
    return written


def _row(name: str, defence: Defence) -> Sequence[str]:
    low, high = defence.interval
    return [
        name,
        with_spread(defence.clean, 4),
        with_spread(defence.robust, 3),
        with_spread(defence.certified, 4),
        *(with_spread(defence.left[attack], 3) for attack in ATTACKS[:-1]),
        f"{low:.3f} to {high:.3f}",
        with_spread(defence.least_noise, 3),
        str(defence.tested),
        with_spread(defence.seconds, 0),
    ]


def _finding(defences: Defences) -> str:
    """Return e.g. ``at epsilon 0.3 left by all attacks / certified: pgd 0.876 / 0.0000, ibp 0.893 / 0.8935``."""
    shares = ", ".join(
        f"{name} {with_spread(defence.robust, 3)} / {with_spread(defence.certified, 4)}"
        for name, defence in defences.networks.items()
    )
    return f"at epsilon {defences.epsilon:g} left by all attacks / certified: {shares}"


def _divergence(runs: Runs) -> DivergedError | None:
    for name, of_network in runs.items():
        for one in of_network:
            if one.diverged_at is not None:
                return divergence(name, one.config.seed, one.diverged_at, one.config.learning_rate)
    return None
