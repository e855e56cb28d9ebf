"""The comparison of planes: what is scored with every seed, what is shown of the first, and the figures' results."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from sklearn.decomposition import PCA

from ex3.data import Dataset, Split
from ex3.embedding.planes import Plane, grid_over, pca_errors, walk_between
from ex3.embedding.results import AutoencoderRun, CodesInPlane, DecodedGrid, LossCurves, Reconstructions, Walk
from ex3.embedding.scores import STRUCTURE_SAMPLES, Scores, structure
from ex3.evaluation import neighbour_accuracy
from ex3.results import Pixels, Run, spread, without_one_channel

GRID = 14  # of the decoder's outputs, in each direction
MOST_PICTURES = 10  # one per class
WALK_STEPS = 10

Read = Callable[[np.ndarray], np.ndarray]  # images (N, H, W, C) -> the classes that a classifier reads in them (N,)


@dataclass(frozen=True)
class SeedScores:
    """Scores of all planes with one seed.

    Attributes:
        runs: The trainings, of ``autoencoder`` and ``structured``.
        scores: Of these, ``pca`` and ``tsne``.
        pca_errors: PCA's mean squared error on the test images, by number of components.
        read_right: The share of the original images that the classifier reads as the right class.
    """

    runs: dict[str, Run]
    scores: dict[str, Scores]
    pca_errors: dict[int, float]
    read_right: float


@dataclass(frozen=True)
class FirstSeed:
    """The parts of the figures that show the first seed alone; ``images`` is the number of images of its sample."""

    images: int
    codes: dict[str, list[list[float]]]
    labels: list[int]
    shown: list[int]
    pictures: dict[str, Pixels]
    read: dict[str, list[int]]
    walk: Walk
    grids: dict[str, DecodedGrid]


def score_planes(
    runs: Mapping[str, Run],
    planes: Mapping[str, Plane],
    tsne_codes: np.ndarray,
    pca: PCA,
    dataset: Dataset,
    sample: Split,
    read: Read,
) -> SeedScores:
    """Score each plane: errors and neighbours over all test images, readings over the sample, structure over 2,000.

    Args:
        runs: The trainings, of ``autoencoder`` and ``structured``.
        planes: These two and ``pca``.
        tsne_codes: Of the first images of the sample.
        pca: The fitted PCA, for its errors.
        dataset: All images.
        sample: Some of the test images.
        read: The classifier.
    """
    points, seed = sample.first(STRUCTURE_SAMPLES), next(iter(runs.values())).config.seed
    errors_of_pca = pca_errors(pca, dataset.test)
    errors = {"pca": errors_of_pca[2]} | {method: run.metrics["test_loss"] for method, run in runs.items()}
    train, test = dataset.train, dataset.test
    encode = planes["pca"].encode
    neighbours = {"pca": neighbour_accuracy(encode(train.x), train.y, encode(test.x), test.y)}
    neighbours |= {method: run.metrics["test_neighbour_accuracy"] for method, run in runs.items()}
    scores = {
        method: Scores(
            mse=errors[method],
            neighbour_accuracy=neighbours[method],
            read_right=_share_read_right(read, plane.decode(plane.encode(sample.x)), sample.y),
            **structure(points.x, points.y, plane.encode(points.x), seed),
        )
        for method, plane in planes.items()
    }
    scores["tsne"] = Scores(math.nan, math.nan, math.nan, **structure(points.x, points.y, tsne_codes, seed))
    return SeedScores(dict(runs), scores, errors_of_pca, _share_read_right(read, sample.x, sample.y))


def show_first_seed(planes: Mapping[str, Plane], tsne_codes: np.ndarray, sample: Split, read: Read) -> FirstSeed:
    """Compute codes of 2,000 images, one image per class through each plane, a walk, and the decoders over a grid."""
    points = sample.first(STRUCTURE_SAMPLES)
    codes = {method: plane.encode(points.x) for method, plane in planes.items()} | {"tsne": tsne_codes}
    labels, first_of_each = (found[:MOST_PICTURES] for found in np.unique(sample.y, return_index=True))
    originals = sample.x[first_of_each]
    images = {"original": originals}
    images |= {method: plane.decode(plane.encode(originals)) for method, plane in planes.items()}
    return FirstSeed(
        images=len(sample),
        codes={method: _rounded(found) for method, found in codes.items()},
        labels=points.y.tolist(),
        shown=labels.tolist(),
        pictures={row: _pack(found) for row, found in images.items()},
        read={row: read(found).tolist() for row, found in images.items()},
        walk=_walk(planes["structured"], originals, labels, read),
        grids={
            method: _decode_grid(method, planes[method].decode, codes[method], points.y, read)
            for method in ("autoencoder", "structured")
        },
    )


def loss_curves(scored: Sequence[SeedScores]) -> LossCurves:
    """Summarise the training runs of all seeds."""
    runs = {method: [one.runs[method] for one in scored] for method in scored[0].runs}
    return LossCurves(
        pca_test_mse={k: float(np.mean([one.pca_errors[k] for one in scored])) for k in scored[0].pca_errors},
        seconds={method: spread([run.seconds for run in of_method]) for method, of_method in runs.items()},
        runs={
            method: [AutoencoderRun(run.config.seed, run.epochs, run.metrics, run.seconds) for run in of_method]
            for method, of_method in runs.items()
        },
    )


def codes_in_plane(scored: Sequence[SeedScores], first: FirstSeed) -> CodesInPlane:
    """Summarise the scores over the seeds."""
    by_seed = {
        method: {field.name: [getattr(one.scores[method], field.name) for one in scored] for field in fields(Scores)}
        for method in scored[0].scores
    }
    scores = {
        method: {name: spread(numbers) for name, numbers in of_method.items()} for method, of_method in by_seed.items()
    }
    return CodesInPlane(scores, by_seed, first.codes, first.labels)


def reconstructions(scored: Sequence[SeedScores], first: FirstSeed) -> Reconstructions:
    """Put the first seed's pictures and the shares over all seeds together."""
    shares = {"original": spread([one.read_right for one in scored])}
    planes = [row for row in first.pictures if row != "original"]
    shares |= {method: spread([one.scores[method].read_right for one in scored]) for method in planes}
    return Reconstructions(first.shown, first.read, first.images, shares, first.pictures, first.walk)


