"""Planes: maps of images to two codes and back. PCA's is fitted here; an autoencoder brings its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from ex3.data import Split

PCA_COMPONENTS = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Plane:
    """A map of images to two codes and back.

    Attributes:
        encode: ``(N, H, W, C)`` in [0, 1] -> ``(N, 2)``.
        decode: ``(N, 2)`` -> ``(N, H, W, C)`` in [0, 1].
    """

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]


def fit_pca(train: Split) -> PCA:
    """Fit as many components as are needed; the first k of them are PCA with k components."""
    x = flat(train.x)
    return PCA(min(max(PCA_COMPONENTS), *x.shape), svd_solver="covariance_eigh").fit(x)


def pca_plane(pca: PCA, shape: tuple[int, ...]) -> Plane:
    """Return the plane of the first two components; its images, of a shape ``(H, W, C)``, are cut to [0, 1]."""
    return Plane(encode=lambda x: pca_codes(pca, x), decode=lambda codes: np.clip(pca_images(pca, codes, shape), 0, 1))


def pca_codes(pca: PCA, x: np.ndarray, components: int = 2) -> np.ndarray:
    """Project images ``(N, H, W, C)`` onto the first components: ``(N, components)``."""
    return (flat(x) - pca.mean_) @ pca.components_[:components].T


def pca_images(pca: PCA, codes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Map codes ``(N, k)`` back to images ``(N, H, W, C)``, whose pixels may leave [0, 1]."""
    return (codes @ pca.components_[: codes.shape[1]] + pca.mean_).reshape(-1, *shape)


def pca_errors(pca: PCA, split: Split) -> dict[int, float]:
    """Return the mean squared error per pixel of each number of components that there is."""
    shape = split.x.shape[1:]
    return {
        k: float(np.mean((pca_images(pca, pca_codes(pca, split.x, k), shape) - split.x) ** 2, dtype=np.float64))
        for k in PCA_COMPONENTS
        if k <= len(pca.components_)
    }


def grid_over(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay a grid over codes ``(N, 2)``, along the quantiles of each from 1 % to 99 %.

    Returns:
        First codes of the columns ``(size,)``, second codes of the rows ``(size,)``, the largest first, and all grid
        points row by row, float32 ``(size * size, 2)``.
    """
    levels = np.linspace(0.01, 0.99, size)
    columns, rows = np.quantile(codes[:, 0], levels), np.quantile(codes[:, 1], levels[::-1])
    return columns, rows, np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)


def walk_between(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Return points at equal distances on the line from one code ``(2,)`` to another: float32 ``(steps, 2)``."""
    return np.linspace(start, end, steps, dtype=np.float32)


def flat(x: np.ndarray) -> np.ndarray:
    """``(N, H, W, C)`` -> ``(N, pixels)``."""
    return x.reshape(len(x), -1)
