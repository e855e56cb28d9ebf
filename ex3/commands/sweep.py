"""``sweep``: one parameter over several values."""

from collections.abc import Mapping
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
    from ex3.config import Config, SweepConfig, TrainConfig
    from ex3.experiments import Outcome
    from ex3.sweeps import SweepKind

PARAMETERS = ["lr", "dropout", "batch-size", "bottleneck", "structure"]  # the keys of sweeps.KINDS, a heavy import
STEPS = [
    Step(("sweep", "lr"), 84),
    Step(("sweep", "dropout"), 92),
    Step(("sweep", "batch-size"), 85),
    Step(("sweep", "bottleneck"), 58),
    Step(("sweep", "structure"), 49),
]


def configs(**options: Any) -> "list[Config]":
    """Return the sweep's config, then for each network that it trains the config that all runs share."""
    sweep, bases = _load(**options)
    return [sweep, *bases.values()]


def _load(
    parameter: str, jobs: int | None, address: str | None, **options: Any
) -> "tuple[SweepConfig, dict[str, TrainConfig]]":
    """Return the sweep's config, and by network the config that all its runs share."""
    from ex3.cells import core_count, threads_per_worker
    from ex3.sweeps import KINDS

    kind = KINDS[parameter]
    file = _config_file(parameter, options["config"])
    threads = 1 if address is not None else threads_per_worker(jobs or core_count())
    sweep = _load_sweep(kind, file, options)
    models = dict.fromkeys([*kind.compared_models, sweep.model])
    bases = {model: _load_base(model, sweep, file, threads, options) for model in models}
    shared = bases[sweep.model].model_dump(mode="json", exclude={"model"}, exclude_none=True)
    return sweep.model_copy(update={"base": shared}), bases


def _config_file(parameter: str, config: Path | None) -> Path:
    from ex3.config_files import shipped

    return config or shipped(f"sweep-{parameter}")


def _load_sweep(kind: "SweepKind", file: Path, options: Mapping[str, Any]) -> "SweepConfig":
    from ex3.config import SweepConfig
    from ex3.config_files import load_as, parse_value

    given = {key: parse_value(options[key]) for key in ("model", "seeds") if options[key] is not None}
    if options["values"] is not None:
        given["values"] = [parse_value(value) for value in options["values"].split(",") if options["values"].strip()]
    sweep = load_as(SweepConfig, file, given)
    if sweep.parameter != kind.parameter:
        raise click.UsageError(f"{file}: its parameter is {sweep.parameter}, the command's is {kind.parameter}")
    if sweep.model not in kind.models:
        raise click.UsageError(f"model = {sweep.model!r}: sweep {kind.command} takes {', '.join(kind.models)}")
    return sweep


def _load_base(model: str, sweep: "SweepConfig", file: Path, threads: int, options: Mapping[str, Any]) -> "TrainConfig":
    """Return a network's own config with the sweep's base, then the command line's values."""
    from ex3.config import CLASSIFIER_CONFIGS, AutoencoderConfig
    from ex3.config_files import change, load_as, shipped
    from ex3.structured_config import StructuredConfig

    given = overrides(options, TRAIN_KEYS)
    if sweep.parameter in given:
        raise click.UsageError(f"{sweep.parameter} is the parameter of this sweep; its values are given with --values")
    kinds: dict[str, type[TrainConfig]] = {
        **CLASSIFIER_CONFIGS, "autoencoder": AutoencoderConfig, "autoencoder-structured": StructuredConfig
    }  # fmt: skip
    base = change(load_as(kinds[model], shipped(model)), {"threads": threads}, "--jobs")
    for changes, origin in ((sweep.base, str(file)), (given, "command line")):
        fields = type(base).model_fields  # a network that is only compared may lack some
        known = {key: value for key, value in changes.items() if model == sweep.model or key in fields}
        base = change(base, known, origin)
    return base


@click.command(
    "sweep",
    short_help="Compare learning rates, dropouts or batch sizes.",
    epilog="Example: python cli.py sweep lr --set optimizer=adam --values 0.0001,0.001,0.01",
)
@click.argument("parameter", type=NearestChoice(PARAMETERS))
@click.option("--model", metavar="NAME", help="linear, mlp or convnet.  [default: convnet]")
@click.option("--values", metavar="V1,V2,...", help="Instead of the config's.")
@click.option("--seeds", metavar="N", help="Runs per value, from --seed upwards.  [default: 3; bottleneck: 5]")
@click.option(
    "--backend",
    type=click.Choice(["loky", "dask"]),
    default="loky",
    show_default=True,
    help="Processes of this machine, or a Dask cluster's.",
)
@click.option("--address", metavar="TCP://HOST:PORT", help="The Dask scheduler's.")
@with_options(
    [*config_options("configs/sweep-PARAMETER.toml"), *TRAIN_OPTIONS, DROPOUT_OPTION, *RUN_OPTIONS, *PATH_OPTIONS]
)
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Train one network with several values of its learning rate (lr), dropout or batch size, and compare the values.

    Writes OUT/sweep-PARAMETER.png (learning curves of all values), -summary.png (final results of each value), for
    dropout -compared.png (two networks with and without), for LR and BATCH-SIZE -dead.png (dead ReLUs per layer), and
    their JSON twins; BOTTLENECK compares the autoencoder's linear and ReLU codes in one figure, STRUCTURE its loss
    without each term that asks for structure. Each run is kept in RUNS/cells: after an interruption the same command
    goes on from there. Options such as --epochs and --set hold for all runs. Takes about 90 seconds on two cores.
    """
    address, jobs = options["address"], options["jobs"]
    if (options["backend"] == "dask") != (address is not None) or (address is not None and jobs):
        raise click.UsageError("--backend dask needs --address and takes no --jobs; any other takes no --address")
    sweep, bases = _load(**options)
    if not begin([sweep], options, "the images; each worker loads TensorFlow"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import sweep as experiment

    return experiment.run(
        sweep,
        bases,
        str(_config_file(options["parameter"], options["config"])) if options["values"] is None else "--values",
        paths(options),
        Workers(jobs or core_count(), address),
        command_line(ctx),
        options["fresh"],
        options["quiet"],
    )
