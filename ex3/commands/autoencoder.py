"""``autoencoder``: images through two numbers and back, beside PCA."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    PATH_OPTIONS,
    TRAIN_KEYS,
    TRAIN_OPTIONS,
    Step,
    command_line,
    config_options,
    overrides,
    paths,
    print_configs,
    start_logging,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.config import AutoencoderConfig
    from ex3.experiments import Outcome

STEPS = [Step(("autoencoder",), 260, after=("train all",))]


def configs(config: Any = None, **options: Any) -> "list[AutoencoderConfig]":
    """Return the autoencoder's config."""
    from ex3.config import AutoencoderConfig
    from ex3.config_files import load_as, shipped

    return [load_as(AutoencoderConfig, config or shipped("autoencoder"), overrides(options, TRAIN_KEYS))]


@click.command("autoencoder", epilog="Example: python cli.py autoencoder --seeds 1 --set bottleneck=relu")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Repeats, from --seed upwards."
)
@click.option(
    "--samples",
    type=click.IntRange(100),
    default=5000,
    show_default=True,
    help="Test images that are drawn and scored.",
)
@with_options([*config_options("configs/autoencoder.toml"), *TRAIN_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Squeeze images through two numbers and back, with a dense autoencoder and with PCA, and compare the planes.

    Writes OUT/autoencoder-curves.png (losses, and PCA's), -scatter.png (the codes), -reconstructions.png (an image per
    class, and what the convnet reads in it), -manifold.png (the decoder over the plane) and their JSON twins, and
    encoder and decoder to RUNS/models. All are there after the first seed, about a minute on two cores, and become more
    precise with each further one.
    """
    loaded = configs(**options)
    if options["print_config"]:
        print_configs(loaded)
        return None
    start_logging(options["verbose"])
    from ex3.experiments import autoencoder

    return autoencoder.run(
        loaded[0], options["seeds"], options["samples"], paths(options), command_line(ctx), options["quiet"]
    )
