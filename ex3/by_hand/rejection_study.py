"""Measures networks that may reject: as R3 does, and with a chosen threshold, under an attack that knows it."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from ex3.by_hand import rejection
from ex3.by_hand.classifier import build_loss
from ex3.by_hand.config import NetworkConfig, NonNegatives
from ex3.by_hand.detectors import build_detectors, compare, draw_odd_images
from ex3.by_hand.rejection import Answers, choose_threshold, count_answers
from ex3.by_hand.training import HandRun, encode, rows_of, train_network
from ex3.config import Fraction
from ex3.data import Dataset, Split
from ex3.provenance import Computation
from ex3.results import Number
from ex3.scratch.losses import MarginLoss
from ex3.scratch.network import Network

PACKAGES = ("numpy", "scipy", "scikit-learn")
QUANTILES = np.linspace(0, 1, 101)  # at which the least distances are kept


class RejectingConfig(NetworkConfig):
    """A network with distances, and how its rejection is tested."""

    components: Annotated[int, Field(ge=1)] = 128
    """PCA's components that are the inputs; two of the detectors need them."""
    head: Literal["rbf", "rbf-linear", "rbf-general"] = "rbf-general"
    """Distances with R3's loss, which alone can reject."""
    attack_epsilon: NonNegatives = ()
    """Bounds (linf) of the attacks."""
    attack_samples: int = Field(default=500, ge=20)
    """Test images that are attacked."""
    rejected_share: Fraction = 0.05
    """Share of the validation images that the threshold rejects."""
    other_share: Fraction = 0.01
    """The same of another threshold, which is tested on clean images and at ``detected_epsilon`` alone."""
    detected_epsilon: float = Field(default=0.1, gt=0, le=1)
    """Bound of the attacks that the detectors look for."""


@dataclass(frozen=True)
class FixedRun(HandRun):
    """R3's experiment: the threshold is lambda, the attack is FGSM along the training loss.

    Attributes:
        answers: To the clean test images (epsilon 0), then at each epsilon; none where the training diverged.
    """

    config: RejectingConfig
    answers: list[Answers]


@dataclass(frozen=True)
class Detection:
    """How well one detector tells one kind of odd images from clean test images.

    Attributes:
        detector: One of ``detectors.DETECTORS``.
        images: Kind of the odd images.
        area: Area under the ROC curve.
        found: Share of the odd images that are found, at the shares of false alarms of ``detectors.FALSE_ALARMS``.
    """

    detector: str
    images: str
    area: Number
    found: list[Number]


@dataclass(frozen=True)
class ThresholdRun(HandRun):
    """A network whose threshold was chosen on validation images; where its training diverged, nothing is measured.

    Attributes:
        threshold: An image is rejected where every d_i is above it.
        clean: Answers to all test images.
        attacked: By attack, ``fgsm``, ``pgd`` (both along the margin) and ``adaptive``: answers at each epsilon.
        at_other_share: With the other threshold: answers to ``clean`` test images, and to the images of each attack at
            ``config.detected_epsilon``.
        robust_accuracy: Share of the images that PGD leaves classified correctly, rejected or not, at each epsilon.
        rejected: By kind of image, the share that is rejected.
        distances: By kind of image, quantiles of the least distance, 0 % to 100 % in steps of 1 %.
        detections: All detectors on all kinds of odd images.
    """

    config: RejectingConfig
    threshold: Number
    clean: Answers
    attacked: dict[str, list[Answers]]
    at_other_share: dict[str, Answers]
    robust_accuracy: list[Number]
    rejected: dict[str, Number]
    distances: dict[str, list[Number]]
    detections: list[Detection]


FIXED = Computation(__name__, "study_fixed", FixedRun, PACKAGES)
THRESHOLD = Computation(__name__, "study_threshold", ThresholdRun, PACKAGES)


@threadpool_limits.wrap(limits=1, user_api="blas")
def study_fixed(config: RejectingConfig, dataset: Dataset) -> FixedRun:
    """Train a network with images of noise as an eleventh class, and attack it, as R3 does."""
    network, run = train_network(config, dataset)
    if run.diverged_at is not None:
        return FixedRun(**vars(run), answers=[])
    sample, loss = dataset.test.sample(config.attack_samples, config.seed), build_loss(config)
    answers = [_answer(network, dataset.test.x, dataset.test.y, config.margin)]
    for epsilon in config.attack_epsilon:
        attacked = rejection.attack_with_fgsm(network, loss, sample.x, sample.y, epsilon)
        answers.append(_answer(network, attacked, sample.y, config.margin))
    return FixedRun(**vars(run), answers=answers)


