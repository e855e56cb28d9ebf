"""The trained classifiers that other experiments rest on: read from the store, or trained now and stored."""

import logging
from dataclasses import dataclass
from pathlib import Path

from ex3 import model_store
from ex3.backend import keras, prepare
from ex3.config import AttackConfig, ClassifierConfig, TrainConfig
from ex3.config_files import load, shipped
from ex3.data import load_images
from ex3.experiments import Paths, divergence
from ex3.progress import show_training
from ex3.results import Run
from ex3.runs import train_classifier

log = logging.getLogger("ex3")


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier, its run, and the files that were written because it had to be trained."""

    model: keras.Model
    run: Run
    written: list[Path]


def classifier_config(kind: str, like: TrainConfig | AttackConfig) -> ClassifierConfig:
    """Return the shipped config of a classifier, with the images, seed and threads of another config.

    Args:
        kind: ``linear``, ``mlp`` or ``convnet``.
        like: The config of the experiment that needs the classifier.
    """
    return load(shipped(kind), {**like.images.model_dump(), "seed": like.seed, "threads": like.threads})


def trained_classifier(config: ClassifierConfig, paths: Paths, quiet: bool) -> TrainedClassifier:
    """Return the classifier of this config: the stored one, or one that is trained now and stored.

    Args:
        config: All settings of its run.
        paths: Where to read the images, and where models are stored.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: The model cannot be written.
    """
    prepare(
        config.seed, config.threads, config.precision
    )  # TensorFlow takes its number of threads before its first use
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    if found := model_store.find_classifier(paths.runs, config, dataset.fingerprint):
        return TrainedClassifier(*found, written=[])
    log.info("%s, seed %d: no stored model; it is trained now", config.model, config.seed)
    title = f"{config.model}, seed {config.seed}"
    model, run = train_classifier(config, dataset, None if quiet else show_training(title, config.epochs))
    if run.diverged_at is not None:
        raise divergence(config.model, config.seed, run.diverged_at, config.learning_rate)
    return TrainedClassifier(model, run, model_store.save_models(paths.runs, {"model": model}, run))
