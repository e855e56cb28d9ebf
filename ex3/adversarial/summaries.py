"""The results of the three figures: example images, success over epsilon, and targeted attacks by pair of classes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.attacks import Victim
from ex3.adversarial.cases import Case
from ex3.adversarial.judging import Attack, CorrectImages
from ex3.adversarial.self_check import Check
from ex3.results import Number, without_one_channel

PixelRows = list[list[float]] | list[list[list[float]]]  # row by row, in [0, 1], rounded to 3 decimals; or in colour
Matrix = list[list[Number]]  # a row per true class, a column per wanted class


@dataclass(frozen=True)
class Prediction:
    """The class that a model predicts for an image, and its probability."""

    label: int
    probability: float


@dataclass(frozen=True)
class Example:
    """One attacked image.

    Attributes:
        original: The image.
        adversarial: The attacked image.
        before: The prediction for the original.
        after: The prediction for the attacked image.
    """

    original: PixelRows
    adversarial: PixelRows
    before: Prediction
    after: Prediction


@dataclass(frozen=True)
class ExampleRow:
    """Some images under one attack."""

    case: Case
    examples: list[Example]


@dataclass(frozen=True)
class AttackExamples:
    """Images, their noise, and the predictions, for each attack (``attack-examples``)."""

    rows: list[ExampleRow]


@dataclass(frozen=True)
class AttackCurves:
    """Success over epsilon, and all that was measured beside it (``attack-epsilon``).

    Attributes:
        clean_accuracy: By model, its accuracy on all images looked at, without noise.
        curves: By model, noise, FGSM and PGD in linf with each epsilon of the curve.
        table: Every method on the one model.
        checks: The self-check, on the one model.
    """

    clean_accuracy: dict[str, Number]
    curves: dict[str, list[Attack]]
    table: list[Attack]
    checks: list[Check]


@dataclass(frozen=True)
class TargetPairs:
    """The targeted attack by true and wanted class (``attack-targets``).

    Attributes:
        attack: Over all images.
        success: Share of the images that are classified as wanted; ``nan`` where there is no image.
        l1: Median l1 norm of the noise, over the successes; ``nan`` where there is none.
        count: Number of images.
    """

    attack: Attack
    success: Matrix
    l1: Matrix
    count: list[list[int]]


def pick_examples(victim: Victim, images: Mapping[Case, tuple[np.ndarray, np.ndarray]], count: int) -> AttackExamples:
    """Take the first images of each method and norm, at the middle one of its epsilons.

    Args:
        victim: The model.
        images: Of each case, the original and the adversarial images, ``(N, H, W, C)`` each.
        count: Number of images per method.
    """
    families: dict[tuple[str, str | None], list[Case]] = {}
    for case in images:
        families.setdefault((case.method, case.norm), []).append(case)
    rows = []
    for cases in families.values():
        case = cases[len(cases) // 2]
        pairs = zip(*(part[:count] for part in images[case]), strict=True)
        rows.append(ExampleRow(case, [_example(victim, original, adversarial) for original, adversarial in pairs]))
    return AttackExamples(rows)


def pair_classes(
    victim: Victim, images: CorrectImages, adversarial: np.ndarray, attack: Attack, classes: int
) -> TargetPairs:
    """Sort the targeted attack's success and noise by true and wanted class.

    Args:
        victim: The model.
        images: The attacked images, with their targets.
        adversarial: The adversarial images.
        attack: Their measurements.
        classes: Number of classes.
    """
    succeeded = victim.logits(adversarial).argmax(axis=1) == images.targets
    sizes = np.abs(adversarial - images.x).sum(axis=tuple(range(1, adversarial.ndim)))
    success, l1 = np.full((2, classes, classes), np.nan)
    count = np.zeros((classes, classes), int)
    for pair in np.ndindex(classes, classes):
        here = (images.y == pair[0]) & (images.targets == pair[1])
        count[pair] = here.sum()
        if here.any():
            success[pair] = succeeded[here].mean()
        if (here & succeeded).any():
            l1[pair] = np.median(sizes[here & succeeded])
    return TargetPairs(attack, success.tolist(), l1.tolist(), count.tolist())


def _example(victim: Victim, original: np.ndarray, adversarial: np.ndarray) -> Example:
    return Example(_pixels(original), _pixels(adversarial), _predict(victim, original), _predict(victim, adversarial))


def _pixels(image: np.ndarray) -> PixelRows:
    return np.round(without_one_channel(image).astype(float), 3).tolist()


def _predict(victim: Victim, image: np.ndarray) -> Prediction:
    logits = victim.logits(image[np.newaxis])[0].astype(float)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    return Prediction(int(probabilities.argmax()), float(probabilities.max()))
