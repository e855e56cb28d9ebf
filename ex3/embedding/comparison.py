"""The comparison of planes: what is scored with every seed, what is shown of the first, and the figures' results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from sklearn.decomposition import PCA

from ex3.data import Dataset, Split
from ex3.embedding.planes import Plane, grid_over, pca_errors
from ex3.embedding.scores import Scores, fit_tsne, structure
from ex3.evaluation import neighbour_accuracy
from ex3.results import Curves, Number, Pixels, Run, Spread, spread, without_one_channel

TSNE_SAMPLES = 2_000
GRID = 14  # of the decoder's outputs, in each direction
MOST_PICTURES = 10  # one per class
CODES_ON_GRID = 2_000  # that are drawn beside the decoder's outputs

Read = Callable[[np.ndarray], np.ndarray]  # images (N, H, W, C) -> the classes that a classifier reads in them (N,)


@dataclass(frozen=True)
class SeedScores:
    """Scores of all planes with one seed.

    Attributes:
        run: The autoencoder's training.
        scores: Of ``autoencoder`` and ``pca``.
        pca_errors: PCA's mean squared error on the test images, by number of components.
        read_right: The share of the original images that the classifier reads as the right class.
    """

    run: Run
    scores: dict[str, Scores]
    pca_errors: dict[int, float]
    read_right: float


@dataclass(frozen=True)
class AutoencoderRun:
    """A training run, without the loss of each iteration."""

    seed: int
    epochs: Curves
    metrics: dict[str, Number]
    seconds: float


@dataclass(frozen=True)
class LossCurves:
    """The autoencoder's losses over epochs, and PCA's test error by number of components (means over the seeds)."""

    pca_test_mse: dict[int, float]
    seconds: Spread
    runs: list[AutoencoderRun]


@dataclass(frozen=True)
class CodesInPlane:
    """Codes of the first seed's sample, and the scores over all seeds.

    Attributes:
        scores: By method (``autoencoder``, ``pca``, ``tsne``; of one seed), then by the name of the score.
        codes: By method: all first codes, all second codes, rounded to 3 decimals.
        labels: By method, one per image.
    """

    scores: dict[str, dict[str, Spread]]
    codes: dict[str, list[list[float]]]
    labels: dict[str, list[int]]


@dataclass(frozen=True)
class Reconstructions:
    """One image per class through each plane, and what a classifier reads in them.

    Attributes:
        labels: Their classes.
        read: By row (``original``, ``autoencoder``, ``pca``), the classes that are read.
        images: Number of images behind ``read_right``.
        read_right: By row, the share of these that is read as the right class.
        pictures: By row, ``(classes, H, W)``, or ``(classes, H, W, 3)`` in colour.
    """

    labels: list[int]
    read: dict[str, list[int]]
    images: int
    read_right: dict[str, Spread]
    pictures: dict[str, Pixels]


@dataclass(frozen=True)
class DecodedGrid:
    """The decoder over a grid in the plane.

    Attributes:
        first_codes: Of the columns.
        second_codes: Of the rows, the largest first.
        pictures: ``(rows, columns, H, W)``, or ``(rows, columns, H, W, 3)`` in colour.
        codes: Of some test images: all first codes, all second codes.
        labels: Of these.
    """

    first_codes: list[float]
    second_codes: list[float]
    pictures: Pixels
    codes: list[list[float]]
    labels: list[int]


@dataclass(frozen=True)
class FirstSeed:
    """The parts of the figures that show the first seed alone."""

    tsne: Scores
    codes: dict[str, list[list[float]]]
    labels: dict[str, list[int]]
    shown: list[int]
    pictures: dict[str, Pixels]
    read: dict[str, list[int]]
    grid: DecodedGrid


def score_planes(
    run: Run, planes: Mapping[str, Plane], pca: PCA, dataset: Dataset, sample: Split, read: Read
) -> SeedScores:
    """Score each plane: errors and neighbours over all test images, everything else over the sample.

    Args:
        run: The autoencoder's training.
        planes: ``autoencoder`` and ``pca``.
        pca: The fitted PCA, for its errors.
        dataset: All images.
        sample: Some of the test images.
        read: The classifier.
    """
    errors_of_pca = pca_errors(pca, dataset.test)
    errors = {"autoencoder": run.metrics["test_loss"], "pca": errors_of_pca[2]}
    neighbours = {
        "autoencoder": run.metrics["test_neighbour_accuracy"],
        "pca": neighbour_accuracy(planes["pca"].encode, dataset.train, dataset.test),
    }
    scores = {}
    for method, plane in planes.items():
        codes = plane.encode(sample.x)
        scores[method] = Scores(
            mse=errors[method],
            neighbour_accuracy=neighbours[method],
            read_right=_share_read_right(read, plane.decode(codes), sample.y),
            **structure(sample.x, sample.y, codes, run.config.seed),
        )
    return SeedScores(run, scores, errors_of_pca, _share_read_right(read, sample.x, sample.y))


def show_first_seed(planes: Mapping[str, Plane], sample: Split, read: Read) -> FirstSeed:
    """Compute the sample's codes, one image per class through each plane, and the decoder over a grid."""
    codes = {method: plane.encode(sample.x) for method, plane in planes.items()}
    tsne_sample = sample.first(TSNE_SAMPLES)
    tsne_codes, tsne_scores = fit_tsne(tsne_sample, seed=0)
    labels, first_of_each = (found[:MOST_PICTURES] for found in np.unique(sample.y, return_index=True))
    originals = sample.x[first_of_each]
    images = {"original": originals}
    images |= {method: plane.decode(plane.encode(originals)) for method, plane in planes.items()}
    columns, rows, points = grid_over(codes["autoencoder"], GRID)
    decoded = planes["autoencoder"].decode(points)
    rounded = {method: np.round(found, 3).T.tolist() for method, found in {**codes, "tsne": tsne_codes}.items()}
    return FirstSeed(
        tsne=tsne_scores,
        codes=rounded,
        labels={**dict.fromkeys(codes, sample.y.tolist()), "tsne": tsne_sample.y.tolist()},
        shown=labels.tolist(),
        pictures={row: Pixels.pack(without_one_channel(found)) for row, found in images.items()},
        read={row: read(found).tolist() for row, found in images.items()},
        grid=DecodedGrid(
            first_codes=columns.tolist(),
            second_codes=rows.tolist(),
            pictures=Pixels.pack(without_one_channel(decoded.reshape(GRID, GRID, *sample.x.shape[1:]))),
            codes=[of_axis[:CODES_ON_GRID] for of_axis in rounded["autoencoder"]],
            labels=sample.y[:CODES_ON_GRID].tolist(),
        ),
    )


