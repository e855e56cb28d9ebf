"""Measures an attack: success, noise, smallest epsilon.

Only images that the model classifies correctly are attacked, so that a misclassified one never counts as a success.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.attacks import Norm, Victim
from ex3.adversarial.cases import BoundedPerturb, Case, Method, Perturb
from ex3.measures.intervals import wilson
from ex3.results import Number

ROUNDS = 8  # of the bisection: to 1/256


@dataclass(frozen=True)
class CorrectImages:
    """Images that a model classifies correctly.

    Attributes:
        x: float32 ``(N, ...)`` in [0, 1].
        y: int64 ``(N,)``.
        total: Number of images, classified correctly or not, of which these are.
        targets: Wanted labels ``(N,)`` of a targeted attack, else ``None``.
    """

    x: np.ndarray
    y: np.ndarray
    total: int
    targets: np.ndarray | None = None

    def first(self, count: int) -> "CorrectImages":
        """Return the first ``count`` of them, or all where there are fewer, as their own total."""
        return CorrectImages(self.x[:count], self.y[:count], min(count, len(self.x)))


@dataclass(frozen=True)
class Attack:
    """A case on one model, measured.

    Attributes:
        method: As in the case.
        norm: As in the case.
        epsilon: As in the case.
        attacked: Images that the model classified correctly and that were attacked.
        success: Share of these that the attack made the model misclassify; of a targeted attack, classify as wanted.
        interval: The 95 % interval of the success (Wilson).
        robust_accuracy: Share, of all images looked at, that are still classified correctly.
        l0: Median number of changed pixels, over the successes.
        l1: Median l1 norm of their noise.
        l2: Median l2 norm of their noise.
        linf: Median of their largest change of a pixel.
        smallest_epsilon: Median, over images, of the least epsilon with which the attack succeeds; ``None`` where it
            was not searched for.
        images_per_second: Attacked and classified.
    """

    method: Method
    norm: Norm | None
    epsilon: Number | None
    attacked: int
    success: Number
    interval: tuple[Number, Number]
    robust_accuracy: Number
    l0: Number
    l1: Number
    l2: Number
    linf: Number
    smallest_epsilon: Number | None
    images_per_second: Number

    @property
    def case(self) -> Case:
        """The case that was run."""
        return Case(self.method, self.norm, self.epsilon)


def select_correct(victim: Victim, x: np.ndarray, y: np.ndarray) -> CorrectImages:
    """Keep the images that the model classifies correctly."""
    correct = victim.logits(x).argmax(axis=1) == y
    return CorrectImages(x[correct], y[correct], len(x))


def judge(case: Case, victim: Victim, images: CorrectImages, perturb: Perturb) -> tuple[Attack, np.ndarray]:
    """Attack images and measure the result.

    Args:
        case: Names the attack in the result.
        victim: The model.
        images: The images to attack.
        perturb: Images and labels (the wanted ones, when there are targets) -> adversarial images.

    Returns:
        The measurements, and the adversarial images.
    """
    targets = images.targets
    start = time.perf_counter()
    adversarial = perturb(images.x, images.y if targets is None else targets)
    predicted = victim.logits(adversarial).argmax(axis=1)
    seconds = time.perf_counter() - start
    fooled = predicted != images.y if targets is None else predicted == targets
    noise = (adversarial - images.x)[fooled].reshape(fooled.sum(), math.prod(images.x.shape[1:]))
    attack = Attack(
        method=case.method,
        norm=case.norm,
        epsilon=case.epsilon,
        attacked=len(images.x),
        success=float(fooled.mean()),
        interval=wilson(int(fooled.sum()), len(fooled)),
        robust_accuracy=float(np.sum(predicted == images.y) / images.total),
        l0=_median(np.count_nonzero(noise, axis=1)),
        l1=_median(np.abs(noise).sum(axis=1)),
        l2=_median(np.linalg.norm(noise, axis=1)),
        linf=_median(np.abs(noise).max(axis=1)),
        smallest_epsilon=None,
        images_per_second=len(images.x) / seconds,
    )
    return attack, adversarial


def smallest_epsilons(victim: Victim, images: CorrectImages, perturb: BoundedPerturb, largest: float) -> np.ndarray:
    """Bisect, for each image, the least epsilon with which the attack succeeds: ``(N,)``, ``inf`` where none does.

    Args:
        victim: The model.
        images: The images to attack.
        perturb: Images, labels (the wanted ones, when there are targets) and one epsilon per image -> adversarial
            images.
        largest: The largest epsilon that is tried; the search ends at a precision of ``largest / 256``.
    """
    targets = images.targets
    labels = images.y if targets is None else targets

    def succeeds(epsilon: np.ndarray) -> np.ndarray:
        predicted = victim.logits(perturb(images.x, labels, epsilon)).argmax(axis=1)
        return predicted != labels if targets is None else predicted == labels

    low, high = np.zeros(len(images.x)), np.full(len(images.x), largest)
    found = succeeds(high)
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        fooled = succeeds(middle)
        low, high = np.where(fooled, low, middle), np.where(fooled, middle, high)
    return np.where(found, high, np.inf)


def _median(sizes: np.ndarray) -> float:
    """Return the median, and ``nan`` for no number at all."""
    return float(np.median(sizes)) if len(sizes) else math.nan
