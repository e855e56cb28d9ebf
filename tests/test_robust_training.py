"""Training against noise: its losses, what differs between the defences, and what they learn."""

import numpy as np
import pytest

from ex3 import backend, models
from ex3.backend import tf
from ex3.data import load_dataset
from ex3.defences.losses import attack_in_step, build_robust_loss, rising_epsilon
from ex3.errors import ConfigError
from ex3.robust_config import RobustConfig
from ex3.runs import train_classifier
from ex3.schedules import FlatThenCosine

TINY = {
    "dataset": "digits", "limit": 640, "epochs": 3, "batch_size": 32, "filters": (4, 4), "hidden_units": (16,),
    "learning_rate": 0.005, "threads": 2,
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _two_threads():
    backend.prepare(0, 2, "float32")  # TensorFlow cannot change their number after its first use


def test_epsilon_rises_linearly_between_its_two_shares():
    config = RobustConfig(defence="ibp", epsilon=0.3, ramp_start=0.2, ramp_end=0.6)
    found = [float(rising_epsilon(config, tf.constant(step), 10)) for step in (0, 2, 4, 6, 9)]
    np.testing.assert_allclose(found, [0, 0, 0.15, 0.3, 0.3], atol=1e-6)
    at_once = RobustConfig(defence="adversarial", epsilon=0.3)
    assert float(rising_epsilon(at_once, tf.constant(0), 10)) == pytest.approx(0.3)


def test_the_flat_schedule_rises_stays_and_falls_to_zero():
    rates = [float(FlatThenCosine(0.01, 10, 60, 100)(step)) for step in (0, 9, 59, 80, 100)]
    np.testing.assert_allclose(rates, [0.001, 0.01, 0.01, 0.005, 0], atol=1e-8)


def robust(defence: str, **changes) -> RobustConfig:
    bound = {} if defence == "none" else {"epsilon": 0.1}
    return RobustConfig(defence=defence, **{**TINY, **bound, **changes})


def test_the_attack_in_training_stays_in_the_ball_and_raises_the_loss():
    config = robust("adversarial", attack_steps=2)
    logits = models.logits_model(models.build(config, (28, 28, 1), 10))
    digits = load_dataset("digits").test.first(20)
    x, y = tf.constant(digits.x), tf.one_hot(digits.y, 10)

    def loss(model, x, y):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, model(x, training=True)))

    attacked = attack_in_step(config, loss, logits, x, y, x + 0.05, tf.constant(0.1))
    assert float(tf.reduce_max(tf.abs(attacked - x))) <= 0.1 + 1e-6
    assert (float(tf.reduce_min(attacked)), float(tf.reduce_max(attacked))) >= (0, 0)
    assert float(tf.reduce_max(attacked)) <= 1
    assert loss(logits, attacked, y) > loss(logits, x, y)


def test_noise_is_another_in_each_step_and_the_same_in_each_run():
    step = tf.Variable(0, dtype=tf.int64)
    seen = []
    loss = build_robust_loss(robust("noise"), lambda model, x, y: seen.append(x.numpy()) or 0.0, step, 10)
    x = tf.fill((2, 4, 4, 1), 0.5)
    for number in (0, 1, 0):
        step.assign(number)
        loss(None, x, None)
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    assert set(np.round(np.abs(seen[0] - 0.5), 6).ravel()) == {np.float32(0.1)}


@pytest.fixture(scope="module")
def plain():
    """Return a run without a defence."""
    return train_classifier(robust("none"), load_dataset("digits", limit=640))[1]


@pytest.mark.parametrize("defence", ["none", "noise", "adversarial", "ibp"])
def test_each_defence_learns_differently_and_gives_the_same_numbers_again(plain, defence):
    config = robust(defence, normalization="batch" if defence == "ibp" else "none", ramp_end=0.5)
    first, second = (train_classifier(config, load_dataset("digits", limit=640))[1] for _ in range(2))
    if defence == "ibp":  # two threads add its many terms up in any order
        np.testing.assert_allclose(
            first.iterations.series["loss"][:20], second.iterations.series["loss"][:20], rtol=1e-4
        )
    else:
        assert first.weights == second.weights
    assert (first.weights == plain.weights) == (defence == "none")
    assert first.metrics["test_accuracy"] > 0.5
    assert first.iterations.series["loss"][-1] < first.iterations.series["loss"][0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"defence": "ibp"}, "needs an epsilon above 0"),
        ({"defence": "ibp", "epsilon": 0.1, "label_smoothing": 0.1}, "the loss of defence = 'ibp' has none"),
        ({"ramp_start": 0.5, "ramp_end": 0.2}, "comes before ramp_start = 0.5"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RobustConfig(**settings)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ConfigError, match="too many for images of 3 x 3"):
        models.build(RobustConfig(), (3, 3, 1), 10)
