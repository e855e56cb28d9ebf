"""``autoencoder``: pixels to 2 numbers and back, beside PCA (S1 2.6 and 2.6.1, R4), over several seeds; t-SNE with one.

The figures are written anew after each seed, so that the first minute gives all of them and an interruption loses only
the seed under way. Pictures show the first seed.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import model_store, storage
from ex3.config import AutoencoderConfig
from ex3.data import Dataset, load_images
from ex3.embedding.comparison import (
    CodesInPlane,
    FirstSeed,
    SeedScores,
    codes_in_plane,
    loss_curves,
    reconstructions,
    score_planes,
    show_first_seed,
)
from ex3.embedding.planes import Plane, fit_pca, pca_plane
from ex3.errors import DataError
from ex3.evaluation import predict
from ex3.experiments import Outcome, Paths, divergence, headline, make_record
from ex3.experiments.trained import TrainedClassifier, classifier_config, trained_classifier
from ex3.models import Autoencoder
from ex3.plots import autoencoder as plots
from ex3.progress import show_training
from ex3.results import Record, Run
from ex3.runs import train_autoencoder
from ex3.tables import format_table, with_spread

log = logging.getLogger("ex3")

FEWEST_IMAGES = 100  # of the test images: scores and t-SNE need neighbours
DIGITS = {"mse": 5}  # behind the point, in the table; 4 otherwise
COLUMNS = {
    "mse": "reconstruction MSE",
    "neighbour_accuracy": "15-NN accuracy",
    "trustworthiness": "trustworthiness",
    "silhouette": "silhouette",
    "distance_ranks": "distance ranks",
    "read_right": "read right by the convnet",
}


def run(
    config: AutoencoderConfig, seeds: int, samples: int, paths: Paths, command: str, quiet: bool = False
) -> Outcome:
    """Train the autoencoder ``seeds`` times, fit PCA on the same images, score both, and write figures and models.

    Args:
        config: The autoencoder's, with the first seed.
        seeds: Repeats, each with its own validation split, weights and sample of test images.
        samples: Test images that are drawn and scored; all where there are fewer.
        paths: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: A folder cannot be written to; found out before training.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs)
    reader = trained_classifier(classifier_config("convnet", like=config), paths, quiet)

    def read(images: np.ndarray) -> np.ndarray:
        return predict(reader.model, images).argmax(axis=1)

    scored: list[SeedScores] = []
    written: dict[Path, None] = dict.fromkeys(reader.written)
    for seed in range(config.seed, config.seed + seeds):
        dataset = _load(config, seed, samples, paths)
        seeded = config.model_copy(update={"seed": seed})
        model_store.check_place(paths.runs, seeded, dataset.fingerprint)
        on_progress = None if quiet else show_training(f"autoencoder, seed {seed}", config.epochs)
        model, run = train_autoencoder(seeded, dataset, on_progress)
        _check(run)
        pca = fit_pca(dataset.train)
        planes = {"autoencoder": _plane(model), "pca": pca_plane(pca, dataset.shape)}
        sample = dataset.test.sample(samples, seed)
        scored.append(score_planes(run, planes, pca, dataset, sample, read))
        if seed == config.seed:
            first = show_first_seed(planes, sample, read)
            models = {"encoder": model.encoder, "decoder": model.decoder}
            written |= dict.fromkeys(model_store.save_models(paths.runs, models, run))
        for draw, record in _figures(config, command, scored, first, reader):
            written |= dict.fromkeys(storage.save_figure(paths.figures, draw(record), record))
    codes = codes_in_plane(scored, first)
    return Outcome(
        table=_table(codes),
        headline=headline(
            _finding(codes, with_spread(loss_curves(scored).seconds, 1)),
            dataset.info,
            [one.run.config.seed for one in scored],
            config.threads,
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


def _plane(model: Autoencoder) -> Plane:
    return Plane(lambda x: predict(model.encoder, x), lambda codes: predict(model.decoder, codes))


def _check(run: Run) -> None:
    """Stop when a run diverged; warn of dead codes."""
    config = run.config
    if run.diverged_at is not None:
        raise divergence("autoencoder", config.seed, run.diverged_at, config.learning_rate)
    if dead := int(run.metrics["dead_codes"]):
        log.warning(
            "seed %d: %d of 2 codes are the same for all images; try bottleneck = linear, a smaller learning_rate or "
            "another seed",
            config.seed,
            dead,
        )


def _figures(
    config: AutoencoderConfig, command: str, scored: list[SeedScores], first: FirstSeed, reader: TrainedClassifier
) -> Iterator[tuple[Callable[[Record], plots.Figure], Record]]:
    """Yield each figure's plot function and its twin."""
    runs = [one.run for one in scored]
    results: dict[str, tuple[Callable[[Record[Any]], plots.Figure], Any]] = {
        "curves": (plots.curves, loss_curves(scored)),
        "scatter": (plots.scatter, codes_in_plane(scored, first)),
        "reconstructions": (plots.reconstructions, reconstructions(scored, first)),
        "manifold": (plots.manifold, first.grid),
    }
    for name, (draw, result) in results.items():
        yield (
            draw,
            make_record(
                f"autoencoder-{name}",
                command,
                config.model_dump(mode="json"),
                runs[0].dataset,
                [run.config.seed for run in runs],
                sum(run.seconds for run in runs),
                result,
                threads=config.threads,
                precision=config.precision,
                models={"autoencoder": runs[0].weights, "convnet": reader.run.weights},
            ),
        )


def _table(codes: CodesInPlane) -> str:
    rows = []
    for method, scores in codes.scores.items():
        numbers = [
            "-" if math.isnan(scores[name].mean) else with_spread(scores[name], DIGITS.get(name, 4)) for name in COLUMNS
        ]
        note = f", {len(codes.labels['tsne']):,} images" if method == "tsne" else ""
        rows.append([plots.METHOD_TITLES[method] + note, *numbers])
    return format_table(["method", *COLUMNS.values()], rows)


def _finding(codes: CodesInPlane, seconds: str) -> str:
    """Write ``autoencoder MSE 0.034 ± 0.001 (0.62 of PCA's), 15-NN accuracy 0.84 ± 0.01 (2 times PCA's), ...``."""
    ours, pca = codes.scores["autoencoder"], codes.scores["pca"]
    mse, accuracy = ours["mse"], ours["neighbour_accuracy"]
    return (
        f"autoencoder MSE {with_spread(mse, 5)} ({mse.mean / pca['mse'].mean:.2f} of PCA's), "
        f"15-NN accuracy {with_spread(accuracy, 4)} "
        f"({accuracy.mean / pca['neighbour_accuracy'].mean:.2f} times PCA's), training {seconds} s"
    )
