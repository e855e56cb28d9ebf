"""``choices``: named settings of a network, compared seed by seed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    DROPOUT_OPTION,
    PATH_OPTIONS,
    RUN_OPTIONS,
    TRAIN_KEYS,
    TRAIN_OPTIONS,
    NearestChoice,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    paths,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.choices import ChoicesConfig
    from ex3.config import ClassifierConfig, Config
    from ex3.experiments import Outcome

SECONDS = {
    "mlp": 47,
    "convnet": 45,
    "overfitting": 72,
    "epochs": 50,
    "rates": 74,
    "iterations": 16,
}  # on two cores
STEPS = [Step(("choices", name), seconds) for name, seconds in SECONDS.items()]


def configs(**options: Any) -> "list[Config]":
    """Return the settings, then for each network the config that all its runs share."""
    choices, bases = _load(**options)
    return [choices, *bases.values()]


def _load(name: str, jobs: int | None, **options: Any) -> "tuple[ChoicesConfig, dict[str, ClassifierConfig]]":
    """Return the settings, and by network the config that all its runs share."""
    from ex3.cells import core_count, threads_per_worker
    from ex3.choices import ChoicesConfig
    from ex3.config_files import change, load, load_as, parse_value, shipped

    file = _config_file(name, options["config"])
    seeds = {} if options["seeds"] is None else {"seeds": parse_value(options["seeds"])}
    choices = load_as(ChoicesConfig, file, seeds)
    given, bases = overrides(options, TRAIN_KEYS), {}
    for model in choices.models:
        base = change(load(shipped(model)), {"threads": threads_per_worker(jobs or core_count())}, "--jobs")
        bases[model] = change(change(base, choices.base, str(file)), given, "command line")
    return choices, bases


def _config_file(name: str, config: Path | None) -> Path:
    from ex3.config_files import shipped

    return config or shipped(f"choices-{name}")


@click.command(
    "choices",
    short_help="Compare named settings of a network.",
    epilog="Example: python cli.py choices mlp --seeds 3",
)
@click.argument("name", type=NearestChoice(list(SECONDS)))
@click.option("--seeds", metavar="N", help="Runs per setting, from --seed upwards.  [default: the config's]")
@with_options(
    [*config_options("configs/choices-NAME.toml"), *TRAIN_OPTIONS, DROPOUT_OPTION, *RUN_OPTIONS, *PATH_OPTIONS]
)
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Compare choices of the MLP (depth, width, activation, optimiser) or of the convnet (kernels, filters, smoothing).

    OVERFITTING trains both on few images for long, and tries what helps; EPOCHS trains the convnet on all images for
    long; RATES crosses learning rates and batch sizes; ITERATIONS shows every gradient step. The settings stand in the
    config, and any others can. Each is trained with the same seeds, and what is best is chosen on the validation
    images. Writes OUT/choices-NAME.png and its JSON twin. Each run is kept in RUNS/cells: after an interruption the
    same command goes on from there. Options such as --epochs hold for all runs whose setting has no value of its own.
    Takes about a minute on two cores.
    """
    choices, bases = _load(**options)
    if not begin([choices], options, "TensorFlow"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import choices as experiment

    return experiment.run(
        options["name"], choices, bases, str(_config_file(options["name"], options["config"])), paths(options),
        Workers(options["jobs"] or core_count()), command_line(ctx), options["fresh"], options["quiet"],
    )  # fmt: skip
