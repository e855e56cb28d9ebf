"""The hand-written network of ``defend``: trained, attacked, and certified in two ways."""

import time
from typing import Any

from ex3 import storage
from ex3.adversarial.defend_config import DefendConfig
from ex3.by_hand.certified import CERTIFY, CertifiedConfig, HandCertificates, summarise_certificates
from ex3.cells import Workers
from ex3.experiments import Outcome, Paths, headline
from ex3.experiments.hand_written import expand_seeds, first_divergence, record_networks, train_networks
from ex3.plots.certificates import draw_certificates
from ex3.tables import Table, with_spread

HEADER = ["network", "epsilon", "clean", "left by PGD", "certified by CROWN", "by intervals"]


def certify_by_hand(
    config: DefendConfig,
    settings: dict[str, Any],
    paths: Paths,
    workers: Workers,
    command: str,
    fresh: bool,
    quiet: bool,
) -> Outcome:
    """Train, attack and certify the network with every seed, and write the figure.

    Args:
        config: Of the experiment.
        settings: The network's that differ from the defaults.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twin.
        fresh: Delete the stored runs first.
        quiet: Show no progress.

    Raises:
        CheckFailedError: PGD breaks an image that is certified.
        DataError: The images cannot be had.
        DivergedError: A run diverged; nothing can be certified with its weights.
    """
    start = time.perf_counter()
    plan = {"by hand": expand_seeds(CertifiedConfig, settings, {}, config.seeds)}
    trained = train_networks(plan, CERTIFY, paths, workers, fresh, quiet)
    if problem := first_divergence(trained.runs):
        raise problem
    runs = trained.runs["by hand"]
    result = summarise_certificates(trained.dataset, runs)
    seconds = time.perf_counter() - start
    record = record_networks("defend-hand", trained.runs, result, config, command, trained.dataset, seconds)
    finding = (
        f"by hand at epsilon {result.epsilon[-1]:g} certified by CROWN {with_spread(result.crown[-1], 4)}, "
        f"by intervals {with_spread(result.intervals[-1], 4)}"
    )
    seeds, work = [run.config.seed for run in runs], f"{len(runs)} runs ({trained.reused} reused)"
    return Outcome(
        table=Table(HEADER, _rows(result)),
        headline=headline(finding, trained.dataset, seeds, None, seconds, work),
        written=storage.save_figure(paths.figures, draw_certificates(result), record),
    )


def _rows(result: HandCertificates) -> list[list[str]]:
    columns = zip(result.epsilon, result.left, result.crown, result.intervals, strict=True)
    return [
        ["by hand", f"{epsilon:g}", *(with_spread(share, 4) for share in (result.clean, *shares))]
        for epsilon, *shares in columns
    ]
