"""What was drawn -> a digit as MNIST's were made: 20 x 20 pixels large, its centre of mass in the middle of 28 x 28.

MNIST's digits were fitted into a box of 20 x 20 pixels, their shape kept, and put into a field of 28 x 28 by their
centre of mass (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist).
"""

import numpy as np

from ex3.data.pictures import resize
from ex3.errors import DataError

SIDE = 28  # of the field, in pixels
MIDDLE = 14  # row and column of the centre of mass, counted from 0: where all of MNIST's have it
BOX = 20  # the larger side of the digit in it
FAINTEST = 0.1  # of the strongest ink: what is fainter does not count as drawn
MOST_PIXELS = 50_000_000


def to_digit(picture: np.ndarray) -> np.ndarray | None:
    """Crop a drawing to its ink, and scale and centre it as MNIST's digits were.

    Args:
        picture: White ink on black, ``(H, W)``, any size; uint8 in [0, 255], or floating-point numbers in [0, 1].

    Returns:
        The digit, float32 ``(28, 28, 1)`` in [0, 1], its strongest ink 1; ``None`` where nothing is drawn.

    Raises:
        DataError: The picture is no such array, too large, or holds numbers that are infinite or not a number.
    """
    ink = _crop(_to_bytes(picture))
    if ink is None:
        return None
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(scale * length)) for length in ink.shape)
    digit = resize(ink, (width, height)).astype(np.float32)
    digit /= digit.max()  # thin strokes get faint where many pixels become one
    field = np.zeros((SIDE, SIDE, 1), np.float32)
    middles = _centre_of_mass(digit)
    top, left = (
        int(np.clip(round(MIDDLE - middle), 0, SIDE - length))  # nothing is cut off
        for middle, length in zip(middles, digit.shape, strict=True)
    )
    field[top : top + height, left : left + width, 0] = digit
    return field


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    """Check a picture, and return it as uint8; floating-point numbers are clipped to [0, 1] before."""
    if picture.ndim != 2 or not 0 < picture.size <= MOST_PIXELS:
        raise DataError(
            f"a drawing of shape {picture.shape}; it should have two axes, and at most {MOST_PIXELS:,} pixels"
        )
    if picture.dtype == np.uint8:
        return picture
    if not np.issubdtype(picture.dtype, np.floating) or not np.isfinite(picture).all():
        raise DataError("a drawing should hold finite numbers: bytes, or floating-point numbers in [0, 1]")
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _crop(picture: np.ndarray) -> np.ndarray | None:
    """Cut off the rows and columns without ink; ``None`` where there is none."""
    strongest = int(picture.max())
    if strongest == 0:
        return None
    is_ink = picture >= max(1, FAINTEST * strongest)
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    """Return the mean row and column of the ink of an image ``(H, W)``."""
    rows, columns = (np.arange(length) for length in image.shape)
    mass = image.sum()
    return float(image.sum(axis=1) @ rows / mass), float(image.sum(axis=0) @ columns / mass)
