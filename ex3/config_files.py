"""Configs from TOML files and the command line, and back.

``load`` reads a file, lets the command line's values override it, and turns the first error into one line that names
the key and the allowed values.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ex3.config import CLASSIFIER_CONFIGS, ClassifierConfig, Config, TrainConfig
from ex3.errors import ConfigError
from ex3.settings import DATASETS, MOST_SEEDS, ImagesConfig

C = TypeVar("C", bound=Config)
T = TypeVar("T", bound=TrainConfig)

MAX_CONFIG_BYTES = 64 * 1024
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # a key of TOML that needs no quotes
MOST_CHARACTERS = 100  # of a value in a message
DEEPEST = 16  # tables and lists in one another
TOO_DEEP = f"tables and lists nested deeper than {DEEPEST}"
PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Return the path of a config that comes with the package, e.g. ``convnet``.

    An installed package holds the configs; in a checkout they stand beside it.
    """
    folders = (PACKAGE / "configs", PACKAGE.parent / "configs")
    return next((folder for folder in folders if folder.is_dir()), folders[-1]) / f"{name}.toml"


def load(path: Path | str, overrides: Mapping[str, object] | None = None) -> ClassifierConfig:
    """Read a classifier's config, of the kind that its key ``model`` names; see ``load_as``."""
    kind = _classifier_kind({**_read_toml(Path(path)), **(overrides or {})}, str(path))
    return load_as(kind, path, overrides)


def make_classifier_config(settings: Mapping[str, object], origin: str) -> ClassifierConfig:
    """Build a classifier's config, of the kind that the key ``model`` names.

    Args:
        settings: All values, by key.
        origin: Where they come from, for the error's message.

    Raises:
        ConfigError: A key is unknown or missing, or a value is not allowed.
    """
    return _validate(_classifier_kind(settings, origin), settings, {}, origin)


def _classifier_kind(settings: Mapping[str, object], origin: str) -> type[ClassifierConfig]:
    model = settings.get("model")
    if not isinstance(model, str) or model not in CLASSIFIER_CONFIGS:
        raise ConfigError(f"{origin}: model = {model!r} is not one of {', '.join(CLASSIFIER_CONFIGS)}")
    return CLASSIFIER_CONFIGS[model]


def load_as(kind: type[C], path: Path | str, overrides: Mapping[str, object] | None = None) -> C:
    """Read a TOML file and lay overrides on it.

    Args:
        kind: The config's class.
        path: A TOML file of plain ``key = value`` lines.
        overrides: Values that win over the file's, by key.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, or a value is not allowed.
    """
    origins = dict.fromkeys(overrides or {}, "command line")
    config = _validate(kind, {**_read_toml(Path(path)), **(overrides or {})}, origins, str(path))
    seed, last = getattr(config, "seed", 0), 2**31 - MOST_SEEDS
    if seed > last:
        origin = origins.get("seed", str(path))
        raise ConfigError(f"{origin}: seed = {seed}: at most {last}, since up to {MOST_SEEDS} seeds follow it")
    return config


def change(config: C, changes: Mapping[str, object], origin: str) -> C:
    """Return a config with some values changed.

    Args:
        config: The config to start from.
        changes: New values, by key.
        origin: Where they come from, for the error's message.

    Raises:
        ConfigError: A key is unknown, or a value is not allowed.
    """
    return _validate(type(config), {**config.model_dump(), **changes}, {}, origin)


def expand(base: T, parameter: str, values: Sequence[Any], seeds: int, origin: str) -> dict[Any, list[T]]:
    """Return, for each value of the parameter in ascending order, the base with that value and each of the seeds.

    Raises:
        ConfigError: The base has no such parameter, or a value is not allowed.
    """
    repeats = range(base.seed, base.seed + seeds)
    grid = {value: [change(base, {parameter: value, "seed": seed}, origin) for seed in repeats] for value in values}
    return dict(sorted(grid.items()))


