"""A classifier written by hand: the network and the loss of a config, and its training, epoch by epoch."""

from collections.abc import Callable, Iterator

import numpy as np

from ex3.by_hand.config import NetworkConfig
from ex3.scratch.activations import GELU, ReLU, TanhGELU
from ex3.scratch.distances import NearestCentre, SquaredNorms
from ex3.scratch.intervals import WorstCase, box_around, build_interval_network
from ex3.scratch.layers import Layer, Linear
from ex3.scratch.losses import CrossEntropy, HingeLoss, Loss, RbfLoss
from ex3.scratch.network import Network
from ex3.scratch.one_by_one import sgd_one_by_one
from ex3.scratch.sgd import Transform, one_cycle, sgd

ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "gelu": TanhGELU, "gelu-exact": GELU}


def build_classifier(config: NetworkConfig, inputs: int, classes: int, generator: np.random.Generator) -> Network:
    """Build the network, float32: ``(B, inputs)`` -> scores ``(B, classes)``, the largest of which is the prediction.

    Weights start from N(0, gain / fan in), with a gain of 2 before the hidden layer's activation (He et al. 2015) and
    of 1 before linear scores; where distances are learned in a space of their own, they start at the order of lambda.
    A network that is trained on intervals starts from N(0, 2 pi / (fan in)^2), with which boxes keep their size from
    layer to layer (Shi et al. 2021, arXiv 2103.17268, section 3.1).

    Args:
        config: Head, activation and widths.
        inputs: Number of inputs.
        classes: Number of classes.
        generator: Draws the initial weights.
    """

    def draw(rows: int, columns: int, gain: float) -> np.ndarray:
        if config.interval_epsilon:
            gain = 2 * np.pi / columns
        return (generator.standard_normal((rows, columns)) * np.sqrt(gain / columns)).astype(np.float32)

    def linear(outputs: int, fan_in: int, gain: float) -> Linear:
        return Linear(draw(outputs, fan_in, gain), np.zeros((1, outputs), np.float32))

    hidden, rank, scale = config.hidden_units, config.rank, config.margin
    body = [linear(hidden, inputs, 2.0), ACTIVATIONS[config.activation]()]
    heads: dict[str, Callable[[], list[Layer]]] = {
        "hinge": lambda: [linear(classes, hidden, 1.0)],
        "softmax": lambda: [linear(classes, hidden, 1.0)],
        "rbf": lambda: [NearestCentre(draw(classes, hidden, 0.1 * hidden))],
        "rbf-softmax": lambda: [NearestCentre(draw(classes, hidden, 0.1 * hidden))],
        "rbf-linear": lambda: [linear(rank, hidden, scale / 2 / rank), NearestCentre(draw(classes, rank, scale / 2))],
        "rbf-general": lambda: [linear(classes * rank, hidden, scale / rank), SquaredNorms(classes)],
    }
    return Network([*body, *heads[config.head]()])


def build_loss(config: NetworkConfig) -> Loss:
    """Return the loss of a config's head."""
    if config.head == "hinge":
        return HingeLoss()
    return CrossEntropy() if config.head in ("softmax", "rbf-softmax") else RbfLoss(config.margin)


def train(
    network: Network,
    config: NetworkConfig,
    x: np.ndarray,
    y: np.ndarray,
    generator: np.random.Generator,
    transform: Transform | None = None,
) -> Iterator[int | None]:
    """Train a network, and yield after each epoch the first iteration (from 1) whose loss was not finite, if any.

    Args:
        network: Changed in place.
        config: Loss and training.
        x: Inputs, float32 ``(N, inputs)``.
        y: Labels, int64 ``(N,)``.
        generator: Draws the order of the images.
        transform: Applied to each batch's inputs, e.g. to add noise.
    """
    loss = build_loss(config)
    if config.batch_size == 1:
        yield from _train_one_by_one(network, loss, config, x, y, generator, transform)
        return
    batch_size = min(config.batch_size, len(x))
    per_epoch = len(x) // batch_size
    iterations = config.epochs * per_epoch
    if config.interval_epsilon:
        network, loss = build_interval_network(network), WorstCase(loss)
        transform = _add_boxes(transform, config, iterations)
    steps = sgd(
        network, loss, x, y,
        iterations=iterations, batch_size=batch_size, learning_rate=config.learning_rate,
        generator=generator, l2=config.l2, momentum=config.momentum, nesterov=True, schedule=one_cycle,
        transform=transform,
    )  # fmt: skip
    for iteration, step in enumerate(steps, 1):
        if not np.isfinite(step.loss):
            yield iteration
            return
        if iteration % per_epoch == 0:
            yield None


def _add_boxes(transform: Transform | None, config: NetworkConfig, iterations: int) -> Transform:
    """Return what turns each batch, after another transform, into boxes whose epsilon rises from step to step."""
    ramp = max(config.interval_ramp * iterations, 1)
    epsilons = map(float, config.interval_epsilon * np.minimum(np.arange(1, iterations + 1) / ramp, 1))

    def to_boxes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return box_around(transform(x, y) if transform else x, next(epsilons))

    return to_boxes


def _train_one_by_one(
    network: Network,
    loss: Loss,
    config: NetworkConfig,
    x: np.ndarray,
    y: np.ndarray,
    generator: np.random.Generator,
    transform: Transform | None,
) -> Iterator[int | None]:
    """Train with a batch size of 1; a loss that is not finite is seen at the end of its epoch."""
    epochs = sgd_one_by_one(
        network, loss, x, y,
        epochs=config.epochs, learning_rate=config.learning_rate, generator=generator, l2=config.l2,
        transform=transform,
    )  # fmt: skip
    for epoch, _ in enumerate(epochs, 1):
        if all(np.isfinite(parameter.value).all() for parameter in network.parameters):
            yield None
        else:
            yield epoch * len(x)
            return
