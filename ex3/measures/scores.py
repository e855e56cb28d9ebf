"""Measures of the answered classes: confusion, accuracy, recall, precision and F1, each with its 95 % interval.

They need labels alone, so a model of any framework can be judged; nothing here knows Keras.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ex3.measures.intervals import LEVEL, wilson
from ex3.results import Number

RESAMPLES = 2_000  # of the bootstrap
MOST_NAMES = 5  # in a sentence


@dataclass(frozen=True)
class Estimate:
    """A measure over the test images, and its 95 % interval; each is ``nan`` where it is not defined."""

    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class ClassScores:
    """How well one class is recognised.

    Attributes:
        name: Of the class.
        images: Number of test images of this class.
        answers: Number of test images that the model takes for it.
        recall: Share of its images that are answered right.
        precision: Share of its answers that are right.
        f1: Harmonic mean of both, 2 hits / (images + answers).
    """

    name: str
    images: int
    answers: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True)
class Scores:
    """All that the answered classes tell (``evaluate-confusion``).

    Attributes:
        confusion: Counts; rows are actual classes, columns answered ones.
        accuracy: Share of the images that are answered right.
        balanced_accuracy: Mean recall of the classes that have images.
        classes: In the order of the labels.
    """

    confusion: list[list[int]]
    accuracy: Estimate
    balanced_accuracy: Estimate
    classes: list[ClassScores]


def score(y: np.ndarray, answered: np.ndarray, class_names: Sequence[str], seed: int) -> Scores:
    """Compare answers with the actual classes.

    The intervals of shares are Wilson's (1927). Those of F1 and of the balanced accuracy are the percentiles of
    2,000 bootstrap samples of the images; there is none where the measure is the same in all samples.

    Args:
        y: Labels ``(N,)``.
        answered: Answered labels ``(N,)``.
        class_names: Of all classes.
        seed: Of the bootstrap.
    """
    labels = list(range(len(class_names)))
    confusion = confusion_matrix(y, answered, labels=labels)
    _, recalls, f1, images = precision_recall_fscore_support(y, answered, labels=labels, zero_division=np.nan)
    answers, hits = confusion.sum(axis=0), np.diagonal(confusion)
    f1_samples, balanced_samples = _bootstrap(confusion, seed)
    classes = [
        ClassScores(
            name=class_names[label],
            images=int(images[label]),
            answers=int(answers[label]),
            recall=share(hits[label], images[label]),
            precision=share(hits[label], answers[label]),
            f1=_with_percentiles(f1[label], f1_samples[:, label]),
        )
        for label in labels
    ]
    balanced = _with_percentiles(np.nanmean(recalls), balanced_samples)
    return Scores(confusion.tolist(), share(hits.sum(), len(y)), balanced, classes)


def share(hits: int, count: int) -> Estimate:
    """Return a share with its interval."""
    if not count:
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(float(hits / count), *map(float, wilson(hits, count)))


def describe_unanswered(scores: Scores) -> str:
    """Say that a model answers one class for everything, or never answers some; empty where it answers each."""
    total = sum(row.images for row in scores.classes)
    for row in scores.classes:
        if row.answers == total:
            return f"answers {row.name} for all {total:,} test images"
    never = [row.name for row in scores.classes if row.images and not row.answers]
    if len(never) > MOST_NAMES:
        return f"never answers {len(never)} of {len(scores.classes)} classes: {', '.join(never[:MOST_NAMES])}, ..."
    return f"never answers {', '.join(never)}" if never else ""


def _bootstrap(confusion: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw as many images as there are, with repetition, 2,000 times.

    Both measures depend on the counts of the confusion matrix alone, so these are drawn, from a multinomial
    distribution over its cells.

    Returns:
        F1 of each class ``(resamples, classes)``, and the balanced accuracy ``(resamples,)``; a class that no drawn
        image has takes no part.
    """
    classes, total = len(confusion), confusion.sum()
    rows, columns = np.nonzero(confusion)
    on_diagonal = rows == columns
    rng = np.random.default_rng(seed)
    f1, balanced = np.empty((RESAMPLES, classes)), np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        counts = rng.multinomial(total, confusion[rows, columns] / total)
        images, answers = np.bincount(rows, counts, classes), np.bincount(columns, counts, classes)
        hits = np.bincount(rows[on_diagonal], counts[on_diagonal], classes)
        with np.errstate(invalid="ignore"):  # 0 / 0 is nan
            f1[number] = 2 * hits / (images + answers)
            balanced[number] = np.nanmean(hits / images)
    return f1, balanced


def _with_percentiles(value: float, samples: np.ndarray) -> Estimate:
    """Add the interval, unless the samples are all the same: these tell nothing of a measure that is 0 or 1."""
    finite = samples[np.isfinite(samples)]
    if not len(finite) or np.ptp(finite) == 0:
        return Estimate(float(value), math.nan, math.nan)
    low, high = np.quantile(finite, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(float(value), float(low), float(high))
