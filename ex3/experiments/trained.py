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
    """Return the trained linear model, MLP or convnet; where there is none for these images, train it and keep it."""
    prepare(0, threads, "float32")  # TensorFlow takes its number of threads before it does anything
    folder = places.runs / f"train-{model}"
    file = folder / "model.keras"
    if file.exists():
        try:
            trained, _, run = storage.load_classifier(file)
            if run.dataset.fingerprint == dataset.fingerprint:
                return trained
            log.warning("%s: trained on %s, not on these images; it is trained anew", file, run.dataset.name)
        except DataError as error:
            log.warning("%s; it is trained anew", error)
    else:
        log.warning("%s: not there yet; it is trained now", file)
    config: ClassifierConfig = load(CONFIGS / f"{model}.toml", {"threads": threads, "dataset": dataset.name})
    trained, run = train_classifier(config, dataset, None if quiet else show_training(model, config.epochs))
    storage.save_run(folder, {"model": trained}, config, run)
    return trained
