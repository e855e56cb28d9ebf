"""Hand-written networks under noise and attacks; rejection, the attack that knows of it, and the detectors."""

from typing import NamedTuple

import numpy as np
import pytest

from ex3.by_hand import rejection
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.detectors import DETECTORS, FALSE_ALARMS, build_detectors, compare, draw_odd_images
from ex3.by_hand.rejection import Answers, choose_threshold, count_answers
from ex3.by_hand.rejection_study import FixedRun, RejectingConfig, ThresholdRun, study_fixed, study_threshold
from ex3.by_hand.robustness import StudiedRun, StudyConfig, measure_masking, measure_noise, study
from ex3.by_hand.training import Inputs, rows_of, train_network
from ex3.by_hand.victim import network_victim
from ex3.data import load_dataset
from ex3.errors import ConfigError
from ex3.results import from_json, to_json
from ex3.scratch.distances import NearestCentre
from ex3.scratch.layers import Projection
from ex3.scratch.losses import DistanceLoss, HingeLoss, MarginLoss
from ex3.scratch.network import Network

TINY = {"dataset": "digits", "components": 32, "hidden_units": 32, "epochs": 3, "batch_size": 16}
TESTS = {"test_noise": (0.0, 0.2, 10.0), "attack_epsilon": (0.02, 0.1, 0.3), "attack_samples": 100}
HINGE = StudyConfig(**TINY, **TESTS, learning_rate=0.03)
GENERAL = RejectingConfig(**TINY, head="rbf-general", attack_epsilon=(0.05, 0.1), attack_samples=40)


class Rejecting(NamedTuple):
    """A network with distances, its threshold, and images."""

    network: Network
    threshold: float
    x: np.ndarray
    y: np.ndarray


@pytest.fixture(scope="module")
def hinge_network(dataset):
    return train_network(HINGE, dataset)[0]


@pytest.fixture(scope="module")
def general(dataset):
    network, _ = train_network(GENERAL, dataset)
    threshold = choose_threshold(network.forward(rows_of(dataset.validation.x)), 0.05)
    return Rejecting(network, threshold, dataset.test.x[:50], dataset.test.y[:50])


def attack_adaptively(case: Rejecting, epsilon: float) -> np.ndarray:
    return rejection.attack_adaptively(case.network, case.x, case.y, case.threshold, epsilon, seed=0)


def accepted_and_wrong(case: Rejecting, x: np.ndarray) -> np.ndarray:
    scores = case.network.forward(rows_of(x))
    return (scores.argmax(axis=1) != case.y) & (scores.max(axis=1) >= -np.float32(case.threshold))


def totals(several: list[Answers]) -> list[float]:
    return [answers.right + answers.wrong + answers.rejected for answers in several]


def test_fgsm_along_the_hinge_loss_changes_no_image_without_a_loss(hinge_network, dataset):
    loss, x, y = HingeLoss(), dataset.test.x, dataset.test.y
    hidden = loss.per_sample(hinge_network.forward(rows_of(x)), y) == 0
    assert 0.5 < hidden.mean() < 1
    along_loss = rejection.attack_with_fgsm(hinge_network, loss, x, y, 0.3)
    along_margin = rejection.attack_with_fgsm(hinge_network, MarginLoss(), x, y, 0.3)
    np.testing.assert_array_equal((along_loss != x).any(axis=(1, 2, 3)), ~hidden)
    assert (along_margin != x).any(axis=(1, 2, 3)).all()


def test_the_hinge_loss_masks_its_gradient_and_the_margin_does_not(hinge_network, dataset):
    masking = measure_masking(hinge_network, HingeLoss(), HINGE, dataset)
    assert 0 < masking.with_loss < 0.2
    assert masking.zero_gradient == {"training": pytest.approx(1 - masking.with_loss), "margin": 0}
    success = {name: [one.success for one in of if one.method == "fgsm"] for name, of in masking.attacks.items()}
    assert max(success["training"]) <= masking.with_loss
    assert success["margin"][2] > success["margin"][0] + 0.5
    assert success["margin"][2] > success["training"][2] + 0.5
    assert [(one.method, one.epsilon) for one in masking.attacks["margin"][1:3]] == [("pgd", 0.02), ("fgsm", 0.1)]


def test_noise_on_the_codes_lowers_the_accuracy(hinge_network, dataset):
    none, some, much = measure_noise(hinge_network, HINGE, dataset)
    assert none == np.mean(hinge_network.forward(rows_of(dataset.test.x)).argmax(axis=1) == dataset.test.y)
    assert much < 0.3
    assert 0.8 < some != none > 0.9