def _validate(kind: type[C], values: Mapping[str, object], origins: Mapping[str, str], origin: str) -> C:
    """Build a config; ``origins`` tells where some keys' values come from, ``origin`` where the others' do."""
    try:
        config = kind.model_validate(values)
        if isinstance(config, ImagesConfig):
            check_dataset(config.dataset, f"{origins.get('dataset', origin)}: ")
        return config
    except ValidationError as error:
        first = error.errors()[0]  # of all that is wrong
    if not first["loc"]:  # from a validator over several fields
        raise ConfigError(f"{origin}: {first['msg'].removeprefix('Value error, ')}")
    key = str(first["loc"][0])
    if first["type"] == "missing":
        raise ConfigError(f"{origin}: the key {key!r} is missing")
    origin = origins.get(key, origin)
    if first["type"] == "extra_forbidden":
        known = list(kind.model_fields)
        hint = nearest(key, known) or f"; it has {', '.join(known)}"
        raise ConfigError(f"{origin}: {kind.__name__} has no key {key!r}{hint}")
    raise ConfigError(f"{origin}: {key} = {_shorten(values[key])}: {first['msg'][0].lower()}{first['msg'][1:]}")


def _shorten(value: object) -> str:
    """Write a value for a message, which a long one would hide."""
    text = repr(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}... ({len(text):,} characters)"


def check_dataset(name: str, where: str = "") -> None:
    """Check that a data set is a known one, or a folder.

    A run that is read back may name a folder that is gone, so no config checks this by itself.

    Raises:
        ConfigError: It is neither; the message begins with ``where``.
    """
    try:
        is_known = name in DATASETS or Path(name).is_dir()
    except OSError as error:  # e.g. a name that is too long, or a folder that may not be searched
        raise ConfigError(f"{where}dataset = {_shorten(name)}: {error.strerror}") from error
    if not is_known:
        hint = nearest(Path(name).name, DATASETS)
        raise ConfigError(f"{where}dataset = {name!r}: neither a folder nor one of {', '.join(DATASETS)}{hint}")


def parse_value(text: str) -> object:
    """Read a value as TOML does (``0.1``, ``true``, ``[16, 32]``), and as plain text where that fails."""
    try:
        values = _parse_toml(f"value = {text}")
    except ValueError:
        return text
    return values["value"] if set(values) == {"value"} else text


def to_toml(config: Config) -> str:
    """Write a config as TOML that ``load`` reads back to an equal one."""
    return _to_toml(config.model_dump(mode="json", exclude_none=True), "")


def _to_toml(values: Mapping[str, object], table: str) -> str:
    """Write values as TOML: the plain ones first, then each table of them."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    header = f"\n[{table}]\n" if table and (lines or not values) else ""
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    names = {key: key if BARE_KEY.fullmatch(key) else json.dumps(key) for key in tables}
    return header + lines + "".join(_to_toml(tables[key], f"{table}.{names[key]}".lstrip(".")) for key in tables)


def nearest(word: str, words: tuple[str, ...] | list[str]) -> str:
    """Say ``; did you mean 'x'?`` for the nearest of the words, or nothing when none is near."""
    matches = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _read_toml(path: Path) -> dict[str, object]:
    try:
        if path.resolve().is_fifo():  # a pipe with a name, which may have no writer; the shell's <(...) has one
            raise ConfigError(f"{path}: a pipe, not a file")
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_CONFIG_BYTES // 1024} KiB, which no config is")
    try:
        values = _parse_toml(content.decode("utf-8-sig"))  # Windows' editor begins with a byte-order mark
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file in UTF-8") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    if not values:
        raise ConfigError(f"{path}: holds no key at all; configs/convnet.toml is an example")
    return values


def _parse_toml(text: str) -> dict[str, object]:
    """Parse TOML that anybody may have written.

    Raises:
        ValueError: It is not valid, nested deeper than any config, or holds a huge integer.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    _check(values, 0)
    return values


def _check(value: object, depth: int) -> None:
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("an integer of more than 64 bits")
    if depth > DEEPEST:
        raise ValueError(TOO_DEEP)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check(part, depth + 1)
