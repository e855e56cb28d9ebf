"""(config, images) -> (hand-written network, its measurements)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from ex3.adversarial.attacks import fgsm
from ex3.by_hand.classifier import build_classifier, build_loss, train
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.victim import network_victim
from ex3.data import Dataset
from ex3.errors import ConfigError
from ex3.provenance import weights_digest
from ex3.results import Curves, DatasetInfo, Number
from ex3.scratch.network import Network
from ex3.scratch.pca import fit_pca
from ex3.scratch.sgd import Transform

STEP = 1.25  # of the attack inside adversarial training, in units of epsilon
BLOCK = 500  # images at a time, so that the hidden units stay in the processor's cache


@dataclass(frozen=True)
class HandRun:
    """One training run of a hand-written network.

    Attributes:
        config: All settings, with the seed.
        dataset: The images.
        parameters: Number of trained numbers.
        explained: Share of the variance that PCA's components hold; 1 for the pixels themselves.
        epochs: Over epochs: ``seconds`` of training so far, and ``train_loss``, ``train_accuracy``, ``test_loss``,
            ``test_accuracy``, on equally many images.
        metrics: The last point of ``epochs``, and ``validation_loss``, ``validation_accuracy``.
        seconds: Training time without PCA's fit and the evaluations.
        diverged_at: The first iteration (from 1) whose loss was not finite (with a batch size of 1, the end of its
            epoch), or ``None``.
        weights: Digest of the trained weights.
    """

    config: NetworkConfig
    dataset: DatasetInfo
    parameters: int
    explained: Number
    epochs: Curves
    metrics: dict[str, Number]
    seconds: float
    diverged_at: int | None
    weights: str


@dataclass(frozen=True)
class Inputs:
    """A data set as a network sees it: pixels, or their codes by PCA, float32 ``(N, inputs)``.

    Attributes:
        encoder: Rows of pixels -> inputs; has no layer where the pixels themselves are the inputs.
        explained: Share of the variance that PCA's components hold, or 1.
        train: The training images.
        validation: The validation images.
        test: The test images.
    """

    encoder: Network
    explained: float
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def rows_of(x: np.ndarray) -> np.ndarray:
    """Images ``(N, ...)`` -> rows of pixels ``(N, pixels)``."""
    return x.reshape(len(x), -1)


@lru_cache(maxsize=2)  # codes and pixels: runs with the same images follow each other
def encode(dataset: Dataset, components: int) -> Inputs:
    """Fit PCA to the training images and project all images; 0 components leave the pixels as they are.

    Raises:
        ConfigError: There are fewer pixels than components.
    """
    splits = [rows_of(split.x) for split in (dataset.train, dataset.validation, dataset.test)]
    if components == 0:
        return Inputs(Network([]), 1.0, *splits)
    pixels = splits[0].shape[1]
    if components > pixels:
        raise ConfigError(f"components = {components}: the images have {pixels} pixels, and PCA no more components")
    projection, explained = fit_pca(splits[0], components)
    return Inputs(Network([projection]), explained, *map(projection.forward, splits))


@threadpool_limits.wrap(limits=1, user_api="blas")  # two threads are slower on matrices this small
def train_network(config: NetworkConfig, dataset: Dataset) -> tuple[Network, HandRun]:
    """Train a network; the training ends at the first loss that is not finite (``HandRun.diverged_at``).

    Args:
        config: All settings of the run.
        dataset: The images; ``train`` alone is trained on.

    Returns:
        The network, rows of pixels ``(B, pixels)`` -> scores ``(B, classes)``, and its measurements.

    Raises:
        ConfigError: There are fewer pixels than PCA's components.
    """
    order, noise = (np.random.default_rng((config.seed, stream)) for stream in (1, 2))
    inputs = encode(dataset, config.components)
    head = build_classifier(config, inputs.train.shape[1], len(dataset.class_names), order)
    network = Network([*inputs.encoder.layers, *head.layers])
    if config.shift or config.adversarial_epsilon:  # these change pixels, so the encoder works in every step
        trained, encoder, x = network, Network([]), rows_of(dataset.train.x)
    else:
        trained, encoder, x = head, inputs.encoder, inputs.train
    x, y = _add_noise(config, x, dataset, encoder, noise)
    epochs = train(trained, config, x, y, order, _build_transform(config, dataset, trained, noise))
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges says so in its result
        points, diverged_at = _record(epochs, head, config, inputs, dataset)
        validation = measure(head, config, inputs.validation, dataset.validation.y, "validation")
    if diverged_at is None and not np.isfinite(validation["validation_loss"]):
        diverged_at = config.epochs * max(1, len(x) // config.batch_size) + 1  # after the last step
    series = {name: [point[name] for point in points] for name in points[0]}
    last = {name: values[-1] for name, values in series.items() if name not in ("epoch", "seconds")}
    return network, HandRun(
        config=config,
        dataset=dataset.info,
        parameters=sum(parameter.value.size for parameter in network.parameters),
        explained=inputs.explained,
        epochs=Curves("epoch", series.pop("epoch"), series),
        metrics=last | validation,
        seconds=series["seconds"][-1],
        diverged_at=diverged_at,
        weights=weights_digest(parameter.value for parameter in network.parameters),
    )


def measure(network: Network, config: NetworkConfig, x: np.ndarray, y: np.ndarray, name: str) -> dict[str, float]:
    """Return ``<name>_loss`` and ``<name>_accuracy`` of a network on inputs ``(N, inputs)`` and labels ``(N,)``."""
    blocks = range(0, len(x), BLOCK)
    scores = np.concatenate([network.forward(x[start : start + BLOCK]) for start in blocks])
    return {
        f"{name}_loss": float(build_loss(config).value(scores, y)),
        f"{name}_accuracy": float(np.mean(scores.argmax(axis=1) == y)),
    }


def add_gaussian(x: np.ndarray, sigma: float, generator: np.random.Generator) -> np.ndarray:
    """Return x + sigma times standard normal noise, float32.

    PCA's directions are orthonormal, so that noise on the codes is the same as noise on the pixels. Nothing is clipped.
    """
    return x + np.float32(sigma) * generator.standard_normal(x.shape, dtype=np.float32)


def _record(
    epochs: Iterator[int | None], head: Network, config: NetworkConfig, inputs: Inputs, dataset: Dataset
) -> tuple[list[dict[str, float]], int | None]:
    """Train to the end, and measure train and test, on equally many images, after each epoch.

    Returns:
        The points of the curves, and the iteration at which the loss was not finite, if it was.
    """
    count = len(dataset.test)
    points, seconds, diverged_at = [], 0.0, None
    start = time.perf_counter()
    for epoch, bad_iteration in enumerate(epochs, 1):
        seconds += time.perf_counter() - start
        diverged_at = bad_iteration
        point = {"epoch": float(epoch), "seconds": seconds}
        point |= measure(head, config, inputs.train[:count], dataset.train.y[:count], "train")
        points.append(point | measure(head, config, inputs.test, dataset.test.y, "test"))
        start = time.perf_counter()
    return points, diverged_at


def _add_noise(
    config: NetworkConfig, x: np.ndarray, dataset: Dataset, encoder: Network, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Add the images of noise, as a class of their own, and the Gaussian noise that is drawn once.

    Args:
        config: How much.
        x: Inputs of the training images.
        dataset: The images.
        encoder: Rows of pixels -> inputs.
        generator: Draws the noise.

    Returns:
        Inputs and labels to train on.
    """
    y = dataset.train.y
    if config.noise_images:
        pixels = rows_of(dataset.train.x).shape[1]
        images = generator.random((config.noise_images, pixels), dtype=np.float32)
        x = np.concatenate([x, encoder.forward(images)])
        y = np.concatenate([y, np.full(len(images), len(dataset.class_names))])
    return (add_gaussian(x, config.noise, generator) if config.noise and config.noise_once else x), y