def test_answers_by_hand():
    scores = np.array([[-1, -5], [-3, -2], [-9, -8], [-4, -4.5]])
    assert count_answers(scores, np.array([0, 0, 1, 0]), 4.0) == Answers(right=0.5, wrong=0.25, rejected=0.25)
    assert count_answers(scores, np.array([0, 0, 1, 0]), 3.9) == Answers(right=0.25, wrong=0.25, rejected=0.5)


def test_the_threshold_is_a_quantile_of_the_least_distances():
    scores = -np.array([[3.0, 9.0], [9.0, 1.0], [5.0, 6.0], [4.0, 4.0], [2.0, 7.0]])
    assert choose_threshold(scores, 0.25) == 4
    assert count_answers(scores, np.zeros(5, int), 4.0).rejected == 0.2


def test_rejection_is_a_class_that_wins_where_every_distance_is_above_the_threshold():
    plain = network_victim(Network([]), DistanceLoss())  # the pixels are the scores
    x, y = -np.array([[1.0, 5, 9], [3, 2, 9], [2.5, 2.1, 3], [2, 8, 8]]), np.array([0, 1, 2, 0])
    victim = rejection.rejecting(plain, 2.0)
    np.testing.assert_array_equal(victim.logits(x), np.column_stack([x, [-2] * 4]))
    np.testing.assert_array_equal(victim.logits(x).argmax(axis=1), [0, 1, 3, 0])
    scores, gradient = victim.gradient(x, y)
    np.testing.assert_array_equal(scores, victim.logits(x))
    np.testing.assert_array_equal(gradient, -np.eye(3)[y])
    scores, jacobian = victim.jacobian(x)
    np.testing.assert_array_equal(scores, victim.logits(x))
    np.testing.assert_array_equal(jacobian, np.tile(np.eye(4, 3), (4, 1, 1)))


def test_the_adaptive_attack_finds_all_that_pgd_finds_and_more(general):
    found = []
    for epsilon in (0.05, 0.1, 0.2):
        blind = rejection.attack_with_pgd(general.network, general.x, general.y, epsilon, seed=0)
        aware = attack_adaptively(general, epsilon)
        assert np.abs(aware - general.x).max() <= epsilon + 1e-6
        assert aware.min() >= 0
        assert aware.max() <= 1
        already = accepted_and_wrong(general, blind)
        np.testing.assert_array_equal(aware[already], blind[already])
        found.append((already.sum(), accepted_and_wrong(general, aware).sum()))
    assert all(more >= fewer for fewer, more in found)
    assert found[1][1] > found[1][0] + 5
    assert found[0][1] < found[1][1] < found[2][1]


def test_the_adaptive_attack_without_room_changes_nothing(general):
    few = general._replace(x=general.x[:10], y=general.y[:10])
    np.testing.assert_array_equal(attack_adaptively(few, 0), few.x)


def test_a_network_learns_to_reject_noise(general, dataset):
    config = NetworkConfig(**TINY, head="rbf-general", noise_images=200)
    network, _ = train_network(config, dataset)
    noise = np.random.default_rng(9).random((200, 784), dtype=np.float32)
    assert count_answers(network.forward(noise), np.zeros(200), config.margin).rejected > 0.9
    assert count_answers(general.network.forward(noise), np.zeros(200), config.margin).rejected < 0.1
    digits = count_answers(network.forward(rows_of(dataset.test.x)), dataset.test.y, config.margin)
    assert digits.right > 0.9
    assert digits.rejected < 0.05


@pytest.fixture
def detectors():
    """Return detectors of images of 3 pixels: 9 training images at 2 places, and one at a third."""
    train = np.array([[0.0, 0]] * 5 + [[100, 0]] * 4 + [[100, 10]])
    projection = Projection(np.array([[0.0, 0, 1]]), np.eye(3, 2))
    inputs = Inputs(Network([projection]), 1.0, train, train, train)
    return build_detectors(Network([projection, NearestCentre(np.array([[0.0, 0], [2, 0]]))]), inputs)


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("least distance", [0, 0, 7], 0),
        ("least distance", [1, 2, 7], 5),
        ("max softmax", [1, 2, 7], np.log(2)),
        ("max softmax", [0, 0, 7], np.log1p(np.exp(-4))),
        ("PCA residual", [7, 5, 1], 0),
        ("PCA residual", [7, 5, 3], 4),
        ("5-NN distance", [0, 0, 7], 0),
        ("5-NN distance", [3, 4, 7], 5),
        ("5-NN distance", [100, 0, 7], 2),
    ],
)
def test_detectors_by_hand(detectors, name, image, expected):
    assert tuple(detectors) == DETECTORS
    images = np.array([image, [0, 0, 1]], float).reshape(2, 1, 3, 1)
    assert detectors[name](images)[0] == pytest.approx(expected, abs=1e-12)


