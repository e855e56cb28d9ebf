"""``autoencoder``: 784 -> 2 -> 784 beside PCA (S1 2.6 and 2.6.1, R4), each over several seeds; t-SNE once, for scale.

The figures are written anew after each seed, so that the first minute gives all of them and an interruption loses only
the seed under way. Pictures show the first seed.
"""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ex3 import embedding, storage
from ex3.backend import keras
from ex3.cells import Workers, core_count, run_cells
from ex3.config import AutoencoderConfig, expand
from ex3.data import Dataset, Split, load_dataset
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Places, versions
from ex3.experiments.trained import classifier
from ex3.models import Autoencoder
from ex3.plots import autoencoder as plots
from ex3.plots.style import dataset_label
from ex3.progress import show_cells, show_training
from ex3.results import Record, Run, Scores, Spread, spread
from ex3.tables import format_table, with_spread
from ex3.training import predict, train_autoencoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from sklearn.decomposition import PCA

log = logging.getLogger("ex3")

BOTTLENECKS = ("linear", "relu")
TSNE_SAMPLES = 2_000
GRID = 20  # of the decoder's outputs, in each direction
DIGITS = {"mse": 5}  # behind the point, in the table; 4 otherwise
COLUMNS = {
    "mse": "reconstruction MSE",
    "neighbour_accuracy": "15-NN accuracy",
    "trustworthiness": "trustworthiness",
    "silhouette": "silhouette",
    "distance_ranks": "distance ranks",
    "read_right": "read right by the convnet",
}


@dataclass(frozen=True)
class Scored:
    """One seed's autoencoder and PCA: the run, each method's scores, PCA's error by number of components."""

    run: Run
    scores: dict[str, Scores]
    pca_errors: dict[int, float]
    read_right_originals: float


def run(
    config: AutoencoderConfig, seeds: int, samples: int, places: Places, command: str, quiet: bool = False
) -> Outcome:
    """Train the autoencoder ``seeds`` times, fit PCA on the same images, score both, and write what came of it.

    Args:
        config: The autoencoder's, with the first seed.
        seeds: Repeats, each with its own validation split, weights and sample of test images.
        samples: How many test images are drawn and scored; all where there are fewer.
        places: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: A folder cannot be written to; found out before training.
    """
    start = time.perf_counter()
    storage.check_writable(places.figures, places.runs)
    dataset = load_dataset(config.dataset, places.data, config.seed, config.limit)
    log.info("%s, from %s", dataset.info, places.data or dataset.source)
    if samples > len(dataset.test):
        log.warning("samples = %d: there are %d test images; all are used", samples, len(dataset.test))
    convnet = classifier("convnet", dataset, places, config.threads, quiet)

    scored: list[Scored] = []
    written: dict[Path, None] = {}
    for seed in range(config.seed, config.seed + seeds):
        seeded = config.model_copy(update={"seed": seed})
        dataset = load_dataset(config.dataset, places.data, seed, config.limit)
        report = None if quiet else show_training(f"autoencoder, seed {seed}", config.epochs)
        model, trained = train_autoencoder(seeded, dataset, report)
        if trained.diverged_at is not None:
            raise DivergedError(
                f"autoencoder, seed {seed}: the loss is not finite from iteration {trained.diverged_at} on, at "
                f"learning_rate = {config.learning_rate}; try a smaller one"
            )
        pca = embedding.fit_pca(dataset.train)
        sample = _draw(dataset.test, samples, seed)
        scored.append(_score(model, trained, pca, dataset, sample, convnet))
        if seed == config.seed:
            first = _Pictures(model, pca, sample, convnet)
            written |= dict.fromkeys(
                storage.save_run(
                    places.runs / "autoencoder", {"encoder": model.encoder, "decoder": model.decoder}, seeded, trained
                )
            )
        for figure, record in _figures(config, command, scored, first):
            written |= dict.fromkeys(storage.save_figure(places.figures, figure, record))
    return Outcome(
        table=_table(scored, first),
        headline=_headline(scored, time.perf_counter() - start),
        written=list(written),
    )


def _draw(test: Split, samples: int, seed: int) -> Split:
    """Draw test images at random, without repetition."""
    drawn = np.random.default_rng(seed).permutation(len(test))[:samples]
    return Split(test.x[drawn], test.y[drawn])


def _score(
    model: Autoencoder, trained: Run, pca: "PCA", dataset: Dataset, sample: Split, convnet: keras.Model
) -> Scored:
    """Score both methods; PCA's images are cut to [0, 1] before the convnet reads them."""
    codes = {"autoencoder": predict(model.encoder, sample.x), "pca": embedding.pca_codes(pca, sample.x)}
    images = {"autoencoder": predict(model.decoder, codes["autoencoder"]), "pca": _pca_pixels(pca, codes["pca"])}
    pca_errors = embedding.pca_errors(pca, dataset.test)
    accuracies = {
        "autoencoder": trained.metrics["test_neighbour_accuracy"],
        "pca": embedding.neighbour_accuracy(lambda x: embedding.pca_codes(pca, x), dataset.train, dataset.test),
    }
    errors = {"autoencoder": trained.metrics["test_loss"], "pca": pca_errors[2]}
    seed = trained.config["seed"]
    if dead := int(trained.metrics["dead_codes"]):
        log.warning(
            "seed %d: %d of 2 codes are the same for all images; try bottleneck = linear, a smaller learning_rate or "
            "another seed", seed, dead
        )  # fmt: skip
    return Scored(
        run=trained,
        scores={
            method: Scores(
                mse=errors[method],
                neighbour_accuracy=accuracies[method],
                read_right=_share_read_right(convnet, images[method], sample.y),
                **embedding.structure(sample.x, sample.y, codes[method], seed),
            )
            for method in codes
        },
        pca_errors=pca_errors,
        read_right_originals=_share_read_right(convnet, sample.x, sample.y),
    )


