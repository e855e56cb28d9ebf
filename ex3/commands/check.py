"""``check``: every gradient written by hand, against two references; or files in which others wrote theirs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ex3.commands._options import Step, file_path
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome

STEPS = [Step(("check",), 3)]


@click.command(
    "check",
    short_help="Check every gradient that is written by hand.",
    epilog='Example: python cli.py check "Toy Convnet.py"',
)
@click.argument("files", nargs=-1, type=file_path, metavar="[FILE]...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings about FILEs as JSON.")
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 3600), help="Limit of each FILE.")
def command(files: tuple[Path, ...], as_json: bool, seconds: float) -> "Outcome | None":
    """Check every gradient written by hand, here or in FILEs.

    Without FILE, compares each layer, each loss and five networks with central differences and with TensorFlow's
    automatic differentiation, in float64. Prints a table; exits with 1 when a gradient is wrong. Takes about 5 seconds.

    With FILE, checks a filled-in "Toy Convnet.py" of exercise 2.4: learn_linear, forward, backprop and learn_cnn. Names
    the mistakes that it knows, with their lines; of several files, prints a row each. Exits with 1 when one is wrong.
    docs/toy.md explains the mistakes.

    FILE is code that somebody else wrote, and it IS RUN: in a process of its own, in an empty folder, with bounded time
    and memory, without its "if __name__" block; nobody sees what it prints or plots. On Linux, where user namespaces
    are allowed, it has no network; elsewhere Python's sockets are blocked, which it could get round (the last line
    tells which). It can still read, change and delete the files that you can: check only what you would run yourself.
    """
    if not files:
        if as_json:
            raise click.UsageError("--json needs a FILE")
        show_loading("TensorFlow")
        from ex3.experiments import check

        return check.run()
    from ex3.experiments import check_files

    outcome, findings = check_files.run(files, seconds)
    if not as_json:
        return outcome
    click.echo(findings)
    if outcome.problem:
        raise outcome.problem
    return None
