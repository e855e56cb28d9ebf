"""What a run gives: frozen dataclasses of plain numbers and lists, to and from JSON.

A figure's JSON twin is a ``Record``: the same head for every experiment, then the experiment's own ``result``. Numbers
that are not finite become ``null`` in JSON and come back as ``nan``.
"""

import json
import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BeforeValidator, TypeAdapter

Number = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]
FLAT_LIST = re.compile(r"\[\n[^\[\]{}]*\n *\]")
T = TypeVar("T")


@dataclass(frozen=True)
class Curves:
    """Named series over one axis, all of the axis's length."""

    axis: Literal["epoch", "iteration"]
    points: list[Number]
    series: dict[str, list[Number]]


@dataclass(frozen=True)
class DatasetInfo:
    """Which images a result rests on."""

    name: str
    source: str
    fingerprint: str
    sizes: dict[str, int]


@dataclass(frozen=True)
class Run:
    """One training run: everything measured, nothing drawn.

    Attributes:
        name: The model, as in the config.
        config: The resolved config, with its seed and threads.
        dataset: The images.
        parameters: Number of trainable parameters.
        epochs: Over epochs (fractions allowed): ``seconds`` of training so far, and ``train_loss``, ``train_accuracy``,
            ``test_loss``, ``test_accuracy``, all in inference mode, train and test on equally many images.
        iterations: ``loss`` of each gradient step, as it was optimised (with dropout and label smoothing), mean over
            the batch.
        metrics: The last point of ``epochs``, and ``validation_loss``, ``validation_accuracy``.
        confusion: Counts over the test images; rows are actual classes, columns predicted ones. Empty for an
            autoencoder, whose losses are mean squared errors over pixels and which has no accuracies.
        seconds: Training time without imports, data loading and evaluations.
        diverged_at: The first iteration (from 1) whose loss was not finite, or ``None``.
    """

    name: str
    config: dict[str, Any]
    dataset: DatasetInfo
    parameters: int
    epochs: Curves
    iterations: Curves
    metrics: dict[str, Number]
    confusion: list[list[int]]
    seconds: float
    diverged_at: int | None


@dataclass(frozen=True)
class Cell:
    """A finished run of a sweep, as it is stored.

    Attributes:
        version: This package's.
        seconds: From loading the data to the last evaluation.
        run: What came of it.
    """

    version: str
    seconds: float
    run: Run


@dataclass(frozen=True)
class Finished:
    """A finished experiment, as ``reproduce`` remembers it.

    Attributes:
        identity: A digest of all that its results depend on.
        seconds: From its start to its end.
        headline: The last line that it printed.
        files: Each file that it wrote, with a digest of what was in it.
    """

    identity: str
    seconds: float
    headline: str
    files: dict[str, str]


@dataclass(frozen=True)
class Scores:
    """How well codes in the plane keep the images and their structure; ``nan`` where a method has no such number.

    Attributes:
        mse: Mean squared error of the reconstruction, over all test images and pixels.
        neighbour_accuracy: Test accuracy of the 15-nearest-neighbour classifier in the plane.
        trustworthiness: In [0, 1]: are neighbours in the plane neighbours in pixel space?
        silhouette: In [-1, 1]: are the classes apart?
        distance_ranks: In [-1, 1]: rank correlation of the distances between images in pixel space and in the plane.
        read_right: Share of the reconstructions that the convnet reads as the right digit.
    """

    mse: Number
    neighbour_accuracy: Number
    trustworthiness: Number
    silhouette: Number
    distance_ranks: Number
    read_right: Number


@dataclass(frozen=True)
class Attack:
    """What one attack did to one model's correctly classified images.

    Attributes:
        method: Its name.
        norm: What epsilon is measured in: ``linf`` or ``l2``; ``None`` for attacks that look for small noise instead.
        epsilon: The bound on the noise.
        attacked: How many images, all of them classified correctly before.
        success: The share of them that is no longer (targeted: that is taken for the wanted label).
        interval: Of that share, 95 %, after Wilson.
        robust_accuracy: The share of all images, the misclassified ones included, that is still classified correctly.
        l0: Median number of changed pixels over the successes; likewise ``l1``, ``l2`` and ``linf``.
        smallest_epsilon: Median over the images of the least epsilon that succeeds, where it was looked for.
        images_per_second: Attacked, and judged.
    """

    method: str
    norm: str | None
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


