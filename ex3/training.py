"""(config, data set) -> (trained model, Run): the only place that seeds, optimises and measures.

The loop is written out, since each of its parts matters here: the images come in an order that depends on the seed
and the epoch alone, the loss of every gradient step is kept, and the time counts the training and nothing else.
Nothing is chosen on what is measured: the model is the one after the last step.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ex3 import backend, models
from ex3.backend import keras, tf
from ex3.config import AutoencoderConfig, ClassifierConfig, TrainConfig
from ex3.data import Dataset, Split
from ex3.embedding import collapsed_codes, neighbour_accuracy
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


Report = Callable[[Progress], None]


def train_classifier(
    config: ClassifierConfig, dataset: Dataset, report: Report | None = None
) -> tuple[keras.Model, Run]:
    """Train the classifier that a config describes, with the mean cross-entropy as the loss.

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
    cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)

    def loss(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return cross_entropy(y, logits(x, training=True))

    def measure(name: str, split: Split) -> dict[str, float]:
        return _cross_entropy_and_accuracy(name, split, predict(logits, split.x))

    arrays = dataset.train.x, np.eye(models.CLASSES, dtype=np.float32)[dataset.train.y]
    trace = _optimise(config, dataset, arrays, logits.trainable_variables, loss, measure, report)
    predicted = predict(logits, dataset.test.x).argmax(axis=1)
    confusion = np.zeros((models.CLASSES, models.CLASSES), int)
    np.add.at(confusion, (dataset.test.y, predicted), 1)
    return model, _summarise(config, dataset, trace, logits.count_params(), confusion.tolist())


def train_autoencoder(
    config: AutoencoderConfig, dataset: Dataset, report: Report | None = None
) -> tuple[models.Autoencoder, Run]:
    """Train an autoencoder, with the mean squared error over pixels as the loss; else as ``train_classifier``.

    Returns:
        Encoder and decoder, and all that was measured; of the ``Run``'s losses, those that are called ``..._loss`` are
        mean squared errors over all pixels of a split; instead of accuracies there are ``..._neighbour_accuracy``, of
        the 15 nearest neighbours in the plane, and ``dead_codes``, how many codes are the same for all images.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads.
    """
    backend.prepare(config.seed, config.threads, config.precision)
    autoencoder = models.build_autoencoder(config)
    both = keras.Sequential([autoencoder.encoder, autoencoder.decoder])

    def loss(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.math.squared_difference(both(x, training=True), x))

    def measure(name: str, split: Split) -> dict[str, float]:
        return {f"{name}_loss": float(np.mean((predict(both, split.x) - split.x) ** 2, dtype=np.float64))}

    def encode(x: np.ndarray) -> np.ndarray:
        return predict(autoencoder.encoder, x)

    trace = _optimise(config, dataset, (dataset.train.x,), both.trainable_variables, loss, measure, report)
    run = _summarise(config, dataset, trace, both.count_params(), [])
    has_codes = run.diverged_at is None
    for name, split in (("validation", dataset.validation), ("test", dataset.test)):
        accuracy = neighbour_accuracy(encode, dataset.train, split) if has_codes else math.nan
        run.metrics[f"{name}_neighbour_accuracy"] = accuracy
    run.metrics["dead_codes"] = len(collapsed_codes(encode(dataset.test.x))) if has_codes else math.nan
    return autoencoder, run


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Apply a model in inference mode, in batches that fit into memory: ``(N, ...)`` -> ``(N, ...)``."""
    starts = range(0, len(x), EVALUATION_BATCH)
    return np.concatenate([model.predict_on_batch(x[start : start + EVALUATION_BATCH]) for start in starts])


@dataclass(frozen=True)
class _Trace:
    """What optimising leaves: each step's loss, the points of the curves, and what was measured at the very end."""

    losses: list[float]
    points: list[dict[str, float]]
    validation: dict[str, float]


def _optimise(
    config: TrainConfig,
    dataset: Dataset,
    arrays: Sequence[np.ndarray],
    weights: list[keras.Variable],
    loss: Callable[..., tf.Tensor],
    measure: Callable[[str, Split], dict[str, float]],
    report: Report | None,
) -> _Trace:
    """Minimise ``loss(*batch)``, a batch being some rows of each array, and measure on the way."""
    count = len(dataset.train)
    batch_size = min(config.batch_size, count)
    if batch_size < config.batch_size:
        log.warning("batch_size = %d: there are %d training images; one batch is all", config.batch_size, batch_size)
    steps = count // batch_size
    optimizer = _build_optimizer(config, total_steps=steps * config.epochs)
    optimizer.build(weights)
    train_steps = _compile_train_steps(loss, weights, optimizer, arrays, batch_size)
    watched = {"train": dataset.train.first(len(dataset.test)), "test": dataset.test}

    losses: list[float] = []
    points: list[dict[str, float]] = []
    seconds = 0.0
    for chunk in _chunks(config, count, steps, batch_size):
        start = time.perf_counter()
        new_losses = train_steps(chunk.indices).numpy()  # one per step
        seconds += time.perf_counter() - start
        losses += new_losses.tolist()
        diverged = not np.isfinite(new_losses).all()
        if chunk.is_evaluated or diverged:
            measured = [measure(name, split) for name, split in watched.items()]
            points.append({"epoch": len(losses) / steps, "seconds": seconds, **measured[0], **measured[1]})
        if report:
            done = points[-1] if chunk.step == steps else None
            report(Progress(chunk.epoch, chunk.step, steps, float(new_losses.mean()), done))
        if diverged:
            break
    return _Trace(losses, points, measure("validation", dataset.validation))


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
    early = {2 * 4**k for k in range(16)} if config.early_evaluations else set()
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
    loss: Callable[..., tf.Tensor],
    weights: list[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    arrays: Sequence[np.ndarray],
    batch_size: int,
) -> Callable[[np.ndarray], tf.Tensor]:
    """Return a compiled function: indices ``(steps, batch size)`` -> the loss of each step ``(steps,)``."""
    tensors = [tf.constant(array) for array in arrays]
    shapes = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]

    # Traced once, for any number of steps. The images are arguments, since TensorFlow never frees what it captures.
    @tf.function(input_signature=[tf.TensorSpec((None, batch_size), tf.int32), *shapes])
    def train_steps(indices: tf.Tensor, *rows: tf.Tensor) -> tf.Tensor:
        def train_step(batch: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                value = loss(*(tf.gather(of_all, batch) for of_all in rows))
            optimizer.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
            return value

        return tf.map_fn(train_step, indices, fn_output_signature=tf.float32, parallel_iterations=1)

    return lambda indices: train_steps(indices, *tensors)


def _cross_entropy_and_accuracy(name: str, split: Split, logits: np.ndarray) -> dict[str, float]:
    """Mean cross-entropy (nats per image) and accuracy (in [0, 1]) of a split's logits ``(N, 10)``."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(split.y, logits).numpy()
    return {
        f"{name}_loss": float(losses.mean(dtype=np.float64)),
        f"{name}_accuracy": float(np.mean(logits.argmax(axis=1) == split.y)),
    }


def _summarise(
    config: TrainConfig, dataset: Dataset, trace: _Trace, parameters: int, confusion: list[list[int]]
) -> Run:
    finite = np.isfinite(trace.losses)
    series = {name: [point[name] for point in trace.points] for name in trace.points[0]}
    last = {name: values[-1] for name, values in series.items() if name not in ("epoch", "seconds")}
    return Run(
        name=config.model,
        config=config.model_dump(mode="json"),
        dataset=dataset.info,
        parameters=parameters,
        epochs=Curves("epoch", series.pop("epoch"), series),
        iterations=Curves("iteration", list(range(1, len(trace.losses) + 1)), {"loss": trace.losses}),
        metrics=last | trace.validation,
        confusion=confusion,
        seconds=series["seconds"][-1],
        diverged_at=None if finite.all() else int(np.argmin(finite)) + 1,
    )
