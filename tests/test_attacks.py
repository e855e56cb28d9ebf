"""Attacks do what they promise, on models whose right answer is known."""

import numpy as np
import pytest
from small_victims import BATCH_SIZE, LINEAR, WEIGHTS, X, Y, convnet_images, convnet_victim, linear_victim

from ex3.adversarial import attacks
from ex3.adversarial.attacks import Victim
from ex3.adversarial.judging import CorrectImages


@pytest.fixture
def victim() -> Victim:
    return convnet_victim()


@pytest.fixture
def images() -> CorrectImages:
    return convnet_images()


def norm(noise: np.ndarray, kind: str) -> np.ndarray:
    noise = noise.reshape(len(noise), -1)
    return np.abs(noise).max(axis=1) if kind == "linf" else np.linalg.norm(noise, axis=1)


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


def test_pgd_is_repeatable_and_depends_on_each_option(victim, images):
    def run(on=victim, **options):
        return attacks.pgd(on, images.x, images.y, **{"epsilon": 0.05, "steps": 5, **options})

    first = run()
    np.testing.assert_array_equal(run(), first)
    for options in ({"seed": 1}, {"steps": 6}, {"step_size": 0.3}, {"restarts": 2}, {"norm": "l2"}, {"epsilon": 0.06}):
        assert not np.array_equal(run(**options), first), options
    assert not np.array_equal(run(on=convnet_victim("margin")), first)


def test_restarts_never_lose_a_success(victim, images):
    shares = []
    for restarts in (1, 4):
        x_adv = attacks.pgd(victim, images.x, images.y, 0.1, steps=3, restarts=restarts)
        shares.append(np.mean(victim.logits(x_adv).argmax(axis=1) != images.y))
    assert shares[1] >= shares[0]


def test_a_restart_changes_no_image_that_fools_the_model_already(victim, images):
    once, twice = (attacks.pgd(victim, images.x, images.y, 1.0, restarts=restarts) for restarts in (1, 2))
    np.testing.assert_array_equal(once, twice)
    assert (victim.logits(once).argmax(axis=1) != images.y).all()


@pytest.mark.parametrize("steps", [30, 31])
def test_pgd_leaves_an_image_that_goes_to_and_fro_and_returns_what_all_steps_would(steps):
    """The model is never fooled, and the steps, of 0.02, do not meet the peaks of its gradient."""
    peaks = np.full((6, 1, 1, 1), 0.5, np.float32)
    x, y = np.linspace(0.42, 0.58, 6, dtype=np.float32).reshape(peaks.shape), np.zeros(6, int)
    looked_at = []

    def gradient(images, labels):
        looked_at.append(len(images))
        return np.eye(2, dtype=np.float32)[labels], peaks[: len(images)] - images

    found = attacks.pgd(Victim(lambda images: images, gradient, gradient), x, y, 0.1, steps=steps)
    wanted = np.clip(x + np.random.default_rng(0).uniform(-0.1, 0.1, x.shape), 0, 1).astype(np.float32)
    for _ in range(steps):
        wanted = np.clip(wanted + 0.02 * np.sign(peaks - wanted), x - 0.1, x + 0.1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert len(looked_at) < steps


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


def test_attacks_take_images_of_any_shape():
    flat_victim, flat = linear_victim(WEIGHTS.ravel()), X.reshape(len(X), -1)
    epsilons = np.linspace(0, 0.2, len(X))
    for attack in (
        lambda victim, x: attacks.fgsm(victim, x, Y, epsilons),
        lambda victim, x: attacks.pgd(victim, x, Y, 0.001),
        lambda victim, x: attacks.pgd(victim, x, Y, 0.02, norm="l2"),
        lambda victim, x: attacks.deepfool(victim, x, Y),
        lambda victim, x: attacks.targeted_l1(victim, x, 1 - Y, steps=10),
        lambda victim, x: attacks.random_noise(x, 0.1),
    ):
        np.testing.assert_allclose(attack(flat_victim, flat), attack(LINEAR, X).reshape(flat.shape), atol=1e-5)


def test_targeted_l1_reaches_the_target_with_little_noise_and_the_literal_forms_do_worse(victim, images):
    wanted = (images.y + 1 + np.arange(len(images.y)) % 9) % 10

    def run(form):
        x_adv = attacks.targeted_l1(victim, images.x, wanted, form=form)
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1
        return np.mean(victim.logits(x_adv).argmax(axis=1) == wanted), np.abs(x_adv - images.x).sum(axis=(1, 2, 3))

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
def test_gradients_agree_with_central_differences(dataset, loss):
    victim = convnet_victim(loss)
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


def test_the_jacobian_holds_the_gradient_of_each_logit(victim, dataset):
    x, y = dataset.test.x[:4], dataset.test.y[:4]
    z, jacobian = victim.jacobian(x)
    assert jacobian.shape == (4, 10, 28, 28, 1)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = np.einsum("nk,nkijc->nijc", p - np.eye(10)[y], jacobian)
    np.testing.assert_allclose(victim.gradient(x, y)[1], expected, atol=1e-4)


def test_any_number_of_images_gives_the_same_numbers(victim, dataset):
    count = BATCH_SIZE + 30
    x, y = dataset.test.x[:count], dataset.test.y[:count]
    whole = victim.gradient(x, y)[1]
    assert len(whole) == count
    rows = slice(BATCH_SIZE - 5, BATCH_SIZE + 5)
    np.testing.assert_allclose(victim.gradient(x[rows], y[rows])[1], whole[rows], atol=1e-6)
