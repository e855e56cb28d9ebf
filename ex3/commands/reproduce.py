"""``reproduce``: every experiment with its default config, and the answers."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ex3.commands import command_module, config_of
from ex3.commands._options import PATH_OPTIONS, Step, paths, start_logging, with_options
from ex3.commands.report import ANSWER_OPTIONS, all_steps
from ex3.progress import show_loading

if TYPE_CHECKING:  # heavy
    from ex3.experiments import Outcome, Paths
    from ex3.experiments.reproduce import Job

PHOTOGRAPHS = "cars-cats-trucks"


def job(step: Step, where: "Paths", fresh: bool = False) -> "Job":
    """Return a step with its resolved configs and with all words of its command line.

    Args:
        step: Of any command.
        where: The folders to read and write.
        fresh: Let a command that keeps its runs repeat them.
    """
    from ex3.experiments.reproduce import Job
    from ex3.settings import ImagesConfig

    module, configs = command_module(step.words[0]), config_of(step.words)
    known = {str(parameter.name) for parameter in module.command.params}
    named = [config.dataset for config in configs if isinstance(config, ImagesConfig)]
    return Job(
        name=step.name,
        arguments=(*step.words, *_more_arguments(known, where, fresh)),
        module=module.__name__,
        configs=[config.model_dump(mode="json") for config in configs],
        dataset=[*named, "mnist"][0] if "data_dir" in known else "",
        seconds=step.seconds,
        after=step.after,
        alone=step.alone,
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


@click.command(
    "reproduce",
    short_help="Run every experiment, and write the answers.",
    epilog="Example: python cli.py reproduce --fresh",
)
@click.option("--photographs", is_flag=True, help="Run the experiments on cars-cats-trucks, too: half an hour more.")
@click.option("--fresh", is_flag=True, help="Repeat the finished experiments, too.")
@with_options([*ANSWER_OPTIONS, *PATH_OPTIONS])
def command(photographs: bool, fresh: bool, template: Path, answers: Path, **options: Any) -> "Outcome":
    """Run every experiment with its default config on MNIST, and write the answers.

    Makes everything in OUT, and ANSWERS from it; without --photographs, the figures of the experiments on photographs
    stay as they are. Experiments that use several threads run alone, the others side by side, one per core. A finished
    one is repeated only when its config, its code, the packages or its files have changed. One that fails does not stop
    the others. Takes about 30 minutes on two cores.
    """
    start_logging(options["verbose"])
    show_loading("the list of experiments", options["quiet"])
    from ex3.experiments import reproduce

    where = paths(options)
    jobs = [job(step, where, fresh) for step in all_steps()]
    left_out = [] if photographs else [one for one in jobs if one.dataset == PHOTOGRAPHS]
    done = [one for one in jobs if one not in left_out]
    return reproduce.run(done, where, template, answers, fresh, options["quiet"], left_out)
