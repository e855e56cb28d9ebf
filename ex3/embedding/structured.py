"""A loss that asks the plane for structure, without labels: neighbours stay neighbours, far stays far.

    L = MSE + w_N N + w_C C

over a batch of images and, in its second half, a neighbour of each in the first half. Both terms compare pairs of the
batch, so a step costs little more than without them.
"""

import numpy as np

from ex3.backend import keras, tf
from ex3.data import Split
from ex3.data.sampling import Order
from ex3.embedding.neighbours import deskew, nearest
from ex3.structured_config import StructuredConfig
from ex3.training import Loss, Task, total_steps

TINY = 1e-12  # keeps the gradients of a root and of a quotient finite


def structured_task(config: StructuredConfig, model: keras.Model, train: Split) -> Task:
    """Return the task of training an autoencoder, encoder and decoder in one, whose plane is asked for structure.

    The neighbours of all training images are found here, which takes seconds.
    """
    images = train.x.mean(axis=-1) if config.without == "deskewing" else deskew(train.x)
    order = paired_order(nearest(images, config.neighbours), config.batch_size)
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    loss = build_structured_loss(config, step, total_steps(config, len(train)))
    return Task(model, loss, (train.x,), train.y, order, step=step)


def paired_order(neighbours: np.ndarray, batch_size: int) -> Order:
    """Return an order whose batches are images, then a neighbour of each, drawn at random.

    An epoch has as many images as any other order's, so that half of all images come with a neighbour.

    Args:
        neighbours: Rows of each image's neighbours, ``(N, neighbours)``.
        batch_size: Even; cut to the number of images.
    """

    def order(seed: int, epoch: int, labels: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng((seed, epoch))
        half = min(batch_size, len(labels)) // 2
        steps = len(labels) // (2 * half)
        images = rng.permutation(len(labels))[: steps * half]
        partners = neighbours[images, rng.integers(neighbours.shape[1], size=len(images))]
        batches = np.stack([images.reshape(steps, half), partners.reshape(steps, half)], axis=1)
        return batches.reshape(-1).astype(np.int32)

    return order


def build_structured_loss(config: StructuredConfig, step: tf.Variable, steps: int) -> Loss:
    """Return the loss ``loss(model, x)`` of a batch of images and neighbours.

    Args:
        config: The weights of its terms.
        step: Number of gradient steps done.
        steps: Of the whole training.
    """

    def loss(network: keras.Model, x: tf.Tensor) -> tf.Tensor:
        encoder, decoder = network.layers
        codes = encoder(x, training=True)
        value = tf.reduce_mean(tf.math.squared_difference(decoder(codes, training=True), x))
        fallen = share_fallen(config, step, steps)
        if config.without not in ("neighbours", "both"):
            weight = between(config.neighbour_weight, config.neighbour_weight_end, fallen)
            value += weight * neighbour_term(codes)
        if config.without not in ("distances", "both"):
            weight = between(config.distance_weight, config.distance_weight_end, fallen)
            value += weight * distance_term(x, codes)
        return value

    return loss


def share_fallen(config: StructuredConfig, step: tf.Tensor, steps: int) -> tf.Tensor:
    """Return how far the weights are from their start to their end in a step, in [0, 1]."""
    share = tf.cast(step, tf.float32) / steps
    return tf.clip_by_value((share - config.fall_start) / (config.fall_end - config.fall_start), 0.0, 1.0)


def between(start: float, end: float, share: tf.Tensor) -> tf.Tensor:
    """Return what is at a share of the way from start to end."""
    return start + (end - start) * share


def neighbour_term(codes: tf.Tensor) -> tf.Tensor:
    """Return N, which pulls neighbours together and pushes all others apart.

    With t-SNE's kernel k_ij = 1 / (1 + |z_i - z_j|^2) (van der Maaten and Hinton 2008):

        N = mean_i of -log k_in(i) + log of the sum over all other pairs of k_ij,

    n(i) being the neighbour of i.

    Args:
        codes: ``(B, 2)``; a neighbour of each of the first half stands in the second, in the same order.
    """
    first, second = tf.split(codes, 2)
    apart = tf.reduce_sum(tf.math.squared_difference(first, second), axis=1)
    others = tf.reduce_sum(_pairs(1 / (1 + squared_distances(codes)))) - tf.reduce_sum(1 / (1 + apart))
    return tf.reduce_mean(tf.math.log1p(apart)) + tf.math.log(others + TINY)


def distance_term(x: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Return C = 1 - the correlation (Pearson's) of distances between images and between their codes, in [0, 2].

    Args:
        x: Images ``(B, H, W, C)``.
        codes: ``(B, 2)``.
    """
    pixels = tf.reshape(x, [tf.shape(x)[0], -1])
    far, there = (tf.sqrt(_pairs(squared_distances(points)) + TINY) for points in (pixels, codes))
    far, there = far - tf.reduce_mean(far), there - tf.reduce_mean(there)
    norms = tf.sqrt(tf.reduce_sum(far**2) * tf.reduce_sum(there**2) + TINY)
    return 1 - tf.reduce_sum(far * there) / norms


def squared_distances(points: tf.Tensor) -> tf.Tensor:
    """Return the squared Euclidean distances between all rows: ``(B, D)`` -> ``(B, B)``."""
    squares = tf.reduce_sum(points**2, axis=1)
    products = tf.matmul(points, points, transpose_b=True)
    return tf.maximum(squares[:, tf.newaxis] + squares - 2 * products, 0.0)


def _pairs(matrix: tf.Tensor) -> tf.Tensor:
    """Return the entries of a symmetric matrix above its diagonal: one per pair."""
    above = tf.linalg.band_part(tf.ones_like(matrix), 0, -1) - tf.linalg.band_part(tf.ones_like(matrix), 0, 0)
    return tf.boolean_mask(matrix, above > 0)
