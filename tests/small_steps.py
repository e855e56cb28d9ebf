"""Small steps of ``reproduce``, and what became of them."""

import re
from pathlib import Path

from ex3.commands.reproduce import Step
from ex3.experiments import Paths

PATHS = Paths(Path("figures"), Path("runs"))
TEMPLATE, ANSWERS = Path("t.jinja"), Path("Answers.md")
THEORY = Step(("theory",), 3)
TINY_TOY = Step(("toy", "--model", "linear", "--target", "y1", "--iterations", "5", "--seeds", "1"), 5)
AFTER_TOY = Step(("toy", "--iterations", "6"), 1, after=(TINY_TOY.name,))
DIVERGING = Step(("toy", "--learning-rate", "1e30", "--seeds", "1", "--model", "linear", "--target", "y1"), 5)


def states(outcome) -> dict[str, str]:
    """Return the state of each step, by the command's first word."""
    lines = re.findall(r"^(done|reused|failed) +(?:[\d-]+)(?: s)? +(\w+)", outcome.table, re.MULTILINE)
    assert len(lines) == len(outcome.table.splitlines())
    return {command: state for state, command in lines}
