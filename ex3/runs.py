"""(config, images) -> (trained model, ``Run``): builds, optimises, and measures on the way.

Nothing is chosen on the measurements: the model is the one after the last gradient step.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

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
from ex3.measured import Keeper, OnProgress, optimise, summarise, watched_splits
from ex3.results import Number, Run
from ex3.robust_config import RobustConfig
from ex3.structured_config import StructuredConfig
from ex3.training import Task

Watch = Callable[[keras.Model], dict[str, float]]


class HoldsRun:
    """A result of which a training is a part, so that it can be stored and shown like one."""

    run: Run

    @property
    def metrics(self) -> dict[str, Number]:
        """Of the training."""
        return self.run.metrics

    @property
    def diverged_at(self) -> int | None:
        """The first iteration whose loss was not finite."""
        return self.run.diverged_at


def train(config: TrainConfig, dataset: Dataset, on_progress: OnProgress | None = None) -> Run:
    """Train the network that a config describes, and return its measurements."""
    if isinstance(config, PlaneConfig):
        return train_autoencoder(config, dataset, on_progress)[1]
    assert isinstance(config, ClassifierConfig)
    return train_classifier(config, dataset, on_progress)[1]


def train_classifier(
    config: ClassifierConfig,
    dataset: Dataset,
    on_progress: OnProgress | None = None,
    watch: Watch | None = None,
    keeper: Keeper | None = None,
) -> tuple[keras.Model, Run]:
    """Train a classifier, with the mean cross-entropy as the loss; a robust one with its defence's.

    Training stops at the first loss that is not finite (``Run.diverged_at``).

    Args:
        config: All settings of the run.
        dataset: The images; ``train`` alone is trained on.
        on_progress: Called about every 5,000 images.
        watch: The model -> more series for the learning curves.
        keeper: Keeps the state on the way, and lets a training that was killed go on, as if nothing had happened.

    Returns:
        The model, from images to probabilities, and its measurements.

    Raises:
        ConfigError: TensorFlow runs already, with another number of threads; or the network does not fit the images.
    """
    classes = len(dataset.class_names)
    backend.prepare(config.seed, config.threads, config.precision)
    model = models.build(config, dataset.shape, classes)
    logits, relus = models.logits_model(model), models.relu_outputs(model)
    optimised, measured = _losses(config)
    observed = with_largest(logits, relus)
    newest = dict[str, np.ndarray]()  # by split: logits, then the largest value of each ReLU's units

    def measure(name: str, split: Split) -> dict[str, float]:
        newest[name] = predict(observed, split.x)
        return measured(newest[name][:, :classes], split.y)

    task = _classifier_task(config, dataset, logits, optimised)
    state = optimise(config, task, dataset, measure, on_progress, keeper, (lambda: watch(model)) if watch else dict)
    for name, split in watched_splits(config, dataset).items():
        if name not in newest:  # the training was taken up after its last step
            measure(name, split)
    confusion = confusion_matrix(dataset.test.y, newest["test"][:, :classes].argmax(axis=1), classes)
    validation = measure("validation", dataset.validation) if len(dataset.validation) else {}
    run = summarise(config, dataset, state, validation, confusion.tolist())
    run.metrics.update(dead_shares(newest["train"][:, classes:], relus))
    for accuracies in task.notes:
        run.iterations.series["accuracy"] = accuracies.numpy()[: len(state.losses)].tolist()
    return model, run


def _classifier_task(
    config: ClassifierConfig, dataset: Dataset, logits: keras.Model, optimised: keras.losses.Loss
) -> Task:
    """Return the task of training a classifier, which maps images to logits; it may record each batch's accuracy."""
    train = dataset.train
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    steps = training.total_steps(config, len(train))
    accuracies = (tf.Variable(tf.fill([steps], math.nan), trainable=False),) if config.batch_accuracy else ()

    def loss(network: keras.Model, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
        outputs = network(x, training=True)
        for of_steps in accuracies:
            hits = keras.metrics.categorical_accuracy(y, outputs)
            of_steps.scatter_nd_update([[step]], [tf.reduce_mean(hits)])
        return optimised(y, outputs, weight)

    if isinstance(config, RobustConfig):
        loss = build_robust_loss(config, loss, step, steps)
    one_hot = np.eye(len(dataset.class_names), dtype=np.float32)[train.y]
    weights = [balancing_weights(train.y)] if config.class_balance == "weights" else []
    order = balanced_order if config.class_balance == "sampling" else shuffled_order
    augmentation = models.build_augmentation(config, dataset.shape)
    return Task(logits, loss, (train.x, one_hot, *weights), train.y, order, augmentation, step, accuracies)


def _losses(config: ClassifierConfig) -> tuple[keras.losses.Loss, Callable[[np.ndarray, np.ndarray], dict[str, float]]]:
    """Return what is optimised, and what is measured: (outputs, labels) -> loss and accuracy."""
    if isinstance(config, LinearConfig) and config.loss == "squared":
        return keras.losses.MeanSquaredError(), squared_loss_and_accuracy
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    return smoothed, loss_and_accuracy


def train_autoencoder(
    config: PlaneConfig, dataset: Dataset, on_progress: OnProgress | None = None, keeper: Keeper | None = None
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

    began = time.perf_counter()
    if isinstance(config, StructuredConfig):
        task = structured_task(config, both, dataset.train)
    else:
        task = Task(both, loss, (dataset.train.x,), dataset.train.y)
    state = optimise(config, task, dataset, measure, on_progress, keeper, spent=time.perf_counter() - began)
    run = summarise(config, dataset, state, measure("validation", dataset.validation), [])
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    codes = {name: predict(autoencoder.encoder, split.x) for name, split in splits.items()}
    if run.diverged_at is None and not np.isfinite(codes["train"]).all():  # which sigmoid pixels do not show
        run = replace(run, diverged_at=len(state.losses) + 1)
    has_codes = run.diverged_at is None
    for name in ("validation", "test"):
        of_split = codes[name], splits[name].y
        accuracy = neighbour_accuracy(codes["train"], dataset.train.y, *of_split) if has_codes else math.nan
        run.metrics[f"{name}_neighbour_accuracy"] = accuracy
        if isinstance(config, StructuredConfig):
            # The import takes a tenth of a second that classifiers save.
            from ex3.embedding.scores import STRUCTURE, STRUCTURE_SAMPLES, structure

            some = splits[name].first(STRUCTURE_SAMPLES)
            scores = dict.fromkeys(STRUCTURE, math.nan)
            if has_codes:
                scores = structure(some.x, some.y, codes[name][: len(some)], config.seed)
            run.metrics.update({f"{name}_{score}": value for score, value in scores.items()})
    run.metrics["dead_codes"] = len(collapsed_codes(codes["test"])) if has_codes else math.nan
    return autoencoder, run
