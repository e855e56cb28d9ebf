"""Attacks keep what they promise, on models whose right answer is known; a broken evaluation is found out."""

import math

import numpy as np
import pytest

from ex3 import attacks, gradients, robustness
from ex3.attacks import Victim
from ex3.backend import keras, tf
from ex3.config import ConvnetConfig, MlpConfig
from ex3.models import logits_model
from ex3.robustness import Attacked
from ex3.training import train_classifier

rng = np.random.default_rng(0)
X = rng.uniform(0.2, 0.8, size=(40, 28, 28, 1)).astype(np.float32)


def linear_victim(weights: np.ndarray) -> Victim:
    """Make a two-class model z = (0, w.(x - 1/2)), whose margin and nearest boundary are known."""

    def logits(x):
        score = ((x - 0.5).reshape(len(x), -1) @ weights.ravel()).astype(np.float32)
        return np.stack([np.zeros_like(score), score], axis=1)

    def gradient(x, y):
        z = logits(x)
        p = 1 / (1 + np.exp(np.clip(-z[:, 1], -80, 80)))  # of class 1
        return z, ((p - y)[:, None] * weights.ravel()).reshape(x.shape).astype(np.float32)

    def jacobian(x):
        both = np.stack([np.zeros_like(weights), weights])[None]
        return logits(x), np.repeat(both, len(x), axis=0).astype(np.float32)

    return Victim(logits, gradient, jacobian)


WEIGHTS = rng.normal(size=(28, 28, 1))
LINEAR = linear_victim(WEIGHTS)
Y = LINEAR.logits(X).argmax(axis=1)


@pytest.fixture(scope="module")
def trained(dataset):
    config = ConvnetConfig(
        model="convnet", filters=(8,), kernel_sizes=(5,), hidden_units=(32,), epochs=8, batch_size=32,
        optimizer="adam", learning_rate=0.005, momentum=0.9, dropout=0.2,
    )  # fmt: skip
    return train_classifier(config, dataset)[0]


@pytest.fixture(scope="module")
def attacked(trained, dataset) -> Attacked:
    victim = gradients.victim(trained)
    return robustness.correct_ones(victim, dataset.test.x[:120], dataset.test.y[:120])


def norm(d: np.ndarray, kind: str) -> np.ndarray:
    d = d.reshape(len(d), -1)
    return np.abs(d).max(axis=1) if kind == "linf" else np.linalg.norm(d, axis=1)


def test_fgsm_by_hand():
    x_adv = attacks.fgsm(LINEAR, X, Y, 0.1)
    away = np.where(Y == 1, -1, 1)[:, None, None, None] * np.sign(WEIGHTS)
    np.testing.assert_allclose(x_adv, X + 0.1 * away, atol=1e-6)
    towards = attacks.fgsm(LINEAR, X, 1 - Y, 0.1, targeted=True)
    np.testing.assert_allclose(towards, x_adv, atol=1e-6)


@pytest.mark.parametrize("kind", ["linf", "l2"])
@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.7])
def test_pgd_stays_in_the_ball_and_in_the_cube(kind, epsilon):
    x_adv = attacks.pgd(LINEAR, X, Y, epsilon, steps=10, step_size=0.3, norm=kind)
    assert norm(x_adv - X, kind).max() <= epsilon + 1e-6
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    assert x_adv.dtype == np.float32
    if epsilon == 0:
        np.testing.assert_array_equal(x_adv, X)


