"""Scores of codes in a plane. A classifier or a projection is fitted on training images, and scored on test images."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from ex3.embedding.planes import flat
from ex3.evaluation import NEIGHBOURS
from ex3.results import Number

STRUCTURE_SAMPLES = 2_000  # images; t-SNE's time grows with them
TRUST_NEIGHBOURS = 5
PAIRS = 200_000  # of images, whose distances are compared
FOLDS = 5
STRUCTURE = ("fold_accuracy", "trustworthiness", "silhouette", "distance_ranks")


@dataclass(frozen=True)
class Scores:
    """How well codes in the plane keep the images and their structure; ``nan`` where a method has no such number.

    Attributes:
        mse: Mean squared error of the reconstruction, over all test images and pixels.
        neighbour_accuracy: Test accuracy of the 15-nearest-neighbour classifier in the plane, fitted on the codes of
            all training images.
        read_right: Share of the reconstructions that a classifier reads as the right class.
        fold_accuracy: Accuracy of the 15-nearest-neighbour classifier, mean over 5 folds of the same 2,000 test images
            with each method: t-SNE has no codes for any others. So are the next three.
        trustworthiness: In [0, 1]; 1 when the 5 nearest neighbours in the plane are near in pixel space, too (Venna and
            Kaski 2001).
        silhouette: In [-1, 1]; how far each class is from the next one, relative to its own width (Rousseeuw 1987).
        distance_ranks: In [-1, 1]; Spearman's rank correlation between the distances of 200,000 pairs of images in
            pixel space and in the plane. Most of the pairs are far apart.
    """

    mse: Number
    neighbour_accuracy: Number
    read_right: Number
    fold_accuracy: Number
    trustworthiness: Number
    silhouette: Number
    distance_ranks: Number


def structure(x: np.ndarray, y: np.ndarray, codes: np.ndarray, seed: int) -> dict[str, float]:
    """Score codes ``(N, 2)`` of the images ``(N, H, W, C)`` with labels ``(N,)``.

    Returns:
        The scores of ``STRUCTURE``, see ``Scores``; ``nan`` where a code is not finite.
    """
    if not np.isfinite(codes).all():
        return dict.fromkeys(STRUCTURE, math.nan)
    first, second = np.random.default_rng(seed).integers(len(x), size=(2, PAIRS))
    return {
        "fold_accuracy": _fold_accuracy(codes, y),
        "trustworthiness": _trustworthiness(flat(x), codes),
        "silhouette": float(silhouette_score(codes, y)),
        "distance_ranks": _rank_correlation(_distances(flat(x), first, second), _distances(codes, first, second)),
    }


def _trustworthiness(pixels: np.ndarray, codes: np.ndarray) -> float:
    """Score the neighbours in the plane; ``nan`` where there are too few images for it to be defined."""
    if len(codes) <= 2 * TRUST_NEIGHBOURS:
        return math.nan
    return float(trustworthiness(pixels, codes, n_neighbors=TRUST_NEIGHBOURS))


def _fold_accuracy(codes: np.ndarray, y: np.ndarray) -> float:
    """Score the nearest-neighbour classifier over folds; ``nan`` where a class or a fold is too small for them."""
    if np.unique(y, return_counts=True)[1].min() < FOLDS or len(y) * (FOLDS - 1) // FOLDS < NEIGHBOURS:
        return math.nan
    return float(cross_val_score(KNeighborsClassifier(NEIGHBOURS), codes, y, cv=FOLDS).mean())


@threadpool_limits.wrap(limits=1)
def fit_tsne(x: np.ndarray, seed: int) -> np.ndarray:
    """Embed images with t-SNE (van der Maaten and Hinton 2008), which has no map for further ones: codes ``(N, 2)``.

    One thread, so that the codes do not depend on the number of cores.
    """
    return TSNE(init="pca", random_state=seed).fit_transform(flat(x))


def _distances(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances between pairs of rows, block by block: all at once would take gigabytes."""
    blocks = zip(np.array_split(first, 20), np.array_split(second, 20), strict=True)
    return np.concatenate([np.linalg.norm(points[a] - points[b], axis=1) for a, b in blocks])


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties broken by position; 0 when one side is constant."""
    if np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1])