def _pca_pixels(pca: "PCA", codes: np.ndarray) -> np.ndarray:
    return np.clip(embedding.pca_images(pca, codes), 0, 1)


def _share_read_right(convnet: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(predict(convnet, images).argmax(axis=1) == labels))


class _Pictures:
    """What the pictures show: the first seed's codes, ten reconstructions, and the decoder's plane."""

    def __init__(self, model: Autoencoder, pca: "PCA", sample: Split, convnet: keras.Model):
        def read(images: np.ndarray) -> plots.Reading:
            return plots.Reading(images[..., 0], predict(convnet, images).argmax(axis=1).tolist())

        codes = predict(model.encoder, sample.x)
        t_sne_sample = sample.first(TSNE_SAMPLES)
        t_sne_codes, self.t_sne = embedding.fit_tsne(t_sne_sample, seed=0)
        self.codes = {"autoencoder": codes, "pca": embedding.pca_codes(pca, sample.x), "tsne": t_sne_codes}
        self.labels = {"autoencoder": sample.y, "pca": sample.y, "tsne": t_sne_sample.y}

        self.digits, of_each = np.unique(sample.y, return_index=True)
        shown = sample.x[of_each]
        self.originals = read(shown)
        self.reconstructed = {
            "autoencoder": read(predict(model.decoder, predict(model.encoder, shown))),
            "pca": read(_pca_pixels(pca, embedding.pca_codes(pca, shown))),
        }
        quantiles = np.linspace(0.01, 0.99, GRID)
        self.grid = np.quantile(codes[:, 0], quantiles), np.quantile(codes[:, 1], quantiles[::-1])
        plane = np.stack(np.meshgrid(*self.grid), axis=-1).reshape(-1, 2)
        self.plane = predict(model.decoder, plane.astype(np.float32)).reshape(GRID, GRID, 28, 28)


def _figures(
    config: AutoencoderConfig, command: str, scored: list[Scored], first: _Pictures
) -> Iterator[tuple["Figure", Record]]:
    runs = [one.run for one in scored]
    data = dataset_label(runs[0].dataset)
    seed = f"seed {config.seed}"
    spreads = _spreads(scored, first)

    def record(name: str, result: dict[str, Any]) -> Record:
        return Record(
            name=f"autoencoder-{name}",
            command=command,
            config=config.model_dump(mode="json"),
            dataset=runs[0].dataset,
            seeds=[run.config["seed"] for run in runs],
            threads=config.threads,
            precision=config.precision,
            seconds=sum(run.seconds for run in runs),
            versions=versions("tensorflow", "keras", "numpy", "scikit-learn"),
            result=result,
        )

    pca_errors = {k: float(np.mean([one.pca_errors[k] for one in scored])) for k in scored[0].pca_errors}
    shown = ("epochs", "metrics", "seconds")
    yield (
        plots.curves(runs, pca_errors),
        record(
            "curves",
            {
                "pca_test_mse": pca_errors,
                "seconds": spread([run.seconds for run in runs]),
                "runs": [{"seed": run.config["seed"]} | {name: getattr(run, name) for name in shown} for run in runs],
            },
        ),
    )
    yield (
        plots.scatter(first.codes, first.labels, runs[0].dataset),
        record(
            "scatter",
            {
                "scores": spreads,
                "codes": {method: np.round(codes, 4).tolist() for method, codes in first.codes.items()},
                "labels": {method: labels.tolist() for method, labels in first.labels.items()},
            },
        ),
    )
    originals = spread([one.read_right_originals for one in scored])
    count = len(first.labels["autoencoder"])
    shares = {"original": originals, **{method: spreads[method]["read_right"] for method in first.reconstructed}}
    words = {name: with_spread(share, 3) for name, share in shares.items()}
    yield (
        plots.reconstructions(
            first.originals,
            first.reconstructed,
            first.digits.tolist(),
            words,
            f"Test images of {data} through two numbers ({seed})\n"
            f"Below each: what the convnet reads. On the left: the share of {count:,} images that it reads right",
        ),
        record(
            "reconstructions",
            {
                "labels": first.digits.tolist(),
                "read": {name: reading.digits for name, reading in first.reconstructed.items()}
                | {"original": first.originals.digits},
                "images": count,
                "read_right": shares,
            },
        ),
    )
    yield (
        plots.manifold(
            first.plane,
            first.grid,
            first.codes["autoencoder"],
            first.labels["autoencoder"],
            f"The decoder's plane on {data} ({seed})",
        ),
        record("manifold", {"first_codes": first.grid[0].tolist(), "second_codes": first.grid[1].tolist()}),
    )


