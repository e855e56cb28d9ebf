"""``train``: the three classifiers of the exercise (S1 2.5.1 to 2.5.3), each over one or several seeds, and compared.

Each model's figure and twin grow with every seed that is done, and the first seed's model is kept; a comparison follows
when there is more than one model.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from ex3 import storage
from ex3.config import ClassifierConfig
from ex3.data import load_dataset
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Places, versions
from ex3.plots.classifiers import comparison, learning_curves
from ex3.progress import show_training
from ex3.results import Record, Run, spread
from ex3.tables import format_table, with_spread
from ex3.training import train_classifier

log = logging.getLogger("ex3")

HEADER = [
    "model", "parameters", "epochs", "seconds",
    "train loss", "train accuracy", "test loss", "test accuracy", "generalisation gap",
]  # fmt: skip


def run(configs: Sequence[ClassifierConfig], seeds: int, places: Places, command: str, quiet: bool = False) -> Outcome:
    """Train each config ``seeds`` times, from its own seed upwards, and write what came of it.

    Args:
        configs: One config per model; more than one are also compared.
        seeds: How many runs per config.
        places: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
    """
    start = time.perf_counter()
    storage.check_writable(places.figures, places.runs)
    runs: dict[str, list[Run]] = {}
    written: list[Path] = []
    for config in configs:
        runs[config.model], files = _train_seeds(config, seeds, places, command, quiet)
        written += files
    if len(configs) > 1:
        record = _record("compare", command, {config.model: config for config in configs}, runs)
        written += storage.save_figure(places.figures, comparison(runs), record)
    return Outcome(
        table=format_table(HEADER, [_row(model_runs) for model_runs in runs.values()]),
        headline=_headline(runs, time.perf_counter() - start),
        written=written,
        problem=_divergence(runs),
    )


def _train_seeds(
    config: ClassifierConfig, seeds: int, places: Places, command: str, quiet: bool
) -> tuple[list[Run], list[Path]]:
    """Train one config over its seeds; keep the first seed's model, unless it diverged.

    Figure and twin are written anew after each seed, so that an interruption loses only the run under way.
    """
    name = f"train-{config.model}"
    runs, model_files, figure_files = [], [], []
    for seed in range(config.seed, config.seed + seeds):
        seeded = config.model_copy(update={"seed": seed})
        dataset = load_dataset(seeded.dataset, places.data, seed, seeded.limit)
        log.info("%s: %s, from %s", config.model, dataset.info, places.data or dataset.source)
        log.info("%s: %r", config.model, seeded)
        report = None if quiet else show_training(f"{config.model}, seed {seed}", config.epochs)
        model, run = train_classifier(seeded, dataset, report)
        runs.append(run)
        record = _record(name, command, {config.model: config}, {config.model: runs})
        figure_files = storage.save_figure(places.figures, learning_curves(runs), record)
        if seed == config.seed and run.diverged_at is None:
            model_files = storage.save_run(places.runs / name, {"model": model}, seeded, run)
    return runs, figure_files + model_files


def _record(name: str, command: str, configs: dict[str, ClassifierConfig], runs: dict[str, list[Run]]) -> Record:
    """Head of the twin, each model's runs, and the mean and spread of their metrics."""
    first = next(iter(runs.values()))
    config = next(iter(configs.values()))
    return Record(
        name=name,
        command=command,
        config={model: config.model_dump(mode="json") for model, config in configs.items()},
        dataset=first[0].dataset,
        seeds=[run.config["seed"] for run in first],
        threads=config.threads,
        precision=config.precision,
        seconds=sum(run.seconds for model_runs in runs.values() for run in model_runs),
        versions=versions("tensorflow", "keras", "numpy"),
        result={
            model: {
                "metrics": {name: spread([run.metrics[name] for run in model_runs]) for name in model_runs[0].metrics},
                "runs": model_runs,
            }
            for model, model_runs in runs.items()
        },
    )


def _row(runs: list[Run]) -> list[str]:
    def column(name: str) -> str:
        return with_spread(spread([run.metrics[name] for run in runs]), 4)

    gaps = [run.metrics["train_accuracy"] - run.metrics["test_accuracy"] for run in runs]
    return [
        runs[0].name,
        f"{runs[0].parameters:,}",
        str(runs[0].config["epochs"]),
        with_spread(spread([run.seconds for run in runs]), 1),
        *map(column, ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]),
        with_spread(spread(gaps), 4),
    ]


def _headline(runs: dict[str, list[Run]], seconds: float) -> str:
    """One line: ``test accuracy 0.9921 (9921/10000), data mnist, seed 0, threads 2, 9.8 s``."""
    models = []
    for model, model_runs in runs.items():
        accuracy = spread([run.metrics["test_accuracy"] for run in model_runs])
        total = model_runs[0].dataset.sizes["test"]
        counted = f" ({round(accuracy.mean * total)}/{total})" if accuracy.count == 1 else ""
        prefix = f"{model} " if len(runs) > 1 else ""
        models.append(f"{prefix}{with_spread(accuracy, 4)}{counted}")
    first = next(iter(runs.values()))
    seeds = [run.config["seed"] for run in first]
    seeds_text = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return (
        f"test accuracy {', '.join(models)}, data {first[0].dataset.name}, {seeds_text}, "
        f"threads {first[0].config['threads']}, {seconds:.1f} s"
    )


def _divergence(runs: dict[str, list[Run]]) -> DivergedError | None:
    for run in (run for model_runs in runs.values() for run in model_runs):
        if run.diverged_at is not None:
            rate = run.config["learning_rate"]
            return DivergedError(
                f"{run.name}, seed {run.config['seed']}: the loss is not finite from iteration {run.diverged_at} on, "
                f"at learning_rate = {rate}; try a smaller one. Its model was not saved"
            )
    return None
