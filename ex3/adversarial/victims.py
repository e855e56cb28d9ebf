"""A Keras classifier as a ``Victim``: compiled once, for batches of a few sizes, in inference mode, on logits."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np

from ex3 import models
from ex3.adversarial.attacks import Victim
from ex3.backend import as_tensor, keras, tf

Loss = Literal["ce", "margin"]

BATCH_SIZE = 250  # the fastest on two cores
STEP = 32  # a smaller batch is filled up to a multiple of it: few shapes, to each of which the kernels are fitted anew


def keras_victim(model: keras.Model, loss: Loss = "ce", batch_size: int = BATCH_SIZE) -> Victim:
    """Wrap a classifier of this package for the attacks.

    Args:
        model: From images to probabilities; the attacks see its layer ``logits``.
        loss: ``ce``: the cross-entropy of the softmax of the logits; ``margin``: the largest other logit minus the
            label's own, whose gradient does not vanish where the model is certain.
        batch_size: Images at a time.
    """
    logits = models.logits_model(model)
    images = tf.TensorSpec((None, *logits.input_shape[1:]), tf.float32)
    labels = tf.TensorSpec((None,), tf.int64)
    classes = logits.output_shape[-1]

    @tf.function(input_signature=[images], autograph=False)
    def forward(x: tf.Tensor) -> tf.Tensor:
        return logits(x, training=False)

    @tf.function(input_signature=[images, labels], autograph=False)
    def gradient(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = logits(x, training=False)
            value = tf.reduce_sum(LOSSES[loss](z, y))  # a sum, so that each image's gradient is its own
        return z, tape.gradient(value, x)

    @tf.function(input_signature=[images], autograph=False)
    def jacobian(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            z = logits(x, training=False)
            columns = [tf.reduce_sum(z[:, k]) for k in range(classes)]
        return z, tf.stack([tape.gradient(column, x) for column in columns], axis=1)

    return Victim(
        logits=_in_batches(forward, batch_size),
        gradient=_in_batches(gradient, batch_size),
        jacobian=_in_batches(jacobian, batch_size),
    )


def _cross_entropy(z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)


def _margin(z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    own = tf.one_hot(y, z.shape[-1])
    return tf.reduce_max(z - 1e9 * own, axis=1) - tf.reduce_sum(z * own, axis=1)


LOSSES: dict[Loss, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {"ce": _cross_entropy, "margin": _margin}


def _in_batches(function: Any, size: int) -> Callable[..., Any]:
    """Let a compiled function of one batch take any number of rows; copies of a row fill the last batch up."""
    traced = cache(function.get_concrete_function)  # called directly: to look it up costs more than a small network

    def apply(*arrays: np.ndarray) -> Any:
        count = len(arrays[0])
        results = []
        for start in range(0, count, size):
            batch = [array[start : start + size] for array in arrays]
            kept = len(batch[0])
            missing = min(-kept % STEP, size - kept)
            if missing:
                batch = [np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)]) for rows in batch]
            outputs = traced()(*map(as_tensor, batch))
            results.append(tf.nest.map_structure(lambda output, kept=kept: output.numpy()[:kept], outputs))
        return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *results)

    return apply
