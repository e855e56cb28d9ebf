"""``autoencoder``: pixels to 2 numbers and back, beside PCA and t-SNE (S1 2.6 and 2.6.1, R4), over several seeds.

Two autoencoders are trained: one for the squared error alone, one that is asked for structure in the plane, too. All
methods see the same images with each seed. The figures are written anew after each seed, so that the first gives all of
them. Pictures show the first seed.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import storage
from ex3.checkpoints import checkpoints
from ex3.config import AutoencoderConfig, PlaneConfig
from ex3.data import Dataset, Split, load_images
from ex3.embedding.comparison import (
    FirstSeed,
    Read,
    SeedScores,
    codes_in_plane,
    loss_curves,
    reconstructions,
    score_planes,
    show_first_seed,
)
from ex3.embedding.planes import fit_pca, pca_plane
from ex3.embedding.results import CodesInPlane, LossCurves
from ex3.embedding.scores import STRUCTURE_SAMPLES, fit_tsne
from ex3.errors import DataError
from ex3.evaluation import predict
from ex3.experiments import Outcome, Paths, headline, make_record
from ex3.experiments._planes import TrainedPlane, train_plane
from ex3.experiments.trained import TrainedClassifier, classifier_config, trained_classifier
from ex3.plots import autoencoder as plots
from ex3.plots import planes as plane_plots
from ex3.plots.planes import METHOD_TITLES
from ex3.results import Record
from ex3.structured_config import StructuredConfig
from ex3.tables import Table, with_spread

log = logging.getLogger("ex3")

FEWEST_IMAGES = 100  # of the test images: scores and t-SNE need neighbours
DIGITS = {"mse": 5}  # behind the point, in the table; 4 otherwise
COLUMNS = {
    "mse": "reconstruction MSE",
    "neighbour_accuracy": "15-NN accuracy",
    "read_right": "read right by the convnet",
    "fold_accuracy": "15-NN, 5 folds",
    "trustworthiness": "trustworthiness",
    "silhouette": "silhouette",
    "distance_ranks": "distance ranks",
}
Configs = Mapping[str, PlaneConfig]  # autoencoder and structured


def run(
    plain: AutoencoderConfig,
    structured: StructuredConfig,
    seeds: int,
    samples: int,
    paths: Paths,
    command: str,
    quiet: bool = False,
    checkpoint_every: float = 0,
    fresh: bool = False,
) -> Outcome:
    """Train both autoencoders ``seeds`` times, fit PCA and t-SNE, score the planes, and write figures and models.

    Args:
        plain: The autoencoder's config, with the first seed.
        structured: That of the one that is asked for structure; the images are those of ``plain``.
        seeds: Repeats, each with its own validation split, weights and sample of test images.
        samples: Test images that the convnet reads, the first 2,000 of which are also drawn and embedded by t-SNE.
        paths: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.
        checkpoint_every: Seconds between two checkpoints, from which the same command goes on; 0 for none.
        fresh: Do not go on from them.

    Raises:
        ConfigError: A training was interrupted that had other settings.
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: A folder cannot be written to; found out before training.
    """
    start = time.perf_counter()
    same = {**dict(plain.images), "threads": plain.threads}
    configs: Configs = {"autoencoder": plain, "structured": structured.model_copy(update=same)}
    storage.check_writable(paths.figures, paths.runs)
    reader = trained_classifier(classifier_config("convnet", like=plain), paths, quiet)

    def read(images: np.ndarray) -> np.ndarray:
        return predict(reader.model, images).argmax(axis=1)

    scored: list[SeedScores] = []
    written: dict[Path, None] = dict.fromkeys(reader.written)
    with checkpoints(paths.runs, checkpoint_every, fresh, has_more=True) as keeper_of:
        for seed in range(plain.seed, plain.seed + seeds):
            dataset = _load(plain, seed, samples, paths)
            trained = {
                method: train_plane(config, dataset, quiet, keeper_of(config, dataset.fingerprint))
                for method, config in _with_seed(configs, seed).items()
            }
            scores, show = _score(trained, dataset, dataset.test.sample(samples, seed), read)
            scored.append(scores)
            if seed == plain.seed:
                first = show()
                written |= dict.fromkeys(path for one in trained.values() for path in one.keep(paths.runs))
            for draw, record in _figures(configs, command, scored, first, reader):
                written |= dict.fromkeys(storage.save_figure(paths.figures, draw(record), record))
    codes = codes_in_plane(scored, first)
    return Outcome(
        table=_table(codes),
        headline=headline(
            _finding(codes, loss_curves(scored)),
            dataset.info,
            [one.runs["autoencoder"].config.seed for one in scored],
            plain.threads,
            time.perf_counter() - start,
        ),
        written=list(written),
    )


def _load(config: AutoencoderConfig, seed: int, samples: int, paths: Paths) -> Dataset:
    """Load the images; warn where there are fewer test images than are wanted, and refuse too few."""
    dataset = load_images(config, paths.data, seed, paths.image_cache)
    log.info("%s, from %s", dataset.info, paths.data or dataset.source)
    count = len(dataset.test)
    if count < FEWEST_IMAGES:
        raise DataError(f"{dataset.name}: {count} test images; their plane needs {FEWEST_IMAGES}")
    if seed == config.seed and samples > count:
        log.warning("samples = %d: there are %d test images; all are used", samples, count)
    return dataset


def _with_seed(configs: Configs, seed: int) -> dict[str, PlaneConfig]:
    return {method: config.model_copy(update={"seed": seed}) for method, config in configs.items()}


def _score(
    trained: Mapping[str, TrainedPlane], dataset: Dataset, sample: Split, read: Read
) -> tuple[SeedScores, Callable[[], FirstSeed]]:
    """Score both autoencoders beside PCA and t-SNE; return a function, too, that computes what is shown of a seed."""
    seed = next(iter(trained.values())).run.config.seed
    pca = fit_pca(dataset.train)
    planes = {method: one.plane for method, one in trained.items()} | {"pca": pca_plane(pca, dataset.shape)}
    tsne_codes = fit_tsne(sample.first(STRUCTURE_SAMPLES).x, seed)
    runs = {method: one.run for method, one in trained.items()}
    scores = score_planes(runs, planes, tsne_codes, pca, dataset, sample, read)
    return scores, lambda: show_first_seed(planes, tsne_codes, sample, read)


def _figures(
    configs: Configs, command: str, scored: list[SeedScores], first: FirstSeed, reader: TrainedClassifier
) -> Iterator[tuple[Callable[[Record], plots.Figure], Record]]:
    """Yield each figure's plot function and its twin."""
    runs = [run for one in scored for run in one.runs.values()]
    digests = {method: run.weights for method, run in scored[0].runs.items()} | {"convnet": reader.run.weights}
    results: dict[str, tuple[Callable[[Record[Any]], plots.Figure], Any]] = {
        "curves": (plots.curves, loss_curves(scored)),
        "scatter": (plane_plots.scatter, codes_in_plane(scored, first)),
        "reconstructions": (plots.reconstructions, reconstructions(scored, first)),
        "manifold": (plane_plots.manifold, first.grids["autoencoder"]),
        "manifold-structured": (plane_plots.manifold, first.grids["structured"]),
    }
    for name, (draw, result) in results.items():
        yield (
            draw,
            make_record(
                f"autoencoder-{name}",
                command,
                {method: config.model_dump(mode="json") for method, config in configs.items()},
                runs[0].dataset,
                [one.runs["autoencoder"].config.seed for one in scored],
                sum(run.seconds for run in runs),
                result,
                threads=configs["autoencoder"].threads,
                precision=configs["autoencoder"].precision,
                models=digests,
            ),
        )


def _table(codes: CodesInPlane) -> Table:
    rows = []
    for method, scores in codes.scores.items():
        numbers = [
            "-" if math.isnan(scores[name].mean) else with_spread(scores[name], DIGITS.get(name, 4)) for name in COLUMNS
        ]
        rows.append([METHOD_TITLES[method], *numbers])
    return Table(["method", *COLUMNS.values()], rows)


def _finding(codes: CodesInPlane, curves: LossCurves) -> str:
    """Write ``autoencoder MSE 0.034 ± 0.001, 15-NN accuracy 0.84 ± 0.01, training 60 s; structured ...; PCA ...``."""
    parts = []
    for method in ("autoencoder", "structured", "pca"):
        mse, accuracy = (codes.scores[method][name] for name in ("mse", "neighbour_accuracy"))
        spent = f", training {with_spread(curves.seconds[method], 1)} s" if method in curves.seconds else ""
        parts.append(f"{METHOD_TITLES[method]} MSE {with_spread(mse, 5)}, 15-NN {with_spread(accuracy, 4)}{spent}")
    return "; ".join(parts)
