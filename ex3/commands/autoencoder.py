"""``autoencoder``: images through two numbers and back, beside PCA."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    CHECKPOINT_OPTION,
    PATH_OPTIONS,
    RUN_OPTIONS,
    TRAIN_KEYS,
    TRAIN_OPTIONS,
    Step,
    begin,
    command_line,
    config_options,
    file_path,
    overrides,
    start_reading,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.config import AutoencoderConfig
    from ex3.experiments import Outcome
    from ex3.structured_config import StructuredConfig

STEPS = [Step(("autoencoder",), 245, after=("train all",), alone=True)]


def configs(config: Any = None, structured: Any = None, **options: Any) -> "tuple[AutoencoderConfig, StructuredConfig]":
    """Return the autoencoder's config, and that of the one which is asked for structure.

    The command line's values hold for both; those of fields that the first does not have, for the second alone.
    """
    from ex3.config import AutoencoderConfig
    from ex3.config_files import load_as, shipped
    from ex3.structured_config import StructuredConfig

    given = overrides(options, TRAIN_KEYS)
    own = StructuredConfig.model_fields.keys() - AutoencoderConfig.model_fields.keys()
    common = {key: value for key, value in given.items() if key not in own}
    return (
        load_as(AutoencoderConfig, config or shipped("autoencoder"), common),
        load_as(StructuredConfig, structured or shipped("autoencoder-structured"), given),
    )


@click.command(
    "autoencoder",
    short_help="Squeeze images into two numbers, beside PCA.",
    epilog="Example: python cli.py autoencoder --seeds 1 --set bottleneck=relu",
)
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=5, show_default=True, help="Repeats, from --seed upwards."
)
@click.option(
    "--samples",
    type=click.IntRange(100),
    default=5000,
    show_default=True,
    help="Test images that the convnet reads.",
)
@click.option("--structured", type=file_path, metavar="FILE", help="Instead of configs/autoencoder-structured.toml.")
@with_options(
    [*config_options("configs/autoencoder.toml"), *TRAIN_OPTIONS, *RUN_OPTIONS, CHECKPOINT_OPTION, *PATH_OPTIONS]
)
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Squeeze images through two numbers and back, with dense autoencoders and with PCA, and compare the planes.

    One autoencoder minimises the squared error alone; the other one's loss also asks for structure in the plane. Writes
    OUT/autoencoder-curves.png (losses, and PCA's), -scatter.png (the codes), -reconstructions.png (an image per class,
    what the convnet reads in it, and a walk through the plane), -manifold.png and -manifold-structured.png (the
    decoders over their planes) and their JSON twins, and encoders and decoders to RUNS/models. All are there after the
    first seed, about a minute on two cores, and become more precise with each further one. Each training is kept in
    RUNS/cells: after an interruption the same command goes on from there.
    """
    plain, structured = loaded = configs(**options)
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    places = start_reading(plain, options)
    from ex3.cells import Workers, core_count
    from ex3.experiments import autoencoder

    return autoencoder.run(
        plain, structured, options["seeds"], options["samples"], places, Workers(options["jobs"] or core_count()),
        command_line(ctx), options["quiet"], options["checkpoint_every"], options["fresh"],
    )  # fmt: skip
