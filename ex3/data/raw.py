"""A data set as its source holds it, before classes are chosen and splits are made."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ex3.data.files import IMAGE_SHAPE, Arrays

DIGIT_NAMES = tuple("0123456789")
CLASS_NAMES = {
    "mnist": DIGIT_NAMES,
    "fashion-mnist": ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
    "digits": DIGIT_NAMES,
    "cars-cats-trucks": ("car", "cat", "truck"),
}


@dataclass(frozen=True)
class RawDataset:
    """Images, labels and the names of the classes.

    Attributes:
        name: Of the data set, or of its folder.
        source: Where it was read from.
        class_names: One per label.
        arrays: ``x_train`` and ``x_test``, uint8 ``(N, H, W)`` or ``(N, H, W, C)``, and ``y_train`` and ``y_test``, of
            an integer type, ``(N,)``. Without the test part, it is cut off the training part.
        files: Of the stored training images, relative to the folder; empty where they are not files of their own.
        test_files: The same of the stored test images.
        places: Of each part's images, ``(N,)`` among the stored ones; a part that is missing here holds all of them.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    arrays: Arrays
    files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    places: Arrays = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all pixels and labels as bytes.

        Shape and class names count, too, where they are not those of MNIST and of the data set of this name.
        """
        sha256 = hashlib.sha256()
        label_type = np.uint8 if len(self.class_names) <= 256 else np.uint16
        for key, array in self.arrays.items():
            sha256.update(np.ascontiguousarray(array, label_type if key.startswith("y") else np.uint8).data)
        shape = self.arrays["x_train"].shape[1:]
        if (shape, self.class_names) != (IMAGE_SHAPE, CLASS_NAMES.get(self.name)):
            sha256.update(repr((shape, self.class_names)).encode())
        return sha256.hexdigest()[:16]


def find_label(class_names: Sequence[str], wanted: str | int) -> int | None:
    """Return the label of a class that is given by its name or, where no class has that name, by its label."""
    text = str(wanted)
    if text in class_names:
        return list(class_names).index(text)
    return find_index(text, len(class_names))


def find_index(text: str, count: int) -> int | None:
    """Return an index from 0 to ``count`` - 1 that is written in digits, or ``None``."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < count else None
