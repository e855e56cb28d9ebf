"""Run the command line from this folder: ``python cli.py train convnet``; see ``ex3/commands``."""

from ex3.commands import run_program

if __name__ == "__main__":
    run_program()
