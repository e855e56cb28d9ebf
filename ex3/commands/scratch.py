"""``scratch``: classifiers written by hand on MNIST."""

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
    from ex3.by_hand.config import ScratchConfig
    from ex3.experiments import Outcome

KEYS = [
    "epochs",
    "batch_size",
    "learning_rate",
    "head",
    "activation",
    "components",
    "noise",
    "seed",
    *IMAGE_KEYS,
]
NETWORK_OPTIONS: Options = [
    click.option("--epochs", metavar="N", help="Passes over the training images."),
    click.option("--batch-size", metavar="N", help="Images per gradient step; 1 needs --set momentum=0."),
    click.option("--learning-rate", metavar="RATE", help="Peak of the one-cycle schedule."),
    click.option("--head", metavar="NAME", help="hinge, softmax, rbf, rbf-softmax, rbf-linear or rbf-general."),
    click.option("--activation", metavar="NAME", help="relu, gelu (tanh form) or gelu-exact."),
    click.option("--components", metavar="N", help="PCA's components; 0 takes the pixels."),
    click.option("--noise", metavar="SIGMA", help="Of Gaussian noise on the training images."),
    click.option("--seed", metavar="N", help="The first seed."),
    *IMAGE_OPTIONS,
]
SEED_KEYS = ["seeds", "variation_seeds"]
STEPS = [Step(("scratch",), 95)]


def configs(config: Any = None, networks: str | None = None, **options: Any) -> "list[ScratchConfig]":
    """Return the experiment's config, with the networks that are asked for and the command line's settings for each."""
    from ex3.by_hand.config import NetworkConfig, ScratchConfig, merge
    from ex3.config_files import load_as, parse_value, shipped

    given, file = overrides(options, KEYS), config or shipped("scratch")
    seeds = {} if options.get("seeds") is None else dict.fromkeys(SEED_KEYS, parse_value(options["seeds"]))
    loaded = load_as(ScratchConfig, file, seeds)
    groups = {"networks": loaded.networks, "variations": loaded.variations}
    known = [name for group in groups.values() for name in group]
    wanted = known if networks is None else [name.strip() for name in networks.split(",")]
    for name in wanted:
        if name not in known:
            raise click.UsageError(f"--networks: {name!r} is not one of {', '.join(known)}")
    kept = {
        key: {
            name: merge(NetworkConfig, settings, given, f"{file}, network {name}")
            for name, settings in group.items()
            if name in wanted
        }
        for key, group in groups.items()
    }
    return [loaded.model_copy(update=kept)]


@click.command(
    "scratch",
    short_help="Train, disturb and attack hand-written networks.",
    epilog="Example: python cli.py scratch --networks hinge,softmax --epochs 5 --seeds 1",
)
@click.option("--networks", metavar="N1,N2,...", help="Only these of the config.")
@click.option("--seeds", metavar="N", help="Runs of each network.")
@with_options([*config_options("configs/scratch.toml"), *NETWORK_OPTIONS, *RUN_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Train networks written by hand in NumPy on MNIST, disturb them with noise, and attack them.

    Writes OUT/scratch-training.png (heads, learning rates, batch sizes), -ceiling.png (why one loss stops at 93 %),
    -noise.png (noise in training and in testing), -masking.png (attacks that a loss hides from) and their JSON twins.
    Options such as --epochs hold for all networks. Each run is kept in RUNS/cells: after an interruption the same
    command goes on from there. Takes about 100 seconds on two cores.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "the images"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import scratch

    return scratch.run(
        config, paths(options), Workers(options["jobs"] or core_count()), command_line(ctx),
        options["fresh"], options["quiet"],
    )  # fmt: skip
