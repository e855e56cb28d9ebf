"""``python -m ex3`` is the command line, too."""

import sys

from ex3.commands import main

sys.exit(main())
