"""Certificates for a hand-written network with one hidden layer: intervals, and CROWN's lines beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from ex3.adversarial.attacks import pgd
from ex3.by_hand.config import NetworkConfig, NonNegatives
from ex3.by_hand.training import HandRun, rows_of, train_network
from ex3.by_hand.victim import network_victim
from ex3.data import Dataset, DatasetInfo
from ex3.defences import certificate, crown
from ex3.defences.certificate import Dense, Relu
from ex3.errors import CheckFailedError
from ex3.provenance import Computation
from ex3.results import Number, Spread, spread
from ex3.scratch.layers import Linear
from ex3.scratch.losses import MarginLoss
from ex3.scratch.network import Network


class CertifiedConfig(NetworkConfig):
    """A network of linear layers around a ReLU, on the pixels themselves, and the bounds that it is certified for."""

    components: Literal[0] = 0
    activation: Literal["relu"] = "relu"
    head: Literal["hinge", "softmax"] = "softmax"
    certified_epsilon: Annotated[NonNegatives, Field(min_length=1)] = (0.025, 0.05, 0.075, 0.1)
    """Largest changes of a pixel."""
    tested: Annotated[int, Field(ge=1)] = 500
    """Certified test images that are attacked all the same; those that are not certified all are."""


@dataclass(frozen=True)
class CertifiedRun(HandRun):
    """A trained network, attacked and certified; where its training diverged, there are no shares.

    Attributes:
        intervals: Share of all test images that interval bounds certify, at each epsilon of the config.
        crown: The same of CROWN.
        left: Share of all test images that PGD leaves classified correctly; certified ones are left.
    """

    config: CertifiedConfig
    intervals: list[Number]
    crown: list[Number]
    left: list[Number]


CERTIFY = Computation(__name__, "certify_network", CertifiedRun, ("numpy", "scipy", "scikit-learn"))


@threadpool_limits.wrap(limits=1, user_api="blas")
def certify_network(config: CertifiedConfig, dataset: Dataset) -> CertifiedRun:
    """Train a network, attack it, and certify it in two ways.

    Raises:
        CheckFailedError: PGD breaks an image that is certified.
    """
    network, run = train_network(config, dataset)
    if run.diverged_at is not None:
        return CertifiedRun(**vars(run), intervals=[], crown=[], left=[])
    hidden, head = read_dense(network)
    x, y = rows_of(dataset.test.x), dataset.test.y
    victim = network_victim(network, MarginLoss())
    intervals, lines, left = [], [], []
    for epsilon in config.certified_epsilon:
        by_intervals = certificate.certify([hidden, Relu(), head], x, y, epsilon)
        by_lines = np.all(crown.bound_margins(hidden, head, x, y, epsilon) > 0, axis=1)
        certified = by_intervals | by_lines
        tested = np.random.default_rng(config.seed).permutation(np.flatnonzero(certified))[: config.tested]
        rows = np.concatenate([np.flatnonzero(~certified), tested])
        found = pgd(victim, x[rows], y[rows], epsilon, step_size=0.1, seed=config.seed)
        alive = np.ones(len(y), bool)
        alive[rows] = victim.logits(found).argmax(axis=1) == y[rows]
        if broken := int(np.sum(~alive[tested])):
            raise CheckFailedError(f"PGD breaks {broken} certified images at epsilon {epsilon:g}: a bound is wrong")
        intervals.append(float(by_intervals.mean()))
        lines.append(float(by_lines.mean()))
        left.append(float(alive.mean()))
    return CertifiedRun(**vars(run), intervals=intervals, crown=lines, left=left)


def read_dense(network: Network) -> tuple[Dense, Dense]:
    """Return the two linear layers of a network, in float64."""
    linear = [layer for layer in network.layers if isinstance(layer, Linear)]
    values = [[parameter.value.astype(float) for parameter in layer.parameters] for layer in linear]
    hidden, head = (Dense(weights.T, bias[0]) for weights, bias in values)
    return hidden, head


@dataclass(frozen=True)
class CertifiedNetwork:
    """A network over its seeds, certified in two ways.

    Attributes:
        config: Of the first seed.
        epsilon: Largest changes of a pixel.
        clean: Test accuracy.
        seconds: Of training.
        left: Share that PGD leaves, at each epsilon.
        crown: Share that CROWN certifies.
        intervals: Share that interval bounds certify.
    """

    config: CertifiedConfig
    epsilon: list[float]
    clean: Spread
    seconds: Spread
    left: list[Spread]
    crown: list[Spread]
    intervals: list[Spread]


@dataclass(frozen=True)
class HandCertificates:
    """Hand-written networks, by name, and their images."""

    dataset: DatasetInfo
    networks: dict[str, CertifiedNetwork]


def summarise_certificates(runs: Sequence[CertifiedRun]) -> CertifiedNetwork:
    """Summarise a network over its seeds."""

    def over_seeds(name: str) -> list[Spread]:
        return [spread(list(shares)) for shares in zip(*(getattr(run, name) for run in runs), strict=True)]

    first = runs[0]
    return CertifiedNetwork(
        config=first.config,
        epsilon=list(first.config.certified_epsilon),
        clean=spread([run.metrics["test_accuracy"] for run in runs]),
        seconds=spread([run.seconds for run in runs]),
        left=over_seeds("left"),
        crown=over_seeds("crown"),
        intervals=over_seeds("intervals"),
    )
