"""Attacks are measured correctly and each case once; a broken evaluation is found out."""

import functools
import math

import numpy as np
import pytest
from small_victims import LINEAR, WEIGHTS, X, Y, convnet_images, convnet_victim, small_convnet

from ex3.adversarial import attacks, study
from ex3.adversarial.attack_config import AttackConfig
from ex3.adversarial.attacks import Victim
from ex3.adversarial.cases import Case, check_epsilons
from ex3.adversarial.judging import CorrectImages, judge, select_correct, smallest_epsilons
from ex3.adversarial.self_check import self_check
from ex3.backend import keras, tf
from ex3.data import Split
from ex3.errors import ConfigError, DataError
from ex3.models import logits_model

DIGITS = list("0123456789")

CONFIG = AttackConfig(epsilon=(0.1, 0.3), steps=10)


@pytest.fixture
def victim() -> Victim:
    return convnet_victim()


@pytest.fixture
def images() -> CorrectImages:
    return convnet_images()


def test_misclassified_images_are_left_alone_and_never_a_success(victim, dataset):
    x, y = dataset.test.x[:100], dataset.test.y[:100]
    mislabelled = select_correct(victim, x, (y + 1) % 10)
    assert len(mislabelled.x) < 20
    assert mislabelled.total == 100
    correct = select_correct(victim, x, y)
    unchanged, _ = judge(Case("noise"), victim, correct, lambda x, y: x)
    assert unchanged.success == 0
    assert unchanged.robust_accuracy == len(correct.x) / 100


def test_judgement_by_hand():
    images = CorrectImages(X, Y, 50)
    case = Case("pgd", "l2", 0.5)
    mirrored = np.arange(40)[:, None, None, None] < 10  # 1 - x has the opposite score
    result, x_adv = judge(case, LINEAR, images, lambda x, y: np.where(mirrored, 1 - x, x))
    assert result.case == case
    assert result.success == 0.25
    assert result.robust_accuracy == 30 / 50
    noise = (x_adv - X)[:10].reshape(10, -1)
    assert result.l0 == np.median(np.count_nonzero(noise, axis=1))
    assert result.l1 == pytest.approx(np.median(np.abs(noise).sum(axis=1)), rel=1e-5)
    assert result.l2 == pytest.approx(np.median(np.linalg.norm(noise, axis=1)), rel=1e-5)
    assert result.linf == pytest.approx(np.median(np.abs(noise).max(axis=1)), rel=1e-5)
    assert math.isnan(judge(case, LINEAR, images, lambda x, y: x)[0].l2)


def test_bisection_finds_the_exact_epsilon_of_a_linear_model():
    exact = np.abs(LINEAR.logits(X)[:, 1]) / np.abs(WEIGHTS).sum()
    images = CorrectImages(X, Y, len(X))
    found = smallest_epsilons(LINEAR, images, functools.partial(attacks.fgsm, LINEAR), 0.2)
    assert np.abs(found - exact).max() <= 0.2 / 256 + 1e-6
    assert np.isinf(smallest_epsilons(LINEAR, images, lambda x, y, epsilon: x, 0.2)).all()


def failed_checks(victim: Victim, images: CorrectImages, config: AttackConfig = CONFIG, known=None) -> set[str]:
    return {check.name for check in self_check(victim, images, config, known or {}) if not check.passed}


def test_a_sound_evaluation_passes_its_own_check(victim, images):
    # one image is more than half a point here
    assert failed_checks(victim, images) <= {"doubling the steps changes success by less than half a point"}


def spoilt(model: keras.Model, forward) -> Victim:
    """Make a victim from ``forward(logits model, x) -> z``, with the cross-entropy of z."""
    logits = logits_model(model)

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None,), tf.int64)])
    def gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = forward(logits, x)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)
        found = tape.gradient(loss, x)
        return z, tf.zeros_like(x) if found is None else found

    def numpy_gradient(x, y):
        return tuple(part.numpy() for part in gradient(x, y))

    return Victim(lambda x: gradient(x, np.zeros(len(x), int))[0].numpy(), numpy_gradient, None)


def saturated_hinge(logits, x):
    z = 50 * logits(x, training=False)
    return tf.clip_by_value(z, -1.0, 1.0)  # constant far from the boundary


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
def test_a_broken_model_is_caught(images, forward, caught):
    assert caught in failed_checks(spoilt(small_convnet(), forward), images)


def test_an_attack_that_leaves_the_ball_is_caught(victim, images):
    known = {
        Case("fgsm", "linf", epsilon): attacks.fgsm(victim, images.x, images.y, 1.5 * epsilon)
        for epsilon in check_epsilons(CONFIG)
    }
    assert "noise within epsilon, pixels in [0, 1]" in failed_checks(victim, images, known=known)


