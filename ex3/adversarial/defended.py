"""Trains a network with a defence, and judges it: what attacks leave, what is proved, and what it looks at."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ex3.adversarial.attacks import Victim, pgd
from ex3.adversarial.defend_config import DefendedConfig
from ex3.adversarial.judging import CorrectImages, smallest_epsilons
from ex3.adversarial.victims import Loss, keras_victim
from ex3.adversarial.worst_case import check_certified, survivors
from ex3.backend import keras
from ex3.data import Dataset, Split
from ex3.defences.certificate import Layer, certify
from ex3.defences.layers import read_layers
from ex3.provenance import RUN_PACKAGES, Computation
from ex3.results import Arrays, Number, Pixels, Run
from ex3.runs import HoldsRun, train_classifier

BATCH_SIZE = 125  # of the attacks: few images are left at their end
WATCHED = 500  # validation images that are attacked while the network is trained
WATCHING = partial(pgd, steps=10, step_size=0.25)
FOLLOWING = partial(pgd, steps=40, step_size=0.1)  # on the curve over epsilon, and for the least noise
BISECTED = 100  # images whose least noise is searched for
SHOWN = 8  # images in the figures
LOSSES: tuple[Loss, ...] = ("ce", "margin")


@dataclass(frozen=True)
class Judgement:
    """What a network withstands at ``config.judged_epsilon``.

    Attributes:
        clean: Accuracy on all test images.
        certified: Share of all test images that are proved to be classified as their labels.
        samples: Test images that were attacked.
        left: By attack, in order: how many of these it and all before it have left classified correctly.
        certified_samples: How many of these are certified; these are not attacked, but count as left.
        tested: Certified images that were attacked all the same, in vain.
    """

    clean: Number
    certified: Number
    samples: int
    left: dict[str, int]
    certified_samples: int
    tested: int


@dataclass(frozen=True)
class OverEpsilon:
    """Shares of the attacked test images, at each epsilon of ``config.curve``: left by PGD, and certified."""

    left: list[Number]
    certified: list[Number]


@dataclass(frozen=True)
class LeastNoise:
    """The least noise with which PGD fools a network.

    Attributes:
        median: Over ``BISECTED`` images, those that need none counted as 0.
        shown: Of each image in the figure.
        images: These images with their noise, ``(n, H, W, C)``.
    """

    median: Number
    shown: list[Number]
    images: Pixels


@dataclass(frozen=True)
class Inside:
    """What a network looks at: 0.5 is no weight or no gradient, 0 and 1 are the largest ones.

    Attributes:
        filters: Of the first layer, ``(filters, height, width, C)``; one scale.
        gradients: Of the loss of each image in the figure with respect to its pixels; a scale per image.
        images: These images.
    """

    filters: Pixels
    gradients: Pixels
    images: Pixels


@dataclass(frozen=True)
class DefendedRun(HoldsRun):
    """A network with a defence, trained and judged; where its training diverged, the judgement is of what is left.

    Attributes:
        config: All settings.
        run: The training; its curves also have ``validation_pgd_accuracy``.
        judgement: At the bound of the table.
        curve: Over epsilon.
        least: What it takes to fool it.
        inside: What it looks at.
        weights: All of them, ``<layer>/<variable>``.
    """

    config: DefendedConfig
    run: Run
    judgement: Judgement
    curve: OverEpsilon
    least: LeastNoise
    inside: Inside
    weights: Arrays


DEFEND = Computation(__name__, "defend", DefendedRun, RUN_PACKAGES)


def defend(config: DefendedConfig, dataset: Dataset) -> DefendedRun:
    """Train a network with its defence, and judge it.

    Raises:
        CheckFailedError: An attack breaks an image that is certified.
    """
    watched = dataset.validation.first(WATCHED)

    def watch(model: keras.Model) -> dict[str, float]:
        victim = keras_victim(model, "ce", BATCH_SIZE)
        attacked = WATCHING(victim, watched.x, watched.y, config.judged_epsilon, seed=config.seed)
        return {"validation_pgd_accuracy": accuracy(victim, attacked, watched.y)}

    model, run = train_classifier(config.network, dataset, watch=watch)
    victims = {loss: keras_victim(model, loss, BATCH_SIZE) for loss in LOSSES}
    layers, sample = read_layers(model), dataset.test.sample(config.samples, config.seed)
    return DefendedRun(
        config=config,
        run=run,
        judgement=judge(config, victims, layers, sample, dataset.test),
        curve=follow(config, victims["margin"], layers, sample),
        least=find_least_noise(config, victims["margin"], dataset.test),
        inside=look_inside(model, victims["ce"], shown_images(dataset.test)),
        weights=Arrays.pack({v.path.removeprefix(f"{model.name}/"): v.numpy() for v in model.weights}),
    )


def accuracy(victim: Victim, x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of images that are classified as their labels."""
    return float(np.mean(victim.logits(x).argmax(axis=1) == y))