def _walk(plane: Plane, images: np.ndarray, labels: np.ndarray, read: Read) -> Walk:
    """Walk between the two images whose codes are farthest apart."""
    codes = plane.encode(images)
    distances = np.linalg.norm(codes[:, np.newaxis] - codes, axis=-1)
    start, end = sorted(np.unravel_index(distances.argmax(), distances.shape))
    decoded = plane.decode(walk_between(codes[start], codes[end], WALK_STEPS))
    return Walk(int(labels[start]), int(labels[end]), read(decoded).tolist(), _pack(decoded))


def _decode_grid(
    method: str, decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray, y: np.ndarray, read: Read
) -> DecodedGrid:
    columns, rows, points = grid_over(codes, GRID)
    decoded = decode(points)
    return DecodedGrid(
        method=method,
        first_codes=columns.tolist(),
        second_codes=rows.tolist(),
        pictures=_pack(decoded.reshape(GRID, GRID, *decoded.shape[1:])),
        read=read(decoded).tolist(),
        codes=_rounded(codes),
        labels=y.tolist(),
    )


def _pack(images: np.ndarray) -> Pixels:
    return Pixels.pack(without_one_channel(images))


def _rounded(codes: np.ndarray) -> list[list[float]]:
    """Codes ``(N, 2)`` -> all first codes, all second codes, rounded to 3 decimals."""
    return np.round(codes, 3).T.tolist()


def _share_read_right(read: Read, images: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(read(images) == y))
