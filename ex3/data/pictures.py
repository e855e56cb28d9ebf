"""One picture file, read without trusting it: PNG, JPEG, BMP or GIF, through Pillow.

A file is looked at before it is decoded, and a reason is given for each that is not used.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "BMP", "GIF")
MAX_PIXELS = 50_000_000  # more than cameras give; a small file can announce any number
MAX_FILE_BYTES = 100 * 2**20
ORIENTATION, TURNED = 0x0112, {5, 6, 7, 8}  # EXIF's tag, and its values that exchange width and height
GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
Size = tuple[int, int]  # width, height


class UnusablePictureError(Exception):
    """A file is no picture that can be used; the message is the reason, in a word or two."""


def picture_size(path: Path) -> Size:
    """Return the size that a picture's header announces, as the picture is seen.

    Raises:
        UnusablePictureError: The file is empty, no picture, animated, too large, or broken.
    """
    with _reasons(), path.open("rb") as file, _open(file) as picture:
        return _size_as_seen(picture)


def picture_kind(path: Path) -> str:
    """Return the size and the colours that a picture's header announces, e.g. ``32 x 32, colour``.

    Raises:
        UnusablePictureError: The file is empty, no picture, animated, too large, or broken.
    """
    with _reasons(), path.open("rb") as file, _open(file) as picture:
        return describe_kind(*_size_as_seen(picture), is_grey=picture.mode in GREY_MODES)


def describe_kind(width: int, height: int, *, is_grey: bool) -> str:
    """Write ``32 x 32, colour``."""
    return f"{width} x {height}, {'grey' if is_grey else 'colour'}"


def read_picture(path: Path, size: Size) -> tuple[np.ndarray, bytes]:
    """Read a picture at a size.

    Returns:
        Its pixels, uint8 ``(height, width, 3)``, and the file's content.

    Raises:
        UnusablePictureError: The file is empty, no picture, animated, too large, or broken.
    """
    with _reasons(), path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
        with _open(io.BytesIO(content)) as picture:
            return resize(np.asarray(_to_rgb(ImageOps.exif_transpose(picture))), size), content


def resize(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Resize uint8 pixels ``(H, W)`` or ``(H, W, 3)`` with antialiasing; those of this size stay as they are."""
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _size_as_seen(picture: Image.Image) -> Size:
    width, height = picture.size
    is_turned = picture.getexif().get(ORIENTATION) in TURNED
    return (height, width) if is_turned else (width, height)


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn whatever is raised into a reason, and keep the decoders' warnings from stderr."""
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnusablePictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusablePictureError("too many pixels") from error
    except Image.UnidentifiedImageError as error:
        raise UnusablePictureError("no PNG, JPEG, BMP or GIF") from error
    except PermissionError as error:
        raise UnusablePictureError("unreadable") from error
    except Exception as error:  # a decoder raises anything for a damaged file
        raise UnusablePictureError("broken") from error


def _open(file: BinaryIO) -> Image.Image:
    """Read a picture's header; the caller closes it."""
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    if length == 0:
        raise UnusablePictureError("empty")
    if length > MAX_FILE_BYTES:
        raise UnusablePictureError(f"larger than {MAX_FILE_BYTES // 2**20} MiB")
    picture = Image.open(file, formats=FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        raise UnusablePictureError("too many pixels")
    if picture.format in ("GIF", "PNG") and getattr(picture, "is_animated", False):  # a phone's JPEG may hold two
        raise UnusablePictureError("animated")
    return picture


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Convert any mode to RGB: 16 bits to 8, and what is transparent to white."""
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        background = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(background, picture)
    return picture.convert("RGB")
