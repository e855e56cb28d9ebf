"""Optimises, and nothing else: a task, and the state that each gradient step changes.

Each part of the loop can be exchanged: the order of the images, a transformation of the batch inside the compiled step,
and the loss, which sees the model. ``advance`` yields every few steps, so that its caller can measure, show progress or
save the state in between, as ``runs.py`` does.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ex3 import backend
from ex3.backend import keras, tf
from ex3.config import TrainConfig
from ex3.data.sampling import Order, shuffled_order
from ex3.errors import DataError
from ex3.schedules import FlatThenCosine

log = logging.getLogger("ex3")

IMAGES_PER_CHUNK = 5_000  # between two returns from TensorFlow: few enough that Ctrl-C works within a second

Loss = Callable[..., tf.Tensor]  # (model, *batch) -> the mean over the batch


@dataclass(frozen=True)
class Task:
    """An optimisation problem: a model, a loss, and the rows that it is a mean over.

    Attributes:
        model: Its trainable variables are optimised.
        loss: ``loss(model, *batch)`` is minimised. It may call the model as often as it needs to.
        arrays: Arrays of equal length; a batch is the same rows of each. The first holds the images.
        labels: ``(N,)``, for the order.
        order: Picks each epoch's rows.
        transform: Applied to each batch of images inside the compiled step, e.g. augmentation; a Keras model or layer.
        step: For a loss that depends on it: int64, set to the number of gradient steps done before each step.
        notes: What else the loss writes down.
    """

    model: keras.Model
    loss: Loss
    arrays: tuple[np.ndarray, ...]
    labels: np.ndarray
    order: Order = shuffled_order
    transform: keras.layers.Layer | None = None
    step: tf.Variable | None = None
    notes: tuple[tf.Variable, ...] = ()


@dataclass
class TrainState:
    """All that the rest of a training run depends on; it changes with every gradient step.

    Attributes:
        task: The problem; its model holds the weights.
        optimizer: Holds its moments and the number of its steps.
        losses: Of each gradient step so far, as it was optimised.
        points: Of the learning curves so far; whoever measures appends to it.
        seconds: Training time so far, without what happens between the chunks.
    """

    task: Task
    optimizer: keras.optimizers.Optimizer
    losses: list[float] = field(default_factory=list)
    points: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def diverged_at(self) -> int | None:
        """The first gradient step (from 1) whose loss is not finite; it may be the one after the last."""
        finite = [*np.isfinite(self.losses), not self.points or np.isfinite(list(self.points[-1].values())).all()]
        return None if all(finite) else int(np.argmin(finite)) + 1

    def snapshot(self) -> dict[str, np.ndarray]:
        """Copy the state into plain arrays, which ``np.savez`` can write and ``restore`` takes back bit for bit."""
        names = list(self.points[0]) if self.points else []
        return {
            **{f"variable {k}": variable.numpy() for k, variable in enumerate(self._variables())},
            "losses": np.array(self.losses),
            "point names": np.array(names, str),
            "points": np.array([[point[name] for name in names] for point in self.points]),
            "seconds": np.array(self.seconds),
        }

    def restore(self, snapshot: dict[str, np.ndarray]) -> None:
        """Take over the state of an equal task, which ``snapshot`` copied.

        Raises:
            DataError: The snapshot is of another task.
        """
        variables = self._variables()
        saved = [snapshot.get(f"variable {k}") for k in range(len(variables))]
        if f"variable {len(variables)}" in snapshot or any(
            value is None or value.shape != tuple(variable.shape)
            for variable, value in zip(variables, saved, strict=True)
        ):
            raise DataError("the saved training state is of another model or optimiser")
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)
        names = snapshot["point names"].tolist()
        self.losses[:] = snapshot["losses"].tolist()
        self.points[:] = [dict(zip(names, point.tolist(), strict=True)) for point in snapshot["points"]]
        self.seconds = float(snapshot["seconds"])

    def _variables(self) -> list[keras.Variable]:
        """Weights, the states of random layers, the optimiser's variables, and the task's notes."""
        transform = self.task.transform.variables if self.task.transform else []
        return [*self.task.model.variables, *transform, *self.optimizer.variables, *self.task.notes]


@dataclass(frozen=True)
class Chunk:
    """Some consecutive gradient steps of one epoch.

    Attributes:
        epoch: From 1.
        step: Gradient steps of this epoch that are done after the chunk, of ``steps``.
        rows: ``(steps in the chunk, batch size)`` int32, into the task's arrays.
        is_evaluated: Whether the learning curves have a point after it.
    """

    epoch: int
    step: int
    steps: int
    rows: np.ndarray
    is_evaluated: bool


def start(config: TrainConfig, task: Task) -> TrainState:
    """Return the state before the first gradient step; the model's weights are those that it has."""
    steps, _ = _steps_and_batch_size(config, task)
    optimizer = build_optimizer(config, total_steps=steps * config.epochs)
    optimizer.build(task.model.trainable_variables)
    return TrainState(task, optimizer)


