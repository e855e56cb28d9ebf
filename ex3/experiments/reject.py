"""``reject``: networks written by hand that may answer "I don't know", and an attack that knows of it (R3)."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ex3 import storage
from ex3.by_hand import reject_results
from ex3.by_hand.config import RejectConfig
from ex3.by_hand.reject_results import FixedRejection, RejectingNetwork, Rejection
from ex3.by_hand.rejection_study import FIXED, THRESHOLD, FixedRun, RejectingConfig
from ex3.by_hand.training import HandRun
from ex3.cells import Workers
from ex3.experiments import Outcome, Paths, headline
from ex3.experiments.hand_written import (
    TrainedNetworks,
    expand_seeds,
    first_divergence,
    record_networks,
    train_networks,
)
from ex3.plots import reject as plots
from ex3.tables import Table, with_spread

if TYPE_CHECKING:  # plots alone needs it
    from matplotlib.figure import Figure

HEADER = [
    "network", "threshold rejects", "right", "wrong", "epsilon",
    "FGSM: accepted, wrong", "PGD", "adaptive", "robust to PGD", "seconds",
]  # fmt: skip


def run(
    config: RejectConfig,
    paths: Paths,
    workers: Workers,
    command: str,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train networks that reject, as R3 does and with an honest threshold, attack them, and write the results.

    Args:
        config: The networks, and how they are attacked.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        fresh: Delete the stored runs of this experiment first.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        DivergedError: A run diverged; nothing can be rejected with its weights.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished runs are kept.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs / "cells")
    fixed_plan, threshold_plan = plan_fixed(config), plan_thresholds(config)
    trained = train_networks(threshold_plan, THRESHOLD, paths, workers, fresh, quiet)
    fixed = train_networks(fixed_plan, FIXED, paths, workers, fresh, quiet)
    if problem := first_divergence({**fixed.runs, **trained.runs}):
        raise problem
    rejection = reject_results.build_rejection(trained.dataset, config.attack_epsilon, trained.runs)
    as_in_r3 = _summarise_fixed(config, fixed)
    drawn: list[tuple[str, Mapping[str, Sequence[HandRun]], Any, Figure]] = [
        ("reject-fixed", fixed.runs, as_in_r3, plots.draw_fixed(as_in_r3)),
        ("reject-distances", trained.runs, rejection, plots.draw_distances(rejection)),
        ("reject-detectors", trained.runs, rejection, plots.draw_detectors(rejection)),
        ("reject-adaptive", trained.runs, rejection, plots.draw_adaptive(rejection)),
    ]
    written, seconds = [], fixed.seconds + trained.seconds
    for name, runs, result, figure in drawn:
        record = record_networks(name, runs, result, config, command, trained.dataset, seconds)
        written += storage.save_figure(paths.figures, figure, record)
    reused = fixed.reused + trained.reused
    count = sum(map(len, fixed.runs.values())) + sum(map(len, trained.runs.values()))
    seeds = [run.config.seed for run in next(iter(trained.runs.values()))]
    return Outcome(
        table=Table(HEADER, [row for named in rejection.networks.items() for row in _rows(config, *named)]),
        headline=headline(
            _finding(config, rejection),
            trained.dataset,
            seeds,
            None,
            time.perf_counter() - start,
            f"{count} runs ({reused} reused)",
        ),
        written=written,
    )


def plan_fixed(config: RejectConfig) -> dict[str, list[RejectingConfig]]:
    """Return the configs of R3's network, by lambda."""
    measured = {"attack_epsilon": config.fixed_epsilon, "attack_samples": config.attack_samples}
    return {
        f"lambda {margin:g}": expand_seeds(RejectingConfig, {**config.fixed, "margin": margin}, measured, config.seeds)
        for margin in config.margins
    }


def plan_thresholds(config: RejectConfig) -> dict[str, list[RejectingConfig]]:
    """Return the configs of the networks whose threshold comes from validation images, by name."""
    measured: dict[str, Any] = {
        "attack_epsilon": config.attack_epsilon,
        "attack_samples": config.attack_samples,
        "rejected_share": config.rejected_share,
        "other_share": config.other_share,
    }
    return {
        name: expand_seeds(RejectingConfig, settings, measured, config.seeds)
        for name, settings in config.networks.items()
    }


def _summarise_fixed(config: RejectConfig, fixed: TrainedNetworks[FixedRun]) -> FixedRejection:
    answers = [reject_results.summarise_fixed(runs) for runs in fixed.runs.values()]
    return FixedRejection(fixed.dataset, list(config.margins), [0.0, *config.fixed_epsilon], answers)


def _rows(config: RejectConfig, name: str, network: RejectingNetwork) -> Sequence[Sequence[str]]:
    """Return a row per epsilon; what does not depend on epsilon stands in the first alone."""
    clean = [with_spread(share, 3) for share in (network.clean.rejected, network.clean.right, network.clean.wrong)]
    seconds = with_spread(network.trained.seconds, 1)
    rows = []
    for position, epsilon in enumerate(config.attack_epsilon):
        wrong = [with_spread(network.attacked[attack][position].wrong, 3) for attack in ("fgsm", "pgd", "adaptive")]
        robust = with_spread(network.robust_accuracy[position], 3)
        head, last = ([name, *clean], seconds) if position == 0 else (["", "", "", ""], "")
        rows.append([*head, f"{epsilon:g}", *wrong, robust, last])
    return rows


def _finding(config: RejectConfig, rejection: Rejection) -> str:
    position = min(range(len(config.attack_epsilon)), key=lambda index: abs(config.attack_epsilon[index] - 0.1))
    shares = ", ".join(
        f"{name} {with_spread(network.attacked['adaptive'][position].wrong, 3)}"
        for name, network in rejection.networks.items()
    )
    return f"accepted and wrong under the adaptive attack at epsilon {config.attack_epsilon[position]:g}: {shares}"
