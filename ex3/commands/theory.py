"""``theory``: the answers to the theory questions, checked numerically."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ex3.commands._options import FIGURE_OPTIONS, Step, command_line, with_options
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome

STEPS = [Step(("theory",), 7, alone=True)]


@click.command(
    "theory",
    short_help="Check the theory answers by numbers; draw them.",
    epilog="Example: python cli.py theory",
)
@with_options(FIGURE_OPTIONS)
@click.pass_context
def command(ctx: click.Context, out: Path) -> "Outcome":
    """Check the answers to the theory questions numerically, and draw their figures.

    Writes OUT/theory-relu.png (what a threshold in the ReLU adds), OUT/theory-sigmoid.png (the sigmoid as a
    computational graph) and their JSON twins. Prints a table of statements; exits with 1 when one does not hold. Takes
    about 10 seconds.
    """
    show_loading("NumPy and matplotlib")
    from ex3.experiments import theory

    return theory.run(out, command_line(ctx))