def _build_transform(
    config: NetworkConfig, dataset: Dataset, network: Network, generator: np.random.Generator
) -> Transform | None:
    """Return what is done to each batch: a shift, Gaussian noise, an attack on the network as it is now."""
    victim, epsilon = network_victim(network, build_loss(config)), config.adversarial_epsilon
    shape = dataset.train.x.shape[1:]

    def transform(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if config.shift:
            right, down = generator.integers(-config.shift, config.shift + 1, size=2)
            x = rows_of(shift_images(x.reshape(-1, *shape), int(right), int(down)))
        if config.noise and not config.noise_once:
            x = add_gaussian(x, config.noise, generator)
        if epsilon:
            start = x + epsilon * (2 * generator.random(x.shape, dtype=np.float32) - 1)
            attacked = fgsm(victim, start, y, STEP * epsilon)
            x = np.minimum(np.maximum(attacked, x - epsilon), x + epsilon)  # np.clip is slow with arrays
        return x

    is_needed = config.shift or epsilon or (config.noise and not config.noise_once)
    return transform if is_needed else None


def shift_images(x: np.ndarray, right: int, down: int) -> np.ndarray:
    """Move images ``(N, H, W, ...)`` by whole pixels; the border that comes in is 0."""
    height, width = x.shape[1:3]
    shifted = np.zeros_like(x)
    to_rows, from_rows = slice(max(down, 0), height + min(down, 0)), slice(max(-down, 0), height + min(-down, 0))
    to_columns, from_columns = (
        slice(max(right, 0), width + min(right, 0)),
        slice(max(-right, 0), width + min(-right, 0)),
    )
    shifted[:, to_rows, to_columns] = x[:, from_rows, from_columns]
    return shifted
