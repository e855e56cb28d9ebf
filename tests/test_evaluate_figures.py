"""The figures of ``evaluate``: what they show, and what their titles say."""

from dataclasses import replace

import numpy as np
import pytest
from figure_texts import read_setting
from small_pictures import COLOURS

from ex3 import data
from ex3.data.predictions import Answers
from ex3.measures.confidence import Confidence, calibrate, find_mistakes
from ex3.measures.scores import Scores, score
from ex3.plots import evaluate as plots
from ex3.results import DatasetInfo

NAMES = list(COLOURS)
INFO = DatasetInfo("vehicles", "image files", "0123", {"test": 60}, NAMES, (6, 6, 3))
Y = np.repeat([0, 1, 2], 20)


def judge(probabilities: np.ndarray) -> tuple[Scores, Confidence]:
    answers = Answers.most_probable(probabilities)
    test = data.Split(np.zeros((60, 6, 6, 3), np.float32), Y, np.arange(60))
    scores = score(Y, answers.labels, NAMES, 0)
    return scores, Confidence(calibrate(answers, Y), find_mistakes(answers, test, 0))


def sure(confidence: float, wrong: int) -> np.ndarray:
    """Return answers of one confidence; the first cars are taken for cats."""
    answered = np.where(np.arange(60) < wrong, 1, Y)
    return np.where(np.arange(3) == answered[:, None], confidence, (1 - confidence) / 2)


def test_the_matrix_has_one_scale_and_numbers_where_there_are_images():
    scores, _ = judge(sure(0.9, wrong=5))
    figure = plots.confusion(scores, "mine.npy", INFO)
    matrix, panel, bar = figure.axes
    assert matrix.images[0].get_clim() == (0, 1)
    np.testing.assert_allclose(matrix.images[0].get_array(), [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 1]])
    assert [text.get_text() for text in matrix.texts] == ["15\n75.0", "5\n25.0", "20\n100.0", "20\n100.0"]
    assert [text.get_text() for text in matrix.get_yticklabels()] == NAMES
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == ("answered class", "actual class")
    assert bar.get_ylim() == (0, 1)
    recall, precision, f1 = (line.get_xdata() for line in panel.lines)
    np.testing.assert_allclose(recall, [75, 100, 100])
    np.testing.assert_allclose(precision, [100, 80, 100])
    np.testing.assert_allclose(f1, [200 * 15 / 35, 200 * 20 / 45, 100])
    assert (
        " ".join(figure.get_suptitle().split())
        == "mine.npy is right on 91.7 % of 60 test images; most frequent mistake: car taken for cat (5 times)"
    )


def test_titles_name_equally_frequent_mistakes_and_none():
    one = sure(0.9, wrong=1)
    one[30] = one[50]
    title = " ".join(plots.confusion(judge(one)[0], "m", INFO).get_suptitle().split())
    assert title.endswith("most frequent mistakes: car taken for cat and 1 more (1 time each)")
    scores, confidence = judge(sure(0.9, wrong=0))
    assert plots.confusion(scores, "m", INFO).get_suptitle() == "m is right on all 60 test images"
    labels_alone = replace(confidence, calibration=None)
    assert plots.confidence(labels_alone, "m", INFO).get_suptitle().startswith("m is right on all 60 test images; how")


@pytest.mark.parametrize(
    ("confidence", "finding"),
    [
        (0.99, "m is over-confident: it is 99.0 %"),
        (0.7, "m is under-confident: "),
        (0.9, "m is as sure as it is right"),
    ],
)
def test_the_title_says_how_confidence_and_accuracy_differ(confidence, finding):
    assert plots.confidence(judge(sure(confidence, wrong=5))[1], "m", INFO).get_suptitle().startswith(finding)


def test_calibration_and_mistakes_are_drawn():
    _, confidence = judge(sure(0.9, wrong=5))
    figure = plots.confidence(confidence, "m", INFO)
    reliability, counts, *pictures = figure.axes
    np.testing.assert_allclose(reliability.lines[0].get_xydata(), [[90, 100 * 55 / 60]])
    assert [text.get_text() for text in counts.texts if text.get_text()] == ["60"]
    assert [axes.get_title() for axes in pictures] == ["car \u2192 cat\n90.0 %"] * 5 + [""]
    for axes in (reliability, counts):
        assert axes.get_xlabel() == "confidence (%)"
        assert axes.get_ylabel()


def test_without_probabilities_the_figure_leaves_calibration_out_and_says_so():
    _, confidence = judge(sure(0.9, wrong=5))
    shown = [replace(one, confidence=None) for one in confidence.mistakes.shown]
    labels_alone = Confidence(None, replace(confidence.mistakes, shown=shown))
    figure = plots.confidence(labels_alone, "m", INFO)
    assert [axes.get_title() for axes in figure.axes] == ["car \u2192 cat"] * 5 + [""]
    assert "no calibration, since only the answered labels are known" in read_setting(figure)


def test_many_classes_are_drawn_without_numbers_and_names():
    y = np.arange(100)
    names = [f"class number {k}" for k in y]
    scores = score(y, (y + 1) % 100, names, 0)
    matrix, panel, _ = plots.confusion(scores, "m", replace(INFO, class_names=names)).axes
    assert (matrix.texts[:], panel.collections[:]) == ([], [])
    assert matrix.get_title() == "colour: share of the actual class"