def test_pgd_fools_a_linear_model_exactly_where_that_is_possible():
    """The largest change of w.x is epsilon |w|_1 in linf, and epsilon |w|_2 in l2 (no pixel reaches 0 or 1 here)."""
    score = np.abs(LINEAR.logits(X)[:, 1])
    for kind, size in (("linf", np.abs(WEIGHTS).sum()), ("l2", np.linalg.norm(WEIGHTS))):
        epsilon = float(np.median(score) / size)
        fooled = LINEAR.logits(attacks.pgd(LINEAR, X, Y, epsilon, norm=kind)).argmax(axis=1) != Y
        clear = np.abs(score - epsilon * size) > 0.02 * score
        np.testing.assert_array_equal(fooled[clear], (score < epsilon * size)[clear])
    everywhere = attacks.pgd(LINEAR, X, 1 - Y, 0.2, targeted=True)
    np.testing.assert_array_equal(LINEAR.logits(everywhere).argmax(axis=1), 1 - Y)


def test_pgd_is_repeatable_and_its_seed_and_each_option_take_part(trained, attacked):
    victim = gradients.victim(trained)

    def run(**options):
        return attacks.pgd(victim, attacked.x, attacked.y, **{"epsilon": 0.05, "steps": 5, **options})

    np.testing.assert_array_equal(run(), run())
    for options in ({"seed": 1}, {"steps": 6}, {"step_size": 0.3}, {"restarts": 2}, {"norm": "l2"}, {"epsilon": 0.06}):
        assert not np.array_equal(run(), run(**options)), options
    assert not np.array_equal(run(), attacks.pgd(gradients.victim(trained, "margin"), attacked.x, attacked.y, 0.05, 5))


def test_restarts_never_lose_a_success(trained, attacked):
    victim = gradients.victim(trained)
    shares = [
        np.mean(
            victim.logits(attacks.pgd(victim, attacked.x, attacked.y, 0.1, steps=3, restarts=restarts)).argmax(axis=1)
            != attacked.y
        )
        for restarts in (1, 4)
    ]
    assert shares[1] >= shares[0]


def test_a_restart_with_nothing_left_to_do_does_nothing(trained, attacked):
    victim = gradients.victim(trained)
    once, twice = (attacks.pgd(victim, attacked.x, attacked.y, 1.0, restarts=restarts) for restarts in (1, 2))
    np.testing.assert_array_equal(once, twice)
    assert (victim.logits(once).argmax(axis=1) != attacked.y).all()


def test_one_epsilon_per_image_is_the_same_as_each_alone():
    epsilons = np.linspace(0, 0.2, len(X))
    together = attacks.fgsm(LINEAR, X, Y, epsilons)
    for i in (0, 7, 39):
        np.testing.assert_array_equal(together[i], attacks.fgsm(LINEAR, X[i : i + 1], Y[i : i + 1], epsilons[i])[0])


def test_deepfool_reaches_the_nearest_boundary_of_a_linear_model():
    x_adv = attacks.deepfool(LINEAR, X, Y)
    assert (LINEAR.logits(x_adv).argmax(axis=1) != Y).all()
    distance = np.abs(LINEAR.logits(X)[:, 1]) / np.linalg.norm(WEIGHTS)
    np.testing.assert_allclose(norm(x_adv - X, "l2"), 1.02 * distance, rtol=0.01, atol=1e-4)


def test_targeted_l1_reaches_the_target_with_few_pixels_and_the_literal_forms_do_worse(trained, attacked):
    victim = gradients.victim(trained)
    wanted = (attacked.y + 1 + np.arange(len(attacked.y)) % 9) % 10
    assert (wanted != attacked.y).all()

    def run(form):
        x_adv = attacks.targeted_l1(victim, attacked.x, wanted, form=form)
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1
        return np.mean(victim.logits(x_adv).argmax(axis=1) == wanted), np.abs(x_adv - attacked.x).sum(axis=(1, 2, 3))

    proximal, size = run("proximal")
    assert proximal == 1
    assert run("sum")[0] < 0.5
    mean, mean_size = run("mean")
    assert mean > 0.9
    assert np.median(mean_size) > 1.5 * np.median(size)


def test_random_noise_has_the_size_of_fgsm():
    noise = attacks.random_noise(X, 0.1) - X
    np.testing.assert_allclose(np.abs(noise), 0.1, atol=1e-6)
    assert abs(np.mean(noise > 0) - 0.5) < 0.02


