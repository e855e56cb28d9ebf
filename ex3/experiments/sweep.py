"""``sweep``: one hyper-parameter over a range of values, each with several seeds (S1 2.5.4, R0, R2, R4).

The best value is chosen on the validation images. A value with a run that diverged is never the best.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from ex3 import storage, sweeps
from ex3.cells import Workers, run_cells
from ex3.config import SweepConfig, TrainConfig
from ex3.config_files import expand
from ex3.data import load_dataset
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Places, versions
from ex3.plots.sweep import sweep_curves, sweep_summary
from ex3.progress import show_cells
from ex3.results import DatasetInfo, Record, Run
from ex3.sweeps import Grid
from ex3.tables import format_table, with_spread

log = logging.getLogger("ex3")

DROPOUTS = (0.0, 0.25)  # R0 compares these two
HEADER = [
    "diverged", "train loss", "validation loss", "test loss",
    "train accuracy", "validation accuracy", "test accuracy", "seconds per epoch",
]  # fmt: skip


def run(
    sweep: SweepConfig,
    bases: Mapping[str, TrainConfig],
    origin: str,
    places: Places,
    workers: Workers,
    command: str,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train the model with every value and seed, and write what came of it.

    Args:
        sweep: The parameter, its values, the number of seeds.
        bases: By model, the config that all its runs share: the sweep's model, and for dropout those to compare.
        origin: Where the values come from, for an error's message.
        places: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        fresh: Forget the runs of this sweep that are finished already.
        quiet: Show no progress.

    Raises:
        ConfigError: A value is not allowed.
        DataError: The images, or the cluster, cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    start = time.perf_counter()
    base, parameter, folder = bases[sweep.model], sweep.parameter, places.runs / "cells"
    planned = {"swept": expand(base, parameter, sweep.values, sweep.seeds, origin)}
    if parameter == "dropout":
        planned |= {model: expand(bases[model], parameter, DROPOUTS, sweep.seeds, origin) for model in bases}
    configs = [config for grid in planned.values() for seeds in grid.values() for config in seeds]
    storage.check_writable(places.figures, folder)
    dataset = load_dataset(base.dataset, places.data, base.seed, base.limit).info
    log.info("%s, from %s", dataset, places.data or dataset.source)
    if parameter == "batch_size" and max(sweep.values) > dataset.sizes["train"]:
        log.warning("batch sizes above %d are cut to it: there are no more training images", dataset.sizes["train"])
    if fresh:
        storage.remove_files(storage.cell_path(folder, config, dataset) for config in configs)

    with nullcontext() if quiet else show_cells(parameter) as report:
        runs, reused = run_cells(configs, dataset, folder, workers, places.data, report)
    in_order = iter(runs)
    grids = {
        name: {value: [next(in_order) for _ in seeds] for value, seeds in grid.items()}
        for name, grid in planned.items()
    }
    grid, compared = grids.pop("swept"), grids
    if not any(sweeps.finished(seeds) for seeds in grid.values()):
        raise DivergedError(f"every run diverged, at {parameter} = {', '.join(f'{value:g}' for value in grid)}")
    best = sweeps.best_value(grid)
    record = partial(_record, command, sweep, base, runs)
    name = f"sweep-{parameter.replace('_', '-').replace('learning-rate', 'lr')}"
    written = [
        *storage.save_figure(places.figures, sweep_curves(parameter, grid), record(name, {"values": _curves(grid)})),
        *storage.save_figure(
            places.figures,
            sweep_summary(parameter, grid, compared),
            record(f"{name}-summary", _summary(parameter, grid, best, compared)),
        ),
    ]
    work = f"{len(set(configs))} cells ({reused} reused), {time.perf_counter() - start:.1f} s"
    return Outcome(
        table=format_table([parameter, *HEADER], [_row(value, runs) for value, runs in grid.items()]),
        headline=_headline(sweep, grid, best, dataset, work),
        written=written,
    )


def _record(
    command: str, sweep: SweepConfig, base: TrainConfig, runs: list[Run], name: str, result: dict[str, Any]
) -> Record:
    return Record(
        name=name,
        command=command,
        config=sweep.model_dump(mode="json") | {"base": base.model_dump(mode="json")},
        dataset=runs[0].dataset,
        seeds=list(range(base.seed, base.seed + sweep.seeds)),
        threads=base.threads,
        precision=base.precision,
        seconds=sum(run.seconds for run in runs),
        versions=versions("tensorflow", "keras", "numpy"),
        result={"model": sweep.model, "parameter": sweep.parameter, **result},
    )


def _curves(grid: Grid) -> list[dict[str, Any]]:
    """Each value with its runs, less what the figures do not show."""
    shown = ("epochs", "metrics", "seconds", "diverged_at")
    return [
        {
            "value": value,
            "runs": [{"seed": run.config["seed"]} | {name: getattr(run, name) for name in shown} for run in runs],
        }
        for value, runs in grid.items()
    ]


def _summary(parameter: str, grid: Grid, best: Any, compared: Mapping[str, Grid]) -> dict[str, Any]:
    """Each value's numbers, the best value, and what is special to the parameter."""
    values = [{"value": value, **_numbers(runs)} for value, runs in grid.items()]
    result = {"values": values, "best": best}
    if parameter == "dropout":
        result["compared"] = {model: _curves(of_model) for model, of_model in compared.items()}
    if parameter == "batch_size":
        updates, seconds = sweeps.common_updates(grid), sweeps.common_seconds(grid)
        result |= {"equal_updates": updates, "equal_seconds": seconds}
        for numbers, runs in zip(values, grid.values(), strict=True):
            numbers["test_accuracy_at_equal_updates"] = [
                sweeps.summarise(runs, lambda run, steps=steps: sweeps.accuracy_after_updates(run, steps))
                for steps in updates
            ]
            numbers["test_accuracy_at_equal_seconds"] = sweeps.summarise(
                runs, lambda run: sweeps.accuracy_after_seconds(run, seconds)
            )
    return result


