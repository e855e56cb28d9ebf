"""What a classifier's confidence is worth: calibration, and the mistakes that it was most sure of."""

import math
from dataclasses import dataclass

import numpy as np

from ex3.data import Split
from ex3.data.predictions import Answers
from ex3.measures.scores import Estimate, share
from ex3.results import Number, Pixels

BINS = 15  # of the confidence, as in Guo et al. 2017
MOST_MISTAKES = 12  # that are shown


@dataclass(frozen=True)
class Bin:
    """The images whose confidence lies in ``(low, high]``.

    Attributes:
        low: Edge of the bin.
        high: Edge of the bin.
        images: Their number.
        confidence: Their mean confidence.
        accuracy: Share that is answered right.
    """

    low: float
    high: float
    images: int
    confidence: Number
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """How far the confidence, the probability of the answered class, can be believed.

    Attributes:
        error: Expected calibration error, in [0, 1].
        confidence: Its mean.
        accuracy: Share of the images that are answered right.
        bins: From 0 to 1, of equal width.
    """

    error: float
    confidence: float
    accuracy: Estimate
    bins: list[Bin]


@dataclass(frozen=True)
class Mistake:
    """A test image that is answered wrong.

    Attributes:
        index: Its place (from 0) among the test images.
        actual: Label of its class.
        answered: Label of the answer.
        confidence: Probability of the answer; ``None`` where only labels are known.
    """

    index: int
    actual: int
    answered: int
    confidence: float | None


@dataclass(frozen=True)
class Mistakes:
    """Some of the mistakes, the most confident first; where only labels are known, drawn at random.

    Attributes:
        total: Number of all mistakes.
        shown: Some of them.
        pictures: Their images ``(N, H, W, C)``.
    """

    total: int
    shown: list[Mistake]
    pictures: Pixels


@dataclass(frozen=True)
class Confidence:
    """All that the answers' confidence tells (``evaluate-confidence``).

    Attributes:
        calibration: ``None`` where only the answered labels are known.
        mistakes: Some of them.
    """

    calibration: Calibration | None
    mistakes: Mistakes


def calibrate(answers: Answers, y: np.ndarray) -> Calibration | None:
    """Compare confidence with accuracy in bins of equal width.

    Expected calibration error: sum over bins of (images in bin / images) |accuracy - mean confidence| (Guo et al.
    2017, equation 3).

    Args:
        answers: Of the model.
        y: Labels ``(N,)``.

    Returns:
        ``None`` where only the answered labels are known.
    """
    if answers.probabilities is None:
        return None
    confidence, is_right = answers.probabilities.max(axis=1), answers.labels == y
    edges = np.linspace(0, 1, BINS + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")  # of bin (low, high]
    bins = []
    for number in range(BINS):
        inside = place == number
        mean = float(confidence[inside].mean()) if inside.any() else math.nan
        accuracy = share(is_right[inside].sum(), inside.sum())
        bins.append(Bin(float(edges[number]), float(edges[number + 1]), int(inside.sum()), mean, accuracy))
    gaps = [part.images * abs(part.accuracy.value - part.confidence) for part in bins if part.images]
    return Calibration(sum(gaps) / len(y), float(confidence.mean()), share(is_right.sum(), len(y)), bins)


def find_mistakes(answers: Answers, test: Split, seed: int) -> Mistakes:
    """Take the most confident mistakes; where only labels are known, some at random.

    Args:
        answers: Of the model.
        test: The test images.
        seed: Of the random choice.
    """
    wrong = np.flatnonzero(answers.labels != test.y)
    confidence = None if answers.probabilities is None else answers.probabilities.max(axis=1)
    if confidence is None:
        order = np.random.default_rng(seed).permutation(wrong)
    else:
        order = wrong[np.argsort(-confidence[wrong], kind="stable")]
    shown = order[:MOST_MISTAKES]
    listed = [
        Mistake(
            index=int(index),
            actual=int(test.y[index]),
            answered=int(answers.labels[index]),
            confidence=None if confidence is None else float(confidence[index]),
        )
        for index in shown
    ]
    return Mistakes(len(wrong), listed, Pixels.pack(test.x[shown]))
