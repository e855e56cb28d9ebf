"""Principal component analysis by hand: the directions in which the images vary most (R3: 784 pixels to 128 numbers).

The directions are the eigenvectors v_k of the covariance matrix C = 1/N sum_n (x_n - mean)(x_n - mean)^T with the
largest eigenvalues, and an eigenvalue is the variance along its direction (Bishop 2006, section 12.1.1). They are
orthonormal, V^T V = I: white noise in the pixels is white noise of the same size in the codes.
"""

import numpy as np

from ex3.scratch.layers import Projection


def fit_pca(x: np.ndarray, components: int) -> tuple[Projection, float]:
    """Fit the projection to the leading components.

    Args:
        x: Inputs ``(N, n)``; the training images alone, so that nothing is learned from others.
        components: Number of directions that are kept, 1 ... n.

    Returns:
        The layer x -> (x - mean) V, ``(B, n)`` -> ``(B, components)``, in the dtype of x, and the share of the variance
        that the components hold, in [0, 1].
    """
    mean = x.mean(axis=0, keepdims=True, dtype=float)
    centred = x - mean.astype(x.dtype)
    covariance = (centred.T @ centred).astype(float) / len(x)
    variances, directions = np.linalg.eigh(covariance)  # in ascending order
    leading = directions[:, ::-1][:, :components]
    explained = variances[::-1][:components].sum() / variances.sum()
    return Projection(mean.astype(x.dtype), np.ascontiguousarray(leading, x.dtype)), float(explained)
