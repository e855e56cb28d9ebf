"""(config, images) -> (trained model, ``Run``): builds, optimises, and measures on the way.

Nothing is chosen on the measurements: the model is the one after the last gradient step.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3 import backend, models, training
from ex3.backend import keras, tf
from ex3.config import ClassifierConfig, LinearConfig, PlaneConfig, TrainConfig
from ex3.data import Dataset, Split
from ex3.data.sampling import balanced_order, balancing_weights, shuffled_order
from ex3.defences.losses import build_robust_loss
from ex3.embedding.structured import structured_task
from ex3.evaluation import (
    collapsed_codes,
    confusion_matrix,
    dead_shares,
    loss_and_accuracy,
    mean_squared_error,
    neighbour_accuracy,
    predict,
    squared_loss_and_accuracy,
    with_largest,
)
from ex3.provenance import weights_digest
from ex3.results import Curves, Run
from ex3.robust_config import RobustConfig
from ex3.structured_config import StructuredConfig
from ex3.training import Task, TrainState

log = logging.getLogger("ex3")

Measure = Callable[[str, Split], dict[str, float]]  # of a split, by name
Watch = Callable[[keras.Model], dict[str, float]]


@dataclass(frozen=True)
class Progress:
    """The current position of a training run.

    Attributes:
        epoch: The epoch under way, from 1.
        step: Gradient steps done in this epoch, of ``steps``.
        loss: The mean loss of the newest steps, as it is optimised.
        point: At the end of an epoch that is evaluated, the newest point of the learning curves; else ``None``.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    point: dict[str, float] | None


OnProgress = Callable[[Progress], None]


def train(config: TrainConfig, dataset: Dataset, on_progress: OnProgress | None = None) -> Run:
    """Train the network that a config describes, and return its measurements."""
    if isinstance(config, PlaneConfig):
        return train_autoencoder(config, dataset, on_progress)[1]
    assert isinstance(config, ClassifierConfig)
    return train_classifier(config, dataset, on_progress)[1]


