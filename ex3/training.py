"""(config, data set) -> (trained model, Run): the only place that seeds, optimises and measures.

The loop is written out, since each of its parts matters here: the images come in an order that depends on the seed
and the epoch alone, the loss of every gradient step is kept, and the time counts the training and nothing else.
Nothing is chosen on what is measured: the model is the one after the last step.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ex3 import backend, models
from ex3.backend import keras, tf
from ex3.config import TrainConfig
from ex3.data import Dataset, Split
from ex3.results import Curves, Run

log = logging.getLogger("ex3")

IMAGES_PER_CALL = 5_000  # between two returns from TensorFlow: few enough that Ctrl-C works within a second
EVALUATION_BATCH = 1_000


@dataclass(frozen=True)
class Progress:
    """Where a training run stands, for whoever watches it.

    Attributes:
        epoch: The epoch under way, from 1.
        step: Gradient steps done in this epoch, of ``steps``.
        loss: The mean loss of the newest steps, as it is optimised.
        point: At the end of an epoch, the newest point of the learning curves; else ``None``.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    point: dict[str, float] | None


def train_classifier(
    config: TrainConfig, dataset: Dataset, report: Callable[[Progress], None] | None = None
) -> tuple[keras.Model, Run]:
    """Train the classifier that a config describes.

    Each epoch leaves out the few images that do not fill its last batch, others each time. A batch larger than the
    training split is cut to its size. Training stops at the first loss that is not finite (``Run.diverged_at``).

    Args:
        config: What the run depends on.
        dataset: The images; ``train`` alone is trained on.
        report: Called about every 5,000 images.

    Returns:
        The model, from images to probabilities, and all that was measured.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads.
    """
    backend.prepare(config.seed, config.threads, config.precision)
    model = models.build(config)
    logits = models.logits_model(model)
    batch_size = min(config.batch_size, len(dataset.train))
    if batch_size < config.batch_size:
        log.warning("batch_size = %d: there are %d training images; one batch is all", config.batch_size, batch_size)
    steps = len(dataset.train) // batch_size
    optimizer = _build_optimizer(config, total_steps=steps * config.epochs)
    train_steps = _compile_train_steps(logits, optimizer, config.label_smoothing, dataset.train, batch_size)
    watched = {"train": dataset.train.first(len(dataset.test)), "test": dataset.test}

    losses: list[float] = []
    points: list[dict[str, float]] = []
    seconds = 0.0
    for chunk in _chunks(config, len(dataset.train), steps, batch_size):
        start = time.perf_counter()
        new_losses = train_steps(chunk.indices).numpy()  # one per step
        seconds += time.perf_counter() - start
        losses += new_losses.tolist()
        diverged = not np.isfinite(new_losses).all()
        if chunk.is_evaluated or diverged:
            points.append({"epoch": len(losses) / steps, "seconds": seconds, **_measure(logits, watched)})
        if report:
            done = points[-1] if chunk.step == steps else None
            report(Progress(chunk.epoch, chunk.step, steps, float(new_losses.mean()), done))
        if diverged:
            break
    return model, _summarise(config, dataset, logits, losses, points)


def predict_logits(logits: keras.Model, x: np.ndarray) -> np.ndarray:
    """Apply a model of logits in inference mode: images ``(N, 28, 28, 1)`` -> float32 ``(N, 10)``."""
    starts = range(0, len(x), EVALUATION_BATCH)
    return np.concatenate([logits.predict_on_batch(x[start : start + EVALUATION_BATCH]) for start in starts])


