"""Learning rates over the gradient steps, beyond those of Keras."""

import math

from ex3.backend import keras, tf


class FlatThenCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its peak, stays there, then falls along half a cosine to 0.

    Args:
        peak: The highest rate.
        warm: Steps of the rise.
        held: The step after which it falls.
        total: The step at which it is 0.
    """

    def __init__(self, peak: float, warm: float, held: float, total: int):
        self.peak, self.warm, self.held, self.total = peak, warm, held, total

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate of a step."""
        step = tf.cast(step, tf.float32)
        rise = tf.minimum(1.0, (step + 1) / max(self.warm, 1.0))
        fallen = tf.clip_by_value((step - self.held) / (self.total - self.held), 0.0, 1.0)
        return self.peak * rise * (1 + tf.cos(math.pi * fallen)) / 2