def train_classifier(
    config: ClassifierConfig, dataset: Dataset, on_progress: OnProgress | None = None, watch: Watch | None = None
) -> tuple[keras.Model, Run]:
    """Train a classifier, with the mean cross-entropy as the loss; a robust one with its defence's.

    Training stops at the first loss that is not finite (``Run.diverged_at``).

    Args:
        config: All settings of the run.
        dataset: The images; ``train`` alone is trained on.
        on_progress: Called about every 5,000 images.
        watch: The model -> more series for the learning curves.

    Returns:
        The model, from images to probabilities, and its measurements.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads; or the network does not fit the images.
    """
    classes = len(dataset.class_names)
    backend.prepare(config.seed, config.threads, config.precision)
    model = models.build(config, dataset.shape, classes)
    logits = models.logits_model(model)
    optimised, measured = _losses(config)
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    steps = training.total_steps(config, len(dataset.train))
    accuracies = tf.Variable(tf.fill([steps], math.nan), trainable=False) if config.batch_accuracy else None
    relus = models.relu_outputs(model)
    observed = with_largest(logits, relus)
    newest = dict[str, np.ndarray]()  # by split: logits, then the largest value of each ReLU's units

    def loss(network: keras.Model, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
        outputs = network(x, training=True)
        if accuracies is not None:
            hits = keras.metrics.categorical_accuracy(y, outputs)
            accuracies.scatter_nd_update([[step]], [tf.reduce_mean(hits)])
        return optimised(y, outputs, weight)

    def measure(name: str, split: Split) -> dict[str, float]:
        newest[name] = predict(observed, split.x)
        return measured(newest[name][:, :classes], split.y)

    one_hot = np.eye(classes, dtype=np.float32)[dataset.train.y]
    augmentation = models.build_augmentation(config, dataset.shape)
    order = balanced_order if config.class_balance == "sampling" else shuffled_order
    weights = [balancing_weights(dataset.train.y)] if config.class_balance == "weights" else []
    if isinstance(config, RobustConfig):
        loss = build_robust_loss(config, loss, step, steps)
    task = Task(logits, loss, (dataset.train.x, one_hot, *weights), dataset.train.y, order, augmentation, step)
    more = (lambda: watch(model)) if watch else dict
    state = _optimise(config, task, dataset, measure, on_progress, more)
    confusion = confusion_matrix(dataset.test.y, newest["test"][:, :classes].argmax(axis=1), classes)
    validation = measure("validation", dataset.validation) if len(dataset.validation) else {}
    run = _summarise(config, dataset, state, validation, confusion.tolist())
    run.metrics.update(dead_shares(newest["train"][:, classes:], relus))
    if accuracies is not None:
        run.iterations.series["accuracy"] = accuracies.numpy()[: len(state.losses)].tolist()
    return model, run


def _losses(config: ClassifierConfig) -> tuple[keras.losses.Loss, Callable[[np.ndarray, np.ndarray], dict[str, float]]]:
    """Return what is optimised, and what is measured: (outputs, labels) -> loss and accuracy."""
    if isinstance(config, LinearConfig) and config.loss == "squared":
        return keras.losses.MeanSquaredError(), squared_loss_and_accuracy
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    return smoothed, loss_and_accuracy


def train_autoencoder(
    config: PlaneConfig, dataset: Dataset, on_progress: OnProgress | None = None
) -> tuple[models.Autoencoder, Run]:
    """Train an autoencoder, with the mean squared error over pixels as the loss; else as ``train_classifier``.

    One that is asked for structure has more terms in its loss, and its seconds include the search for neighbours.

    Returns:
        Encoder and decoder, and the measurements. The losses of the ``Run`` are mean squared errors over all pixels of
        a split; instead of accuracies there are ``validation_neighbour_accuracy`` and ``test_neighbour_accuracy``, of
        the 15 nearest neighbours in the plane, and ``dead_codes``, the number of codes that are the same for all
        images. With structure there are also ``validation_silhouette``, ``test_distance_ranks`` and so on, the scores
        of ``embedding.scores.structure``.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads.
    """
    backend.prepare(config.seed, config.threads, config.precision)
    autoencoder = models.build_autoencoder(config, dataset.shape)
    both = keras.Sequential([autoencoder.encoder, autoencoder.decoder])

    def loss(network: keras.Model, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.math.squared_difference(network(x, training=True), x))

    def measure(name: str, split: Split) -> dict[str, float]:
        return {"loss": mean_squared_error(predict(both, split.x), split.x)}

    def encode(x: np.ndarray) -> np.ndarray:
        return predict(autoencoder.encoder, x)

    began = time.perf_counter()
    if isinstance(config, StructuredConfig):
        task = structured_task(config, both, dataset.train)
    else:
        task = Task(both, loss, (dataset.train.x,), dataset.train.y)
    state = _optimise(config, task, dataset, measure, on_progress, spent=time.perf_counter() - began)
    run = _summarise(config, dataset, state, measure("validation", dataset.validation), [])
    has_codes = run.diverged_at is None
    for name, split in (("validation", dataset.validation), ("test", dataset.test)):
        accuracy = neighbour_accuracy(encode, dataset.train, split) if has_codes else math.nan
        run.metrics[f"{name}_neighbour_accuracy"] = accuracy
        if isinstance(config, StructuredConfig):
            from ex3.embedding.scores import STRUCTURE_SAMPLES, structure  # a tenth of a second that classifiers save

            some = split.first(STRUCTURE_SAMPLES)
            scores = structure(some.x, some.y, encode(some.x), config.seed)
            run.metrics.update({f"{name}_{score}": value for score, value in scores.items()})
    run.metrics["dead_codes"] = len(collapsed_codes(encode(dataset.test.x))) if has_codes else math.nan
    return autoencoder, run


def _optimise(
    config: TrainConfig,
    task: Task,
    dataset: Dataset,
    measure: Measure,
    on_progress: OnProgress | None,
    more: Callable[[], dict[str, float]] = dict,
    spent: float = 0.0,
) -> TrainState:
    """Train to the end; where the curves have points, measure train and test images, equally many of both.

    ``spent`` are the seconds of preparations that count as training.
    """
    if config.batch_size > len(dataset.train):
        log.warning(
            "batch_size = %d: there are %d training images; one batch is all", config.batch_size, len(dataset.train)
        )
    watched = {"train": dataset.train.first(len(dataset.test))}
    watched |= {"validation": dataset.validation} if config.validation_curve else {}
    watched["test"] = dataset.test
    state = training.start(config, task)
    state.seconds = spent
    for chunk in training.advance(config, state):
        new_losses = state.losses[-len(chunk.rows) :]
        if chunk.is_evaluated or not np.isfinite(new_losses).all():
            point = {"epoch": len(state.losses) / chunk.steps, "seconds": state.seconds}
            for name, split in watched.items():
                point |= {f"{name}_{quantity}": value for quantity, value in measure(name, split).items()}
            state.points.append(point | more())
        if on_progress:
            newest = state.points[-1] if chunk.step == chunk.steps and chunk.is_evaluated else None
            on_progress(Progress(chunk.epoch, chunk.step, chunk.steps, float(np.mean(new_losses)), newest))
    return state


def _summarise(
    config: TrainConfig,
    dataset: Dataset,
    state: TrainState,
    validation: dict[str, float],
    confusion: list[list[int]],
) -> Run:
    series = {name: [point[name] for point in state.points] for name in state.points[0]}
    last = {name: values[-1] for name, values in series.items() if name not in ("epoch", "seconds")}
    return Run(
        name=config.model,
        config=config,
        dataset=dataset.info,
        parameters=state.task.model.count_params(),
        epochs=Curves("epoch", series.pop("epoch"), series),
        iterations=Curves("iteration", list(range(1, len(state.losses) + 1)), {"loss": state.losses}),
        metrics=last | {f"validation_{quantity}": value for quantity, value in validation.items()},
        confusion=confusion,
        seconds=series["seconds"][-1],
        diverged_at=state.diverged_at,
        weights=weights_digest(state.task.model.get_weights()),
    )
