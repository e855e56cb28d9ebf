"""Codes in the plane, and how much of the images' structure they keep: the autoencoder's, PCA's and t-SNE's.

Everything here is measured on test images; a classifier or a projection is fitted on training images first.
"""

from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from ex3.data import Split
from ex3.results import Scores

NEIGHBOURS = 15  # of the classifier in the plane
TRUST_NEIGHBOURS = 5
PAIRS = 200_000  # of images, whose distances are compared
FOLDS = 5
PCA_COMPONENTS = (2, 4, 8, 16, 32)
COLLAPSED = 1e-3  # standard deviation of a code, relative to its largest absolute value


def fit_pca(train: Split) -> PCA:
    """Fit as many components as are looked at; the first k of them are PCA with k components."""
    return PCA(max(PCA_COMPONENTS), svd_solver="covariance_eigh").fit(flat(train.x))


def pca_codes(pca: PCA, x: np.ndarray, components: int = 2) -> np.ndarray:
    """Project images ``(N, 28, 28, 1)`` onto the first components: ``(N, components)``."""
    return (flat(x) - pca.mean_) @ pca.components_[:components].T


def pca_images(pca: PCA, codes: np.ndarray) -> np.ndarray:
    """Map codes ``(N, k)`` back to images ``(N, 28, 28, 1)``, whose pixels may leave [0, 1]."""
    return (codes @ pca.components_[: codes.shape[1]] + pca.mean_).reshape(-1, 28, 28, 1)


def pca_errors(pca: PCA, split: Split) -> dict[int, float]:
    """Return the mean squared error per pixel that each number of components leaves."""
    return {
        k: float(np.mean((pca_images(pca, pca_codes(pca, split.x, k)) - split.x) ** 2, dtype=np.float64))
        for k in PCA_COMPONENTS
    }


def neighbour_accuracy(encode: Callable[[np.ndarray], np.ndarray], train: Split, test: Split) -> float:
    """Return the test accuracy of the 15-nearest-neighbour classifier in the plane, fitted on the training codes."""
    return float(KNeighborsClassifier(NEIGHBOURS).fit(encode(train.x), train.y).score(encode(test.x), test.y))


def structure(x: np.ndarray, y: np.ndarray, codes: np.ndarray, seed: int) -> dict[str, float]:
    """Measure how codes ``(N, 2)`` reflect the images ``(N, 28, 28, 1)`` and their labels ``(N,)``.

    Returns:
        ``trustworthiness``: in [0, 1], 1 when the 5 nearest neighbours in the plane are near in pixel space, too (Venna
        and Kaski 2001). ``silhouette``: in [-1, 1], how far each class is from the next one, relative to its own width
        (Rousseeuw 1987). ``distance_ranks``: in [-1, 1], Spearman's rank correlation between the distances of 200,000
        pairs of images in pixel space and in the plane; it is about far more than about near pairs.
    """
    first, second = np.random.default_rng(seed).integers(len(x), size=(2, PAIRS))
    return {
        "trustworthiness": float(trustworthiness(flat(x), codes, n_neighbors=TRUST_NEIGHBOURS)),
        "silhouette": float(silhouette_score(codes, y)),
        "distance_ranks": _rank_correlation(
            np.linalg.norm(flat(x)[first] - flat(x)[second], axis=1),
            np.linalg.norm(codes[first] - codes[second], axis=1),
        ),
    }


def fit_tsne(sample: Split, seed: int) -> tuple[np.ndarray, Scores]:
    """Embed images with t-SNE (van der Maaten and Hinton 2008), which has no map for further images.

    Returns:
        Codes ``(N, 2)`` and their scores; the nearest-neighbour accuracy is the mean over 5 folds of the sample itself.
    """
    codes = TSNE(init="pca", random_state=seed).fit_transform(flat(sample.x))
    accuracy = cross_val_score(KNeighborsClassifier(NEIGHBOURS), codes, sample.y, cv=FOLDS).mean()
    scores = Scores(
        mse=float("nan"),
        neighbour_accuracy=float(accuracy),
        read_right=float("nan"),
        **structure(sample.x, sample.y, codes, seed),
    )
    return codes, scores


def collapsed_codes(codes: np.ndarray) -> list[int]:
    """Return which code coordinates (from 0) are the same for all images, as those of a dead ReLU are."""
    return np.flatnonzero(codes.std(axis=0) <= COLLAPSED * np.abs(codes).max(axis=0)).tolist()


def flat(x: np.ndarray) -> np.ndarray:
    """``(N, 28, 28, 1)`` -> ``(N, 784)``."""
    return x.reshape(len(x), -1)


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties broken by position; 0 when one side is constant."""
    if np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1])