def test_detectors_need_pca():
    with pytest.raises(ConfigError, match="components = 0"):
        build_detectors(Network([]), Inputs(Network([]), 1.0, *np.zeros((3, 9, 4))))


def test_areas_under_roc_curves_by_hand():
    low, high = np.array([1.0, 2, 3]), np.array([4.0, 5])
    assert compare(low, high) == (1, [1] * len(FALSE_ALARMS))
    assert compare(high, low)[0] == 0
    area, found = compare(low, low)
    assert area == pytest.approx(0.5)
    np.testing.assert_allclose(found, FALSE_ALARMS)
    assert compare(np.array([0.0, 1]), np.array([0.5, 2]))[0] == 0.75


def test_odd_images_are_noise_or_moved_pixels(dataset):
    x = dataset.test.x[:20]
    odd = draw_odd_images(x, seed=0)
    for name, images in odd.items():
        assert (images.shape, images.dtype) == (x.shape, np.float32)
        assert 0 <= images.min() < images.max() <= 1
        assert np.abs(images - x).mean() > 0.1
        assert np.array_equal(images, draw_odd_images(x, seed=0)[name])
        assert np.array_equal(images, draw_odd_images(x, seed=1)[name]) == (name == "rotated digits")
    np.testing.assert_array_equal(np.sort(rows_of(odd["permuted pixels"])), np.sort(rows_of(x)))
    assert np.std(odd["uniform noise"]) == pytest.approx(np.sqrt(1 / 12), rel=0.02)
    square = np.array([[1.0, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1) / 4
    np.testing.assert_array_equal(4 * draw_odd_images(square, 0)["rotated digits"][0, :, :, 0], [[2, 4], [1, 3]])


def test_a_study_of_robustness_survives_json(dataset, hinge_network):
    run = study(HINGE, dataset)
    assert from_json(StudiedRun, to_json(run)) == run
    assert run.noisy_accuracy == measure_noise(hinge_network, HINGE, dataset)
    assert run.masking.zero_gradient["margin"] == 0


def test_r3s_study_survives_json_and_its_answers_add_up(dataset):
    run = study_fixed(GENERAL.model_copy(update={"noise_images": 50}), dataset)
    assert from_json(FixedRun, to_json(run)) == run
    np.testing.assert_allclose(totals(run.answers), [1, 1, 1])
    clean, small, large = (answers.right for answers in run.answers)
    assert clean > small > large


def test_a_study_of_thresholds_survives_json_and_its_parts_agree(dataset, general):
    run = study_threshold(GENERAL, dataset)
    assert from_json(ThresholdRun, to_json(run)) == run
    assert run.threshold == general.threshold
    np.testing.assert_allclose([totals(answers) for answers in run.attacked.values()], np.ones((3, 2)))
    assert 0.02 < run.clean.rejected < 0.15
    for pgd, adaptive, robust in zip(run.attacked["pgd"], run.attacked["adaptive"], run.robust_accuracy, strict=True):
        assert pgd.wrong <= adaptive.wrong
        assert pgd.right <= robust <= 1 - pgd.wrong
    assert run.rejected.keys() == run.distances.keys() >= {"clean", "uniform noise", "PGD", "adaptive attack"}
    for kind, distances in run.distances.items():
        assert len(distances) == 101
        assert distances == sorted(distances)
        assert np.mean(np.array(distances) > run.threshold) == pytest.approx(run.rejected[kind], abs=0.03)
    found = {(detection.detector, detection.images): detection.area for detection in run.detections}
    assert found.keys() == {(name, kind) for name in DETECTORS for kind in run.rejected if kind != "clean"}
    assert found["PCA residual", "uniform noise"] == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_studies_of_networks_that_diverged_say_so():
    wild, data = {"learning_rate": 1e5}, load_dataset("digits", limit=200)
    robustness, fixed = study(HINGE.model_copy(update=wild), data), study_fixed(GENERAL.model_copy(update=wild), data)
    threshold = study_threshold(GENERAL.model_copy(update=wild), data)
    assert None not in (robustness.diverged_at, fixed.diverged_at, threshold.diverged_at)
    assert (robustness.masking, fixed.answers, threshold.attacked) == (None, [], {})
    assert np.isnan(from_json(ThresholdRun, to_json(threshold)).threshold)
