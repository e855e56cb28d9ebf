"""``imbalance``: classes made rare and labels made wrong on purpose, and what helps against both (R2)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    IMAGE_KEYS,
    IMAGE_OPTIONS,
    PATH_OPTIONS,
    RUN_OPTIONS,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    paths,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.data_care.config import ImbalanceConfig
    from ex3.experiments import Outcome

KEYS = ["seeds", "seed", "folds", "counts", "mislabelled", *IMAGE_KEYS]
DIGITS = {"mnist", "fashion-mnist", "digits"}  # grey images of 28 x 28 pixels
STEPS = [Step(("imbalance", "--dataset", "mnist", "--classes", "4,7,9"), 88), Step(("imbalance",), 1500)]


def configs(
    config: Path | None = None, counts: str | None = None, epochs: str | None = None, **options: Any
) -> "list[ImbalanceConfig]":
    """Return the experiment's config: that of digits for MNIST and its like, else that of photographs."""
    from ex3.config_files import change, load_as, parse_value, shipped
    from ex3.data_care.config import ImbalanceConfig
    from ex3.data_care.remedies import seeded_network

    options["counts"] = None if counts is None else f"[{counts}]"
    name = "imbalance-digits" if options.get("dataset") in DIGITS else "imbalance"
    loaded = load_as(ImbalanceConfig, config or shipped(name), overrides(options, KEYS))
    if epochs is not None:
        given = parse_value(epochs)
        loaded = change(loaded, {"network": loaded.network | {"epochs": given}, "epochs_clean": given}, "--epochs")
    seeded_network(loaded, loaded.seed, loaded.augmentation)  # a wrong setting is found before anything is read
    return [loaded]


@click.command(
    "imbalance",
    short_help="Try remedies for rare classes and wrong labels.",
    epilog="Example: python cli.py imbalance --dataset mnist --classes 4,7,9",
)
@click.option("--counts", metavar="N1,N2,...", help="Training images of each class.")
@click.option("--mislabelled", metavar="SHARE", help="Of one class's training images that get another label.")
@click.option("--epochs", metavar="N", help="Of all networks.")
@click.option("--folds", metavar="N", help="Parts of the training set in the search for wrong labels.")
@click.option("--seeds", metavar="N", help="Runs of each remedy, from --seed upwards.")
@click.option("--seed", metavar="N", help="The first seed: of the images, the wrong labels, the folds, the networks.")
@with_options(
    [*IMAGE_OPTIONS, *config_options("configs/imbalance.toml, or imbalance-digits.toml"), *RUN_OPTIONS, *PATH_OPTIONS]
)
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Make two classes rare, give a third of the cats the label "car", and try what helps.

    The same network is trained without a remedy, with balanced sampling, a weighted loss, augmentation, suspected
    labels mended or removed, with all of it, and, as upper limits, with the true labels and with the whole clean set.
    Writes OUT/imbalance-remedies.png (balanced accuracy and recall of each), -confusion.png, -curves.png, -suspects.png
    (wrong labels found) and their JSON twins; imbalance-NAME-... for data sets other than cars-cats-trucks. Each run is
    kept in RUNS/cells: after an interruption the same command goes on from there. Takes half an hour on two
    cores, on MNIST two minutes.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    from ex3.cells import Workers, core_count
    from ex3.experiments import imbalance

    return imbalance.run(
        config, paths(options), Workers(options["jobs"] or core_count()), command_line(ctx),
        may_download=options["dataset"] is not None, fresh=options["fresh"], quiet=options["quiet"],
    )  # fmt: skip
