"""Trained models on disk, each in a folder of its own that is named after its ``provenance.run_identity``.

So a model is found by all that its weights depend on, and one that was trained on other images, with another config or
by other code is never taken for it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

from pydantic import ValidationError

from ex3 import models, storage
from ex3.backend import keras
from ex3.config import ClassifierConfig, TrainConfig
from ex3.config_files import to_toml
from ex3.errors import DataError
from ex3.provenance import run_identity, weights_digest
from ex3.results import Run, from_json

log = logging.getLogger("ex3")


def model_folder(runs: Path, config: TrainConfig, fingerprint: str) -> Path:
    """Return the folder of a model, e.g. ``runs/models/convnet-seed0-0123456789abcdef``.

    Args:
        runs: Folder of all stored runs.
        config: The run's config.
        fingerprint: Of the images.
    """
    return runs / "models" / f"{config.model}-seed{config.seed}-{run_identity(config, fingerprint)}"


def save_models(runs: Path, trained: Mapping[str, keras.Model], run: Run) -> list[Path]:
    """Write each model as ``<name>.keras``, then ``config.toml`` and ``run.json``, and return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    folder = model_folder(runs, run.config, run.dataset.fingerprint)
    storage.check_writable(folder)
    return [
        *(storage.save_with(folder / f"{name}.keras", model.save) for name, model in trained.items()),
        storage.save_text(folder / "config.toml", to_toml(run.config)),
        storage.save_json(folder / "run.json", run),
    ]


def find_classifier(runs: Path, config: ClassifierConfig, fingerprint: str) -> tuple[keras.Model, Run] | None:
    """Return the stored classifier of this very config, images, package versions and code.

    Returns:
        The model and its run; ``None`` where there is none, and, with a warning, where it is damaged.
    """
    file = model_folder(runs, config, fingerprint) / "model.keras"
    if not file.parent.is_dir():
        return None
    try:
        return load_classifier(file)
    except DataError as error:
        log.warning("%s; the model is trained again", error)
        return None


def load_classifier(file: Path) -> tuple[keras.Model, Run]:
    """Read back a classifier that ``save_models`` wrote, with the run beside it.

    The model is built anew from the run's config and takes only numbers from the file, so that nothing in it can be
    executed.

    Raises:
        DataError: A file is missing or damaged, or the model is no classifier of this package.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    if not is_zipfile(file):
        raise DataError(f"{file}: not a .keras file (those are zip archives)")
    run_file = file.with_name("run.json")
    if not run_file.is_file():
        raise DataError(f"{file}: there is no run.json beside it; only models that this package trained can be read")
    try:
        run = from_json(Run, run_file.read_bytes())
    except ValidationError as error:
        raise DataError(f"{run_file}: damaged: {error.errors()[0]['msg']}") from error
    if not isinstance(run.config, ClassifierConfig):
        raise DataError(f"{file}: an autoencoder, not a classifier")
    try:
        keras.config.set_dtype_policy(run.config.precision)
        model = models.build(run.config, run.dataset.shape, len(run.dataset.class_names))
        model.load_weights(file)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{file}: not the weights of the model in its run.json: {reason}") from error
    if weights_digest(model.get_weights()) != run.weights:
        raise DataError(f"{file}: damaged: its weights are not those that were trained")
    return model, run
