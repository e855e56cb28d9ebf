"""The judge of defences: attacks one after the other, and certificates that are attacked in vain."""

import numpy as np
import pytest
from small_victims import LINEAR, WEIGHTS, X, Y, convnet_images, convnet_victim

from ex3 import backend
from ex3.adversarial.defend_config import Strength
from ex3.adversarial.square import _side, square
from ex3.adversarial.worst_case import ATTACKS, check_certified, survivors
from ex3.errors import CheckFailedError

WEAK = Strength(steps=5, step_size=0.3, restarts=1, queries=20)


@pytest.fixture(autouse=True, scope="module")
def _two_threads():
    backend.prepare(0, 2, "float32")  # TensorFlow cannot change their number after its first use


def test_square_stays_in_the_ball_and_in_the_cube_and_depends_on_its_seed():
    attacked = square(LINEAR, X, Y, 0.1, queries=30)
    assert np.abs(attacked - X).max() <= 0.1 + 1e-6
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    np.testing.assert_array_equal(attacked, square(LINEAR, X, Y, 0.1, queries=30))
    assert not np.array_equal(attacked, square(LINEAR, X, Y, 0.1, queries=30, seed=1))
    np.testing.assert_array_equal(square(LINEAR, X, Y, 0.0, queries=5), X)


def test_square_lowers_the_margin_and_breaks_what_random_noise_leaves():
    score = np.abs(LINEAR.logits(X)[:, 1])
    epsilon = float(0.4 * np.median(score) / np.sqrt(np.sum(WEIGHTS**2)) * 1.5)
    few, many = (square(LINEAR, X, Y, epsilon, queries=queries) for queries in (1, 400))
    broken = [np.mean(LINEAR.logits(attacked).argmax(axis=1) != Y) for attacked in (few, many)]
    assert broken[1] >= broken[0] + 0.2


def test_the_squares_shrink_from_most_of_the_image_to_a_pixel():
    sides = [_side(query, 10_000, (1, 28, 28, 1)) for query in (1, 60, 1_500, 9_999)]
    assert sides[0] == 25
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] <= 2
    assert _side(1, 10_000, (1, 3, 9, 1)) == 3


def test_what_is_left_never_grows_and_a_clean_mistake_never_counts_as_left():
    images = convnet_images()
    victims = {loss: convnet_victim(loss) for loss in ("ce", "margin")}
    y = images.y.copy()
    y[0] = (y[0] + 1) % 10
    left = survivors(victims, images.x, y, 0.1, WEAK, seed=0)
    assert list(left) == list(ATTACKS)
    counts = [int(alive.sum()) for alive in left.values()]
    assert counts == sorted(counts, reverse=True)
    assert not left[ATTACKS[0]][0]
    nothing = survivors(victims, images.x, images.y, 0.0, WEAK, seed=0)
    assert nothing[ATTACKS[-1]].all()


def test_a_certified_image_that_breaks_is_an_error():
    images = convnet_images()
    victims = {loss: convnet_victim(loss) for loss in ("ce", "margin")}
    assert check_certified(victims, images.x[:3], images.y[:3], 0.0, WEAK, seed=0) == 3
    assert check_certified(victims, images.x[:0], images.y[:0], 0.3, WEAK, seed=0) == 0
    with pytest.raises(CheckFailedError, match=r"3 of 3 images that are certified at epsilon 0\.5 break"):
        check_certified(victims, images.x[:3], images.y[:3], 0.5, WEAK, seed=0)