def _spreads(scored: list[Scored], first: _Pictures) -> dict[str, dict[str, Spread]]:
    """Each method's scores over the seeds; t-SNE's are of one seed."""
    by_method = {method: [one.scores[method] for one in scored] for method in scored[0].scores} | {
        "tsne": [first.t_sne]
    }
    return {
        method: {name: spread([getattr(one, name) for one in scores]) for name in COLUMNS}
        for method, scores in by_method.items()
    }


def _table(scored: list[Scored], first: _Pictures) -> str:
    rows = []
    for method, scores in _spreads(scored, first).items():
        numbers = [
            "-" if math.isnan(scores[name].mean) else with_spread(scores[name], DIGITS.get(name, 4)) for name in COLUMNS
        ]
        note = f", {len(first.codes['tsne']):,} images" if method == "tsne" else ""
        rows.append([plots.METHOD_TITLES[method] + note, *numbers])
    return format_table(["method", *COLUMNS.values()], rows)


def _headline(scored: list[Scored], seconds: float) -> str:
    """One line: ``autoencoder MSE 0.034 ± 0.001 (0.62 of PCA's), 15-NN accuracy 0.84 ± 0.01 (2 times PCA's), ...``."""

    def of(method: str, name: str) -> Spread:
        return spread([getattr(one.scores[method], name) for one in scored])

    mse, accuracy = of("autoencoder", "mse"), of("autoencoder", "neighbour_accuracy")
    first = scored[0].run
    seeds = first.config["seed"], scored[-1].run.config["seed"]
    seeds = f"seed {seeds[0]}" if len(scored) == 1 else f"seeds {seeds[0]} to {seeds[1]}"
    training = spread([one.run.seconds for one in scored])
    return (
        f"autoencoder MSE {with_spread(mse, 5)} ({mse.mean / of('pca', 'mse').mean:.2f} of PCA's), "
        f"15-NN accuracy {with_spread(accuracy, 4)} "
        f"({accuracy.mean / of('pca', 'neighbour_accuracy').mean:.2f} times PCA's), "
        f"training {with_spread(training, 1)} s, data {first.dataset.name}, {seeds}, "
        f"threads {first.config['threads']}, {seconds:.1f} s"
    )


def compare_bottlenecks(
    config: AutoencoderConfig, seeds: int, places: Places, command: str, quiet: bool = False
) -> Outcome:
    """Train the autoencoder with a linear and with a ReLU bottleneck, ``seeds`` times each, as cells of a sweep.

    Raises:
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    start = time.perf_counter()
    folder = places.runs / "cells"
    storage.check_writable(places.figures, folder)
    dataset = load_dataset(config.dataset, places.data, config.seed, config.limit).info
    planned = expand(config, "bottleneck", BOTTLENECKS, seeds, "autoencoder")
    configs = [one for of_kind in planned.values() for one in of_kind]
    workers = Workers(max(1, core_count() // config.threads))
    with nullcontext() if quiet else show_cells("bottleneck") as report:
        runs, reused = run_cells(configs, dataset, folder, workers, places.data, report)
    by_kind = {kind: [run for run in runs if run.config["bottleneck"] == kind] for kind in BOTTLENECKS}
    names = ("test_loss", "validation_loss", "test_neighbour_accuracy", "validation_neighbour_accuracy", "dead_codes")
    spreads = {
        kind: {name: spread([run.metrics[name] for run in of_kind]) for name in names}
        for kind, of_kind in by_kind.items()
    }
    record = Record(
        name="autoencoder-bottleneck",
        command=command,
        config=config.model_dump(mode="json"),
        dataset=dataset,
        seeds=[run.config["seed"] for run in by_kind["linear"]],
        threads=config.threads,
        precision=config.precision,
        seconds=sum(run.seconds for run in runs),
        versions=versions("tensorflow", "keras", "numpy", "scikit-learn"),
        result={
            "spreads": spreads,
            "runs": {
                kind: [{"seed": run.config["seed"], "epochs": run.epochs, "metrics": run.metrics} for run in of_kind]
                for kind, of_kind in by_kind.items()
            },
        },
    )
    rows = [
        [kind, *(with_spread(of_kind[name], DIGITS["mse"] if "loss" in name else 4) for name in names)]
        for kind, of_kind in spreads.items()
    ]
    return Outcome(
        table=format_table(["bottleneck", *(name.replace("_", " ") for name in names)], rows),
        headline=(
            f"validation MSE linear {with_spread(spreads['linear']['validation_loss'], 5)}, relu "
            f"{with_spread(spreads['relu']['validation_loss'], 5)}, data {dataset.name}, {len(configs)} runs "
            f"({reused} reused), {time.perf_counter() - start:.1f} s"
        ),
        written=storage.save_figure(places.figures, plots.bottlenecks(by_kind), record),
    )
