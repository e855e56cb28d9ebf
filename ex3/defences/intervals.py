"""Interval bounds of a network in TensorFlow, for training (Gowal et al. 2018, arXiv 1810.12715).

A box is a centre c and a radius r >= 0, both of the shape of what they bound: [c - r, c + r]. An affine layer
y = W x + b maps it to the centre W c + b and the radius |W| r; a ReLU maps the ends of each interval.
"""

from collections.abc import Callable
from typing import NamedTuple

from ex3.backend import keras, tf

layers = keras.layers
TOLERANCE = 0.5  # of both regularisers
SMALL = 1e-6  # keeps quotients and their gradients finite


class Box(NamedTuple):
    """Centre and radius, ``(B, ...)`` each."""

    centre: tf.Tensor
    radius: tf.Tensor


class Propagation(NamedTuple):
    """What came out of a network.

    Attributes:
        last: The box of the inputs to the logits.
        before_relu: The boxes of the inputs to each ReLU, but for the one that cuts the contrast off.
    """

    last: Box
    before_relu: list[Box]


def image_box(x: tf.Tensor, epsilon: tf.Tensor) -> Box:
    """Return all images within epsilon of ``x`` in every pixel, and in [0, 1]."""
    low, high = tf.maximum(x - epsilon, 0.0), tf.minimum(x + epsilon, 1.0)
    return Box((high + low) / 2, (high - low) / 2)


def propagate(model: keras.Model, box: Box, training: bool) -> Propagation:
    """Pass a box through all layers of a robust network but the logits.

    Args:
        model: Images -> logits.
        box: Of the images.
        training: Normalise with the mean and variance of this batch's centres, and take them into the moving averages.
    """
    before_relu = []
    for layer in model.layers:
        if isinstance(layer, layers.ReLU):
            before_relu += [box] if layer.max_value is None else []
            low, high = layer(box.centre - box.radius), layer(box.centre + box.radius)
            box = Box((high + low) / 2, (high - low) / 2)
        elif layer.name != "logits" and type(layer) in PASSES:
            box = PASSES[type(layer)](layer, box, training)
    return Propagation(box, before_relu)


def worst_logits(head: keras.layers.Dense, box: Box, y: tf.Tensor) -> tf.Tensor:
    """Bound each other class's lead over the label: max over the box of z_k - z_y, and 0 for the label itself.

    The last layer is merged with the difference: z_k - z_y = (w_k - w_y) h + b_k - b_y, whose radius |w_k - w_y| r is
    smaller than that of the two logits together.

    Args:
        head: The layer of the logits; h -> W^T h + b.
        box: Of h, ``(B, units)``.
        y: Labels as one-hot rows, float32 ``(B, classes)``.

    Returns:
        ``(B, classes)``; an image is certified where no entry but the label's is >= 0. Their softmax is the worst one.
    """
    weights = tf.convert_to_tensor(head.kernel)  # (units, classes)
    units, classes = weights.shape
    z = tf.matmul(box.centre, weights) + head.bias
    lead = z - tf.reduce_sum(z * y, axis=1, keepdims=True)
    between = tf.reshape(tf.abs(weights[:, :, tf.newaxis] - weights[:, tf.newaxis]), (units, classes * classes))
    radius = tf.reshape(tf.matmul(box.radius, between), (-1, classes, classes))  # by label and other class
    return lead + tf.einsum("by,byk->bk", y, radius)


def regularisers(box: Box, before_relu: list[Box]) -> tf.Tensor:
    """Return the two terms of Shi et al. (2021, arXiv 2103.17268, section 3.2), each a mean over the ReLUs.

    Tightness: relu(0.5 - mean radius of the images / mean radius before the ReLU) / 0.5. Balance: the same of the
    smaller quotient between the centres of the active and of the inactive units, of their means and of their variances.
    """
    first = tf.reduce_mean(box.radius)
    total = 0.0
    for centre, radius in before_relu:
        total += tf.nn.relu(TOLERANCE - first / (tf.reduce_mean(radius) + SMALL))
        active = tf.cast(centre - radius > 0, centre.dtype)
        inactive = tf.cast(centre + radius < 0, centre.dtype)
        spread = (centre - tf.reduce_mean(centre)) ** 2
        means = tf.reduce_mean(centre * active), -tf.reduce_mean(centre * inactive)
        variances = tf.reduce_mean(spread * active), tf.reduce_mean(spread * inactive)
        for one, other in (means, variances):
            quotient = tf.minimum((one + SMALL) / (other + SMALL), (other + SMALL) / (one + SMALL))
            total += tf.nn.relu(TOLERANCE - quotient)
    return total / (TOLERANCE * len(before_relu))


def _through_convolution(layer: keras.layers.Conv2D, box: Box, training: bool) -> Box:
    radius = tf.nn.conv2d(box.radius, tf.abs(tf.convert_to_tensor(layer.kernel)), layer.strides, layer.padding.upper())
    return Box(layer(box.centre), radius)


def _through_dense(layer: keras.layers.Dense, box: Box, training: bool) -> Box:
    return Box(layer(box.centre), tf.matmul(box.radius, tf.abs(tf.convert_to_tensor(layer.kernel))))


def _through_normalization(layer: keras.layers.BatchNormalization, box: Box, training: bool) -> Box:
    mean, variance = tf.convert_to_tensor(layer.moving_mean), tf.convert_to_tensor(layer.moving_variance)
    if training:
        mean, variance = tf.nn.moments(box.centre, list(range(len(box.centre.shape) - 1)))
        for average, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            average.assign(layer.momentum * average + (1 - layer.momentum) * value)
    scale = layer.gamma * tf.math.rsqrt(variance + layer.epsilon)
    return Box((box.centre - mean) * scale + layer.beta, box.radius * tf.abs(scale))


def _through_rescaling(layer: keras.layers.Rescaling, box: Box, training: bool) -> Box:
    return Box(layer(box.centre), box.radius * layer.scale)


def _through_flatten(layer: keras.layers.Flatten, box: Box, training: bool) -> Box:
    return Box(layer(box.centre), layer(box.radius))


PASSES: dict[type, Callable[[keras.layers.Layer, Box, bool], Box]] = {
    layers.Conv2D: _through_convolution,
    layers.Dense: _through_dense,
    layers.BatchNormalization: _through_normalization,
    layers.Rescaling: _through_rescaling,
    layers.Flatten: _through_flatten,
}
