"""``train``: the linear classifier, the MLP and the convnet."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    DROPOUT_OPTION,
    MODELS,
    PATH_OPTIONS,
    RESUME_OPTIONS,
    TRAIN_KEYS,
    TRAIN_OPTIONS,
    NearestChoice,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    start_reading,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.config import ClassifierConfig
    from ex3.experiments import Outcome

STEPS = [Step(("train", "all"), 53, alone=True)]


def configs(model: str, config: Any = None, **options: Any) -> "list[ClassifierConfig]":
    """Return the config of each model that is trained."""
    from ex3.config_files import load, shipped

    loaded = []
    for name in MODELS if model == "all" else [model]:
        loaded.append(load(config or shipped(name), overrides(options, TRAIN_KEYS)))
        if loaded[-1].model != name:
            raise click.UsageError(f"{config}: its model is {loaded[-1].model}, the command's is {name}")
    return loaded


@click.command(
    "train",
    short_help="Train the linear classifier, the MLP, the convnet.",
    epilog="Example: python cli.py train convnet --epochs 3 --set label_smoothing=0",
)
@click.argument("model", type=NearestChoice([*MODELS, "all"]))
@with_options([*config_options("the model's own"), *TRAIN_OPTIONS, DROPOUT_OPTION])
@click.option(
    "--seeds", type=click.IntRange(1, 1000), help="Runs per model, from --seed upwards.  [default: 1; all: 5]"
)
@with_options([*RESUME_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Train the linear classifier, the MLP or the convnet, or train ALL and compare them.

    Writes OUT/train-MODEL.png (learning curves) and its JSON twin, and the first seed's model to RUNS/models; with
    "all", for each model, and OUT/compare.png and compare-confusion.png. One run takes 5 to 10 seconds on two cores,
    "all" (5 seeds) a minute.
    """
    loaded = configs(**options)
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    places = start_reading(loaded[0], options)
    from ex3.experiments import train

    seeds = options["seeds"] or (5 if options["model"] == "all" else 1)
    resume = options["checkpoint_every"], options["fresh"]
    return train.run(loaded, seeds, places, command_line(ctx), options["quiet"], *resume)
