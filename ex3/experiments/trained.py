"""The trained classifiers that other experiments rest on: read from the store, or trained now and stored."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ex3 import model_store
from ex3.backend import keras, prepare
from ex3.config import ClassifierConfig
from ex3.config_files import load, shipped
from ex3.data import Dataset, load_images
from ex3.errors import DataError
from ex3.experiments import Paths, divergence
from ex3.measured import OnProgress
from ex3.progress import show_training
from ex3.results import Run
from ex3.runs import train_classifier
from ex3.settings import ImagesConfig

log = logging.getLogger("ex3")


class SeededConfig(Protocol):
    """What the configs of all experiments that need a classifier have in common."""

    @property
    def images(self) -> ImagesConfig:
        """The choice of the images."""

    @property
    def seed(self) -> int:
        """Of the experiment, and of the classifier."""

    @property
    def threads(self) -> int:
        """TensorFlow's."""


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier, its run, and the files that were written because it had to be trained."""

    model: keras.Model
    run: Run
    written: list[Path]


def classifier_config(kind: str, like: SeededConfig) -> ClassifierConfig:
    """Return the shipped config of a classifier, with the images, seed and threads of another config.

    Args:
        kind: ``linear``, ``mlp`` or ``convnet``.
        like: The config of the experiment that needs the classifier.
    """
    return load(shipped(kind), {**like.images.model_dump(), "seed": like.seed, "threads": like.threads})


def trained_classifier(
    config: ClassifierConfig, paths: Paths, quiet: bool, show: Callable[[str, int], OnProgress] = show_training
) -> TrainedClassifier:
    """Return the classifier of this config: the stored one, or one that is trained now and stored.

    Args:
        config: All settings of its run.
        paths: Where to read the images, and where models are stored.
        quiet: Show no progress.
        show: Name of the run, number of epochs -> what shows its progress.

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
    model_store.check_place(paths.runs, config, dataset.fingerprint)
    log.info("%s, seed %d: no stored model; it is trained now", config.model, config.seed)
    title = f"{config.model}, seed {config.seed}"
    model, run = train_classifier(config, dataset, None if quiet else show(title, config.epochs))
    if run.diverged_at is not None:
        raise divergence(config.model, config.seed, run.diverged_at, config.learning_rate)
    return TrainedClassifier(model, run, model_store.save_models(paths.runs, {"model": model}, run))


def given_classifier(file: Path, config: SeededConfig, dataset: Dataset, paths: Paths, used: str) -> TrainedClassifier:
    """Return the classifier of a ``.keras`` file; warn where it was trained on other images.

    Args:
        file: Written by this package, with its ``run.json`` beside it.
        config: Of the experiment that uses it.
        dataset: The images of that experiment.
        paths: Where to read the images.
        used: What is done with it, for the warning, e.g. ``attacked``.

    Raises:
        DataError: The file cannot be read, the classifier is made for other images or classes, or its seed chose other
            test images of a folder, so that it may have been trained on these.
    """
    model, run = model_store.load_classifier(file)
    ours, theirs = dataset.info, run.dataset
    if (theirs.shape, len(theirs.class_names)) != (ours.shape, len(ours.class_names)):
        raise DataError(
            f"{file}: trained on images of shape {theirs.shape} in {len(theirs.class_names)} classes; those of "
            f"{ours.name} are of shape {ours.shape} in {len(ours.class_names)} classes"
        )
    for label, (name, trained_name) in enumerate(zip(ours.class_names, theirs.class_names, strict=True)):
        if name != trained_name:
            raise DataError(
                f"{file}: trained with {trained_name} as class {label}, which is {name} in {ours.name}; "
                "--classes puts classes into another order"
            )
    if theirs.fingerprint != ours.fingerprint:
        log.warning("%s: trained on other images (%s) than it is %s on", file, theirs.name, used)
    elif run.config.seed != config.seed:
        of_seed = load_images(config.images, paths.data, run.config.seed, paths.image_cache)
        if not np.array_equal(of_seed.test.x, dataset.test.x):
            raise DataError(f"{file}: trained with other test images of {ours.name}; give --seed {run.config.seed}")
    return TrainedClassifier(model, run, written=[])


def file_label(file: Path) -> str:
    """Name a model's file by its folder and itself, e.g. ``convnet-seed0-0123456789abcdef/model.keras``."""
    return "/".join(file.parts[-2:])