def advance(config: TrainConfig, state: TrainState) -> Iterator[Chunk]:
    """Train from the state's step to the end of the last epoch, or to the first loss that is not finite.

    Each epoch leaves out the few rows that do not fill its last batch, others each time. A batch larger than the
    training split is cut to its size.

    Args:
        config: Epochs, batch size, seed, and where the learning curves have points.
        state: Changed in place.

    Yields:
        Each chunk, when its steps are done.
    """
    task = state.task
    steps, batch_size = _steps_and_batch_size(config, task)
    train_steps = _compile_train_steps(task, state.optimizer, batch_size)
    for chunk in _chunks(config, task, steps, batch_size):
        if (chunk.epoch - 1) * steps + chunk.step <= len(state.losses):
            continue  # done before the state was saved
        began = time.perf_counter()
        new_losses = train_steps(chunk.rows).numpy()  # one per step
        state.seconds += time.perf_counter() - began
        state.losses += new_losses.tolist()
        yield chunk
        if not np.isfinite(new_losses).all():
            break


def build_optimizer(config: TrainConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """Return the config's optimiser, with its learning-rate schedule over all gradient steps."""
    rate = config.learning_rate
    if config.schedule == "one-cycle":
        warmup_steps = int(config.warmup * total_steps)  # leaves at least one step to decay
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=rate / 25,  # as in Smith and Topin 2017 (arXiv 1708.07120) and its usual defaults
            warmup_target=rate,
            warmup_steps=warmup_steps,
            decay_steps=total_steps - warmup_steps,
        )
    if config.schedule == "flat":
        rate = FlatThenCosine(rate, config.warmup * total_steps, config.decay_from * total_steps, total_steps)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=config.momentum > 0)
    return keras.optimizers.Adam(rate, beta_1=config.momentum, beta_2=config.beta_2)


def total_steps(config: TrainConfig, count: int) -> int:
    """Return the gradient steps of a whole training on ``count`` rows per epoch."""
    return config.epochs * (count // min(config.batch_size, count))


def _steps_and_batch_size(config: TrainConfig, task: Task) -> tuple[int, int]:
    """Return the gradient steps per epoch, and the rows per step."""
    count = len(task.order(config.seed, 0, task.labels))
    batch_size = min(config.batch_size, count)
    return count // batch_size, batch_size


def _chunks(config: TrainConfig, task: Task, steps: int, batch_size: int) -> Iterator[Chunk]:
    """Cut a whole run into chunks that end where the curves have a point, and are short in between."""
    regular = {round(steps * (k + 1) / config.evaluations_per_epoch) for k in range(config.evaluations_per_epoch)}
    early = {2 * 4**k for k in range(16)} if config.early_evaluations else set()
    for epoch in range(config.epochs):
        rows = task.order(config.seed, epoch, task.labels)[: steps * batch_size].reshape(steps, batch_size)
        is_evaluated = (epoch + 1) % config.epochs_per_evaluation == 0 or epoch + 1 == config.epochs
        ends = (regular if is_evaluated else set()) | {
            step - epoch * steps for step in early if 0 < step - epoch * steps < steps
        }
        stops = sorted(ends.union(range(0, steps, math.ceil(IMAGES_PER_CHUNK / batch_size)), [steps]) - {0})
        for first, stop in zip([0, *stops], stops, strict=False):
            yield Chunk(epoch + 1, stop, steps, rows[first:stop], stop in ends)


def _compile_train_steps(
    task: Task, optimizer: keras.optimizers.Optimizer, batch_size: int
) -> Callable[[np.ndarray], tf.Tensor]:
    """Return a compiled function: rows ``(steps, batch size)`` -> the loss of each step ``(steps,)``."""
    tensors = [backend.as_tensor(array) for array in task.arrays]
    shapes = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
    weights = task.model.trainable_variables

    # Traced once, for any number of steps. The arrays are arguments: TensorFlow never frees what it captures.
    @tf.function(input_signature=[tf.TensorSpec((None, batch_size), tf.int32), *shapes], autograph=False)
    def train_steps(rows: tf.Tensor, *arrays: tf.Tensor) -> tf.Tensor:
        def train_step(batch_rows: tf.Tensor) -> tf.Tensor:
            images, *others = (tf.gather(array, batch_rows) for array in arrays)
            if task.step is not None:
                task.step.assign(tf.cast(optimizer.iterations, tf.int64))
            if task.transform:
                images = task.transform(images, training=True)
            with tf.GradientTape() as tape:
                value = task.loss(task.model, images, *others)
            optimizer.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))
            return value

        return tf.map_fn(train_step, rows, fn_output_signature=tf.float32, parallel_iterations=1)

    return lambda rows: train_steps(rows, *tensors)
