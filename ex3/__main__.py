"""``python -m ex3`` is the command line, too."""

from ex3.commands import run_program

run_program()
