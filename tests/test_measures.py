"""Scores and calibration against numbers computed by hand, against scikit-learn, and where they are not defined."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, f1_score

from ex3.data import Split
from ex3.data.predictions import Answers
from ex3.measures.confidence import BINS, MOST_MISTAKES, calibrate, find_mistakes
from ex3.measures.scores import Estimate, Scores, describe_unanswered, score, share

NAMES = ["car", "cat", "truck"]
Y = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
ANSWERED = np.array([0, 0, 0, 1, 1, 1, 0, 0, 2, 1])


def judge(y: list[int] | np.ndarray, answered: list[int] | np.ndarray) -> Scores:
    return score(np.array(y), np.array(answered), NAMES, seed=0)


def values(estimates: list[Estimate]) -> list[float]:
    return [estimate.value for estimate in estimates]


def test_scores_by_hand():
    scores = judge(Y, ANSWERED)
    assert scores.confusion == [[3, 1, 0], [1, 2, 0], [1, 1, 1]]
    assert [(row.name, row.images, row.answers) for row in scores.classes] == [
        ("car", 4, 5), ("cat", 3, 4), ("truck", 3, 1),
    ]  # fmt: skip
    np.testing.assert_allclose(values([row.recall for row in scores.classes]), [3 / 4, 2 / 3, 1 / 3])
    np.testing.assert_allclose(values([row.precision for row in scores.classes]), [3 / 5, 2 / 4, 1])
    np.testing.assert_allclose(values([row.f1 for row in scores.classes]), [6 / 9, 4 / 7, 2 / 4])
    np.testing.assert_allclose(scores.accuracy.value, 0.6)
    np.testing.assert_allclose(scores.balanced_accuracy.value, (3 / 4 + 2 / 3 + 1 / 3) / 3)


@pytest.mark.parametrize(("hits", "count"), [(0, 100), (50, 100), (100, 100), (1, 3), (9918, 10_000)])
def test_shares_have_wilson_s_interval(hits, count):
    expected = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(astuple(share(hits, count)), (hits / count, *expected), atol=1e-12)


def test_every_share_has_its_own_interval():
    scores = judge(Y, ANSWERED)
    assert scores.accuracy == share(6, 10)
    assert scores.classes[1].recall == share(2, 3)
    assert scores.classes[1].precision == share(2, 4)


def bootstrap_by_images(measure, y, answered, resamples=500) -> np.ndarray:
    """Draw images rather than counts."""
    rng = np.random.default_rng(1)
    drawn = [rng.integers(len(y), size=len(y)) for _ in range(resamples)]
    return np.quantile([measure(y[rows], answered[rows]) for rows in drawn], (0.025, 0.975))


def test_bootstrap_intervals_are_those_of_drawn_images():
    rng = np.random.default_rng(0)
    y = rng.choice(3, 400, p=[0.7, 0.2, 0.1])
    answered = np.where(rng.random(400) < 0.7, y, rng.choice(3, 400))
    scores = judge(y, answered)
    balanced = scores.balanced_accuracy
    assert balanced.value == pytest.approx(balanced_accuracy_score(y, answered))
    expected = bootstrap_by_images(balanced_accuracy_score, y, answered)
    np.testing.assert_allclose((balanced.low, balanced.high), expected, atol=0.012)
    truck = scores.classes[2].f1
    expected = bootstrap_by_images(lambda a, b: f1_score(a == 2, b == 2), y, answered)
    np.testing.assert_allclose((truck.low, truck.high), expected, atol=0.02)
    assert scores == judge(y, answered)
    assert scores != score(y, answered, NAMES, seed=1)


def test_one_answer_for_everything():
    scores = judge(np.tile(Y, 10), np.zeros(100, int))
    assert describe_unanswered(scores) == "answers car for all 100 test images"
    assert [row.recall.value for row in scores.classes] == [1, 0, 0]
    assert scores.classes[0].precision.value == 0.4
    assert scores.classes[0].f1.value == pytest.approx(2 * 4 / (4 + 10))
    assert scores.classes[1].f1.value == 0
    assert math.isnan(scores.classes[1].precision.value)
    for estimate in (scores.classes[1].f1, scores.balanced_accuracy):  # the same in all samples: no interval
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)


def test_classes_that_are_never_answered_are_named():
    assert describe_unanswered(judge(Y, np.where(ANSWERED == 2, 0, ANSWERED))) == "never answers truck"
    assert describe_unanswered(judge(Y, ANSWERED)) == ""
    y = np.arange(10)
    scores = score(y, y % 3, [f"class {k}" for k in y], seed=0)
    assert (
        describe_unanswered(scores) == "never answers 7 of 10 classes: class 3, class 4, class 5, class 6, class 7, ..."
    )


@pytest.mark.filterwarnings("error")
def test_a_class_without_images_takes_no_part():
    scores = judge([0, 0, 1, 1], [0, 0, 0, 2])
    assert scores.balanced_accuracy.value == 0.5
    truck = scores.classes[2]
    assert math.isnan(truck.recall.value)
    assert (truck.precision.value, truck.f1.value) == (0, 0)
    assert describe_unanswered(judge([0, 0, 1], [0, 1, 0])) == ""  # there is no truck to be answered
    assert math.isnan(judge([0, 1], [0, 1]).classes[2].f1.value)


def test_calibration_by_hand():
    confidence = np.array([0.52, 0.58, 0.95, 0.99, 0.97])
    answers = Answers.most_probable(np.stack([confidence, 1 - confidence], axis=1))
    calibration = calibrate(answers, np.array([0, 1, 0, 0, 1]))
    filled = {number: one for number, one in enumerate(calibration.bins) if one.images}
    assert {number: one.images for number, one in filled.items()} == {7: 1, 8: 1, 14: 3}
    assert (filled[7].low, filled[7].high) == (7 / 15, 8 / 15)
    assert filled[14].confidence == pytest.approx(0.97)
    assert filled[14].accuracy == share(2, 3)
    gaps = [abs(1 - 0.52), abs(0 - 0.58), 3 * abs(2 / 3 - 0.97)]
    assert calibration.error == pytest.approx(sum(gaps) / 5)
    assert calibration.confidence == pytest.approx(confidence.mean())
    assert calibration.accuracy == share(3, 5)


def test_a_bin_holds_its_upper_edge():
    """Confidences 1/3, 0.4 and 1 are the edges of bins 5, 6 and 15."""
    answers = Answers.most_probable(np.array([[1 / 3] * 3, [0.4, 0.3, 0.3], [1, 0, 0]]))
    bins = calibrate(answers, np.zeros(3, int)).bins
    assert [number for number, one in enumerate(bins, 1) if one.images] == [5, 6, BINS]


def test_answers_that_are_always_as_sure_as_right_have_no_calibration_error():
    answers = Answers.most_probable(np.array([[0.75, 0.25]] * 4))
    assert calibrate(answers, np.array([0, 0, 0, 1])).error == 0


def test_labels_alone_have_no_calibration():
    assert calibrate(Answers(Y), Y) is None


def test_mistakes_are_the_most_confident_ones_and_their_pictures():
    x = np.linspace(0, 1, 10, dtype=np.float32)[:, None, None, None] * np.ones((1, 4, 4, 3), np.float32)
    probabilities = np.full((10, 3), 0.0)
    confidence = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 0.8, 0.6, 0.5, 0.9])
    probabilities[range(10), ANSWERED] = confidence
    probabilities[range(10), (ANSWERED + 1) % 3] = 1 - confidence
    mistakes = find_mistakes(Answers(ANSWERED, probabilities), Split(x, Y, np.arange(len(Y))), seed=0)
    assert mistakes.total == 4
    assert [astuple(one) for one in mistakes.shown] == [(9, 2, 1, 0.9), (3, 0, 1, 0.8), (6, 1, 0, 0.8), (7, 2, 0, 0.6)]
    np.testing.assert_allclose(mistakes.pictures.unpack(), x[[9, 3, 6, 7]], atol=1 / 510 + 1e-6)


def test_mistakes_of_labels_alone_are_drawn_at_random():
    y = np.zeros(100, int)
    test = Split(np.zeros((100, 4, 4, 1), np.float32), y, np.arange(100))
    drawn = [find_mistakes(Answers(y + 1), test, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert (drawn[0].total, len({one.index for one in drawn[0].shown})) == (100, MOST_MISTAKES)
    assert {one.confidence for one in drawn[0].shown} == {None}
    assert find_mistakes(Answers(y), test, 0).shown == []
