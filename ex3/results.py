"""What runs and experiments give: frozen dataclasses of plain numbers and lists, to and from JSON.

A figure's JSON twin is a ``Record``: a head that all experiments share, then the experiment's own ``result``. A number
that is not finite becomes ``null`` in JSON and comes back as ``nan``. A dataclass that only one module needs lives in
that module.
"""

import base64
import json
import math
import re
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
from pydantic import BeforeValidator, TypeAdapter

from ex3.robust_config import AnyTrainConfig

Number = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]
FLAT_LIST = re.compile(r"\[\n[^\[\]{}]*\n *\]")
Result = TypeVar("Result")
T = TypeVar("T")


@dataclass(frozen=True)
class Curves:
    """Named series over one axis, each as long as the axis."""

    axis: Literal["epoch", "iteration"]
    points: list[Number]
    series: dict[str, list[Number]]


@dataclass(frozen=True)
class DatasetInfo:
    """Which images a result rests on.

    Attributes:
        name: As in the config.
        source: Where the images were read from.
        fingerprint: Digest of all pixels and labels.
        sizes: Number of images in each split.
        class_names: One name per class, in the order of the labels.
        shape: Of an image: height, width, channels; empty where there are no images (toys), and in older twins.
    """

    name: str
    source: str
    fingerprint: str
    sizes: dict[str, int]
    class_names: list[str]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Run:
    """One training run: all its measurements.

    Attributes:
        name: The model, as in the config.
        config: The resolved config, with its seed and threads.
        dataset: The images.
        parameters: Number of trainable parameters.
        epochs: Over epochs (fractions allowed): ``seconds`` of training so far, and ``train_loss``, ``train_accuracy``,
            ``test_loss``, ``test_accuracy``, all in inference mode, train and test on equally many images; with the
            config's ``validation_curve`` also ``validation_loss`` and ``validation_accuracy``.
        iterations: ``loss`` of each gradient step, as it was optimised (with dropout and label smoothing), mean over
            the batch; with the config's ``batch_accuracy`` also ``accuracy``.
        metrics: The last point of ``epochs``, and ``validation_loss``, ``validation_accuracy``; ``dead_conv1``, ...,
            ``dead_dense1``, ...: the share of each ReLU's units that are 0 for all images of the train curve.
        confusion: Counts over the test images; rows are actual classes, columns predicted ones. Empty for an
            autoencoder, whose losses are mean squared errors over pixels and which has no accuracies.
        seconds: Training time without imports, data loading and evaluations.
        diverged_at: The first iteration (from 1) whose loss was not finite, or ``None``; the one after the last where
            the trained weights themselves give none.
        weights: Digest of the trained weights.
    """

    name: str
    config: AnyTrainConfig
    dataset: DatasetInfo
    parameters: int
    epochs: Curves
    iterations: Curves
    metrics: dict[str, Number]
    confusion: list[list[int]]
    seconds: float
    diverged_at: int | None
    weights: str


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


@dataclass(frozen=True)
class Repeats:
    """One model's runs over several seeds, and the mean and spread of each of their metrics."""

    metrics: dict[str, Spread]
    runs: list[Run]


@dataclass(frozen=True)
class Pixels:
    """Images in [0, 1] as 8-bit pixels, compressed, so that a figure can be drawn again from its twin.

    Attributes:
        shape: Of the array.
        data: Its bytes, zlib-compressed, in base 64.
    """

    shape: tuple[int, ...]
    data: str

    @classmethod
    def pack(cls, images: np.ndarray) -> "Pixels":
        """Round images in [0, 1] to 255 steps."""
        pixels = np.rint(255 * np.asarray(images)).astype(np.uint8)
        return cls(pixels.shape, base64.b64encode(zlib.compress(pixels.tobytes(), 9)).decode())

    def unpack(self) -> np.ndarray:
        """Return the images, float64 in [0, 1]."""
        pixels = np.frombuffer(zlib.decompress(base64.b64decode(self.data)), np.uint8)
        return pixels.reshape(self.shape) / 255


@dataclass(frozen=True)
class Arrays:
    """Named float32 arrays.

    Attributes:
        shapes: Of each array, by name.
        data: All their numbers in this order, little-endian float32, zlib-compressed, in base 64.
    """

    shapes: dict[str, tuple[int, ...]]
    data: str

    @classmethod
    def pack(cls, arrays: Mapping[str, np.ndarray]) -> "Arrays":
        """Write arrays as text."""
        numbers = b"".join(np.asarray(array, "<f4").tobytes() for array in arrays.values())
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        return cls(shapes, base64.b64encode(zlib.compress(numbers)).decode())

    def unpack(self) -> dict[str, np.ndarray]:
        """Return the arrays, float32, bit for bit."""
        numbers = np.frombuffer(zlib.decompress(base64.b64decode(self.data)), "<f4")
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(numbers, ends[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}


@dataclass(frozen=True)
class Record(Generic[Result]):
    """A figure's JSON twin: the common head, then the experiment's ``result``.

    Attributes:
        name: The figure's name.
        command: The command line that makes it again.
        config: The resolved config, as plain JSON.
        dataset: The images.
        seeds: Of all repeats.
        threads: TensorFlow's.
        precision: Of the layers' arithmetic.
        seconds: Of the computation; those of many runs are added up.
        versions: Of this package, Python and the packages that the result may depend on.
        models: Of each trained model that the result rests on, the digest of its weights.
        result: What the figure shows.
    """

    name: str
    command: str
    config: dict[str, Any]
    dataset: DatasetInfo
    seeds: list[int]
    threads: int
    precision: str
    seconds: float
    versions: dict[str, str]
    models: dict[str, str]
    result: Result


def without_one_channel(images: np.ndarray) -> np.ndarray:
    """Images ``(..., H, W, 1)`` -> ``(..., H, W)``; those in colour, ``(..., H, W, 3)``, stay as they are."""
    return images[..., 0] if images.shape[-1] == 1 else images


def spread(values: Sequence[float]) -> Spread:
    """Summarise one number's repeats."""
    has_std = len(values) > 1 and all(map(math.isfinite, values))
    return Spread(statistics.fmean(values), statistics.stdev(values) if has_std else math.nan, len(values))


def repeats(runs: Sequence[Run]) -> Repeats:
    """Summarise one model's runs over several seeds."""
    return Repeats({name: spread([run.metrics[name] for run in runs]) for name in runs[0].metrics}, list(runs))


def quantiles(values: np.ndarray) -> np.ndarray:
    """Return the 10 %, 50 % and 90 % quantiles over the last axis, ``(..., seeds)`` -> ``(3, ...)``.

    A value that is not finite counts as larger than all others; a quantile that falls on one is infinite.
    """
    stand_in = 1e300  # not infinity, with which nothing can be interpolated
    found = np.quantile(np.where(np.isfinite(values), values, stand_in), (0.1, 0.5, 0.9), axis=-1)
    return np.where(found < stand_in / 1e6, found, np.inf)


def to_json(value: object) -> str:
    """Write a dataclass as indented JSON, with each list of plain values on one line."""
    plain = json.loads(TypeAdapter(type(value)).dump_json(value))  # here nan and inf become null
    text = json.dumps(plain, indent=1)
    return FLAT_LIST.sub(lambda match: re.sub(r"\n\s+", " ", match[0]), text) + "\n"


def from_json(kind: type[T], text: str | bytes) -> T:
    """Read a dataclass back from JSON, e.g. ``from_json(Record[dict[str, Repeats]], text)``.

    Raises:
        pydantic.ValidationError: The text is not JSON, or not of this kind.
    """
    return TypeAdapter(kind).validate_json(text)
