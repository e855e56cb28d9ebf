"""Run the command line from this folder: ``python cli.py train convnet``; see ``ex3/commands``."""

import sys

from ex3.commands import main

if __name__ == "__main__":
    sys.exit(main())
