"""Run the command line from this folder: ``python cli.py train convnet``; see ``ex3/commands``."""

import os

try:
    from ex3.commands import run_program
except KeyboardInterrupt:  # before the command line can answer it
    os.write(2, b"ex3: error: interrupted\n")
    os._exit(130)

if __name__ == "__main__":
    run_program()
