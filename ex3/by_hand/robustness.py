"""How a hand-written network bears noise, and attacks: and which attacks the loss itself hides from.

Where a loss is exactly 0, so is its gradient, and an attack that follows it has no direction: its gradient is *masked*
(Athalye, Carlini and Wagner 2018, arXiv 1802.00420). The margin between the scores has a gradient everywhere.
"""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from ex3.adversarial.attacks import fgsm, pgd
from ex3.adversarial.cases import Case
from ex3.adversarial.judging import Attack, judge, select_correct
from ex3.by_hand.classifier import build_loss
from ex3.by_hand.config import NetworkConfig, NonNegatives
from ex3.by_hand.training import HandRun, Inputs, encode, rows_of, train_network
from ex3.by_hand.victim import network_victim
from ex3.data import Dataset
from ex3.provenance import Computation
from ex3.results import Number
from ex3.scratch.losses import Loss, MarginLoss
from ex3.scratch.network import Network

STEPS, STEP_SIZE = 40, 0.1  # of PGD


class StudyConfig(NetworkConfig):
    """A network, and how it is tested."""

    test_noise: NonNegatives = ()
    """Sigmas of Gaussian noise on the test images."""
    attack_epsilon: NonNegatives = ()
    """Bounds (linf) of FGSM and PGD."""
    attack_samples: int = Field(default=500, ge=20)
    """Test images that are looked at; those that are classified correctly are attacked."""


@dataclass(frozen=True)
class Masking:
    """FGSM and PGD along the gradients of two losses: the training loss, and the margin between the scores.

    Attributes:
        attacks: By loss, ``training`` or ``margin``: FGSM and PGD at each epsilon.
        with_loss: Share of the attacked images whose training loss is not 0.
        zero_gradient: By loss, the share of the attacked images whose gradient is 0 in every pixel.
    """

    attacks: dict[str, list[Attack]]
    with_loss: Number
    zero_gradient: dict[str, Number]


@dataclass(frozen=True)
class StudiedRun(HandRun):
    """A trained network, disturbed.

    Attributes:
        noisy_accuracy: Test accuracy at each sigma of ``config.test_noise``.
        masking: The attacks; ``None`` where the config has none.
    """

    config: StudyConfig
    noisy_accuracy: list[Number]
    masking: Masking | None


STUDY = Computation(__name__, "study", StudiedRun, ("numpy", "scipy", "scikit-learn"))


@threadpool_limits.wrap(limits=1, user_api="blas")
def study(config: StudyConfig, dataset: Dataset) -> StudiedRun:
    """Train a network, and measure what noise and attacks do to it."""
    network, run = train_network(config, dataset)
    masking = None
    if config.attack_epsilon and run.diverged_at is None:
        masking = measure_masking(network, build_loss(config), config, dataset)
    with np.errstate(over="ignore", invalid="ignore"):  # the weights of a run that diverged
        noisy = measure_noise(network, config, dataset)
    return StudiedRun(**vars(run), noisy_accuracy=noisy, masking=masking)


def measure_noise(network: Network, config: StudyConfig, dataset: Dataset) -> list[float]:
    """Return the test accuracy under Gaussian noise on the pixels, for each sigma."""
    inputs: Inputs = encode(dataset, config.components)
    head = Network(network.layers[len(inputs.encoder.layers) :])
    noise = _draw_noise(config.seed, inputs.test.shape, len(config.test_noise))
    return [
        float(np.mean(head.forward(inputs.test + np.float32(sigma) * unit).argmax(axis=1) == dataset.test.y))
        for sigma, unit in zip(config.test_noise, noise, strict=True)
    ]


@lru_cache(maxsize=1)  # networks with the same seed follow each other
def _draw_noise(seed: int, shape: tuple[int, ...], count: int) -> list[np.ndarray]:
    """Draw standard normal noise, once for each sigma."""
    generator = np.random.default_rng((seed, 3))
    return [generator.standard_normal(shape, dtype=np.float32) for _ in range(count)]


def measure_masking(network: Network, loss: Loss, config: StudyConfig, dataset: Dataset) -> Masking:
    """Attack test images along the gradients of the training loss and of the margin."""
    sample = dataset.test.sample(config.attack_samples, config.seed)
    losses = {"training": loss, "margin": MarginLoss()}
    victims = {name: network_victim(network, of) for name, of in losses.items()}
    images = select_correct(victims["margin"], sample.x, sample.y)
    attacks: dict[str, list[Attack]] = {name: [] for name in losses}
    zero_gradient = {}
    for name, victim in victims.items():
        gradients = rows_of(victim.gradient(images.x, images.y)[1])
        zero_gradient[name] = float(np.mean(~gradients.any(axis=1)))
        for epsilon in config.attack_epsilon:
            one_step = partial(fgsm, victim, epsilon=epsilon)
            many_steps = partial(pgd, victim, epsilon=epsilon, steps=STEPS, step_size=STEP_SIZE, seed=config.seed)
            for case, perturb in (
                (Case("fgsm", "linf", epsilon), one_step),
                (Case("pgd", "linf", epsilon), many_steps),
            ):
                attacks[name].append(judge(case, victim, images, perturb)[0])
    with_loss = loss.per_sample(victims["margin"].logits(images.x), images.y) > 0
    return Masking(attacks, float(np.mean(with_loss)), zero_gradient)