def judge(
    config: DefendedConfig, victims: dict[Loss, Victim], layers: list[Layer], sample: Split, test: Split
) -> Judgement:
    """Certify all test images, attack the others of a sample, and put some certificates to the test.

    Raises:
        CheckFailedError: An attack breaks an image that is certified.
    """
    epsilon = config.judged_epsilon
    proved = certify(layers, sample.x, sample.y, epsilon)
    attack = partial(survivors, victims, epsilon=epsilon, seed=config.seed)
    left = attack(sample.x[~proved], sample.y[~proved], strength=config.strength)
    tested = sample.pick(np.flatnonzero(proved)).first(config.tested)
    return Judgement(
        clean=accuracy(victims["ce"], test.x, test.y),
        certified=float(np.mean(certify(layers, test.x, test.y, epsilon))),
        samples=len(sample),
        left={name: int(proved.sum() + alive.sum()) for name, alive in left.items()},
        certified_samples=int(proved.sum()),
        tested=check_certified(victims, tested.x, tested.y, epsilon, config.strength, config.seed),
    )


def follow(config: DefendedConfig, victim: Victim, layers: list[Layer], sample: Split) -> OverEpsilon:
    """Attack and certify a sample at each epsilon of the curve; what breaks at one epsilon is broken at larger ones."""
    alive = victim.logits(sample.x).argmax(axis=1) == sample.y
    left, certified = [], []
    for epsilon in sorted(config.curve):
        proved = certify(layers, sample.x, sample.y, epsilon)
        rows = np.flatnonzero(alive & ~proved)
        if len(rows):
            attacked = FOLLOWING(victim, sample.x[rows], sample.y[rows], epsilon, seed=config.seed)
            alive[rows] = victim.logits(attacked).argmax(axis=1) == sample.y[rows]
        left.append(float(alive.mean()))
        certified.append(float(proved.mean()))
    return OverEpsilon(left, certified)


def shown_images(test: Split) -> Split:
    """Return the first test image of each class, ``SHOWN`` at most."""
    rows = [int(np.flatnonzero(test.y == label)[0]) for label in np.unique(test.y)[:SHOWN]]
    return test.pick(np.array(rows))


def find_least_noise(config: DefendedConfig, victim: Victim, test: Split) -> LeastNoise:
    """Bisect the epsilon with which PGD fools the network, for some images at random and for those of the figure."""
    sample, shown = test.sample(BISECTED, config.seed), shown_images(test)
    x, y = np.concatenate([shown.x, sample.x]), np.concatenate([shown.y, sample.y])
    perturb = partial(FOLLOWING, victim, seed=config.seed)
    found = smallest_epsilons(victim, CorrectImages(x, y, len(x)), perturb, 1.0)
    found = np.where(victim.logits(x).argmax(axis=1) == y, found, 0)
    least = np.minimum(found[: len(shown)], 1)
    images = perturb(shown.x, shown.y, least)
    return LeastNoise(float(np.median(found[len(shown) :])), least.tolist(), Pixels.pack(images))


def look_inside(model: keras.Model, victim: Victim, shown: Split) -> Inside:
    """Take the first layer's filters and the gradients of the loss with respect to some images."""
    filters = np.moveaxis(model.trainable_variables[0].numpy(), -1, 0)
    gradients = victim.gradient(shown.x, shown.y)[1]
    largest = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
    return Inside(
        Pixels.pack(0.5 + filters / (2 * np.abs(filters).max())),
        Pixels.pack(0.5 + gradients / (2 * np.maximum(largest, 1e-30))),
        Pixels.pack(shown.x),
    )
