"""``defend``: networks that are trained against noise of a bound, attacked, and certified."""

from pathlib import Path
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
    file_path,
    overrides,
    paths,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.adversarial.defend_config import DefendConfig
    from ex3.experiments import Outcome

KEYS = ["epochs", "samples", "judged_epsilon", "seed", "threads", *IMAGE_KEYS]
HAND, HAND_KEYS = "hand", ["epochs", "seed", *IMAGE_KEYS]  # --set is for the other networks
DEFEND_OPTIONS: Options = [
    click.option("--epochs", metavar="N", help="Passes over the training images, of all networks."),
    click.option("--epsilon", "judged_epsilon", metavar="E", help="Bound of the attacks and of the certificate."),
    click.option("--samples", metavar="N", help="Test images that are attacked; all are certified."),
    click.option("--seed", metavar="N", help="The first seed."),
    click.option("--threads", metavar="N", help="TensorFlow's threads per process.  [default: 1]"),
    *IMAGE_OPTIONS,
]
STEPS = [Step(("defend",), 375)]


def configs(
    config: Any = None, only: str | None = None, seeds: str | None = None, **options: Any
) -> "list[DefendConfig]":
    """Return the experiment's config, with the networks that are asked for and the command line's settings for each."""
    from ex3.adversarial.defend_config import DefendConfig, DefendedConfig
    from ex3.by_hand.certified import CertifiedConfig
    from ex3.by_hand.config import merge
    from ex3.config_files import load_as, parse_value, shipped

    file = config or shipped("defend")
    loaded = load_as(DefendConfig, file, {} if seeds is None else {"seeds": parse_value(seeds)})
    known = [*loaded.networks, *([HAND] if loaded.hand else [])]
    wanted = known if only is None else [name.strip() for name in only.split(",")]
    for name in wanted:
        if name not in known:
            raise click.UsageError(f"--only: {name!r} is not one of {', '.join(known)}")
    networks = {
        name: merge(DefendedConfig, settings, overrides(options, KEYS), f"{file}, network {name}")
        for name, settings in loaded.networks.items()
        if name in wanted
    }
    given = overrides({**options, "assignments": ()}, HAND_KEYS)
    hand = {
        name: merge(CertifiedConfig, settings, given, f"{file}, {HAND}, network {name}")
        for name, settings in loaded.hand.items()
        if HAND in wanted
    }
    return [loaded.model_copy(update={"networks": networks, "hand": hand})]


@click.command(
    "defend",
    short_help="Train against noise, attack, and prove what holds.",
    epilog="Example: python cli.py defend --only pgd,ibp --seeds 3 --export robust.npz",
)
@click.option(
    "--only",
    metavar="N1,N2,...",
    help="Only these networks of the config: nothing, noise, fgsm, pgd, ibp, ibp-contrast, hand (those by hand).",
)
@click.option("--seeds", metavar="N", help="Runs of each network.  [default: 1]")
@click.option("--export", type=file_path, metavar="FILE.npz", help="Also write the first seed's weights there.")
@with_options([*config_options("configs/defend.toml"), *DEFEND_OPTIONS, *RUN_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Train networks that withstand noise of a bound, attack them hard, and prove what cannot be broken.

    Compares no defence, random noise, adversarial training with FGSM and with PGD, and interval bounds. Writes
    OUT/defend-epsilon.png (accuracy under attack, and certified, over epsilon), -noise.png (least noise that fools
    each), -training.png (what happens over the epochs, and the price), -inside.png (filters and gradients), -box.png (a
    box that passes through a layer) and their JSON twins, and the first seed's models to RUNS/models. Each run is kept
    in RUNS/cells: after an interruption the same command goes on from there. Takes about six minutes on two cores.
    """
    (config,) = loaded = configs(**options)
    export: Path | None = options["export"]
    if export is not None and export.suffix != ".npz":
        raise click.UsageError(f"--export {export}: should end in .npz")
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import defend

    return defend.run(
        config, paths(options), Workers(options["jobs"] or core_count()), command_line(ctx), export,
        options["fresh"], options["quiet"],
    )  # fmt: skip
