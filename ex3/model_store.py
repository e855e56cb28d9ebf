"""Trained models on disk, each in a folder of its own that is named after its ``provenance.run_identity``.

So a model is found by all that its weights depend on, and one that was trained on other images, with another config or
by other code is never taken for it.
"""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import h5py
import numpy as np
from pydantic import ValidationError

from ex3 import models, storage
from ex3.backend import keras
from ex3.config import ClassifierConfig, PlaneConfig, TrainConfig
from ex3.config_files import to_toml
from ex3.errors import DataError, WriteError
from ex3.provenance import run_identity, weights_digest
from ex3.results import Run, from_json, to_json

log = logging.getLogger("ex3")

SPARE_BYTES = 4 * 2**20  # of a .keras file, beside its weights


def model_folder(runs: Path, config: TrainConfig, fingerprint: str) -> Path:
    """Return the folder of a model, e.g. ``runs/models/convnet-seed0-0123456789abcdef``.

    Args:
        runs: Folder of all stored runs.
        config: The run's config.
        fingerprint: Of the images.
    """
    return runs / "models" / f"{config.model}-seed{config.seed}-{run_identity(config, fingerprint)}"


def save_models(runs: Path, trained: Mapping[str, keras.Model], run: Run) -> list[Path]:
    """Write each model as ``<name>.keras``, with ``config.toml`` and ``run.json``, as one; return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    folder = model_folder(runs, run.config, run.dataset.fingerprint)
    storage.check_writable(folder.parent)
    texts = {"config.toml": to_toml(run.config), "run.json": to_json(run)}
    return storage.save_folder(
        folder,
        {f"{name}.keras": model.save for name, model in trained.items()}
        | {name: storage.filler(text.encode()) for name, text in texts.items()},
    )


def check_place(runs: Path, config: TrainConfig, fingerprint: str) -> None:
    """Check before the training that the model's folder can be made.

    Raises:
        WriteError: A file stands in its place.
    """
    folder = model_folder(runs, config, fingerprint)
    if folder.exists() and not folder.is_dir():
        raise WriteError(f"{folder}: a file, where the model's folder will be")


def find_classifier(runs: Path, config: ClassifierConfig, fingerprint: str) -> tuple[keras.Model, Run] | None:
    """Return the stored classifier of this very config, images, package versions and code.

    Returns:
        The model and its run; ``None`` where there is none, and, with a warning, where it is damaged.
    """
    file = model_folder(runs, config, fingerprint) / "model.keras"
    storage.recover_folder(file.parent)
    if not file.parent.is_dir():
        return None
    try:
        return load_classifier(file)
    except DataError as error:
        log.warning("%s; the model is trained again", error)
        return None


def find_autoencoder(runs: Path, config: PlaneConfig, fingerprint: str) -> tuple[models.Autoencoder, Run] | None:
    """Return the stored autoencoder of this very config; else as ``find_classifier``."""
    folder = model_folder(runs, config, fingerprint)
    if not folder.is_dir():
        return None
    try:
        return _load_autoencoder(folder)
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
    _check_archive(file)
    run = _load_run(file)
    if not isinstance(run.config, ClassifierConfig):
        raise DataError(f"{file}: an autoencoder, not a classifier")
    with _as_damage(file):
        keras.config.set_dtype_policy(run.config.precision)
        model = models.build(run.config, run.dataset.shape, len(run.dataset.class_names))
        _fill(model, file)
    _check_weights(file, model.get_weights(), run)
    return model, run


def _load_autoencoder(folder: Path) -> tuple[models.Autoencoder, Run]:
    """Read back encoder and decoder, which are trained, and their weights digested, as one."""
    files = [folder / "encoder.keras", folder / "decoder.keras"]
    for file in files:
        _check_archive(file)
    run = _load_run(files[0])
    if not isinstance(run.config, PlaneConfig):
        raise DataError(f"{folder}: a classifier, not an autoencoder")
    with _as_damage(folder):
        keras.config.set_dtype_policy(run.config.precision)
        autoencoder = models.build_autoencoder(run.config, run.dataset.shape)
        parts = [autoencoder.encoder, autoencoder.decoder]
        for part, file in zip(parts, files, strict=True):
            _fill(part, file)
    _check_weights(folder, [array for part in parts for array in part.get_weights()], run)
    return autoencoder, run


def _check_archive(file: Path) -> None:
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    if not is_zipfile(file):
        raise DataError(f"{file}: not a .keras file (those are zip archives)")


@contextmanager
def _as_damage(place: Path) -> Iterator[None]:
    """Turn whatever is raised while a model takes its weights into one error."""
    try:
        yield
    except Exception as error:  # Keras and HDF5 raise anything for a damaged file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{place}: not the weights of the model in its run.json: {reason}") from error


def _fill(model: keras.Model, file: Path) -> None:
    """Let a model take its weights from a file."""
    _check_size(file, model.count_params())
    model.load_weights(file)


def _check_weights(place: Path, weights: Sequence[np.ndarray], run: Run) -> None:
    """Check that weights are those of a run, and finite."""
    if weights_digest(weights) != run.weights:
        raise DataError(f"{place}: damaged: its weights are not those that were trained")
    if not all(np.isfinite(array).all() for array in weights):
        raise DataError(f"{place}: holds weights that are infinite or not a number")


def _load_run(file: Path) -> Run:
    """Read the run beside a model."""
    run_file = file.with_name("run.json")
    if not run_file.is_file():
        raise DataError(f"{file}: there is no run.json beside it; only models that this package trained can be read")
    try:
        return from_json(Run, run_file.read_bytes())
    except ValidationError as error:
        raise DataError(f"{run_file}: damaged: {error.errors()[0]['msg']}") from error


def _check_size(file: Path, parameters: int) -> None:
    """Check that a file unpacks to what a model of so many parameters needs, before that takes memory.

    Raises:
        ValueError: It unpacks to more.
    """
    most = 4 * parameters + SPARE_BYTES
    with ZipFile(file) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
        if sum(sizes) <= most:
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
                sizes = []  # of its arrays, which may be packed once more
                weights.visititems(lambda _, part: sizes.append(getattr(part, "nbytes", 0)))
    if sum(sizes) > most:
        raise ValueError(f"it unpacks to {sum(sizes) / 1e6:,.0f} MB; at most {most / 1e6:,.0f} MB are believed")