def _numbers(runs: list[Run]) -> dict[str, Any]:
    return {
        "diverged": len(runs) - len(sweeps.finished(runs)),
        **{name: sweeps.summarise(runs, lambda run, name=name: run.metrics[name]) for name in runs[0].metrics},
        "loss_gap": sweeps.summarise(runs, lambda run: sweeps.gap(run, "loss")),
        "accuracy_gap": sweeps.summarise(runs, lambda run: sweeps.gap(run, "accuracy")),
        "seconds_per_epoch": sweeps.summarise(runs, sweeps.seconds_per_epoch),
    }


def _row(value: Any, runs: list[Run]) -> list[str]:
    numbers = _numbers(runs)
    names = [f"{split}_{quantity}" for quantity in ("loss", "accuracy") for split in ("train", "validation", "test")]
    return [
        f"{value:g}",
        f"{numbers['diverged']}/{len(runs)}",
        *(with_spread(numbers[name], 4) for name in names),
        with_spread(numbers["seconds_per_epoch"], 2),
    ]


def _headline(sweep: SweepConfig, grid: Grid, best: Any, dataset: DatasetInfo, work: str) -> str:
    """One line: ``best learning_rate 0.3 by validation accuracy 0.98 ± 0.01: test accuracy 0.98 ± 0.01, ...``."""
    if best is None:
        return f"no {sweep.parameter} without a diverged run, data {dataset.name}, {sweep.model}, {work}"
    numbers = _numbers(grid[best])
    return (
        f"best {sweep.parameter} {best:g} by validation accuracy {with_spread(numbers['validation_accuracy'], 4)}: "
        f"test accuracy {with_spread(numbers['test_accuracy'], 4)}, data {dataset.name}, {sweep.model}, {work}"
    )
