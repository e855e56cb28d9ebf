"""``inspect``: a look at the images, and at the labels, before anything is trained on them."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    IMAGE_KEYS,
    IMAGE_OPTIONS,
    PATH_OPTIONS,
    RUN_OPTIONS,
    Options,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    paths,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.data_care.config import InspectConfig
    from ex3.experiments import Outcome

KEYS = ["folds", "seed", *IMAGE_KEYS]
INSPECT_OPTIONS: Options = [
    click.option("--folds", metavar="N", help="Parts of the training images, each judged by a network of its own."),
    click.option("--seed", metavar="N", help="Of the examples, the folds and the networks."),
    *IMAGE_OPTIONS,
    click.option("--no-suspects", is_flag=True, help="Train nothing: seek no wrong labels."),
    *RUN_OPTIONS,
]
STEPS = [
    Step(("inspect", "--dataset", "mnist", "--classes", "4,7,9"), 30, alone=True),
    Step(("inspect",), 300, alone=True),
]


def configs(config: Any = None, **options: Any) -> "list[InspectConfig]":
    """Return the config of the inspection."""
    from ex3.config_files import load_as, shipped
    from ex3.data_care.config import InspectConfig

    return [load_as(InspectConfig, config or shipped("inspect"), overrides(options, KEYS))]


@click.command(
    "inspect",
    short_help="Look at the data: duplicates, suspicious labels.",
    epilog="Example: python cli.py inspect --dataset photos",
)
@with_options([*config_options("configs/inspect.toml"), *INSPECT_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Look at images before training on them: classes, examples, duplicates, and labels that are probably wrong.

    Writes OUT/inspect-classes.png, -duplicates.png, -suspects.png and their JSON twins (inspect-NAME-... for data sets
    other than cars-cats-trucks), and RUNS/inspect/suspects.csv, suspects-test.csv and duplicates.csv, the most
    suspicious images first. Suspects are judged by networks that have not seen them. suspects.csv suggests a label for
    each: look through it, delete the lines that are wrong, and give it to any command with --labels.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import inspect

    return inspect.run(
        config, paths(options), Workers(options["jobs"] or core_count()), command_line(ctx),
        with_suspects=not options["no_suspects"], may_download=options["dataset"] is not None,
        fresh=options["fresh"], quiet=options["quiet"],
    )  # fmt: skip
