"""What the figures of planes show; each is the result in a JSON twin."""

from dataclasses import dataclass

from ex3.results import Curves, Number, Pixels, Spread


@dataclass(frozen=True)
class AutoencoderRun:
    """A training run, without the loss of each iteration."""

    seed: int
    epochs: Curves
    metrics: dict[str, Number]
    seconds: float


@dataclass(frozen=True)
class LossCurves:
    """The mean squared errors over epochs, and PCA's test error by number of components (means over the seeds).

    Attributes:
        pca_test_mse: By number of components.
        seconds: Of training, by autoencoder (``autoencoder``, ``structured``).
        runs: By autoencoder, one per seed.
    """

    pca_test_mse: dict[int, float]
    seconds: dict[str, Spread]
    runs: dict[str, list[AutoencoderRun]]


@dataclass(frozen=True)
class CodesInPlane:
    """Codes of some test images with the first seed, and the scores over all seeds.

    Attributes:
        scores: By method (``autoencoder``, ``structured``, ``pca``, ``tsne``), then by the name of the score.
        by_seed: The same, one number per seed.
        codes: By method: all first codes, all second codes, rounded to 3 decimals.
        labels: Of these images, the same with each method.
    """

    scores: dict[str, dict[str, Spread]]
    by_seed: dict[str, dict[str, list[Number]]]
    codes: dict[str, list[list[float]]]
    labels: list[int]


@dataclass(frozen=True)
class Walk:
    """Images that the decoder gives along a straight line in the plane.

    Attributes:
        start: The class of the image whose code is the first point.
        end: The class of the image whose code is the last point.
        read: The class that a classifier reads in each.
        pictures: ``(steps, H, W)``, or ``(steps, H, W, 3)`` in colour.
    """

    start: int
    end: int
    read: list[int]
    pictures: Pixels


@dataclass(frozen=True)
class Reconstructions:
    """One image per class through each plane, and what a classifier reads in them.

    Attributes:
        labels: Their classes.
        read: By row (``original``, ``autoencoder``, ``structured``, ``pca``), the classes that are read.
        images: Number of images behind ``read_right``.
        read_right: By row, the share of these that is read as the right class.
        pictures: By row, ``(classes, H, W)``, or ``(classes, H, W, 3)`` in colour.
        walk: Between the two of these images whose codes in the structured plane are farthest apart.
    """

    labels: list[int]
    read: dict[str, list[int]]
    images: int
    read_right: dict[str, Spread]
    pictures: dict[str, Pixels]
    walk: Walk


@dataclass(frozen=True)
class DecodedGrid:
    """A decoder over a grid in its plane.

    Attributes:
        method: ``autoencoder`` or ``structured``.
        first_codes: Of the columns.
        second_codes: Of the rows, the largest first.
        pictures: ``(rows, columns, H, W)``, or ``(rows, columns, H, W, 3)`` in colour.
        read: The classes that a classifier reads in them, row by row.
        codes: Of some test images: all first codes, all second codes.
        labels: Of these.
    """

    method: str
    first_codes: list[float]
    second_codes: list[float]
    pictures: Pixels
    read: list[int]
    codes: list[list[float]]
    labels: list[int]
