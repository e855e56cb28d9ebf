"""``sweep``: one parameter over several values, each with several seeds (S1 2.5.4, R0, R2, R4).

The best value is chosen on the validation images. A value with a run that diverged is never the best.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from ex3 import storage, sweeps
from ex3.cells import CellResults, Workers, cell_path, run_cells
from ex3.config import SweepConfig, TrainConfig
from ex3.config_files import expand
from ex3.data import load_images
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Paths, headline, make_record
from ex3.plots.sweep_summary import figures_of
from ex3.progress import show_cells
from ex3.provenance import TRAINING
from ex3.results import DatasetInfo, Run
from ex3.sweeps import Grid, SweepKind, SweepResult, Value, format_value
from ex3.tables import Table, with_spread

log = logging.getLogger("ex3")

SWEPT = "swept"
Plan = dict[str, dict[Value, list[TrainConfig]]]  # SWEPT or a compared model -> value -> one config per seed


def run(
    sweep: SweepConfig,
    bases: Mapping[str, TrainConfig],
    origin: str,
    paths: Paths,
    workers: Workers,
    command: str,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Train the network with every value and seed, and compare the values.

    Args:
        sweep: The parameter, its values, the number of seeds.
        bases: By network, the config that all its runs share: the sweep's, and those that are compared in addition.
        origin: Source of the values, for an error's message.
        paths: Where to read and write.
        workers: Where the runs take place.
        command: The command line that repeats this, for the twins.
        fresh: Delete the stored runs of this sweep first.
        quiet: Show no progress.

    Raises:
        ConfigError: A value is not allowed.
        DataError: The images or the cluster are not available.
        WriteError: A folder cannot be written to; found out before training.
        DivergedError: Every run diverged.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    start = time.perf_counter()
    kind, base, folder = sweeps.kind_of(sweep.parameter), bases[sweep.model], paths.runs / "cells"
    plan = _plan(kind, sweep, bases, origin)
    configs = [config for grid in plan.values() for seeds in grid.values() for config in seeds]
    storage.check_writable(paths.figures, folder)
    dataset = load_images(base, paths.data, base.seed, paths.image_cache).info
    _log_images(dataset, paths, configs)
    for config in configs:
        config.check_shape(dataset.shape)
    if fresh:
        storage.remove_files(cell_path(folder, config, dataset, TRAINING) for config in configs)
    with nullcontext() if quiet else show_cells(partial(_describe, sweep.parameter)) as on_progress:
        done = run_cells(configs, dataset, folder, workers, TRAINING, paths.data, on_progress, paths.image_cache)
    compared = _group(plan, done.runs)
    swept = compared.pop(SWEPT)
    if not any(sweeps.converged(runs) for runs in swept.values()):
        raise DivergedError(f"every run diverged, at {sweep.parameter} = {', '.join(map(format_value, swept))}")
    result = sweeps.summarise(kind, swept, compared)
    written = _save_figures(result, sweep, base, done, paths.figures, command)
    seeds = [run.seed for run in result.values[0].runs]
    work = f"{sweep.model}, {len(set(configs))} cells ({done.reused} reused)"
    seconds = time.perf_counter() - start
    return Outcome(
        table=_table(kind, result),
        headline=headline(_finding(kind, result), dataset, seeds, base.threads, seconds, work),
        written=written,
    )


def _plan(kind: SweepKind, sweep: SweepConfig, bases: Mapping[str, TrainConfig], origin: str) -> Plan:
    """Return the configs of all runs."""
    plan = {SWEPT: expand(bases[sweep.model], kind.parameter, sweep.values, sweep.seeds, origin)}
    for model in kind.compared_models:
        plan[model] = expand(bases[model], kind.parameter, kind.compared_values, sweep.seeds, origin)
    return plan


def _group(plan: Plan, runs: Sequence[Run]) -> dict[str, Grid]:
    """Arrange the runs, which come in the order of the plan's configs, like the plan."""
    in_order = iter(runs)
    return {
        name: {value: [next(in_order) for _ in seeds] for value, seeds in grid.items()} for name, grid in plan.items()
    }


def _log_images(dataset: DatasetInfo, paths: Paths, configs: Sequence[TrainConfig]) -> None:
    log.info("%s, from %s", dataset, paths.data or dataset.source)
    if max(config.batch_size for config in configs) > dataset.sizes["train"]:
        log.warning("batch sizes above %d are cut to it: there are no more training images", dataset.sizes["train"])


def _describe(parameter: str, run: Run) -> str:
    return f"{run.name}, {parameter} {getattr(run.config, parameter)}, seed {run.config.seed}"


def _save_figures(
    result: SweepResult, sweep: SweepConfig, base: TrainConfig, done: CellResults[Run], folder: Path, command: str
) -> list[Path]:
    """Draw the figures that suit the scale of the values, and write them with their twins."""
    kind = sweeps.kind_of(result.parameter)
    record = partial(
        make_record,
        command=command,
        config=sweep.model_dump(mode="json") | {"base": base.model_dump(mode="json")},
        dataset=result.dataset,
        seeds=[run.seed for run in result.values[0].runs],
        seconds=done.seconds,
        result=result,
        threads=base.threads,
        precision=base.precision,
        models={_name_model(run, kind): run.weights for run in done.runs},
    )
    figures = figures_of(result, f"sweep-{kind.command}")
    return [path for name, draw in figures.items() for path in storage.save_figure(folder, draw(result), record(name))]


def _name_model(run: Run, kind: SweepKind) -> str:
    value = format_value(getattr(run.config, kind.parameter))
    return f"{run.name}, {kind.parameter} {value}, seed {run.config.seed}"


def _table(kind: SweepKind, result: SweepResult) -> Table:
    header = [kind.label, *(name.replace("_", " ") for name, _ in kind.columns), "diverged"]
    rows = [
        [
            format_value(of_value.value),
            *(with_spread(of_value.spreads[name], decimals) for name, decimals in kind.columns),
            f"{of_value.diverged}/{len(of_value.runs)}",
        ]
        for of_value in result.values
    ]
    values = [of_value.value for of_value in result.values]
    best = None if result.best is None else values.index(result.best)
    return Table(header, rows, best, kind.ranking[0].replace("_", " "))


def _finding(kind: SweepKind, result: SweepResult) -> str:
    """Return e.g. ``best learning rate 0.3 by validation accuracy 0.98 ± 0.01: test accuracy 0.98 ± 0.01``."""
    if result.best is None:
        return f"no {kind.label} without a diverged run"
    spreads = next(of_value.spreads for of_value in result.values if of_value.value == result.best)
    decimals = dict(kind.columns)
    chosen, test = (
        f"{name.replace('_', ' ')} {with_spread(spreads[name], decimals[name])}"
        for name in (kind.ranking[0], kind.ranking[0].replace("validation", "test"))
    )
    return f"best {kind.label} {format_value(result.best)} by {chosen}: {test}"
