"""A folder of pictures as a data set; what was read is kept, under a name that depends on all names and times in it."""

import hashlib
import logging
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import __version__ as pillow_version

from ex3 import storage
from ex3.data.listing import TWO_PARTS, Listing, PictureFile, list_pictures
from ex3.data.pictures import Size, UnusablePictureError, picture_kind, picture_size, read_picture
from ex3.data.raw import RawDataset
from ex3.errors import DataError, WriteError
from ex3.provenance import code_digest, digest

log = logging.getLogger("ex3")

MAX_BYTES = 4 * 2**30  # of all pixels
TEXTS = ("class_names", "files", "test_files", "warning")  # kept beside the arrays


def read_folder(folder: Path, name: str, side: int | None = None, cache: Path | None = None) -> RawDataset:
    """Read all pictures of a folder, at one size; name those that are not used in one warning.

    Args:
        folder: With ``train/<class>/*`` and ``test/<class>/*``, or with ``<class>/*``.
        name: Of the data set.
        side: Of the images, in pixels; when left out, all get their most common size.
        cache: Folder where the images are kept once they are read.

    Raises:
        DataError: The folder has another structure, or a class has no picture that can be used.
    """
    listing = list_pictures(folder)
    place = digest(str(folder.resolve()), side)
    stored = f"{place}-{digest(listing.class_names, listing.files, code_digest(__name__), pillow_version)}.npz"
    content = _load(cache / stored) if cache else None
    if content is None:
        content = _read(listing, side)
        if cache:
            _store(cache, place, stored, content)
    if warning := str(content["warning"]):
        log.warning("%s: %s", folder, warning)
    arrays = {key: array for key, array in content.items() if key not in TEXTS}
    class_names, files, test_files = (tuple(content[key].tolist()) for key in TEXTS[:-1])
    return RawDataset(name, "image files", class_names, arrays, files, test_files)


def count_kinds(folder: Path, class_names: Collection[str]) -> Counter[str]:
    """Count the pictures of some classes by the size and the colours that their headers announce."""
    listing, kinds = list_pictures(folder), Counter[str]()
    for file in listing.files:
        if listing.class_names[file.label] in class_names:
            with suppress(UnusablePictureError):  # named when it is read
                kinds[picture_kind(folder / file.name)] += 1
    return kinds


def _read(listing: Listing, side: int | None) -> dict[str, np.ndarray]:
    """Return the arrays of a ``RawDataset``, and its texts as arrays."""
    size = (side, side) if side else _most_common_size(listing)
    pixels = _read_pixels(listing, size)
    _check_classes(listing, pixels)
    is_grey = all((image == image[..., :1]).all() for image in pixels.values())
    arrays = {}
    for part in listing.parts:
        files = [file for file in listing.files if file in pixels and file.part == part]
        arrays[f"x_{part}"] = np.stack([pixels[file][..., 0] if is_grey else pixels[file] for file in files])
        arrays[f"y_{part}"] = np.array([file.label for file in files])
    names = {part: [file.name for file in listing.files if file in pixels and file.part == part] for part in TWO_PARTS}
    texts = zip(TEXTS, (listing.class_names, *names.values(), listing.describe_skipped()), strict=True)
    return arrays | {key: np.array(text) for key, text in texts}


def _check_classes(listing: Listing, pixels: Collection[PictureFile]) -> None:
    for part in listing.parts:
        present = {file.label for file in pixels if file.part == part}
        for label, name in enumerate(listing.class_names):
            if label not in present:
                where = f"{part}/{name}" if len(listing.parts) > 1 else name
                reason = "; " * bool(listing.skipped) + listing.describe_skipped()
                raise DataError(f"{listing.folder}: the class {where} has no picture that can be used{reason}")


def _read_pixels(listing: Listing, size: Size) -> dict[PictureFile, np.ndarray]:
    """Read the pictures, uint8 ``(H, W, 3)`` each; of equal files the first, and rather a test than a training image.

    Raises:
        DataError: They are too many for a computer's memory.
    """
    pixels: dict[PictureFile, np.ndarray] = {}
    seen: set[bytes] = set()
    for file in sorted(listing.files, key=lambda file: file.part == "train"):
        try:
            image, content = read_picture(listing.folder / file.name, size)
        except UnusablePictureError as error:
            listing.skip(file.name, str(error))
            continue
        key = hashlib.sha256(content).digest()
        if key in seen:
            listing.skip(file.name, "duplicate")
            continue
        seen.add(key)
        pixels[file] = image
        if len(pixels) * image.nbytes > MAX_BYTES:
            raise DataError(f"{listing.folder}: more than 4 GiB at {size[0]} x {size[1]} pixels; give a smaller --size")
    return pixels


def _most_common_size(listing: Listing) -> Size:
    """Return the most common size of the pictures; of equally common ones, the smallest."""
    sizes: Counter[Size] = Counter()
    for file in listing.files:
        try:
            sizes[picture_size(listing.folder / file.name)] += 1
        except UnusablePictureError:  # named when it is read
            continue
    if not sizes:
        raise DataError(f"{listing.folder}: none of its {len(listing.files)} files is a picture that can be used")
    return min(sizes, key=lambda size: (-sizes[size], size[0] * size[1], size))


def _load(file: Path) -> dict[str, np.ndarray] | None:
    """Return what ``_store`` kept; ``None`` where there is nothing, and, with a warning, where it is damaged."""
    try:
        with np.load(file, allow_pickle=False) as content:
            return {key: content[key] for key in content.files}
    except FileNotFoundError:
        return None
    except Exception:  # zip archives and headers raise anything for a damaged file
        log.warning("%s: damaged; the images are read again", file)
        return None


def _store(cache: Path, place: str, name: str, content: dict[str, np.ndarray]) -> None:
    """Keep what was read, in place of what was read of the same folder before; do without where that fails."""
    try:
        storage.check_writable(cache)
        storage.save_arrays(cache / name, content)
        storage.remove_files(file for file in cache.glob(f"{place}-*.npz") if file.name != name)
    except WriteError as error:
        log.warning("%s; the images are read again the next time", error)
