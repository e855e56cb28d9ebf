"""``handin``: pack the exercise for handing it in, or look at such a file as a grader does."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ex3.commands._options import file_path
from ex3.commands.report import TEMPLATE, all_steps

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome


@click.command(
    "handin",
    short_help="Pack the file to hand in, or check one.",
    epilog="Example: python cli.py handin --id 123456782 --name 'Ada Lovelace'",
)
@click.option("--id", "identity", metavar="ID", help="Nine digits, the last of which is a check digit.")
@click.option("--any-id", is_flag=True, help="Allow any ID of letters, digits and hyphens.")
@click.option("--name", default="", help="Yours, for the PDF.")
@click.option("--template", type=file_path, metavar="FILE", help="Another text with the same checked numbers.")
@click.option("--answers", default="Answers.md", show_default=True, type=file_path, metavar="FILE", help="As written.")
@click.option("--figures", default="figures", show_default=True, type=file_path, metavar="FOLDER", help="To show.")
@click.option("--out", default=".", show_default=True, type=file_path, metavar="FOLDER", help="For ex3_<ID>.tar.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--verify", type=file_path, metavar="FILE", help="Look at a finished ex3_<ID>.tar instead.")
@click.option("--seconds", default=300.0, show_default=True, type=click.FloatRange(1, 3600),
              help="With --verify, the limit of each command that is run.")  # fmt: skip
def command(
    identity: str | None,
    any_id: bool,
    name: str,
    template: Path | None,
    answers: Path,
    figures: Path,
    out: Path,
    force: bool,
    verify: Path | None,
    seconds: float,
) -> "Outcome":
    """Pack the exercise for handing it in: OUT/ex3_<ID>.tar.

    It holds the code, the configs, the figures, Answers.md, and Answers.pdf with your ID; no data, no models. The same
    input gives the same bytes. Needs "pip install -r requirements-pdf.txt". Refuses answers that are stale or that have
    a claim which does not hold. With --template, the answers are that template's.

    With --verify, does what a grader does: unpacks FILE with care, looks for the PDF and the ID in it, and runs "check"
    and a short training from the unpacked code. That code is somebody else's, and it IS RUN with all your rights.
    """
    if verify:
        from ex3.experiments import verify_handin

        return verify_handin.run(verify, seconds)
    if identity is None:
        raise click.UsageError("handin needs --id ID, or --verify FILE")
    from ex3.answers.archive import check_identity
    from ex3.experiments import handin

    check_identity(identity, any_id)
    sources = handin.Sources(template or TEMPLATE, template is not None, answers, figures)
    steps = {f"python cli.py {step.name}" for step in all_steps()}
    return handin.run(handin.Author(identity, name), sources, out, force, steps)
