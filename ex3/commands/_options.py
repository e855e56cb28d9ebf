"""What the commands share: options, and the way from options to configs, paths and command lines."""

import functools
import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.config import Config
    from ex3.experiments import Paths
    from ex3.settings import ImagesConfig

Options = list[Callable]

MODELS = ["linear", "mlp", "convnet"]
IMAGE_KEYS = ["dataset", "classes", "size", "labels", "limit"]
TEXT_KEYS = {"dataset", "classes", "labels"}  # a folder may be called 2024
TRAIN_KEYS = [
    "epochs", "batch_size", "learning_rate", "optimizer", "dropout", "precision", "seed", "threads", *IMAGE_KEYS,
]  # fmt: skip
NOT_REPEATED = {
    "data_dir",
    "out",
    "runs",
    "quiet",
    "verbose",
    "fresh",
    "backend",
    "address",
    "explain",
    "checkpoint_every",
}  # change no number

file_path = click.Path(path_type=Path)
IMAGE_OPTIONS: Options = [
    click.option("--dataset", metavar="NAME|FOLDER",
                 help="mnist, fashion-mnist, digits, cars-cats-trucks, or a folder: train/CLASS/*, test/CLASS/*."),
    click.option("--classes", metavar="C1,C2,...", help="Keep only these classes: names, or labels from 0."),
    click.option("--size", metavar="N", help="Resize the images to N x N pixels.  [default: a folder's most common]"),
    click.option("--labels", metavar="FILE", help="Other training labels: a CSV file, file,label or index,label."),
    click.option("--limit", metavar="N", help="Use only N training images."),
]  # fmt: skip
DROPOUT_OPTION = click.option("--dropout", metavar="P", help="Dropout probability, 0 <= P < 1.")
TRAIN_OPTIONS: Options = [
    click.option("--epochs", metavar="N", help="Passes over the training images."),
    click.option("--batch-size", metavar="N", help="Images per gradient step."),
    click.option("--learning-rate", metavar="RATE", help="Learning rate; with a one-cycle schedule, its peak."),
    click.option("--optimizer", metavar="NAME", help="sgd or adam."),
    click.option("--precision", metavar="NAME", help="float32, or mixed_bfloat16 (fast where the processor has it)."),
    click.option("--seed", metavar="N", help="Of the validation split, the weights, the order of images, the dropout."),
    click.option("--threads", metavar="N", help="TensorFlow's threads; the numbers depend on them."),
    *IMAGE_OPTIONS,
]
FIGURE_OPTIONS: Options = [
    click.option("--out", default="figures", show_default=True, type=file_path, metavar="FOLDER", help="For figures."),
]
PATH_OPTIONS: Options = [
    click.option("--data-dir", envvar="EX3_DATA_DIR", show_envvar=True, type=file_path, metavar="FOLDER",
                 help="Read the data set from here: four IDX files or an .npz."),
    *FIGURE_OPTIONS,
    click.option("--runs", default="runs", show_default=True, type=file_path, metavar="FOLDER",
                 help="For trained models and finished runs."),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
    click.option("-v", "--verbose", is_flag=True, help="Also show the images and the config that are used."),
]  # fmt: skip
CHECKPOINT_OPTION = click.option(
    "--checkpoint-every", default=30, show_default=True, type=click.IntRange(0, 86_400), metavar="SECONDS",
    help="Keep the state of the training, from which the same command goes on after a kill; 0: never.",
)  # fmt: skip
RESUME_OPTIONS: Options = [
    CHECKPOINT_OPTION,
    click.option("--fresh", is_flag=True, help="Start over: delete the state of trainings that were interrupted."),
]  # fmt: skip

RUN_OPTIONS: Options = [
    click.option("--jobs", type=click.IntRange(1), help="Processes that share the cores.  [default: one per core]"),
    click.option("--fresh", is_flag=True, help="Start over: delete the finished runs of this experiment."),
]


@dataclass(frozen=True)
class Step:
    """A command line that ``reproduce`` runs.

    Attributes:
        words: The command's name, arguments and options.
        seconds: Its duration on two cores, to estimate the time left.
        after: Names of steps whose models it uses, which are run before it.
        alone: Whether it needs all cores at a time, as a training with several threads does.
    """

    words: tuple[str, ...]
    seconds: float
    after: tuple[str, ...] = ()
    alone: bool = False

    @property
    def name(self) -> str:
        """The words, in one."""
        return " ".join(self.words)


class NearestChoice(click.Choice):
    """A choice that answers a misspelt value with the nearest one."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Name the allowed values, and the nearest one."""
        from ex3.config_files import nearest

        return super().get_invalid_choice_message(value, ctx).rstrip(".") + nearest(str(value), list(self.choices))


def config_options(default: str) -> Options:
    """Return the options of every command that has a config."""
    return [
        click.option("--config", type=file_path, metavar="FILE", help=f"A config instead of {default}."),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of it; repeatable."),
        click.option("--print-config", is_flag=True, help="Print the resulting config as TOML, and stop."),
    ]


def with_options(options: Options) -> Callable:
    """Decorate a command with options, in the order of the list."""
    return lambda command: functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def overrides(options: Mapping[str, Any], keys: Sequence[str]) -> dict[str, object]:
    """Collect the config's values from the command line: each ``--set``, then the options of their own.

    Args:
        options: All of the command's.
        keys: Those that are fields of the config.
    """
    from ex3.config_files import parse_value

    values = {}
    for assignment in options.get("assignments", ()):
        key, equals, value = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"--set {assignment}: should be KEY=VALUE")
        values[key.strip()] = parse_value(value.strip())
    given = {key: options[key] for key in keys if options.get(key) is not None}
    return values | {key: value if key in TEXT_KEYS else parse_value(value) for key, value in given.items()}


def begin(configs: "Sequence[Config]", options: Mapping[str, Any], loads: str) -> bool:
    """Tell whether the experiment shall run: with ``--print-config``, its configs are printed as TOML instead.

    Args:
        configs: Of the experiment.
        options: All of the command's.
        loads: What is loaded next, for the terminal.
    """
    if options["print_config"]:
        from ex3.config_files import to_toml

        click.echo("\n".join(to_toml(config) for config in configs), nl=False)
        return False
    start_logging(options.get("verbose", False))
    show_loading(loads, options.get("quiet", False))
    return True


def paths(options: Mapping[str, Any]) -> "Paths":
    """Return the folders that the options name."""
    from ex3.experiments import Paths

    return Paths(figures=options["out"], runs=options["runs"], data=options["data_dir"])


def start_reading(config: "ImagesConfig", options: Mapping[str, Any]) -> "Paths":
    """Return the folders that the options name, and start to read the images while the caller imports TensorFlow."""
    from ex3.data import read_ahead

    places = paths(options)
    read_ahead(config, places.data, places.image_cache)
    return places


def command_line(ctx: click.Context) -> str:
    """Return the command line that gives the same numbers, without the options that change none."""
    words = ["python", "cli.py", str(ctx.command.name)]
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in NOT_REPEATED or ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        for item in value if isinstance(value, tuple) else [value]:
            words += [parameter.opts[0]] * isinstance(parameter, click.Option)
            words += [] if getattr(parameter, "is_flag", False) else [str(item)]
    return shlex.join(words)


def start_logging(verbose: bool) -> None:
    """Show warnings on stderr, and with ``verbose`` also the images and configs that are used."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ex3: %(levelname)s: %(message)s"))
    log = logging.getLogger("ex3")
    log.handlers = [handler]
    log.setLevel(logging.INFO if verbose else logging.WARNING)
