"""A drawing becomes a digit as MNIST's are: its size and its place do not matter, and no input is too odd."""

import numpy as np
import pytest

from ex3.data.sources import load_raw
from ex3.demo.drawing import to_digit
from ex3.errors import DataError


def draw_seven() -> np.ndarray:
    """Draw a 7, white on black, uint8 ``(60, 40)``."""
    rows, columns = np.mgrid[:60, :40]
    stroke = (rows < 8) | (np.abs(columns - (36 - 0.5 * rows)) < 4)
    return (255 * stroke).astype(np.uint8)


SEVEN = draw_seven()
EXPECTED = to_digit(SEVEN)


@pytest.mark.parametrize(("scale", "top", "left"), [(1, 0, 0), (1, 40, 7), (3, 0, 900), (20, 1234, 300)])
def test_a_seven_of_any_size_in_any_place_gives_the_same_digit(scale, top, left):
    large = np.kron(SEVEN, np.ones((scale, scale), np.uint8))
    canvas = np.zeros((top + len(large) + 5, left + large.shape[1] + 9), np.uint8)
    canvas[top : top + len(large), left : left + large.shape[1]] = large
    for picture in (canvas, canvas / np.float32(255)):
        np.testing.assert_allclose(to_digit(picture), EXPECTED, atol=0.1)


def test_a_digit_is_made_as_mnists_were():
    images = load_raw("mnist").arrays["x_test"][:50]
    found = np.stack([to_digit(image)[:, :, 0] for image in images])
    assert np.abs(found - images / 255).max() < 0.11  # faint pixels at the edge are cut off
    assert EXPECTED.shape == (28, 28, 1)
    assert EXPECTED.dtype == np.float32
    assert (EXPECTED.min(), EXPECTED.max()) == (0, 1)
    assert np.ptp(np.flatnonzero(EXPECTED.any(axis=(1, 2)))) == 19


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_nothing_drawn_is_no_digit(kind):
    assert to_digit(np.zeros((280, 280), kind)) is None


def test_a_dot_at_the_edge_and_a_long_line_are_digits_too():
    for rows, columns in (((0, 1), (0, 1)), ((0, 1), (0, 2000)), ((0, 2000), (499, 500))):
        picture = np.zeros((2000, 2000), np.uint8)
        picture[slice(*rows), slice(*columns)] = 9
        assert to_digit(picture).max() == 1


@pytest.mark.parametrize(
    ("picture", "fragment"),
    [
        (np.full((9, 9), np.nan), "finite"),
        (np.full((9, 9), np.inf, np.float32), "finite"),
        (np.ones((9, 9), np.int64), "floating-point numbers in"),
        (np.ones((9, 9, 3), np.uint8), "two axes"),
        (np.ones((0, 9), np.uint8), "two axes"),
        (np.broadcast_to(np.uint8(1), (8_000, 8_000)), "50,000,000 pixels"),
    ],
)
def test_what_is_no_drawing_is_refused(picture, fragment):
    with pytest.raises(DataError, match=fragment):
        to_digit(picture)
