"""``check``: every gradient written by hand, against two references."""

from typing import TYPE_CHECKING

import click

from ex3.commands._options import Step
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome

STEPS = [Step(("check",), 5)]


@click.command(
    "check",
    short_help="Check every gradient that is written by hand.",
    epilog="Example: python cli.py check",
)
def command() -> "Outcome":
    """Check every gradient written by hand.

    Compares each layer, each loss and four networks with central differences and with TensorFlow's automatic
    differentiation, in float64. Prints a table; exits with 1 when a gradient is wrong. Takes about 5 seconds.
    """
    show_loading("TensorFlow")
    from ex3.experiments import check

    return check.run()
