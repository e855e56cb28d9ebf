"""One short file per command: load the data, compute, draw, save, and return the text to print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ex3.data.raw import CLASS_NAMES
from ex3.data.sources import is_at_hand
from ex3.errors import DataError, DivergedError, Ex3Error
from ex3.provenance import RUN_PACKAGES, versions
from ex3.results import DatasetInfo, Record
from ex3.settings import ImagesConfig
from ex3.tables import Text

Result = TypeVar("Result")


@dataclass(frozen=True)
class Paths:
    """Where an experiment reads and writes.

    Attributes:
        figures: Folder of the PNGs and their JSON twins.
        runs: Folder of trained models and finished runs.
        data: Folder (or ``.npz``) of the images, instead of the data set's usual source.
    """

    figures: Path
    runs: Path
    data: Path | None = None

    @property
    def image_cache(self) -> Path:
        """Folder where the images of a folder are kept once they are read."""
        return self.runs / "images"


@dataclass(frozen=True)
class OutcomeSummary:
    """The part of an outcome that other programs read, as JSON."""

    headline: str
    written: list[str]


@dataclass(frozen=True)
class Outcome:
    """The text and files of a finished experiment.

    Attributes:
        table: The numbers.
        headline: The last line, for people and for scripts.
        written: The files, in the order in which they were written.
        problem: An error to report although all of this was written, such as a run that diverged.
    """

    table: Text
    headline: str
    written: list[Path] = field(default_factory=list)
    problem: Ex3Error | None = None

    @property
    def summary(self) -> OutcomeSummary:
        """Headline and files."""
        return OutcomeSummary(self.headline, [str(path) for path in self.written])


def figure_prefix(command: str, dataset: DatasetInfo) -> str:
    """Return the first part of the figures' names: the command's, and the data set's unless it is the usual one."""
    return command if dataset.name == "cars-cats-trucks" else f"{command}-{dataset.name}"


def require_at_hand(config: ImagesConfig, paths: Paths, otherwise: str) -> None:
    """Check that the images can be had without a download.

    Args:
        config: With the images.
        paths: Where they are read.
        otherwise: A command line that does without them.

    Raises:
        DataError: They would have to be downloaded.
    """
    if not is_at_hand(config.dataset, paths.data):
        where = f"in {paths.data}" if paths.data else "in Keras's cache"
        raise DataError(
            f"{config.dataset}: not {where}; name its folder with --data-dir, let Keras download 170 MB with "
            f"--dataset {config.dataset}, or run {otherwise}"
        )


def make_record(
    name: str,
    command: str,
    config: dict[str, Any],
    dataset: DatasetInfo,
    seeds: Sequence[int],
    seconds: float,
    result: Result,
    *,
    threads: int,
    precision: str = "float32",
    packages: Sequence[str] = RUN_PACKAGES,
    models: Mapping[str, str] | None = None,
) -> Record[Result]:
    """Build a figure's JSON twin: the common head, and the result that the figure shows.

    Args:
        name: The figure's name.
        command: The command line that makes it again.
        config: The resolved config, as plain JSON.
        dataset: The images.
        seeds: Of all repeats.
        seconds: Of the computation; those of many runs are added up.
        result: What the figure shows.
        threads: TensorFlow's, or 1.
        precision: Of the layers' arithmetic.
        packages: Packages that the result may depend on.
        models: Of each trained model that the result rests on, the digest of its weights.
    """
    return Record(
        name=name,
        command=command,
        config=config,
        dataset=dataset,
        seeds=list(seeds),
        threads=threads,
        precision=precision,
        seconds=seconds,
        versions=versions(*packages),
        models=dict(models or {}),
        result=result,
    )


def headline(
    finding: str,
    dataset: DatasetInfo | str,
    seeds: Sequence[int],
    threads: int | None,
    seconds: float,
    subject: str = "",
) -> str:
    """Write an experiment's last line, e.g. ``test accuracy 0.9921, data mnist, seed 0, threads 2, 9.8 s``.

    Args:
        finding: The result in a few words.
        dataset: The images, or their name; some classes of a well-known data set are named, too.
        seeds: Of all repeats.
        threads: TensorFlow's; left out when ``None``.
        seconds: Of the whole experiment.
        subject: Further settings, such as the model; left out when empty.
    """
    repeats = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    parts = [
        finding,
        subject,
        f"data {_name_images(dataset)}",
        repeats,
        f"threads {threads}" if threads else "",
        f"{seconds:.1f} s",
    ]
    return ", ".join(filter(None, parts))


def _name_images(dataset: DatasetInfo | str) -> str:
    if isinstance(dataset, str):
        return dataset
    is_whole = tuple(dataset.class_names) == CLASS_NAMES.get(dataset.name, tuple(dataset.class_names))
    return dataset.name + ("" if is_whole else f" ({' '.join(dataset.class_names)})")


def divergence(label: str, seed: int, iteration: int, learning_rate: float, consequence: str = "") -> DivergedError:
    """Return the error for a run whose loss became infinite or not a number.

    Args:
        label: The network, and its task where there are several.
        seed: Of the run.
        iteration: The first one (from 1) whose loss was not finite.
        learning_rate: Of the run.
        consequence: A further sentence.
    """
    return DivergedError(
        f"{label}, seed {seed}: the loss is not finite from iteration {iteration} on, at learning_rate = "
        f"{learning_rate}; try a smaller one" + (f". {consequence}" if consequence else "")
    )
