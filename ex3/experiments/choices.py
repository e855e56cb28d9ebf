"""``choices``: named settings of a network, each with several seeds, compared seed by seed (S1 2.5.2 to 2.5.4, R0)."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from ex3 import choices, storage
from ex3.cells import Workers, cell_path, run_cells
from ex3.choices import Choice, ChoicesConfig, ChoicesResult, Plan
from ex3.config import ClassifierConfig
from ex3.data import load_images
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Paths, headline, make_record
from ex3.plots.choices import FIGURES, draw_choices
from ex3.progress import show_cells
from ex3.provenance import TRAINING
from ex3.results import Run
from ex3.tables import Table, with_spread

HEADER = ["group", "setting", "parameters", "diverged", "validation accuracy", "from the first", "test accuracy",
          "test loss"]  # fmt: skip


def run(
    name: str,
    config: ChoicesConfig,
    bases: Mapping[str, ClassifierConfig],
    origin: str,
    paths: Paths,
    workers: Workers,
    command: str,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train every setting with every seed, and compare the settings.

    Args:
        name: Of the figure, after ``choices-``; decides how the settings are drawn.
        config: The settings.
        bases: By network, the config that all its runs share.
        origin: Source of the settings, for an error's message.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twin.
        fresh: Delete the stored runs first.
        quiet: Show no progress.

    Raises:
        ConfigError: A setting has an unknown field, or a value that is not allowed.
        DataError: The images are not available.
        WriteError: A folder cannot be written to; found out before training.
        DivergedError: Every run diverged.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    start = time.perf_counter()
    base, folder = bases[config.model], paths.runs / "cells"
    plan = choices.plan_runs(config, bases, origin)
    planned = [one for group in plan.values() for seeds in group.values() for one in seeds]
    storage.check_writable(paths.figures, folder)
    dataset = load_images(base, paths.data, base.seed, paths.image_cache).info
    for one in planned:
        one.check_shape(dataset.shape)
    if fresh:
        storage.remove_files(cell_path(folder, one, dataset, TRAINING) for one in planned)
    with nullcontext() if quiet else show_cells(_describe) as on_progress:
        done = run_cells(planned, dataset, folder, workers, TRAINING, paths.data, on_progress, paths.image_cache)
    if all(of_run.diverged_at is not None for of_run in done.runs):
        raise DivergedError("every run diverged")
    runs = _group(plan, done.runs)
    result = choices.summarise(config, runs)
    record = make_record(
        f"choices-{name}", command, config.model_dump(mode="json") | {"base": base.model_dump(mode="json")}, dataset,
        [run.seed for run in result.choices[0].runs], done.seconds, result,
        threads=base.threads, precision=base.precision, models=_digests(runs),
    )  # fmt: skip
    figure = FIGURES.get(name, draw_choices)(result)
    work = f"{len(set(planned))} cells ({done.reused} reused)"
    return Outcome(
        table=Table(HEADER, [_row(choice) for choice in result.choices]),
        headline=headline(_finding(result), dataset, record.seeds, base.threads, time.perf_counter() - start, work),
        written=list(storage.save_figure(paths.figures, figure, record)),
    )


def _group(plan: Plan, runs: Sequence[Run]) -> dict[str, dict[str, list[Run]]]:
    """Arrange the runs, which come in the order of the plan's configs, like the plan."""
    in_order = iter(runs)
    return {
        group: {name: [next(in_order) for _ in seeds] for name, seeds in settings.items()}
        for group, settings in plan.items()
    }


def _digests(runs: Mapping[str, Mapping[str, Sequence[Run]]]) -> dict[str, str]:
    """Return the digest of each model's weights, by the run's setting and seed."""
    return {
        f"{group}, {name}, seed {run.config.seed}": run.weights
        for group, settings in runs.items()
        for name, of_setting in settings.items()
        for run in of_setting
    }


def _describe(run: Run) -> str:
    return f"{run.name}, seed {run.config.seed}"


def _row(choice: Choice) -> list[str]:
    numbers = [("validation_accuracy", 4), ("test_accuracy", 4), ("test_loss", 4)]
    validation, *test = (with_spread(choice.spreads[name], decimals) for name, decimals in numbers)
    difference = choice.difference
    has_interval = math.isfinite(difference.low)
    interval = f"{difference.mean:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})" if has_interval else "-"
    diverged = f"{choice.diverged}/{len(choice.runs)}"
    return [choice.group, choice.name, str(choice.parameters), diverged, validation, interval, *test]


def _finding(result: ChoicesResult) -> str:
    """Return e.g. ``best by validation: depth 2 layers, width 256-128``."""
    return "best by validation: " + ", ".join(f"{group} {name}" for group, name in result.best.items())
