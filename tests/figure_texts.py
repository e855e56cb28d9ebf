"""The words of a figure."""

from matplotlib.figure import Figure
from matplotlib.text import Annotation


def read_setting(figure: Figure) -> str:
    """Return the setting of a figure, in one line."""
    return " ".join(next(text.get_text() for text in figure.artists if isinstance(text, Annotation)).split())
