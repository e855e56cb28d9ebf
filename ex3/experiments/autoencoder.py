"""``autoencoder``: pixels to 2 numbers and back, beside PCA and t-SNE (S1 2.6 and 2.6.1, R4), over several seeds.

Two autoencoders are trained: one for the squared error alone, one that is asked for structure in the plane, too. All
methods see the same images with each seed. The trainings run side by side in processes; a seed whose two are finished
is scored while the others go on, and the figures are written anew, so that the first seed gives all of them.
"""

import math
import time
from contextlib import nullcontext
from functools import partial

from ex3 import storage
from ex3.cells import Workers, cell_path, run_cells
from ex3.checkpoints import cell_checkpoints
from ex3.config import AutoencoderConfig, ClassifierConfig
from ex3.config_files import load, shipped
from ex3.embedding.comparison import codes_in_plane, loss_curves
from ex3.embedding.results import CodesInPlane, LossCurves
from ex3.experiments import Outcome, Paths, headline
from ex3.experiments._plane_study import PlaneStudy, load_enough_images
from ex3.experiments.trained import trained_classifier
from ex3.plane_runs import PLANE, PlaneRun
from ex3.plots.planes import METHOD_TITLES
from ex3.progress import show_cells
from ex3.structured_config import StructuredConfig
from ex3.tables import Table, with_spread

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


def run(
    plain: AutoencoderConfig,
    structured: StructuredConfig,
    seeds: int,
    samples: int,
    paths: Paths,
    workers: Workers,
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
        workers: Where the trainings run.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.
        checkpoint_every: Seconds between two states of a training, from which the same command goes on; 0 for none.
        fresh: Delete the finished and the interrupted trainings of this experiment first.

    Raises:
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C. Finished trainings are kept.
    """
    start = time.perf_counter()
    same = {**dict(plain.images), "threads": plain.threads}
    configs = {"autoencoder": plain, "structured": structured.model_copy(update=same)}
    cells = paths.runs / "cells"
    storage.check_writable(paths.figures, cells)
    dataset = load_enough_images(plain, samples, paths).info
    reader = trained_classifier(_reader_config(plain, workers), paths, quiet)
    study = PlaneStudy(configs, samples, paths, command, reader)
    every = range(plain.seed, plain.seed + seeds)
    plan = [config for seed in every for config in reversed(study.of_seed(seed).values())]  # the longer one first
    if fresh:
        for path, config in ((cell_path(cells, config, dataset, PLANE), config) for config in plan):
            storage.remove_files([path])
            cell_checkpoints(path, config, 0).forget()
    keeper_of = partial(cell_checkpoints, seconds=checkpoint_every) if checkpoint_every else None
    with nullcontext() if quiet else show_cells(_describe) as on_progress:
        done = run_cells(
            plan, dataset, cells, workers, PLANE, paths.data, on_progress, paths.image_cache, study.take, keeper_of
        )
    codes = codes_in_plane(study.scored, study.first)
    return Outcome(
        table=_table(codes),
        headline=headline(
            _finding(codes, loss_curves(study.scored)),
            dataset,
            study.seeds,
            plain.threads,
            time.perf_counter() - start,
            f"{len(plan)} trainings ({done.reused} reused)",
        ),
        written=list(study.written),
    )


def _reader_config(plain: AutoencoderConfig, workers: Workers) -> ClassifierConfig:
    """Return the config of the convnet that reads the images: that of ``train convnet``, so that it is stored already.

    A single job runs in this process, where TensorFlow has one number of threads for all.
    """
    config: ClassifierConfig = load(shipped("convnet"), {**plain.images.model_dump(), "seed": plain.seed})
    return config.model_copy(update={"threads": plain.threads}) if workers.jobs == 1 else config


def _describe(trained: PlaneRun) -> str:
    return f"{trained.config.model}, seed {trained.config.seed}"


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
