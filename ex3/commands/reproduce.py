"""``reproduce``: every experiment with its default config, and the answers."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ex3.commands import command_module, config_of
from ex3.commands._options import PATH_OPTIONS, Step, paths, start_logging, with_options
from ex3.commands.report import ANSWER_OPTIONS, all_steps

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome, Paths
    from ex3.experiments.reproduce import Job


def job(step: Step, where: "Paths", fresh: bool = False) -> "Job":
    """Return a step with its resolved configs and with all words of its command line.

    Args:
        step: Of any command.
        where: The folders to read and write.
        fresh: Let a command that keeps its runs repeat them.
    """
    from ex3.experiments.reproduce import Job

    module = command_module(step.words[0])
    known = {str(parameter.name) for parameter in module.command.params}
    return Job(
        name=step.name,
        arguments=(*step.words, *_more_arguments(known, where, fresh)),
        module=module.__name__,
        configs=[config.model_dump(mode="json") for config in config_of(step.words)],
        has_images="data_dir" in known,
        seconds=step.seconds,
        after=step.after,
    )


def _more_arguments(known: set[str], where: "Paths", fresh: bool) -> Iterator[str]:
    """Yield the options that change no number, as far as a command knows them."""
    if "out" in known:
        yield from ("--out", str(where.figures))
    if "runs" in known:
        yield from ("--runs", str(where.runs))
    if "data_dir" in known and where.data:
        yield from ("--data-dir", str(where.data))
    if "verbose" in known and logging.getLogger("ex3").isEnabledFor(logging.INFO):
        yield "--verbose"
    if "fresh" in known and fresh:
        yield "--fresh"


@click.command("reproduce", epilog="Example: python cli.py reproduce --fresh")
@click.option("--fresh", is_flag=True, help="Repeat the finished experiments, too.")
@with_options([*ANSWER_OPTIONS, *PATH_OPTIONS])
def command(fresh: bool, template: Path, answers: Path, **options: Any) -> "Outcome":
    """Run every experiment with its default config on MNIST, and write the answers.

    Makes everything in OUT, and ANSWERS from it. A finished experiment is repeated only when its config, its code, the
    packages or its files have changed. One that fails does not stop the others. Takes about 20 minutes on two cores.
    """
    start_logging(options["verbose"])
    from ex3.experiments import reproduce

    where = paths(options)
    jobs = [job(step, where, fresh) for step in all_steps()]
    return reproduce.run(jobs, where, template, answers, fresh, options["quiet"])
