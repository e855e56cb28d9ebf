"""The toy convnet's gradients by formulas, right or with mistakes made on purpose, and the search for mistakes.

With z_(f,i) = sum_k w_(f,k) x_(i+k), o = max(0, z), m_(f,j) the larger of o's j-th pair, p = u . m and delta_b =
2 (p_b - y_b), the data's part of the gradients is the mean over the batch of

    dL/du_(f,j) = delta_b m_(f,j),   dL/dw_(f,k) = delta_b sum_j u_(f,j) [z_(f,i) > 0] x_(i+k),

where i is the place of the larger one, and lambda theta comes on top. A convolution has the filters' order reversed,
here and in the gradient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

import numpy as np

PLAIN, FLIPPED = slice(None), slice(None, None, -1)
TOLERANCE = 1e-6

STRUCTURES = {
    "mask": "the ReLU's mask is missing: where o is 0 nothing may come back",
    "offset": "the argmax of the second pair lacks its offset of 2",
    "neighbour": "the neighbours are taken along the {wrong}, not along the {axis}",
    "flip": "the filter is flipped: the gradient of a {other}, but forward is a {kind}",
    "shared": "the masks of both filters are applied to each of them",
    "transposed": "m is transposed: its samples and its four values change places",
    "reshaped": "m is reshaped where it should be transposed",
    "first": "the output weights of the other filter are used",
}
OF_U = ["transposed", "reshaped"]
OF_FILTERS = [name for name in STRUCTURES if name not in OF_U]
SCALES = {
    "sum": "a sum over the batch instead of the mean",
    "half": "the 2 of the square's derivative is missing",
    "sign": "the sign is wrong",
}
NO_L2, L2_PER_SAMPLE = "the l2 term is missing", "the l2 term is added once per sample"
L2 = {
    "": 1.0,
    NO_L2: 0.0,
    "the l2 term is twice what it should be": 2.0,
    "the l2 term is half of what it should be": 0.5,
    "the sign of the l2 term is wrong": -1.0,
    L2_PER_SAMPLE: np.nan,  # times the size of the batch
}


@dataclass(frozen=True)
class Batch:
    """One question about gradients.

    Attributes:
        x: ``(B, 4)``.
        y: ``(B,)``.
        filters: ``(2, 3)``.
        u: ``(2, 2)``, by filter and pair.
        l2: lambda.
        p: ``(B,)``, the file's own output.
    """

    x: np.ndarray
    y: np.ndarray
    filters: np.ndarray
    u: np.ndarray
    l2: float
    p: np.ndarray


@dataclass(frozen=True)
class Kind:
    """What a file's ``forward`` computes.

    Attributes:
        flipped: A convolution rather than a correlation.
        along_batch: The filters run over the samples of the batch.
    """

    flipped: bool = False
    along_batch: bool = False

    @property
    def name(self) -> str:
        """``correlation`` or ``convolution``."""
        return "convolution" if self.flipped else "correlation"


def windows(x: np.ndarray, along_batch: bool = False) -> np.ndarray:
    """Return each entry with its neighbours, zeros beyond the ends: ``(B, 4)`` -> ``(B, 4, 3)``."""
    padded = np.pad(x, ((1, 1), (0, 0)) if along_batch else ((0, 0), (1, 1)))
    rows, columns = x.shape
    shifted = [padded[k : k + rows] if along_batch else padded[:, k : k + columns] for k in range(3)]
    return np.stack(shifted, axis=2)


def correlate(x: np.ndarray, filters: np.ndarray, along_batch: bool = False) -> np.ndarray:
    """``(B, 4)``, ``(2, 3)`` -> ``(B, 2, 4)``."""
    return np.einsum("bik,fk->bfi", windows(x, along_batch), filters)


def filter_outputs(batch: Batch, kind: Kind) -> np.ndarray:
    """Return z, ``(B, 2, 4)``: what the filters give before the ReLU."""
    return correlate(batch.x, batch.filters[:, FLIPPED if kind.flipped else PLAIN], kind.along_batch)


def differentiate(batch: Batch, kind: Kind, mistakes: frozenset[str] = frozenset()) -> list[np.ndarray]:
    """Return the data's part of the gradients of w1, w2 and u, with mistakes of ``STRUCTURES``."""
    z = filter_outputs(batch, kind)
    o, count = np.maximum(z, 0), len(batch.x)
    pairs = o.reshape(count, 2, 2, 2)
    m, place = pairs.max(axis=3), pairs.argmax(axis=3)  # (B, 2, 2)
    if "offset" not in mistakes:
        place = place + np.array([0, 2])
    delta = 2 * (batch.p - batch.y)
    on = (z > 0).all(axis=1, keepdims=True) | np.zeros_like(z, bool) if "shared" in mistakes else z > 0
    mask = np.ones_like(m) if "mask" in mistakes else np.take_along_axis(on, place, axis=2)
    seen = windows(batch.x, kind.along_batch != ("neighbour" in mistakes))
    taken = seen[np.arange(count)[:, np.newaxis, np.newaxis], place]  # (B, 2, 2, 3)
    u = batch.u[FLIPPED] if "first" in mistakes else batch.u
    of_filters = np.einsum("b,fj,bfj,bfjk->fk", delta, u, mask, taken) / count
    if kind.flipped != ("flip" in mistakes):
        of_filters = of_filters[:, FLIPPED]
    flat = m.reshape(count, 4)
    if "transposed" in mistakes:
        flat = flat.T.reshape(count, 4)
    if "reshaped" in mistakes:
        flat = flat.reshape(4, count).T
    return [of_filters[0], of_filters[1], delta @ flat / count]


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together give just the gradient found.

    Attributes:
        structures: Names of ``STRUCTURES``.
        scales: Names of ``SCALES``.
        l2: Key of ``L2``.
    """

    structures: frozenset[str]
    scales: frozenset[str]
    l2: str

    @property
    def count(self) -> int:
        """Number of mistakes."""
        return len(self.structures) + len(self.scales) + bool(self.l2)

    def describe(self, kind: Kind) -> list[str]:
        """Say each mistake in words."""
        other = Kind(not kind.flipped).name
        axis, wrong = ("batch", "input") if kind.along_batch else ("input", "batch")
        words = {"kind": kind.name, "other": other, "axis": axis, "wrong": wrong}
        names = [STRUCTURES[name].format(**words) for name in STRUCTURES if name in self.structures]
        return [*names, *(SCALES[name] for name in SCALES if name in self.scales), *filter(None, [self.l2])]


def explain(
    found: Sequence[np.ndarray], batches: Sequence[Batch], kind: Kind, parameter: int, with_l2: bool
) -> Explanation | None:
    """Find the fewest mistakes that give the gradients found, of all batches.

    Args:
        found: The file's gradient with respect to the parameter, of each batch.
        batches: The questions.
        kind: What ``forward`` computes.
        parameter: 0 for w1, 1 for w2, 2 for u.
        with_l2: Whether the gradient should hold the l2 term.
    """
    wanted = np.concatenate(found)
    sizes = np.concatenate([np.full(len(one), len(batch.y)) for one, batch in zip(found, batches, strict=True)])
    terms = [batch.l2 * [*batch.filters, batch.u.ravel()][parameter] for batch in batches]
    l2_term = np.concatenate(terms) * with_l2
    possible = []
    for structures in subsets(OF_U if parameter == 2 else OF_FILTERS, 2):
        data = np.concatenate([differentiate(batch, kind, structures)[parameter] for batch in batches])
        for scales, l2 in product(subsets(list(SCALES), 2), L2 if with_l2 else [""]):
            l2_factor = sizes if l2 == L2_PER_SAMPLE else L2[l2]
            if relative_error(scale(scales, sizes) * data + l2_factor * l2_term, wanted) < TOLERANCE:
                possible.append(Explanation(structures, scales, l2))
    return min(possible, key=lambda one: one.count, default=None)


def scale(names: frozenset[str], sizes: np.ndarray) -> np.ndarray:
    """Return the factor that mistakes of ``SCALES`` put before the gradient of a batch of each size."""
    return np.where("sum" in names, sizes, 1.0) * (0.5 if "half" in names else 1) * (-1 if "sign" in names else 1)


def relative_error(found: np.ndarray, right: np.ndarray) -> float:
    """Return |found - right| / (|found| + |right|), in the Euclidean norm; 0 where both are 0."""
    size = float(np.linalg.norm(found) + np.linalg.norm(right))
    return float(np.linalg.norm(found - right)) / size if size else 0.0


def subsets(names: Sequence[str], most: int) -> Iterator[frozenset[str]]:
    """Return all sets of at most so many names, the smallest first."""
    return map(frozenset, chain.from_iterable(combinations(names, count) for count in range(most + 1)))
