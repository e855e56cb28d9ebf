"""The losses of robust training: what a config defends against, inside the compiled step.

Every loss is ``loss(model, x, y)``: the mean over the batch, from images in [0, 1], ``(B, H, W, C)``, and one-hot
labels. It reads the number of gradient steps done from a variable, which the training loop sets (``Task.step``), so
that epsilon can rise and that the noise is another one in each step, but the same in each run.
"""

from ex3.backend import keras, tf
from ex3.defences.intervals import image_box, propagate, regularisers, worst_logits
from ex3.robust_config import RobustConfig
from ex3.training import Loss

REGULARISED = 0.5  # weight of the regularisers at the start; it falls to 0 as epsilon rises


def build_robust_loss(config: RobustConfig, clean_loss: Loss, step: tf.Variable, total_steps: int) -> Loss:
    """Return the loss that a config is trained with.

    Args:
        config: The defence.
        clean_loss: Logits model, images, labels -> the mean cross-entropy.
        step: Number of gradient steps done.
        total_steps: Of the whole training.
    """

    def noise_loss(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        signs = tf.sign(_uniform(x, config.seed, step))
        return clean_loss(model, tf.clip_by_value(x + rising_epsilon(config, step, total_steps) * signs, 0.0, 1.0), y)

    def adversarial_loss(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        epsilon = rising_epsilon(config, step, total_steps)
        start = x + epsilon * _uniform(x, config.seed, step)
        return clean_loss(model, attack_in_step(config, clean_loss, model, x, y, start, epsilon), y)

    def interval_loss(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        epsilon = rising_epsilon(config, step, total_steps)
        box = image_box(x, epsilon)
        found = propagate(model, box, training=True)
        worst = worst_logits(model.get_layer("logits"), found.last, y)
        cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, worst))
        weight = REGULARISED * (1 - epsilon / config.epsilon)
        return cross_entropy + tf.cond(  # once epsilon has risen, they would cost a sixth of a step for nothing
            weight > 0, lambda: weight * regularisers(box, found.before_relu), lambda: tf.constant(0.0)
        )

    losses = {"none": clean_loss, "noise": noise_loss, "adversarial": adversarial_loss, "ibp": interval_loss}
    return losses[config.defence]


def rising_epsilon(config: RobustConfig, step: tf.Tensor, total_steps: int) -> tf.Tensor:
    """Return the bound of a step: 0 until ``ramp_start``, the config's epsilon from ``ramp_end`` on, linear between."""
    share = tf.cast(step, tf.float32) / total_steps
    risen = (share - config.ramp_start) / max(config.ramp_end - config.ramp_start, 1e-9)
    return config.epsilon * tf.clip_by_value(risen, 0.0, 1.0) if config.ramp_end else tf.constant(config.epsilon)


def attack_in_step(
    config: RobustConfig,
    loss: Loss,
    model: keras.Model,
    x: tf.Tensor,
    y: tf.Tensor,
    start: tf.Tensor,
    epsilon: tf.Tensor,
) -> tf.Tensor:
    """Take ``attack_steps`` steps along the sign of the gradient, each projected onto the ball and [0, 1].

    The start is uniform in the ball and is not clipped to [0, 1]: clipped, most pixels of a black background would
    start where they are, and the training collapses.
    """
    low, high = tf.maximum(x - epsilon, 0.0), tf.minimum(x + epsilon, 1.0)
    attacked = start
    for _ in range(config.attack_steps):
        with tf.GradientTape() as tape:
            tape.watch(attacked)
            value = loss(model, attacked, y)
        moved = attacked + config.attack_step_size * epsilon * tf.sign(tape.gradient(value, attacked))
        attacked = tf.clip_by_value(moved, low, high)
    return tf.stop_gradient(attacked)


def _uniform(x: tf.Tensor, seed: int, step: tf.Variable) -> tf.Tensor:
    """Draw numbers from [-1, 1), of the shape of ``x``, that depend on the seed and the step alone."""
    return tf.random.stateless_uniform(tf.shape(x), tf.stack([tf.constant(seed, tf.int64), step]), -1.0, 1.0)
