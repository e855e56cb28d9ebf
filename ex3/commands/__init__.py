"""The command line: one file per command, which is loaded when the command is asked for.

A command's module holds ``command``: its options, and its call of one experiment. Where it has a config, ``configs``
returns those that its options lead to; where ``reproduce`` runs it, ``STEPS`` lists the command lines. A new command is
found by its file alone. Results go to stdout; progress, warnings and errors go to stderr.
"""

import atexit
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import click

import ex3
from ex3.commands._net import describe, drop_output, mend_environment, show_traceback
from ex3.commands._signals import as_interrupts, exit_code, follow

if TYPE_CHECKING:  # heavy
    from ex3.config import Config
    from ex3.experiments import Outcome
    from ex3.tables import Text


SHORT_HELP = 55  # characters of a command's line in --help
GROUPS = {  # of --help, in the order in which one needs them
    "Learn by hand": ["toy", "theory", "check", "scratch"],
    "Train": ["train", "evaluate"],
    "Sweep": ["sweep", "choices"],
    "Embed": ["autoencoder"],
    "Attack and defend": ["attack", "defend", "reject"],
    "Play": ["demo"],
    "Data": ["inspect", "imbalance"],
    "Answers": ["reproduce", "report", "handin"],
}


def command_names() -> list[str]:
    """Return the names of all commands, in alphabetical order."""
    modules = (file.stem for file in Path(__file__).parent.glob("*.py"))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def command_module(name: str) -> ModuleType:
    """Load the module of a command."""
    return import_module(f"{__name__}.{name.replace('-', '_')}")


class LazyGroup(click.Group):
    """A group whose commands are modules, loaded one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; an unknown name is answered with the nearest ones."""
        if cmd_name in command_names():
            return command_module(cmd_name).command
        if cmd_name.startswith("-"):  # an option, which click reports
            return None
        raise click.exceptions.NoSuchCommand(cmd_name, possibilities=command_names(), ctx=ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line per command, in groups; a command of no group comes last."""
        grouped = {name for names in GROUPS.values() for name in names}
        others = [name for name in command_names() if name not in grouped]
        width = max(map(len, command_names()))  # one column for all groups
        for title, names in {**GROUPS, "Others": others}.items():
            if names:
                with formatter.section(title):
                    texts = [command_module(name).command.get_short_help_str(SHORT_HELP) for name in names]
                    formatter.write_dl([(name.ljust(width), text) for name, text in zip(names, texts, strict=True)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--outcome", type=click.Path(path_type=Path), hidden=True, help="Also write headline and files as JSON.")
@click.option("--parent", type=int, hidden=True, help="End when this process, which started this one, has ended.")
@click.version_option(ex3.__version__, prog_name="ex3")
def cli(outcome: Path | None, parent: int | None) -> None:
    """Deep learning on MNIST: one exercise, carried out and measured.

    Each command runs one experiment, writes its figures and the numbers in them, and prints a table and a headline.
    """
    if parent is not None:
        follow(parent)


@cli.result_callback()
def outcome_and_file(
    result: "Outcome | None", outcome: Path | None, **_: object
) -> "tuple[Outcome | None, Path | None]":
    """Hand what the command returned to ``main``, with the file of ``--outcome``."""
    return result, outcome


def config_of(words: Sequence[str]) -> "list[Config]":
    """Return the configs that a command line leads to, without running it; none for a command that has no config.

    Args:
        words: The command's name, its arguments and options.

    Raises:
        ConfigError: A value is not allowed.
        click.ClickException: The words are no command line of this package.
    """
    name, *rest = words
    module = command_module(name)
    options = module.command.make_context(name, rest).params
    return module.configs(**options) if hasattr(module, "configs") else []


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; the README lists them.

    Args:
        words: The command line without the program's name; by default ``sys.argv``'s.
    """
    if words is None:
        mend_environment()
    with as_interrupts(is_last=words is None) as received:
        try:
            _check_encoding(sys.argv[1:] if words is None else words)
            returned = cli.main(words, prog_name=_program_name(), standalone_mode=False)
            if isinstance(returned, tuple):  # not after --help
                _show(*returned)
            sys.stdout.flush()
        except click.ClickException as error:
            return _complain(error.format_message(), 2)
        except (KeyboardInterrupt, click.Abort):
            return _complain("interrupted; what was finished is saved", exit_code(received))
        except (BrokenPipeError, SystemExit):  # the reader of stdout left early (click exits then), which is no error
            drop_output()
        except Exception as error:
            show_traceback()
            drop_output()
            message, code = describe(error)
            return _complain(message, exit_code(received) if received else code)
    return 0


def run_program() -> NoReturn:
    """Run this process's command line, and end it at once: to take TensorFlow's objects apart would last a second."""
    code = main()
    atexit._run_exitfuncs()  # such as joblib's, which removes its temporary folders
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # it is full or closed, or there is none
            stream.flush()
    os._exit(code)


def _check_encoding(words: Sequence[str]) -> None:
    """Check that all words can be written to a twin and to the terminal."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{word!a}: not a text in UTF-8") from None


def _program_name() -> str:
    """Return the name of the program in messages: the installed command's, or the script's in the checkout."""
    return "ex3" if Path(sys.argv[0]).stem == "ex3" else "cli.py"


def _show(outcome: "Outcome | None", file: Path | None) -> None:
    """Print an outcome, and write it to the file of ``--outcome``; raise its problem, if it has one."""
    if outcome is None:
        return
    _show_text(outcome.table)
    click.echo("\n".join(["", *(f"wrote {path}" for path in outcome.written), outcome.headline]))
    if sys.stdout.isatty() and (pages := [path for path in outcome.written if path.suffix in (".png", ".md")]):
        click.echo(f"next: open {pages[0]}", err=True)
    if file:
        from ex3 import storage

        storage.save_json(file, outcome.summary)
    if outcome.problem:
        raise outcome.problem


def _show_text(text: "Text") -> None:
    """Print text with its tables: fitted and in colour on a terminal, else aligned; rich respects ``NO_COLOR``."""
    from ex3.tables import for_terminal, plain

    if not sys.stdout.isatty():
        click.echo(plain(text))
        return
    from rich.console import Console

    width = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False)
    for part in for_terminal(text, width):
        console.print(part)


def _complain(message: str, code: int) -> int:
    """Print one line on stderr, whatever the message holds."""
    with suppress(OSError):  # stderr may be full
        click.echo(f"ex3: error: {' '.join(message.split())}", err=True)
    return code
