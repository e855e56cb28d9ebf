"""``demo``: a page to play with, over the trained models."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    FIGURE_OPTIONS,
    IMAGE_KEYS,
    IMAGE_OPTIONS,
    PATH_OPTIONS,
    Options,
    overrides,
    start_logging,
    with_options,
)
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.demo.config import DemoConfig

KEYS = ["seed", "threads", *IMAGE_KEYS]
DEMO_OPTIONS: Options = [
    click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), metavar="N",
                 help="Where the page listens, on this machine alone; 0 takes any free port."),
    click.option("--no-browser", is_flag=True, help="Open no browser."),
    click.option("--seed", metavar="N", help="Of the models."),
    click.option("--threads", metavar="N", help="TensorFlow's threads."),
    *IMAGE_OPTIONS,
]  # fmt: skip


def configs(**options: Any) -> "list[DemoConfig]":
    """Return the choice of the models."""
    from ex3.config_files import change
    from ex3.demo.config import DemoConfig

    return [change(DemoConfig(), overrides(options, KEYS), "command line")]


@click.command(
    "demo",
    short_help="A page to play with: draw, walk, attack, look inside.",
    epilog="Example: python cli.py demo --port 8081 --no-browser",
)
@with_options([*DEMO_OPTIONS, *(option for option in PATH_OPTIONS if option not in FIGURE_OPTIONS)])
def command(**options: Any) -> None:
    """Open a page over the trained models: draw a digit and see what each of them reads.

    Walk through the autoencoder's plane, attack an image or your drawing, and look at the convnet's first layer. Uses
    the models of RUNS; those that train in seconds are trained first where they are missing, the others while the page
    is open. Needs "pip install -r requirements-demo.txt". Listens on 127.0.0.1 alone and asks nothing of others. Ctrl-C
    ends it.
    """
    (config,) = configs(**options)
    start_logging(options["verbose"])
    show_loading("TensorFlow and the models", options["quiet"])
    from ex3.experiments import Paths, demo

    paths = Paths(figures=options["runs"], runs=options["runs"], data=options["data_dir"])
    demo.run(config, paths, options["port"], show=not options["no_browser"], quiet=options["quiet"])