@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_gradients_agree_with_central_differences(trained, dataset, loss):
    victim = gradients.victim(trained, loss)
    x, y = X[:3], dataset.test.y[:3]  # no two pixels the same: pooling has no ties, and the loss is smooth there
    z, gradient = victim.gradient(x, y)
    np.testing.assert_allclose(z, victim.logits(x), rtol=1e-5)

    def value(x):
        z = victim.logits(x).astype(float)
        own = z[np.arange(3), y]
        others = np.where(np.eye(10, dtype=bool)[y], -np.inf, z)
        return np.log(np.exp(z).sum(axis=1)) - own if loss == "ce" else others.max(axis=1) - own

    direction = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    h = 3e-4
    differences = (value(x + h * direction) - value(x - h * direction)) / (2 * h)
    np.testing.assert_allclose((gradient * direction).sum(axis=(1, 2, 3)), differences, rtol=0.05, atol=0.05)


def test_the_jacobian_holds_the_gradient_of_each_logit(trained, dataset):
    victim = gradients.victim(trained)
    x = dataset.test.x[:4]
    z, jacobian = victim.jacobian(x)
    assert jacobian.shape == (4, 10, 28, 28, 1)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    y = dataset.test.y[:4]
    expected = np.einsum("nk,nkijc->nijc", p - np.eye(10)[y], jacobian)
    np.testing.assert_allclose(victim.gradient(x, y)[1], expected, atol=1e-4)


def test_any_number_of_images_gives_the_same_numbers(trained, dataset):
    victim = gradients.victim(trained)
    whole = victim.gradient(dataset.test.x[:300], dataset.test.y[:300])[1]
    np.testing.assert_allclose(victim.gradient(dataset.test.x[:7], dataset.test.y[:7])[1], whole[:7], atol=1e-6)
    assert len(whole) == 300


def test_misclassified_images_are_left_alone_and_never_a_success(trained, dataset):
    victim = gradients.victim(trained)
    x, y = dataset.test.x[:100], (dataset.test.y[:100] + 1) % 10
    images = robustness.correct_ones(victim, x, y)
    assert len(images.x) < 20
    assert images.total == 100
    right = robustness.correct_ones(victim, x, dataset.test.y[:100])
    nothing, _ = robustness.judge(victim, right, lambda x, y: x, "noise")
    assert nothing.success == 0
    assert nothing.robust_accuracy == len(right.x) / 100


def test_judgement_by_hand():
    images = Attacked(X, Y, 50)
    result, x_adv = robustness.judge(
        LINEAR, images, lambda x, y: np.where(np.arange(40)[:, None, None, None] < 10, 1 - x, x), "x"
    )
    assert result.success == 0.25  # 1 - x mirrors the score
    assert result.robust_accuracy == 30 / 50
    d = (x_adv - X)[:10].reshape(10, -1)
    assert result.l1 == pytest.approx(np.median(np.abs(d).sum(axis=1)), rel=1e-5)
    assert result.l2 == pytest.approx(np.median(np.linalg.norm(d, axis=1)), rel=1e-5)
    assert result.linf == pytest.approx(np.median(np.abs(d).max(axis=1)), rel=1e-5)
    assert result.l0 == np.median(np.count_nonzero(d, axis=1))
    assert math.isnan(robustness.judge(LINEAR, images, lambda x, y: x, "x")[0].l2)


def test_wilson_by_hand():
    np.testing.assert_allclose(robustness.wilson(50, 100), (0.4038, 0.5962), atol=1e-4)
    assert robustness.wilson(0, 100) == (0.0, pytest.approx(0.0370, abs=1e-4))
    assert robustness.wilson(100, 100) == (pytest.approx(0.9630, abs=1e-4), 1.0)


