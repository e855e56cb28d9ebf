"""``train``: the three classifiers of the exercise (S1 2.5.1 to 2.5.3), each over one or several seeds, and compared.

Each model's figure and twin are written anew after every seed, and the first seed's model is kept; a comparison follows
when there is more than one model.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ex3 import model_store, storage
from ex3.checkpoints import Open, checkpoints
from ex3.config import ClassifierConfig
from ex3.data import load_images
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Paths, Result, divergence, headline, make_record
from ex3.plots.classifiers import comparison, confusion_shares, learning_curves, sum_confusions
from ex3.progress import show_training
from ex3.results import Record, Repeats, Run, repeats, spread
from ex3.runs import train_classifier
from ex3.tables import Table, with_spread

log = logging.getLogger("ex3")

HEADER = [
    "model", "test accuracy", "train accuracy", "gap", "test loss", "train loss", "seconds", "epochs", "parameters",
]  # fmt: skip


def run(
    configs: Sequence[ClassifierConfig],
    seeds: int,
    paths: Paths,
    command: str,
    quiet: bool = False,
    checkpoint_every: float = 0,
    fresh: bool = False,
) -> Outcome:
    """Train each config ``seeds`` times, from its own seed upwards, and write figures, twins and models.

    Args:
        configs: One config per model; more than one are also compared.
        seeds: Runs per config.
        paths: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.
        checkpoint_every: Seconds between two checkpoints, from which the same command goes on; 0 for none.
        fresh: Do not go on from them.

    Raises:
        ConfigError: A network does not fit the images, or a training was interrupted that had other settings.
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs)
    if len(configs) > 1:  # none is trained in vain
        shape = load_images(configs[0], paths.data, configs[0].seed, paths.image_cache).shape
        for config in configs:
            config.check_shape(shape)
    trained: dict[str, Repeats] = {}
    written: list[Path] = []
    with checkpoints(paths.runs, checkpoint_every, fresh, has_more=len(configs) * seeds > 1) as keeper_of:
        for config in configs:
            trained[config.model], files = _train_seeds(config, seeds, paths, command, quiet, keeper_of)
            written += files
    if len(configs) > 1:
        record = partial(_record, command=command, configs=configs, trained=trained)
        compared = record("compare", result=dict(trained))
        confused = record("compare-confusion", result=sum_confusions(trained))
        written += storage.save_figure(paths.figures, comparison(trained), compared)
        written += storage.save_figure(paths.figures, confusion_shares(confused.result), confused)
    first = next(iter(trained.values())).runs
    return Outcome(
        table=_table(trained),
        headline=headline(
            f"test accuracy {_accuracies(trained)}",
            first[0].dataset,
            [run.config.seed for run in first],
            first[0].config.threads,
            time.perf_counter() - start,
        ),
        written=written,
        problem=_first_divergence(trained),
    )


def _train_seeds(
    config: ClassifierConfig, seeds: int, paths: Paths, command: str, quiet: bool, keeper_of: Open
) -> tuple[Repeats, list[Path]]:
    """Train one config over its seeds; keep the first seed's model, unless it diverged.

    Figure and twin are written anew after each seed.
    """
    runs: list[Run] = []
    model_files: list[Path] = []
    figure_files: list[Path] = []
    for seed in range(config.seed, config.seed + seeds):
        seeded = config.model_copy(update={"seed": seed})
        dataset = load_images(seeded, paths.data, seed, paths.image_cache)
        log.info("%s: %s, from %s", config.model, dataset.info, paths.data or dataset.source)
        log.info("%s: %r", config.model, seeded)
        model_store.check_place(paths.runs, seeded, dataset.fingerprint)
        on_progress = None if quiet else show_training(f"{config.model}, seed {seed}", config.epochs)
        keeper = keeper_of(seeded, dataset.fingerprint)
        model, run = train_classifier(seeded, dataset, on_progress, keeper=keeper)
        runs.append(run)
        trained: dict[str, Repeats] = {config.model: repeats(runs)}
        record = _record(f"train-{config.model}", command, [config], trained, dict(trained))
        figure_files = storage.save_figure(paths.figures, learning_curves(trained[config.model]), record)
        if seed == config.seed and run.diverged_at is None:
            model_files = model_store.save_models(paths.runs, {"model": model}, run)
    return repeats(runs), figure_files + model_files


def _record(
    name: str, command: str, configs: Sequence[ClassifierConfig], trained: Mapping[str, Repeats], result: Result
) -> Record[Result]:
    """Build the twin of one model's figure, or of a comparison."""
    first = next(iter(trained.values())).runs
    return make_record(
        name,
        command,
        {config.model: config.model_dump(mode="json") for config in configs},
        first[0].dataset,
        [run.config.seed for run in first],
        sum(run.seconds for of_model in trained.values() for run in of_model.runs),
        result,
        threads=configs[0].threads,
        precision=configs[0].precision,
        models={model: of_model.runs[0].weights for model, of_model in trained.items()},
    )


def _table(trained: Mapping[str, Repeats]) -> Table:
    """Return a row per model; of several, the best on the validation images is marked."""
    accuracies = [of_model.metrics["validation_accuracy"].mean for of_model in trained.values()]
    best = int(np.nanargmax(accuracies)) if len(accuracies) > 1 and np.isfinite(accuracies).any() else None
    return Table(HEADER, [_row(of_model) for of_model in trained.values()], best, "validation accuracy")


def _row(trained: Repeats) -> list[str]:
    gaps = [run.metrics["train_accuracy"] - run.metrics["test_accuracy"] for run in trained.runs]
    accuracies, losses = (
        [with_spread(trained.metrics[f"{split}_{quantity}"], 4) for split in ("test", "train")]
        for quantity in ("accuracy", "loss")
    )
    return [
        trained.runs[0].name,
        *accuracies,
        with_spread(spread(gaps), 4),
        *losses,
        with_spread(spread([run.seconds for run in trained.runs]), 1),
        str(trained.runs[0].config.epochs),
        f"{trained.runs[0].parameters:,}",
    ]


def _accuracies(trained: Mapping[str, Repeats]) -> str:
    """Write ``0.9921 (9921/10000)`` for one run, ``linear 0.9234 ± 0.0008, mlp 0.9836 ± 0.0008`` for several."""
    texts = []
    for model, of_model in trained.items():
        accuracy = of_model.metrics["test_accuracy"]
        total = of_model.runs[0].dataset.sizes["test"]
        counted = f" ({round(accuracy.mean * total)}/{total})" if accuracy.count == 1 else ""
        prefix = f"{model} " if len(trained) > 1 else ""
        texts.append(f"{prefix}{with_spread(accuracy, 4)}{counted}")
    return ", ".join(texts)


def _first_divergence(trained: Mapping[str, Repeats]) -> DivergedError | None:
    for run in (run for of_model in trained.values() for run in of_model.runs):
        if run.diverged_at is not None:
            seed, rate = run.config.seed, run.config.learning_rate
            return divergence(run.name, seed, run.diverged_at, rate, "Its model was not saved")
    return None