def image_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the order, int32 ``(count,)``, in which an epoch (from 0) visits the training images."""
    return np.random.default_rng((seed, epoch)).permutation(count).astype(np.int32)


@dataclass(frozen=True)
class _Chunk:
    """Some consecutive gradient steps of one epoch: ``indices`` ``(steps, batch size)`` of training images."""

    epoch: int
    step: int
    indices: np.ndarray
    is_evaluated: bool


def _chunks(config: TrainConfig, count: int, steps: int, batch_size: int) -> Iterator[_Chunk]:
    """Cut a whole run into chunks that end where the curves have a point, and are short in between."""
    regular = {round(steps * (k + 1) / config.evaluations_per_epoch) for k in range(config.evaluations_per_epoch)}
    early = {2**k for k in range(31)} if config.early_evaluations else set()
    for epoch in range(config.epochs):
        order = image_order(config.seed, epoch, count)[: steps * batch_size].reshape(steps, batch_size)
        ends = regular | {step - epoch * steps for step in early if 0 < step - epoch * steps < steps}
        stops = sorted(ends.union(range(0, steps, math.ceil(IMAGES_PER_CALL / batch_size))) - {0})
        for start, stop in zip([0, *stops], stops, strict=False):
            yield _Chunk(epoch + 1, stop, order[start:stop], stop in ends)


def _build_optimizer(config: TrainConfig, total_steps: int) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    if config.schedule == "one-cycle":
        warmup_steps = int(config.warmup * total_steps)  # leaves at least one step to decay
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=rate / 25,  # as in Smith and Topin 2017 (arXiv 1708.07120) and its usual defaults
            warmup_target=rate,
            warmup_steps=warmup_steps,
            decay_steps=total_steps - warmup_steps,
        )
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=config.momentum > 0)
    return keras.optimizers.Adam(rate, beta_1=config.momentum, beta_2=config.beta_2)


def _compile_train_steps(
    logits: keras.Model, optimizer: keras.optimizers.Optimizer, label_smoothing: float, train: Split, batch_size: int
) -> Callable[[np.ndarray], tf.Tensor]:
    """Return a compiled function: indices ``(steps, batch size)`` -> the loss of each step ``(steps,)``."""
    images, targets = tf.constant(train.x), tf.one_hot(train.y, models.CLASSES)
    cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    weights = logits.trainable_variables
    optimizer.build(weights)

    # Traced once, for any number of steps. The images are arguments, since TensorFlow never frees what it captures.
    @tf.function(
        input_signature=[
            tf.TensorSpec(images.shape, images.dtype),
            tf.TensorSpec(targets.shape, targets.dtype),
            tf.TensorSpec((None, batch_size), tf.int32),
        ]
    )
    def train_steps(x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        def train_step(batch: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = cross_entropy(tf.gather(y, batch), logits(tf.gather(x, batch), training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return loss

        return tf.map_fn(train_step, indices, fn_output_signature=tf.float32, parallel_iterations=1)

    return lambda indices: train_steps(images, targets, indices)


def _measure(logits: keras.Model, splits: dict[str, Split]) -> dict[str, float]:
    """Mean cross-entropy (nats per image) and accuracy (in [0, 1]) of each split, in inference mode."""
    measured = {}
    for name, split in splits.items():
        predicted = predict_logits(logits, split.x)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(split.y, predicted).numpy()
        measured[f"{name}_loss"] = float(losses.mean(dtype=np.float64))
        measured[f"{name}_accuracy"] = float(np.mean(predicted.argmax(axis=1) == split.y))
    return measured


def _summarise(
    config: TrainConfig, dataset: Dataset, logits: keras.Model, losses: list[float], points: list[dict[str, float]]
) -> Run:
    predicted = predict_logits(logits, dataset.test.x).argmax(axis=1)
    confusion = np.zeros((models.CLASSES, models.CLASSES), int)
    np.add.at(confusion, (dataset.test.y, predicted), 1)
    finite = np.isfinite(losses)
    series = {name: [point[name] for point in points] for name in points[0]}
    return Run(
        name=config.model,
        config=config.model_dump(mode="json"),
        dataset=dataset.info,
        parameters=logits.count_params(),
        epochs=Curves("epoch", series.pop("epoch"), series),
        iterations=Curves("iteration", list(range(1, len(losses) + 1)), {"loss": losses}),
        metrics={
            **{name: values[-1] for name, values in series.items() if name != "seconds"},
            **_measure(logits, {"validation": dataset.validation}),
        },
        confusion=confusion.tolist(),
        seconds=points[-1]["seconds"],
        diverged_at=None if finite.all() else int(np.argmin(finite)) + 1,
    )
