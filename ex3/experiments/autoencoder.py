"""``autoencoder``: 784 -> 2 -> 784 beside PCA (S1 2.6 and 2.6.1, R4), each over several seeds; t-SNE once, for scale.

The figures are written anew after each seed, so that the first minute gives all of them and an interruption loses only
the seed under way. Pictures show the first seed.
"""

import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import embedding, storage
from ex3.config import AutoencoderConfig
from ex3.data import load_dataset
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Places, versions
from ex3.experiments.trained import classifier
from ex3.planes import Scored, Shown, draw, score, show
from ex3.plots import autoencoder as plots
from ex3.plots.style import dataset_label
from ex3.progress import show_training
from ex3.results import Record, Spread, spread
from ex3.tables import format_table, with_spread
from ex3.training import train_autoencoder

log = logging.getLogger("ex3")

ON_THE_GRID = 2_000  # codes that are drawn beside the decoder's plane
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
        if dead := int(trained.metrics["dead_codes"]):
            log.warning(
                "seed %d: %d of 2 codes are the same for all images; try bottleneck = linear, a smaller learning_rate "
                "or another seed",
                seed,
                dead,
            )
        pca = embedding.fit_pca(dataset.train)
        sample = draw(dataset.test, samples, seed)
        scored.append(score(model, trained, pca, dataset, sample, convnet))
        if seed == config.seed:
            first = show(model, pca, sample, convnet)
            models = {"encoder": model.encoder, "decoder": model.decoder}
            written |= dict.fromkeys(storage.save_run(places.runs / "autoencoder", models, seeded, trained))
        for figure, record in _figures(config, command, scored, first):
            written |= dict.fromkeys(storage.save_figure(places.figures, figure, record))
    return Outcome(
        table=_table(scored, first),
        headline=_headline(scored, time.perf_counter() - start),
        written=list(written),
    )


def _figures(
    config: AutoencoderConfig, command: str, scored: list[Scored], first: Shown
) -> Iterator[tuple[plots.Figure, Record]]:
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
                "codes": {method: np.round(codes, 3).T.tolist() for method, codes in first.codes.items()},
                "labels": {method: labels.tolist() for method, labels in first.labels.items()},
            },
        ),
    )
    originals = spread([one.read_right for one in scored])
    shares = {
        "original": originals,
        "autoencoder": spreads["autoencoder"]["read_right"],
        "pca": spreads["pca"]["read_right"],
    }
    count = len(first.labels["autoencoder"])
    title = (
        f"Test images of {data} through two numbers ({seed})\n"
        f"Below each: what the convnet reads. On the left: the share of {count:,} images that it reads right"
    )
    words = {row: with_spread(share, 3) for row, share in shares.items()}
    yield (
        plots.reconstructions(first.images, first.read, first.digits, words, title),
        record("reconstructions", {"labels": first.digits, "read": first.read, "images": count, "read_right": shares}),
    )
    yield (
        plots.manifold(
            first.plane,
            first.grid,
            first.codes["autoencoder"][:ON_THE_GRID],
            first.labels["autoencoder"][:ON_THE_GRID],
            f"The decoder's plane on {data} ({seed})",
        ),
        record("manifold", {"first_codes": first.grid[0].tolist(), "second_codes": first.grid[1].tolist()}),
    )


def _spreads(scored: list[Scored], first: Shown) -> dict[str, dict[str, Spread]]:
    """Each method's scores over the seeds; t-SNE's are of one seed."""
    by_method = {method: [one.scores[method] for one in scored] for method in scored[0].scores} | {"tsne": [first.tsne]}
    return {
        method: {name: spread([getattr(one, name) for one in scores]) for name in COLUMNS}
        for method, scores in by_method.items()
    }


def _table(scored: list[Scored], first: Shown) -> str:
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
