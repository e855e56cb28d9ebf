"""The only writer: every file is complete or not there, and a failure leaves the old one as it was.

A file is written to a temporary sibling, forced to the disk and moved over the old one. ``check_writable`` finds out
before an hour of training whether that will work.
"""

import hashlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, is_zipfile

from pydantic import ValidationError

import ex3
from ex3.config import ClassifierConfig, TrainConfig
from ex3.config_files import load, to_toml
from ex3.errors import ConfigError, DataError, WriteError
from ex3.results import Cell, DatasetInfo, Finished, Record, Run, from_json, to_json

if TYPE_CHECKING:  # who saves a figure has loaded matplotlib already, and who saves a model Keras
    from matplotlib.figure import Figure

    from ex3.backend import keras

log = logging.getLogger("ex3")

FIGURE_DPI = 100  # keeps the widest figure below 300 kB


def check_writable(*folders: Path) -> None:
    """Create the folders and try a file in each.

    Raises:
        WriteError: A folder cannot be made or written to.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise WriteError(f"{folder}: not a folder that can be written to: {error.strerror}") from error


def save_figure(folder: Path, figure: "Figure", record: Record) -> list[Path]:
    """Write ``<record.name>.png`` and its JSON twin, and return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=FIGURE_DPI)
    return [
        _write(folder / f"{record.name}.png", png.getvalue()),
        _write(folder / f"{record.name}.json", to_json(record).encode()),
    ]


def save_run(folder: Path, models: Mapping[str, "keras.Model"], config: TrainConfig, run: Run) -> list[Path]:
    """Write each model as ``<name>.keras``, then ``config.toml`` and ``run.json``, and return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    check_writable(folder)
    return [
        *(_replace(folder / f"{name}.keras", model.save) for name, model in models.items()),
        _write(folder / "config.toml", to_toml(config).encode()),
        _write(folder / "run.json", to_json(run).encode()),
    ]


def load_classifier(file: Path) -> tuple["keras.Model", ClassifierConfig, Run]:
    """Read back a classifier that ``save_run`` wrote, with the config and the run beside it.

    The model is built anew from its config and takes only numbers from the file, so that nothing in it can be executed.

    Raises:
        DataError: A file is missing or not what it should be.
    """
    from ex3.backend import keras
    from ex3.models import build

    if not file.is_file():
        raise DataError(f"{file}: no such file")
    if not is_zipfile(file):
        raise DataError(f"{file}: not a .keras file (those are zip archives)")
    for name in ("config.toml", "run.json"):
        if not (file.parent / name).is_file():
            raise DataError(f"{file}: there is no {name} beside it; only models that this package trained can be read")
    try:
        config = load(file.parent / "config.toml")
        run = from_json(Run, (file.parent / "run.json").read_bytes())
        keras.config.set_dtype_policy(config.precision)
        model = build(config)
        model.load_weights(file)
    except ConfigError as error:
        raise DataError(str(error)) from error
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{file}: not the weights of the model in its config.toml: {reason}") from error
    return model, config, run


def save_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8, and return its path.

    Raises:
        WriteError: The file cannot be written.
    """
    return _write(path, text.encode())


def cell_path(folder: Path, config: TrainConfig, dataset: DatasetInfo) -> Path:
    """Name a cell's file after all that its numbers depend on: config, images, and this package's version."""
    identity = [config.model_dump(mode="json"), dataset.fingerprint, ex3.__version__]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return folder / f"{digest[:16]}.json"


def save_cell(path: Path, cell: Cell) -> None:
    """Write a cell.

    Raises:
        WriteError: The file cannot be written.
    """
    _write(path, to_json(cell).encode())


def load_cell(path: Path, config: TrainConfig) -> Cell | None:
    """Read a cell; ``None`` where there is none. One that cannot be believed is deleted, with a warning."""
    try:
        cell = from_json(Cell, path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        cell = None
    if cell is None or cell.run.config != config.model_dump(mode="json"):
        log.warning("%s: damaged; deleted, and computed again", path)
        path.unlink(missing_ok=True)
        return None
    return cell


def save_finished(path: Path, finished: Finished) -> None:
    """Write the note of a finished experiment.

    Raises:
        WriteError: The file cannot be written.
    """
    _write(path, to_json(finished).encode())


def load_finished(path: Path) -> Finished | None:
    """Read such a note; ``None`` where there is none, or, with a warning, where it is damaged."""
    try:
        return from_json(Finished, path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        log.warning("%s: damaged; its experiment is done again", path)
        return None


def digest(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def remove_files(paths: Iterable[Path]) -> None:
    """Delete files, where they are there.

    Raises:
        WriteError: A file cannot be deleted.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"{path}: cannot be deleted: {error.strerror}") from error


def _write(path: Path, content: bytes) -> Path:
    return _replace(path, lambda temporary: temporary.write_bytes(content))


def _replace(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary sibling of the same suffix, then move it over ``path``."""
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
