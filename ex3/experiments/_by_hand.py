"""The hand-written networks of ``defend``: trained, attacked, and certified in two ways."""

import time

from ex3 import storage
from ex3.adversarial.defend_config import DefendConfig
from ex3.by_hand.certified import CERTIFY, CertifiedConfig, CertifiedNetwork, HandCertificates, summarise_certificates
from ex3.cells import Workers
from ex3.experiments import Outcome, Paths, headline
from ex3.experiments.hand_written import expand_seeds, first_divergence, record_networks, train_networks
from ex3.plots.certificates import draw_certificates
from ex3.tables import Table, with_spread

HEADER = ["network", "epsilon", "clean", "left by PGD", "certified by CROWN", "by intervals"]


def certify_by_hand(
    config: DefendConfig, paths: Paths, workers: Workers, command: str, fresh: bool, quiet: bool
) -> Outcome:
    """Train, attack and certify each network with every seed, and write the figure.

    Args:
        config: Of the experiment.
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
    plan = {name: expand_seeds(CertifiedConfig, settings, {}, config.seeds) for name, settings in config.hand.items()}
    trained = train_networks(plan, CERTIFY, paths, workers, fresh, quiet)
    if problem := first_divergence(trained.runs):
        raise problem
    networks = {name: summarise_certificates(runs) for name, runs in trained.runs.items()}
    result = HandCertificates(trained.dataset, networks)
    record = record_networks("defend-hand", trained.runs, result, config, command, trained.dataset, trained.seconds)
    count = sum(map(len, trained.runs.values()))
    return Outcome(
        table=Table(HEADER, [row for name, network in networks.items() for row in _rows(name, network)]),
        headline=headline(
            _finding(networks),
            trained.dataset,
            record.seeds,
            None,
            time.perf_counter() - start,
            f"{count} runs ({trained.reused} reused)",
        ),
        written=storage.save_figure(paths.figures, draw_certificates(result), record),
    )


def _rows(name: str, network: CertifiedNetwork) -> list[list[str]]:
    columns = zip(network.epsilon, network.left, network.crown, network.intervals, strict=True)
    return [
        [name, f"{epsilon:g}", *(with_spread(share, 4) for share in (network.clean, *shares))]
        for epsilon, *shares in columns
    ]


def _finding(networks: dict[str, CertifiedNetwork]) -> str:
    """Return e.g. ``by hand certified by CROWN / by intervals: adversarial at epsilon 0.1 0.6974 / 0.0185``."""
    shares = ", ".join(
        f"{name} at epsilon {network.epsilon[-1]:g} {with_spread(network.crown[-1], 4)} / "
        f"{with_spread(network.intervals[-1], 4)}"
        for name, network in networks.items()
    )
    return f"by hand certified by CROWN / by intervals: {shares}"