def test_an_attack_that_goes_the_wrong_way_is_caught(victim, images):
    wrong = Victim(victim.logits, lambda x, y: (victim.gradient(x, y)[0], -victim.gradient(x, y)[1]), victim.jacobian)
    failed = failed_checks(wrong, images)
    assert {"random noise weaker than gradients", "success is about 100 % at epsilon 1"} <= failed


def test_pgd_with_restarts_does_not_stand_in_for_the_check_s_single_start(victim, images):
    unchanged = {Case("pgd", "linf", epsilon): images.x for epsilon in check_epsilons(CONFIG)}
    name = "PGD at least as strong as FGSM"
    assert name not in failed_checks(victim, images, CONFIG.model_copy(update={"restarts": 2}), unchanged)
    assert name in failed_checks(victim, images, CONFIG.model_copy(update={"restarts": 1}), unchanged)


def study_linear(config: AttackConfig, victims: dict[str, Victim] | None = None, y: np.ndarray = Y) -> study.Study:
    return study.study_attacks(
        config, "main", victims or {"other": LINEAR, "main": LINEAR}, Split(X, y, np.arange(len(y))), ["0", "1"]
    )


def test_each_case_is_computed_once_and_read_by_table_curves_and_examples(monkeypatch):
    computed = []
    monkeypatch.setattr(study, "judge", lambda case, *rest: computed.append(case) or judge(case, *rest))
    config = AttackConfig(epsilon=(0.1, 0.001, 0.002), epsilon_l2=(0.1,), curve=(0.002, 0.001), steps=3, l1_steps=20)
    result = study_linear(config)
    linf = [Case(method, "linf", epsilon) for epsilon in (0.001, 0.002) for method in ("noise", "fgsm", "pgd")]
    table = [attack.case for attack in result.curves.table]
    assert [attack.case for attack in result.curves.curves["main"]] == linf
    assert sorted(map(str, computed)) == sorted(map(str, [*{*table, *linf}, *linf]))  # of main, then of other
    assert len(table) == len(set(table)) == 3 * 3 + 1 + 2

    for attack in result.curves.curves["main"]:
        (same,) = (other for other in result.curves.table if other.case == attack.case)
        assert (same.success, same.l1, same.images_per_second) == (attack.success, attack.l1, attack.images_per_second)
        assert attack.smallest_epsilon is None
        assert same.smallest_epsilon > 0
    shown = [row.case for row in result.examples.rows]
    assert shown[:3] == [Case(method, "linf", 0.001) for method in ("noise", "fgsm", "pgd")]  # the middle one
    first = result.examples.rows[1].examples[0]
    np.testing.assert_allclose(first.adversarial, attacks.fgsm(LINEAR, X, Y, 0.001)[0, ..., 0], atol=6e-4)
    np.testing.assert_array_equal(result.targets.count, [[0, sum(Y == 0)], [sum(Y == 1), 0]])


def test_a_study_without_images_to_attack_is_refused_and_other_models_are_left_out(caplog):
    config = AttackConfig(epsilon=(0.001,), norm="l2", epsilon_l2=(0.1,), curve=(0.001,), steps=1, l1_steps=1)
    with pytest.raises(DataError, match="main: classifies none of 40 test images correctly"):
        study_linear(config, y=1 - Y)
    wrong = Victim(lambda x: LINEAR.logits(x)[:, ::-1], LINEAR.gradient, LINEAR.jacobian)
    result = study_linear(config, {"other": wrong, "main": LINEAR})
    assert list(result.curves.curves) == list(result.curves.clean_accuracy) == ["main"]
    assert "other: classifies none of the images correctly" in caplog.text


def test_targets_are_never_the_image_s_own_class(caplog):
    y = np.arange(200) % 10
    images = CorrectImages(np.zeros((200, 2)), y, 200)
    drawn = study.draw_targets(AttackConfig(), images, DIGITS)
    assert (drawn.targets != y).all()
    assert set(drawn.targets) == set(range(10))
    chosen = study.draw_targets(AttackConfig(target=3), images, DIGITS)
    assert set(chosen.targets) == {3}
    assert len(chosen.x) == 180
    assert 3 not in chosen.y
    assert "20 images of this class are left out" in caplog.text
    wanted = study.draw_targets(AttackConfig(target="9"), images, ["4", "7", "9", *DIGITS[3:]])
    assert set(wanted.targets) == {2}  # the class of this name
    with pytest.raises(ConfigError, match="target = 10: no class; there are 0, 1, 2"):
        study.draw_targets(AttackConfig(target=10), images, DIGITS)
    with pytest.raises(ConfigError, match="target = 3: all attacked images are of this class already"):
        study.draw_targets(AttackConfig(target=3), CorrectImages(images.x, np.full(200, 3), 200), DIGITS)
