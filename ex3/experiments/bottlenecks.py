"""``autoencoder --bottlenecks``: the linear bottleneck against R4's ReLU, each over several seeds."""

import time
from contextlib import nullcontext

from ex3 import storage
from ex3.cells import Workers, core_count, run_cells
from ex3.config import AutoencoderConfig
from ex3.config_files import expand
from ex3.data import load_dataset
from ex3.experiments import Outcome, Places, versions
from ex3.plots import autoencoder as plots
from ex3.progress import show_cells
from ex3.results import Record, spread
from ex3.tables import format_table, with_spread

KINDS = ("linear", "relu")
COLUMNS = ["validation_loss", "test_loss", "validation_neighbour_accuracy", "test_neighbour_accuracy", "dead_codes"]


def run(
    config: AutoencoderConfig, seeds: int, places: Places, command: str, fresh: bool = False, quiet: bool = False
) -> Outcome:
    """Train the autoencoder with a linear and with a ReLU bottleneck, ``seeds`` times each, as cells of a sweep.

    Args:
        config: The autoencoder's, with the first seed.
        seeds: Repeats.
        places: Where to read and write.
        command: The command line that repeats this, for the twin.
        fresh: Forget the runs that are finished already.
        quiet: Show no progress.

    Raises:
        DataError: The images cannot be had.
        WriteError: A folder cannot be written to; found out before training.
        WorkerError: Worker processes were killed again and again.
        StoppedError: Ctrl-C.
    """
    start = time.perf_counter()
    folder = places.runs / "cells"
    storage.check_writable(places.figures, folder)
    dataset = load_dataset(config.dataset, places.data, config.seed, config.limit).info
    planned = expand(config, "bottleneck", KINDS, seeds, "autoencoder")
    workers = Workers(max(1, core_count() // config.threads))
    configs = [planned[kind][seed] for seed in range(seeds) for kind in KINDS]
    if fresh:
        storage.remove_files(storage.cell_path(folder, config, dataset) for config in configs)
    with nullcontext() if quiet else show_cells("bottleneck") as report:
        done, reused = run_cells(configs, dataset, folder, workers, places.data, report)
    runs = {kind: [run for run in done if run.config["bottleneck"] == kind] for kind in KINDS}
    spreads = {
        kind: {name: spread([run.metrics[name] for run in of_kind]) for name in COLUMNS}
        for kind, of_kind in runs.items()
    }
    record = Record(
        name="autoencoder-bottleneck",
        command=command,
        config=config.model_dump(mode="json"),
        dataset=dataset,
        seeds=[run.config["seed"] for run in runs["linear"]],
        threads=config.threads,
        precision=config.precision,
        seconds=sum(run.seconds for run in done),
        versions=versions("tensorflow", "keras", "numpy", "scikit-learn"),
        result={
            "spreads": spreads,
            "runs": {
                kind: [{"seed": run.config["seed"], "epochs": run.epochs, "metrics": run.metrics} for run in of_kind]
                for kind, of_kind in runs.items()
            },
        },
    )
    losses = {kind: with_spread(of_kind["validation_loss"], 5) for kind, of_kind in spreads.items()}
    return Outcome(
        table=format_table(
            ["bottleneck", *(name.replace("_", " ") for name in COLUMNS)],
            [
                [kind, *(with_spread(of_kind[name], 5 if name.endswith("loss") else 3) for name in COLUMNS)]
                for kind, of_kind in spreads.items()
            ],
        ),
        headline=(
            f"validation MSE linear {losses['linear']}, relu {losses['relu']}, data {dataset.name}, "
            f"{len(configs)} runs ({reused} reused), {time.perf_counter() - start:.1f} s"
        ),
        written=storage.save_figure(places.figures, plots.bottlenecks(runs), record),
    )