def loss_curves(scored: Sequence[SeedScores]) -> LossCurves:
    """Summarise the training runs of all seeds."""
    runs = [one.run for one in scored]
    return LossCurves(
        pca_test_mse={k: float(np.mean([one.pca_errors[k] for one in scored])) for k in scored[0].pca_errors},
        seconds=spread([run.seconds for run in runs]),
        runs=[AutoencoderRun(run.config.seed, run.epochs, run.metrics, run.seconds) for run in runs],
    )


def codes_in_plane(scored: Sequence[SeedScores], first: FirstSeed) -> CodesInPlane:
    """Summarise the scores over the seeds; t-SNE's are of one seed."""
    by_method = {method: [one.scores[method] for one in scored] for method in scored[0].scores}
    by_method["tsne"] = [first.tsne]
    names = [field.name for field in fields(Scores)]
    scores = {
        method: {name: spread([getattr(one, name) for one in of_method]) for name in names}
        for method, of_method in by_method.items()
    }
    return CodesInPlane(scores, first.codes, first.labels)


def reconstructions(scored: Sequence[SeedScores], first: FirstSeed) -> Reconstructions:
    """Put the first seed's pictures and the shares over all seeds together."""
    shares = {"original": spread([one.read_right for one in scored])}
    shares |= {method: spread([one.scores[method].read_right for one in scored]) for method in scored[0].scores}
    return Reconstructions(first.shown, first.read, len(first.labels["autoencoder"]), shares, first.pictures)


def _share_read_right(read: Read, images: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(read(images) == y))
