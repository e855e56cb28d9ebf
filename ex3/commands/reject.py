"""``reject``: networks written by hand that may answer "I don't know"."""

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
    from ex3.by_hand.config import RejectConfig
    from ex3.experiments import Outcome

EXPERIMENT_KEYS = ["seeds", "margins", "attack_epsilon", "rejected_share"]
NETWORK_KEYS = ["epochs", "seed", *IMAGE_KEYS]
REJECT_OPTIONS: Options = [
    click.option("--seeds", metavar="N", help="Runs of each network."),
    click.option("--margins", metavar="L1,L2,...", help="Values of lambda in R3's experiment."),
    click.option("--epsilon", "attack_epsilon", metavar="E1,E2,...", help="Largest changes of a pixel, in [0, 1]."),
    click.option("--rejected-share", metavar="F", help="Share of the validation images that the threshold rejects."),
    click.option("--epochs", metavar="N", help="Passes over the training images, of all networks."),
    click.option("--seed", metavar="N", help="The first seed."),
    *IMAGE_OPTIONS,
]
STEPS = [Step(("reject",), 70)]


def configs(config: Any = None, **options: Any) -> "list[RejectConfig]":
    """Return the experiment's config, with the command line's settings for each network."""
    from ex3.by_hand.config import RejectConfig, merge
    from ex3.by_hand.rejection_study import RejectingConfig
    from ex3.config_files import load_as, parse_value, shipped

    for name in ("margins", "attack_epsilon"):
        if options.get(name) is not None:
            options[name] = f"[{options[name]}]"
    own = {key: parse_value(options[key]) for key in EXPERIMENT_KEYS if options.get(key) is not None}
    given, file = overrides(options, NETWORK_KEYS), config or shipped("reject")
    loaded = load_as(RejectConfig, file, own)
    networks = {
        name: merge(RejectingConfig, settings, given, f"{file}, network {name}")
        for name, settings in loaded.networks.items()
    }
    fixed = merge(RejectingConfig, loaded.fixed, given, f"{file}, fixed")
    return [loaded.model_copy(update={"networks": networks, "fixed": fixed})]


@click.command(
    "reject",
    short_help="Let networks refuse what they do not know.",
    epilog="Example: python cli.py reject --rejected-share 0.01 --epsilon 0.1,0.2",
)
@with_options([*config_options("configs/reject.toml"), *REJECT_OPTIONS, *RUN_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Let hand-written networks answer "I don't know", and attack them with and without knowing of it.

    Writes OUT/reject-fixed.png (R3's experiment), -distances.png (least distances by kind of image), -detectors.png
    (which scores tell odd images), -adaptive.png (an attack that wants to be accepted and wrong) and their JSON twins.
    --set and --epochs hold for all networks. Each run is kept in RUNS/cells: after an interruption the same command
    goes on from there. Takes about 75 seconds on two cores.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "the images"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import reject

    return reject.run(
        config, paths(options), Workers(options["jobs"] or core_count()), command_line(ctx),
        options["fresh"], options["quiet"],
    )  # fmt: skip
