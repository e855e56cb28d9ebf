"""Which images an epoch of training sees, in which order."""

from collections.abc import Callable

import numpy as np

Order = Callable[[int, int, np.ndarray], np.ndarray]  # (seed, epoch from 0, labels) -> the epoch's rows, int32


def shuffled_order(seed: int, epoch: int, labels: np.ndarray) -> np.ndarray:
    """Return all rows, int32 ``(N,)``, in an order that depends on the seed and the epoch (from 0) alone."""
    return np.random.default_rng((seed, epoch)).permutation(len(labels)).astype(np.int32)


def balanced_order(seed: int, epoch: int, labels: np.ndarray) -> np.ndarray:
    """Draw as many rows as there are, int32 ``(N,)``, with repetition: a row's probability is 1 / (K n_c).

    K is the number of classes, and n_c the number of rows of the row's own class, so that all classes come equally
    often.
    """
    classes, counts = np.unique(labels, return_counts=True)
    probability = 1 / (len(classes) * counts[np.searchsorted(classes, labels)])
    return np.random.default_rng((seed, epoch)).choice(len(labels), len(labels), p=probability).astype(np.int32)


def balancing_weights(labels: np.ndarray) -> np.ndarray:
    """Return a weight of each row's loss instead, float32 ``(N,)``: N / (K n_c), with a mean of 1."""
    _, label, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(counts) * counts))[label].astype(np.float32)
