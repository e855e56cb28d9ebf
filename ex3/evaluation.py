"""Measures a model on images, in inference mode."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ex3.backend import as_tensor, keras, tf

BATCH_SIZE = 250  # what is computed of two batches stays in the processor's caches
NEIGHBOURS = 15  # of the classifier in the plane
COLLAPSED = 1e-3  # standard deviation of a code, relative to its largest absolute value


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Apply a model in inference mode: ``(N, ...)`` -> ``(N, ...)``, float32; it is compiled once."""
    if len(x) == 0:
        return np.empty((0, *model.output_shape[1:]), np.float32)
    filled = np.concatenate([x, np.repeat(x[:1], -len(x) % BATCH_SIZE, axis=0)]) if len(x) % BATCH_SIZE else x
    batches = filled.reshape(-1, BATCH_SIZE, *x.shape[1:])
    outputs = _compile(model, batches.shape[1:])(as_tensor(batches)).numpy()
    return outputs.reshape(-1, *outputs.shape[2:])[: len(x)]


@lru_cache(maxsize=8)  # an experiment asks a few models in turn
def _compile(model: keras.Model, shape: tuple[int, ...]) -> Callable[[np.ndarray], tf.Tensor]:
    """Return a compiled function: batches ``(B, *shape)`` -> the model's outputs ``(B, BATCH_SIZE, ...)``."""

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.float32)], autograph=False)
    def apply(batches: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(lambda batch: model(batch, training=False), batches, parallel_iterations=2)

    return apply


def loss_and_accuracy(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the mean cross-entropy (``loss``, nats per image) and the ``accuracy`` (in [0, 1]).

    Args:
        logits: ``(N, classes)``.
        y: Labels ``(N,)``.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits).numpy()
    return {
        "loss": float(losses.mean(dtype=np.float64)),
        "accuracy": float(np.mean(logits.argmax(axis=1) == y)),
    }


def squared_loss_and_accuracy(outputs: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the mean squared difference between outputs ``(N, classes)`` and one-hot labels, and the ``accuracy``."""
    one_hot = np.eye(outputs.shape[1], dtype=np.float32)[y]
    return {"loss": mean_squared_error(outputs, one_hot), "accuracy": float(np.mean(outputs.argmax(axis=1) == y))}


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count images by actual class (row) and predicted class (column): int ``(classes, classes)``."""
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (y, predicted), 1)
    return counts


def mean_squared_error(images: np.ndarray, x: np.ndarray) -> float:
    """Return the mean squared difference over all images and pixels."""
    return float(np.mean((images - x) ** 2, dtype=np.float64))


def neighbour_accuracy(train_codes: np.ndarray, train_y: np.ndarray, codes: np.ndarray, y: np.ndarray) -> float:
    """Return the accuracy of the 15-nearest-neighbour classifier in the plane.

    Args:
        train_codes: ``(N, 2)``, on which it is fitted.
        train_y: Their labels ``(N,)``.
        codes: ``(M, 2)``, which it classifies.
        y: Their labels ``(M,)``.
    """
    from sklearn.neighbors import KNeighborsClassifier  # a tenth of a second that classifiers save

    return float(KNeighborsClassifier(NEIGHBOURS).fit(train_codes, train_y).score(codes, y))


def with_largest(model: keras.Model, relus: dict[str, keras.KerasTensor]) -> keras.Model:
    """Return a model that also shows how far each unit of its ReLUs comes above 0.

    A unit of a convolution is a filter, which counts where it is largest.

    Args:
        model: Maps images to ``(N, outputs)``.
        relus: By name the outputs of its ReLUs, ``(N, ..., units)`` each; there may be none.

    Returns:
        The same images -> ``(N, outputs + units of all ReLUs)``.
    """
    flat = [keras.layers.Reshape((-1, values.shape[-1]))(values) for values in relus.values()]  # (N, positions, units)
    largest = [keras.ops.max(values, axis=1) for values in flat]
    return keras.Model(model.inputs, keras.ops.concatenate([*model.outputs, *largest], axis=1)) if relus else model


def dead_shares(largest: np.ndarray, relus: dict[str, keras.KerasTensor]) -> dict[str, float]:
    """Return the share of each ReLU's units that are 0 for all images, so that no gradient comes through them.

    Args:
        largest: The last columns of ``with_largest``, ``(N, units of all ReLUs)``.
        relus: As there.

    Returns:
        ``dead_conv1``, ..., ``dead_dense1``, ..., in [0, 1].
    """
    ends = np.cumsum([values.shape[-1] for values in relus.values()])
    of_each = np.split(largest.max(axis=0), ends[:-1]) if relus else []
    return {f"dead_{name}": float(np.mean(units <= 0)) for name, units in zip(relus, of_each, strict=True)}


def collapsed_codes(codes: np.ndarray) -> list[int]:
    """Return which code coordinates (from 0) are the same for all images, as those of a dead ReLU are."""
    return np.flatnonzero(codes.std(axis=0) <= COLLAPSED * np.abs(codes).max(axis=0)).tolist()