def test_bisection_finds_the_exact_epsilon_of_a_linear_model():
    exact = np.abs(LINEAR.logits(X)[:, 1]) / np.abs(WEIGHTS).sum()
    images = Attacked(X, Y, len(X))
    found = robustness.smallest_epsilons(LINEAR, images, lambda x, y, e: attacks.fgsm(LINEAR, x, y, e), 0.2)
    assert np.abs(found - exact).max() <= 0.2 / 256 + 1e-6
    none = robustness.smallest_epsilons(LINEAR, images, lambda x, y, e: x, 0.2)
    assert np.isinf(none).all()


def check(victim: Victim, images: Attacked) -> dict[str, bool]:
    checks = robustness.self_check(victim, images, [0.05, 0.1, 0.3], steps=20, step_size=0.1, seed=0)
    return {one.name: one.passed for one in checks}


def test_a_sound_evaluation_passes_its_own_check(trained, attacked):
    found = check(gradients.victim(trained), attacked)
    del found["doubling the steps changes success by less than half a point"]  # one image is more than that here
    assert all(found.values()), found


def spoilt(model: keras.Model, forward) -> Victim:
    """Make a victim from ``forward(logits model, x) -> z``, with the cross-entropy of z."""
    logits = logits_model(model)

    @tf.function
    def gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = forward(logits, x)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
        found = tape.gradient(loss, x)
        return z, tf.zeros_like(x) if found is None else found

    def numpy_gradient(x, y):
        return tuple(part.numpy() for part in gradient(tf.constant(x), tf.constant(y)))

    return Victim(lambda x: forward(logits, tf.constant(x)).numpy(), numpy_gradient, None)


def saturated_hinge(logits, x):
    z = 50 * logits(x, training=False)
    return tf.clip_by_value(z, -1.0, 1.0)  # far from the boundary nothing changes any more


@pytest.mark.parametrize(
    ("forward", "caught"),
    [
        (lambda logits, x: logits(x, training=True), "two forward passes agree"),
        (lambda logits, x: tf.nn.softmax(logits(x, training=False)), "the loss sees logits"),
        (lambda logits, x: tf.nn.softmax(200 * logits(x, training=False)), "gradients are not masked"),
        (saturated_hinge, "gradients are not masked"),
        (lambda logits, x: logits(tf.round(x * 8) / 8, training=False), "gradients are not masked"),
    ],
    ids=["dropout left on", "probabilities", "saturated probabilities", "saturated hinge", "quantised input"],
)
def test_a_broken_model_is_caught(trained, attacked, forward, caught):
    assert not check(spoilt(trained, forward), attacked)[caught]


def test_an_attack_that_leaves_the_ball_is_caught(trained, attacked, monkeypatch):
    monkeypatch.setattr(robustness, "fgsm", lambda victim, x, y, epsilon: attacks.fgsm(victim, x, y, 1.5 * epsilon))
    found = check(gradients.victim(trained), attacked)
    assert not found["noise within epsilon, pixels in [0, 1]"]


def test_an_attack_that_goes_the_wrong_way_is_caught(trained, attacked):
    good = gradients.victim(trained)
    wrong = Victim(good.logits, lambda x, y: (good.gradient(x, y)[0], -good.gradient(x, y)[1]), good.jacobian)
    found = check(wrong, attacked)
    assert not found["random noise weaker than gradients"] or not found["success is about 100 % at epsilon 1"]


def test_an_mlp_can_be_attacked_too(dataset):
    config = MlpConfig(
        model="mlp", hidden_units=(32,), epochs=5, batch_size=32, optimizer="adam", learning_rate=0.005, momentum=0.9
    )
    victim = gradients.victim(train_classifier(config, dataset)[0])
    images = robustness.correct_ones(victim, dataset.test.x, dataset.test.y)
    weak, strong = (
        robustness.judge(victim, images, lambda x, y, e=e: attacks.fgsm(victim, x, y, e), "fgsm", "linf", e)[0]
        for e in (0.01, 0.2)
    )
    assert weak.success < strong.success
