"""The trained classifiers that other experiments rest on: read from the runs, or trained now."""

import logging
from pathlib import Path

from ex3 import storage
from ex3.backend import keras, prepare
from ex3.config import ClassifierConfig
from ex3.config_files import load
from ex3.data import Dataset
from ex3.errors import DataError
from ex3.experiments import Places
from ex3.progress import show_training
from ex3.training import train_classifier

log = logging.getLogger("ex3")
CONFIGS = Path(__file__).parents[2] / "configs"


def classifier(model: str, dataset: Dataset, places: Places, threads: int, quiet: bool) -> keras.Model:
    """Return the trained linear model, MLP or convnet of the runs.

    Where there is none it is trained and kept; where there is one of other images, one of these is trained, and not
    kept, since the other may have taken long.
    """
    prepare(0, threads, "float32")  # TensorFlow takes its number of threads before it does anything
    folder = places.runs / f"train-{model}"
    file = folder / "model.keras"
    is_kept = True
    try:
        trained, _, run = storage.load_classifier(file)
        if run.dataset.fingerprint == dataset.fingerprint:
            return trained
        is_kept = False
        log.warning("%s: trained on %s; another one is trained on these images, and not kept", file, run.dataset.name)
    except DataError as error:
        log.warning("%s; it is trained now", error)
    config: ClassifierConfig = load(CONFIGS / f"{model}.toml", {"threads": threads, "dataset": dataset.name})
    trained, run = train_classifier(config, dataset, None if quiet else show_training(model, config.epochs))
    if is_kept:
        storage.save_run(folder, {"model": trained}, config, run)
    return trained
