"""``evaluate``: any classifier on the test images of any data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    IMAGE_KEYS,
    IMAGE_OPTIONS,
    PATH_OPTIONS,
    Options,
    Step,
    command_line,
    file_path,
    overrides,
    paths,
    start_logging,
    with_options,
)
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome
    from ex3.experiments.evaluate import EvaluateConfig

KEYS = ["seed", "threads", *IMAGE_KEYS]
EVALUATE_OPTIONS: Options = [
    click.option("--seed", metavar="N", help="Of the model, of the test images of a folder without test/, and of the "
                 "bootstrap."),
    click.option("--threads", metavar="N", help="TensorFlow's threads."),
    *IMAGE_OPTIONS,
]  # fmt: skip
STEPS = [Step(("evaluate", "convnet"), 6, after=("train all",), alone=True)]


def configs(**options: Any) -> "list[EvaluateConfig]":
    """Return the choice of the images."""
    from ex3.config_files import change
    from ex3.experiments.evaluate import EvaluateConfig

    return [change(EvaluateConfig(), overrides(options, KEYS), "command line")]


@click.command(
    "evaluate",
    short_help="Judge any classifier: what it confuses, how sure.",
    epilog="Example: python cli.py evaluate --predictions mine.csv --dataset photos",
)
@click.argument("model", required=False)
@click.option(
    "--predictions",
    type=file_path,
    metavar="FILE",
    help="Judge these answers instead of a MODEL: a .npy or .csv file with a row per test image, of probabilities (a "
    "column per class) or of one label. A first line of a CSV file may name the classes, or be: label.",
)
@with_options([*EVALUATE_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, model: str | None, predictions: Path | None, quiet: bool, **options: Any) -> "Outcome":
    """Judge a classifier on the test images: what it confuses, how well it knows each class, how sure it may be.

    MODEL is linear, mlp or convnet (the trained model of RUNS, which is trained first where there is none), or a .keras
    file of this package, with its run.json beside it. Writes OUT/evaluate-confusion.png (confusion matrix; recall,
    precision and F1 per class) and -confidence.png (calibration, and the most confident mistakes) and their JSON twins;
    prints a table. Takes about ten seconds.
    """
    if (model is None) == (predictions is None):
        raise click.UsageError("give either a MODEL or --predictions FILE")
    (config,) = configs(**options)
    start_logging(options["verbose"])
    show_loading("the images" if predictions else "TensorFlow and the images", quiet)
    from ex3.experiments import evaluate

    return evaluate.run(config, model, predictions, paths(options), command_line(ctx), quiet)
