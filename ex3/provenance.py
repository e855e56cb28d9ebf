"""Where a result comes from: package versions, code, config and images, as short digests.

A stored run is found by its ``run_identity``. Whatever could change its numbers is part of that digest, so a stale
result is never found, and this package's own version number, which changes no number, is left out.
"""

import ast
import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

import ex3
from ex3.config import Config
from ex3.results import Run

PACKAGE = Path(__file__).parent
RUN_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")  # what a training run's numbers depend on
R = TypeVar("R")


@dataclass(frozen=True)
class Computation(Generic[R]):
    """A function of a config and its images, and all else that its numbers depend on.

    Attributes:
        module: Where it is; the code of this module and of all ex3 modules that it imports counts.
        function: Its name there.
        result: The class of its results.
        packages: Those that its numbers depend on.
    """

    module: str
    function: str
    result: type[R]
    packages: tuple[str, ...]


TRAINING = Computation("ex3.runs", "train", Run, RUN_PACKAGES)


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of this package, of Python, and of the given packages."""
    ours = {"ex3": ex3.__version__, "python": platform.python_version()}
    return ours | {package: version(package) for package in packages}


def digest(*parts: object) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of some plain values, written as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def weights_digest(arrays: Iterable[np.ndarray]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a model's weights: shapes, types and bytes."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.shape} {array.dtype}".encode())
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()[:16]


def run_identity(config: Config, fingerprint: str, computation: Computation = TRAINING) -> str:
    """Return a digest of all that a run's numbers depend on.

    Args:
        config: The run's config; its seed and limit also decide the split of the images.
        fingerprint: Of the images.
        computation: The run's function, by default the training of a network in Keras.
    """
    packages = {package: version(package) for package in computation.packages}
    return digest(config.model_dump(mode="json"), fingerprint, packages, code_digest(computation.module))


@cache
def code_digest(module: str) -> str:
    """Return a digest of the code of an ex3 module and of all ex3 modules that it imports, directly or not.

    Comments, docstrings and layout do not count.

    Args:
        module: E.g. ``ex3.runs``.
    """
    seen: dict[str, str] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        path = _source_file(name)
        if path is None or name in seen:
            continue
        tree = ast.parse(path.read_bytes())
        seen[name] = _code_alone(tree)
        pending += [name.rpartition(".")[0], *_imported_modules(tree)]  # its package is imported before it
    return digest(seen)


def _source_file(module: str) -> Path | None:
    """Return a module's source file; ``None`` for other packages, and for ex3 itself, which holds no computation."""
    top, *parts = module.split(".")
    if top != "ex3" or not parts:
        return None
    path = PACKAGE.joinpath(*parts)
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _imported_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module imports, anywhere in it; an imported name may be a module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _code_alone(tree: ast.Module) -> str:
    """Return a module's code without comments, docstrings and layout."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    """Tell whether a statement is a string alone: a docstring, or the description of a field."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
