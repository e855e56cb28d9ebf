"""``report``: write the answers from the numbers of the figures, or check what is published."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

import ex3
from ex3.commands import command_module, command_names
from ex3.commands._options import FIGURE_OPTIONS, Options, Step, file_path, with_options

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome

TEMPLATE = Path(ex3.__file__).parent / "answers" / "templates" / "Answers.md.jinja"
ANSWER_OPTIONS: Options = [
    click.option("--template", default=TEMPLATE, type=file_path, metavar="FILE",
                 help="Instead of ex3/answers/templates/Answers.md.jinja."),
    click.option("--answers", default="Answers.md", show_default=True, type=file_path, metavar="FILE",
                 help="The file of the answers."),
]  # fmt: skip


def all_steps() -> list[Step]:
    """Return the steps of all commands."""
    return [step for name in command_names() for step in getattr(command_module(name), "STEPS", [])]


@click.command(
    "report",
    short_help="Write the answers from the numbers, or check them.",
    epilog="Example: python cli.py report --check",
)
@click.option("--check", is_flag=True, help="Write nothing; check the figures, ANSWERS and the README beside it.")
@with_options([*ANSWER_OPTIONS, *FIGURE_OPTIONS])
def command(check: bool, template: Path, answers: Path, out: Path) -> "Outcome":
    """Write the answers, and the numbers of README and configs, from their templates and the figures in OUT.

    Prints each claim of the answers, the comparison that it requires, the compared numbers, and whether it holds. When
    one does not hold, the exit code is 5 and nothing is written. Takes about a second.

    With --check, writes nothing. The exit code is 5 when a claim does not hold or ANSWERS is stale, and 3 when a figure
    or its JSON twin is damaged, too large, or not one that "reproduce" makes.
    """
    from ex3.experiments import report

    if check:
        return report.check(template, out, answers, {f"python cli.py {step.name}" for step in all_steps()})
    return report.run(template, out, answers)
