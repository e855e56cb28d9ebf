"""A Keras classifier -> what an attack may ask of it: compiled once for a fixed batch, in inference mode, on logits."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from ex3 import models
from ex3.attacks import Victim
from ex3.backend import keras, tf

Loss = Literal["ce", "margin"]

BATCH = 250  # images at a time: the fastest here, and one shape means one compilation


def victim(model: keras.Model, loss: Loss = "ce") -> Victim:
    """Open a classifier of this package to attacks.

    Args:
        model: From images to probabilities; its layer ``logits`` is what is looked at.
        loss: ``ce``: the cross-entropy of the softmax of the logits; ``margin``: the largest other logit less the
            label's own, whose gradient does not vanish where the model is certain.
    """
    logits = models.logits_model(model)
    images = tf.TensorSpec((BATCH, *models.IMAGE_SHAPE), tf.float32)
    labels = tf.TensorSpec((BATCH,), tf.int64)

    @tf.function(input_signature=[images])
    def forward(x: tf.Tensor) -> tf.Tensor:
        return logits(x, training=False)

    @tf.function(input_signature=[images, labels])
    def gradient(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = logits(x, training=False)
            value = tf.reduce_sum(LOSSES[loss](z, y))  # a sum, so that each image's gradient is its own
        return z, tape.gradient(value, x)

    @tf.function(input_signature=[images])
    def jacobian(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            z = logits(x, training=False)
            columns = [tf.reduce_sum(z[:, k]) for k in range(models.CLASSES)]
        return z, tf.stack([tape.gradient(column, x) for column in columns], axis=1)

    return Victim(
        logits=lambda x: _in_batches(forward, x),
        gradient=lambda x, y: _in_batches(gradient, x, y),
        jacobian=lambda x: _in_batches(jacobian, x),
    )


def _cross_entropy(z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)


def _margin(z: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    own = tf.one_hot(y, models.CLASSES)
    return tf.reduce_max(z - 1e9 * own, axis=1) - tf.reduce_sum(z * own, axis=1)


LOSSES: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {"ce": _cross_entropy, "margin": _margin}


def _in_batches(function: Callable, *arrays: np.ndarray):
    """Apply a function of fixed batches to any number of rows; the last batch is filled up with copies of a row."""
    count = len(arrays[0])
    results = []
    for start in range(0, count, BATCH):
        batch = [array[start : start + BATCH] for array in arrays]
        missing = BATCH - len(batch[0])
        if missing:
            batch = [np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)]) for rows in batch]
        outputs = tf.nest.map_structure(lambda output, kept=BATCH - missing: output.numpy()[:kept], function(*batch))
        results.append(outputs)
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *results)
