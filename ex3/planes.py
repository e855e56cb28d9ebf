"""A trained autoencoder and PCA on the same images -> how good their planes are, and what there is to see of them."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from ex3 import embedding
from ex3.backend import keras
from ex3.data import Dataset, Split
from ex3.models import Autoencoder
from ex3.results import Run, Scores
from ex3.training import predict

TSNE_SAMPLES = 2_000
GRID = 14  # of the decoder's outputs, in each direction


@dataclass(frozen=True)
class Scored:
    """One seed's planes.

    Attributes:
        run: The autoencoder's training.
        scores: Of ``autoencoder`` and ``pca``.
        pca_errors: PCA's mean squared error on the test images, by number of components.
        read_right: The share of the original images that the convnet reads right.
    """

    run: Run
    scores: dict[str, Scores]
    pca_errors: dict[int, float]
    read_right: float


@dataclass(frozen=True)
class Shown:
    """What the pictures show of one seed.

    Attributes:
        codes: By method (``autoencoder``, ``pca``, ``tsne``), ``(N, 2)``.
        labels: By method, ``(N,)``.
        tsne: Scores of t-SNE.
        digits: The label of each of the images below, one per class.
        images: ``original``, and by method the reconstructions, ``(classes, 28, 28)``.
        read: What the convnet reads in them, likewise.
        grid: First codes of the columns and second codes of the rows of ``plane``.
        plane: The decoder's outputs over the grid, ``(GRID, GRID, 28, 28)``.
    """

    codes: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    tsne: Scores
    digits: list[int]
    images: dict[str, np.ndarray]
    read: dict[str, list[int]]
    grid: tuple[np.ndarray, np.ndarray]
    plane: np.ndarray


def draw(test: Split, samples: int, seed: int) -> Split:
    """Draw test images at random, without repetition; all where there are fewer."""
    drawn = np.random.default_rng(seed).permutation(len(test))[:samples]
    return Split(test.x[drawn], test.y[drawn])


def score(model: Autoencoder, run: Run, pca: PCA, dataset: Dataset, sample: Split, convnet: keras.Model) -> Scored:
    """Score both methods: errors and neighbours over all test images, everything else over the sample."""
    pca_errors = embedding.pca_errors(pca, dataset.test)
    errors = {"autoencoder": run.metrics["test_loss"], "pca": pca_errors[2]}
    neighbour_accuracies = {
        "autoencoder": run.metrics["test_neighbour_accuracy"],
        "pca": embedding.neighbour_accuracy(lambda x: embedding.pca_codes(pca, x), dataset.train, dataset.test),
    }

    def share_read_right(images: np.ndarray) -> float:
        return float(np.mean(predict(convnet, images).argmax(axis=1) == sample.y))

    scores = {}
    for method, codes in _encode(model, pca, sample.x).items():
        scores[method] = Scores(
            mse=errors[method],
            neighbour_accuracy=neighbour_accuracies[method],
            read_right=share_read_right(_decode(model, pca, method, codes)),
            **embedding.structure(sample.x, sample.y, codes, run.config["seed"]),
        )
    return Scored(run, scores, pca_errors, share_read_right(sample.x))


def show(model: Autoencoder, pca: PCA, sample: Split, convnet: keras.Model) -> Shown:
    """Make what the pictures show: the sample's codes, its first image of each class, and the decoder's plane."""
    codes = _encode(model, pca, sample.x)
    tsne_sample = sample.first(TSNE_SAMPLES)
    tsne_codes, tsne_scores = embedding.fit_tsne(tsne_sample, seed=0)

    digits, first_of_each = np.unique(sample.y, return_index=True)
    originals = sample.x[first_of_each]
    images = {"original": originals}
    images |= {method: _decode(model, pca, method, points) for method, points in _encode(model, pca, originals).items()}

    levels = np.linspace(0.01, 0.99, GRID)
    columns, rows = (
        np.quantile(codes["autoencoder"][:, 0], levels),
        np.quantile(codes["autoencoder"][:, 1], levels[::-1]),
    )
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
    return Shown(
        codes={**codes, "tsne": tsne_codes},
        labels={**dict.fromkeys(codes, sample.y), "tsne": tsne_sample.y},
        tsne=tsne_scores,
        digits=digits.tolist(),
        images={row: pictures[..., 0] for row, pictures in images.items()},
        read={row: predict(convnet, pictures).argmax(axis=1).tolist() for row, pictures in images.items()},
        grid=(columns, rows),
        plane=predict(model.decoder, points).reshape(GRID, GRID, 28, 28),
    )


def _encode(model: Autoencoder, pca: PCA, x: np.ndarray) -> dict[str, np.ndarray]:
    return {"autoencoder": predict(model.encoder, x), "pca": embedding.pca_codes(pca, x)}


def _decode(model: Autoencoder, pca: PCA, method: str, codes: np.ndarray) -> np.ndarray:
    """Map codes to images for the convnet and for people; PCA's are cut to [0, 1]."""
    if method == "autoencoder":
        return predict(model.decoder, codes)
    return np.clip(embedding.pca_images(pca, codes), 0, 1)