@dataclass(frozen=True)
class Check:
    """One line of the evaluation's check of itself: what should hold, whether it does, and the numbers."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Finding:
    """A statement of the theory, checked numerically: it holds when the number keeps to its bound.

    Attributes:
        statement: What is measured.
        number: What came out.
        relation: ``<=`` or ``>=``.
        bound: What the number should be at most, or at least.
    """

    statement: str
    number: Number
    relation: Literal["<=", ">="]
    bound: Number

    @property
    def holds(self) -> bool:
        """Whether the number keeps to its bound; not a number does not."""
        return self.number <= self.bound if self.relation == "<=" else self.number >= self.bound


@dataclass(frozen=True)
class ToyFit:
    """A hand-written network on one target of the toy experiment, over the seeds.

    Attributes:
        target: ``y1``, ``y2`` or ``y3``.
        model: ``linear`` or ``convnet``.
        curves: Over iterations: ``train_loss``, ``test_loss`` and ``gradient_norm``, each as ``_median`` over the seeds
            and as ``_low`` and ``_high``, the 10 % and 90 % quantiles. Losses are without the l2 term.
        test_loss: Each seed's mean squared error on its test samples after the last iteration.
        noise_floor: Each seed's mean squared error of the noiseless target on its test samples.
        ridge_test_loss: Each seed's test loss of the linear model that minimises the training objective exactly.
        example: ``target`` and ``prediction`` of the first seed's test samples.
        diverged: For each seed, the first iteration (from 1) whose loss was not finite, or ``None``.
    """

    target: str
    model: str
    curves: Curves
    test_loss: list[Number]
    noise_floor: list[Number]
    ridge_test_loss: list[Number]
    example: dict[str, list[Number]]
    diverged: list[int | None]


@dataclass(frozen=True)
class Record:
    """A figure's JSON twin: the common head, then the experiment's ``result``."""

    name: str
    command: str
    config: dict[str, Any]
    dataset: DatasetInfo
    seeds: list[int]
    threads: int
    precision: str
    seconds: float
    versions: dict[str, str]
    result: dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """A number over repeats with different seeds.

    Attributes:
        mean: The mean.
        std: The sample standard deviation (divided by count - 1); ``nan`` for a single repeat, and where a value is.
        count: The number of repeats.
    """

    mean: Number
    std: Number
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Summarise one number's repeats."""
    has_std = len(values) > 1 and all(map(math.isfinite, values))
    return Spread(statistics.fmean(values), statistics.stdev(values) if has_std else math.nan, len(values))


def quantiles(values: np.ndarray) -> np.ndarray:
    """Return the 10 %, 50 % and 90 % quantiles over the last axis, ``(..., seeds)`` -> ``(3, ...)``.

    What is not finite counts as larger than everything else; a quantile that falls there is not finite.
    """
    stand_in = 1e300  # not infinity, with which nothing can be interpolated
    found = np.quantile(np.where(np.isfinite(values), values, stand_in), (0.1, 0.5, 0.9), axis=-1)
    return np.where(found < stand_in / 1e6, found, np.inf)


def to_json(value: Any) -> str:
    """Write a dataclass of this module as indented JSON, with each list of plain values on one line."""
    plain = json.loads(TypeAdapter(type(value)).dump_json(value))  # here nan and inf become null
    text = json.dumps(plain, indent=1)
    return FLAT_LIST.sub(lambda match: re.sub(r"\n\s+", " ", match[0]), text) + "\n"


def from_json(kind: type[T], text: str | bytes) -> T:
    """Read a dataclass of this module back from JSON.

    Raises:
        pydantic.ValidationError: The text is not JSON, or not of this kind.
    """
    return TypeAdapter(kind).validate_json(text)
