"""The two titles of a figure: the finding, and in a smaller line the setting."""

import re
import textwrap

from matplotlib.figure import Figure
from matplotlib.text import Annotation

TITLE_LETTERS, SETTING_LETTERS = 8.8, 12.6  # per inch, at their sizes
LINE_HEIGHT = 0.19  # inches, of the setting
UNBROKEN = re.compile(r" (?=[%±=\u2264]|of \d)|(?<=[^,;:]) (?=\d)|(?<=[±=\u2264]) ")  # spaces at which no line ends


def set_titles(figure: Figure, finding: str, setting: str) -> None:
    """Write the finding over a figure, and the setting in a smaller line below it.

    Args:
        figure: With the constrained layout.
        finding: What the figure shows, in words that its numbers gave.
        setting: The data, the seeds, and how to read it.
    """
    width, height = figure.get_size_inches()
    title = figure.suptitle(_wrap(finding, TITLE_LETTERS * width), fontsize="large", fontweight="bold")
    below = _wrap(setting, SETTING_LETTERS * width)
    place = Annotation(
        below, (0.5, 0), xytext=(0, -2), xycoords=title, textcoords="offset points", ha="center", va="top",
        annotation_clip=False,
    )  # fmt: skip
    figure.add_artist(place)
    room = LINE_HEIGHT * (below.count("\n") + 1) / height
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - room))  # type: ignore[union-attr, call-arg]


def _wrap(text: str, letters: float) -> str:
    """Break a text into as few lines as possible, of about equal length."""
    whole = UNBROKEN.sub("\u00a0", text)
    fewest, *narrower = (textwrap.wrap(whole, width, break_long_words=False) for width in range(int(letters), 0, -1))
    lines = [lines for lines in narrower if len(lines) == len(fewest)]
    return "\n".join([fewest, *lines][-1]).replace("\u00a0", " ")