@threadpool_limits.wrap(limits=1, user_api="blas")
def study_threshold(config: RejectingConfig, dataset: Dataset) -> ThresholdRun:
    """Train a network, choose its threshold on the validation images, and attack it in three ways."""
    network, run = train_network(config, dataset)
    if run.diverged_at is not None:
        return _nothing(run)
    threshold = choose_threshold(network.forward(rows_of(dataset.validation.x)), config.rejected_share)
    sample = dataset.test.sample(config.attack_samples, config.seed)
    attacks = {
        epsilon: _attack(network, sample, threshold, epsilon, config.seed)
        for epsilon in {*config.attack_epsilon, config.detected_epsilon}
    }
    by_epsilon = [attacks[epsilon] for epsilon in config.attack_epsilon]
    detected = attacks[config.detected_epsilon]
    kinds = _images_to_detect(network, config.seed, sample, detected)
    least = {kind: -network.forward(rows_of(x)).max(axis=1) for kind, x in kinds.items()}
    return ThresholdRun(
        **vars(run),
        threshold=threshold,
        clean=_answer(network, dataset.test.x, dataset.test.y, threshold),
        attacked={
            name: [_answer(network, images[name], sample.y, threshold) for images in by_epsilon]
            for name in ("fgsm", "pgd", "adaptive")
        },
        at_other_share=_study_other_share(network, config, dataset, sample, detected),
        robust_accuracy=[_accuracy(network, images["pgd"], sample.y) for images in by_epsilon],
        rejected={kind: float(np.mean(distances > threshold)) for kind, distances in least.items()},
        distances={kind: np.quantile(distances, QUANTILES).tolist() for kind, distances in least.items()},
        detections=_detect(network, config, dataset, kinds),
    )


def _nothing(run: HandRun) -> ThresholdRun:
    return ThresholdRun(
        **vars(run), threshold=np.nan, clean=Answers(np.nan, np.nan, np.nan), attacked={}, at_other_share={},
        robust_accuracy=[], rejected={}, distances={}, detections=[],
    )  # fmt: skip


def _study_other_share(
    network: Network, config: RejectingConfig, dataset: Dataset, sample: Split, attacked: dict[str, np.ndarray]
) -> dict[str, Answers]:
    """Return the answers with the threshold of ``config.other_share``: to clean test images, and to each attack.

    Of ``attacked``, the images at ``config.detected_epsilon`` by attack, the adaptive ones alone are made anew:
    the other attacks know of no threshold.
    """
    x, y = sample.x, sample.y
    threshold = choose_threshold(network.forward(rows_of(dataset.validation.x)), config.other_share)
    adaptive = rejection.attack_adaptively(network, x, y, threshold, config.detected_epsilon, config.seed)
    clean = {"clean": _answer(network, dataset.test.x, dataset.test.y, threshold)}
    return clean | {
        name: _answer(network, images, y, threshold) for name, images in {**attacked, "adaptive": adaptive}.items()
    }


def _answer(network: Network, x: np.ndarray, y: np.ndarray, threshold: float) -> Answers:
    return count_answers(network.forward(rows_of(x)), y, threshold)


def _accuracy(network: Network, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(network.forward(rows_of(x)).argmax(axis=1) == y))


def _attack(network: Network, sample: Split, threshold: float, epsilon: float, seed: int) -> dict[str, np.ndarray]:
    x, y = sample.x, sample.y
    return {
        "fgsm": rejection.attack_with_fgsm(network, MarginLoss(), x, y, epsilon),
        "pgd": rejection.attack_with_pgd(network, x, y, epsilon, seed),
        "adaptive": rejection.attack_adaptively(network, x, y, threshold, epsilon, seed),
    }


def _images_to_detect(
    network: Network, seed: int, sample: Split, attacked: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return clean images, odd ones, and the attacked ones that are misclassified, by kind."""
    titles = {"fgsm": "FGSM", "pgd": "PGD", "adaptive": "adaptive attack"}
    kinds = {"clean": sample.x} | draw_odd_images(sample.x, seed)
    for name, x in attacked.items():
        fooled = network.forward(rows_of(x)).argmax(axis=1) != sample.y
        kinds |= {titles[name]: x[fooled]} if fooled.any() else {}
    return kinds


def _detect(
    network: Network, config: RejectingConfig, dataset: Dataset, kinds: dict[str, np.ndarray]
) -> list[Detection]:
    found = []
    for name, detector in build_detectors(network, encode(dataset, config.components)).items():
        clean = detector(kinds["clean"])
        for kind, images in kinds.items():
            if kind != "clean":
                found.append(Detection(name, kind, *compare(clean, detector(images))))
    return found
