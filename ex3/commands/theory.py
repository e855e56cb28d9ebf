"""``theory``: the answers to the theory questions, checked numerically."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ex3.commands._options import FIGURE_OPTIONS, Step, command_line, with_options

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome

STEPS = [Step(("theory",), 10)]


@click.command("theory", epilog="Example: python cli.py theory")
@with_options(FIGURE_OPTIONS)
@click.pass_context
def command(ctx: click.Context, out: Path) -> "Outcome":
    """Check the answers to the theory questions numerically, and draw their figures.

    Writes OUT/theory-relu.png (what a threshold in the ReLU adds), OUT/theory-sigmoid.png (the sigmoid as a
    computational graph) and their JSON twins. Prints a table of statements; exits with 1 when one does not hold. Takes
    about 10 seconds.
    """
    from ex3.experiments import theory

    return theory.run(out, command_line(ctx))
