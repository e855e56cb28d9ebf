"""``python -m ex3`` is the command line, too."""

import os

try:
    from ex3.commands import run_program
except KeyboardInterrupt:  # before the command line can answer it
    os.write(2, b"ex3: error: interrupted\n")
    os._exit(130)

run_program()
