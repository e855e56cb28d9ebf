"""The states of a command's trainings on disk, from which the same command goes on after a kill.

A checkpoint is one file: all that ``training.TrainState`` holds, the config, and a digest of both. Its folder, e.g.
``runs/checkpoints/convnet-0123456789abcdef/seed0``, is named after all that its numbers depend on, so that no other run
takes it up. The last two are kept, and when the command comes to its end, none.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ex3 import storage
from ex3.config import TrainConfig
from ex3.errors import ConfigError, DivergedError, WriteError
from ex3.locks import locked
from ex3.progress import show_message
from ex3.provenance import run_identity, weights_digest
from ex3.settings import ImagesConfig
from ex3.training import TrainState

log = logging.getLogger("ex3")

KEPT = 2
NAMED = 3  # settings that differ, in an error


@dataclass
class Checkpoints:
    """The checkpoints of one training; a ``measured.Keeper``.

    Attributes:
        folder: Theirs alone.
        config: Of the training.
        seconds: Between two of them.
        has_end: Whether the state after the last step is kept, too, for a command that has more to do.
        newest: When the last one was written, or the training began; on the clock of ``time.monotonic``.
    """

    folder: Path
    config: TrainConfig
    seconds: float
    has_end: bool
    newest: float = 0.0

    def take_up(self, state: TrainState) -> None:
        """Restore the newest state that is not damaged, and say so."""
        if saved := _load_newest(self.folder):
            state.restore(saved)
            show_message(f"{self.config.model}, seed {self.config.seed}: goes on after step {len(state.losses)}")
        self.newest = time.monotonic()

    def keep(self, state: TrainState, is_done: bool = False) -> None:
        """Write a state, if the last one is old enough; where that fails, the training goes on."""
        if time.monotonic() - self.newest < self.seconds and not (is_done and self.has_end):
            return
        contents = {"config": np.array(json.dumps(self.config.model_dump(mode="json"))), **state.snapshot()}
        contents["digest"] = np.array(_digest(contents))
        try:
            storage.check_writable(self.folder)
            storage.save_arrays(self.folder / f"step-{len(state.losses):08}.npz", contents)
            storage.remove_files(_newest_first(self.folder)[KEPT:])
        except WriteError as error:
            log.warning("%s; the training goes on without a checkpoint", error)
        self.newest = time.monotonic()

    def forget(self) -> None:
        """Remove all states."""
        storage.remove_files([self.folder])


def cell_checkpoints(path: Path, config: TrainConfig, seconds: float) -> Checkpoints:
    """Return the checkpoints of a cell, in a folder beside its file.

    Args:
        path: Of the cell.
        config: Of its training.
        seconds: Between two of them.
    """
    return Checkpoints(path.with_suffix(""), config, seconds, has_end=True)


Open = Callable[[TrainConfig, str], Checkpoints | None]  # config, fingerprint of the images


@contextmanager
def checkpoints(runs: Path, seconds: float, fresh: bool, has_more: bool) -> Iterator[Open]:
    """Keep checkpoints while a command runs; an error or a kill leaves them, and its end removes them.

    Args:
        runs: Folder of all stored runs.
        seconds: Between two checkpoints of a training; 0 for none.
        fresh: Remove those of trainings that were interrupted, instead of going on from them.
        has_more: Whether the command trains more than once, so that finished trainings are kept until its end.

    Yields:
        A function from a config and the fingerprint of its images to the checkpoints of its training. It raises a
        ``ConfigError`` where a training of the same name was interrupted that had other settings, and a ``WriteError``
        where another process trains the same.
    """
    folder, groups, opened = runs / "checkpoints", set[Path](), set[Path]()

    def open_checkpoints(config: TrainConfig, fingerprint: str) -> Checkpoints | None:
        of_all_seeds = run_identity(config.model_copy(update={"seed": 0}), fingerprint)
        group = folder / f"{config.model}-{of_all_seeds}"
        if group not in groups:
            locks.enter_context(locked(folder, [group.name]))
            groups.add(group)
        if not seconds:
            return None
        own = group / f"seed{config.seed}"
        for other in folder.glob(f"{config.model}-{'?' * len(of_all_seeds)}/{own.name}"):
            if other != own:
                _remove_useless(other, config, fresh)
        kept = Checkpoints(own, config, seconds, has_more)
        if fresh:
            kept.forget()
        opened.add(own)
        return kept

    def remove_all() -> None:
        storage.remove_files(opened)
        storage.remove_files(group for group in groups if not list(group.glob("*")))

    with ExitStack() as locks:
        try:
            yield open_checkpoints
        except DivergedError:  # the next try has other settings
            remove_all()
            raise
        remove_all()


def _remove_useless(other: Path, config: TrainConfig, fresh: bool) -> None:
    """Remove other checkpoints of the same model and seed if nobody will take them up; leave those of a live process.

    Raises:
        ConfigError: They wait for somebody: they are of the same images, and of other settings.
    """
    with suppress(WriteError), locked(other.parents[1], [other.parent.name]):
        if fresh or _is_useless(other, config):
            storage.remove_files([other])
            storage.remove_files([other.parent] if not list(other.parent.glob("*")) else [])


def _is_useless(folder: Path, config: TrainConfig) -> bool:
    saved = _load_newest(folder)
    if not saved:
        return True
    theirs, ours = json.loads(str(saved["config"])), config.model_dump(mode="json")
    if any(theirs.get(key) != ours[key] for key in ImagesConfig.model_fields):
        return False
    changed = [f"{key} = {theirs.get(key)}, not {ours[key]}" for key in ours if theirs.get(key) != ours[key]]
    if changed:
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        raise ConfigError(
            f"{folder}: a training was interrupted that had {', '.join(changed[:NAMED])}{more}; give that again to go "
            "on with it, or --fresh to drop it"
        )
    log.warning("%s: of other images, packages or code; removed, and trained again", folder)
    return True


def _load_newest(folder: Path) -> dict[str, np.ndarray] | None:
    """Read the newest sound checkpoint in a folder; remove damaged ones with a warning."""
    for path in _newest_first(folder):
        try:
            with np.load(path) as file:
                saved = dict(file)
            if str(saved["digest"]) == _digest(saved):
                return saved
        except Exception as error:  # NumPy and zipfile raise anything for a damaged file
            log.debug("%s: %s", path, error)
        log.warning("%s: damaged; the training goes on from the one before", path)
        storage.remove_files([path])
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.npz"), reverse=True)


def _digest(contents: dict[str, np.ndarray]) -> str:
    """Return a digest of all arrays of a checkpoint but for the digest itself."""
    names = sorted(contents.keys() - {"digest"})
    return weights_digest(array for name in names for array in (np.array(name), contents[name]))
