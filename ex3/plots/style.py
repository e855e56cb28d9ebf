"""One look for all figures, and a few helpers.

Figures are 9 inches or 900 pixels wide, the width at which they are shown, with text of at least 10 points. The title
is the finding, over a smaller line with the setting; ``colours.py`` has the colours. Nothing here uses pyplot or
changes matplotlib's global settings.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator, StrMethodFormatter

from ex3.data.raw import CLASS_NAMES
from ex3.results import Curves, DatasetInfo

MODEL_TITLES = {"linear": "linear", "mlp": "MLP", "convnet": "convnet"}
WIDTH = 9  # inches
DATASET_TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "digits": "scikit-learn's 8 x 8 digits"}
MOST_NAMES = 5  # in a title
SMOOTHING = 0.9
END = "end of a line"  # marks the labels that must not touch

STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}
Arguments = ParamSpec("Arguments")


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Decorate a plot function with the common look; matplotlib's global settings stay as they are."""

    @functools.wraps(draw)
    def draw_styled(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            figure = draw(*args, **kwargs)
            _part_ends(figure)
        for axes in figure.axes:  # ticks are made when the figure is rendered, outside of the context
            axes.tick_params(which="both", grid_alpha=STYLE["grid.alpha"])
        return figure

    return draw_styled


def smooth(values: Sequence[float], weight: float = SMOOTHING) -> np.ndarray:
    """Smooth a series exponentially, as TensorBoard does.

    s_t = weight s_(t-1) + (1 - weight) x_t, from s_0 = 0, divided by 1 - weight^t, which takes the start's bias away
    (Kingma and Ba 2015, section 3). A value that is not finite is passed through and leaves the average alone.

    Args:
        values: ``(T,)``.
        weight: In [0, 1); 0 smooths nothing.

    Returns:
        float64 ``(T,)``.
    """
    smoothed = np.array(values, dtype=float)
    average, remaining = 0.0, 1.0
    for t, value in enumerate(smoothed):
        if np.isfinite(value):
            average = weight * average + (1 - weight) * value
            remaining *= weight
            smoothed[t] = average / (1 - remaining)
    return smoothed


def model_title(model: str) -> str:
    """Name a network in a figure."""
    return MODEL_TITLES.get(model, model)


def dataset_label(dataset: DatasetInfo) -> str:
    """Name the images in a title, with their classes where these are not all classes of a well-known data set."""
    title, names = DATASET_TITLES.get(dataset.name, dataset.name), dataset.class_names
    if tuple(names) == CLASS_NAMES.get(dataset.name):
        return title
    return f"{title} ({', '.join(names)})" if len(names) <= MOST_NAMES else f"{title} ({len(names)} classes)"


def picture_map(dataset: DatasetInfo) -> str:
    """Return the colour map of grey images: black on white for digits and garments, whose paper is 0; else as it is."""
    return "gray_r" if dataset.name in DATASET_TITLES else "gray"


def make_logarithmic(axes: Axes, which: str) -> None:
    """Make the x or y axis logarithmic, with ticks at 1, 2, 3 and 5 times the powers of ten, written out.

    An axis so short that few of them would be on it has ticks at equal distances. One on which nothing is drawn, since
    training diverged at once, stays as it is.
    """
    axis = getattr(axes, f"{which}axis")
    if not np.isfinite(axis.get_minpos()):
        return
    getattr(axes, f"set_{which}scale")("log")
    low, high = getattr(axes, f"get_{which}lim")()
    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)) if high > 3 * low else MaxNLocator(5))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def make_logit(axes: Axes) -> None:
    """Spread the y axis of accuracies out where they are near 0 or 1: its scale is log(p / (1 - p))."""
    axes.set_yscale("logit", nonpositive="clip")
    axes.set_ylim(max(axes.get_ylim()[0], 0.05), min(axes.get_ylim()[1], 0.9995))
    ticks = FixedLocator([0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999])
    axes.yaxis.set_major_locator(ticks if axes.get_ylim()[1] > 0.9 else MaxNLocator(6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


class LineEnd(NamedTuple):
    """The last point of a line, with its name and colour."""

    x: float
    y: float
    text: str
    colour: str | np.ndarray


def draw_mean(axes: Axes, curves: Sequence[Curves], axis: str, name: str, colour: str, label: str) -> LineEnd:
    """Draw one series' mean over the runs, and a band of one standard deviation; return the mean's end."""
    x, values = _align(curves, axis, name)
    mean = values.mean(axis=0)
    axes.plot(x, mean, color=colour, marker=".", label=label)
    if len(curves) > 1:
        std = values.std(axis=0, ddof=1)
        axes.fill_between(x, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    return LineEnd(float(x[-1]), float(mean[-1]), label, colour)


def set_whole_ticks(axes: Axes, last: float) -> None:
    """Let the x axis run from 0 to the last epoch, with ticks at whole epochs."""
    axes.set_xlim(0, last)
    axes.set_xticks([tick for tick in MaxNLocator(6, integer=True).tick_values(0, last) if tick <= last])


def label_ends(axes: Axes, ends: Sequence[LineEnd]) -> None:
    """Write each line's name in its colour to the right of its last point, in axes with their final limits.

    ``styled`` parts names that would touch.
    """
    low, high = sorted(axes.get_ylim())
    for end in (end for end in ends if np.isfinite(end.y)):
        place = (end.x, min(max(end.y, low), high))
        axes.annotate(
            end.text, place, xytext=(5, 0), textcoords="offset points", color=end.colour, va="center",
            annotation_clip=False, gid=END,
        )  # fmt: skip


def _part_ends(figure: Figure) -> None:
    """Move the labels of lines' ends up or down, so that none touches another or leaves its axes."""
    labels = {
        axes: [text for text in axes.texts if isinstance(text, Annotation) and text.get_gid() == END]
        for axes in figure.axes
    }
    if any(labels.values()):
        layout = figure.get_layout_engine()  # it decides how far the ends are apart
        if layout is not None:
            layout.execute(figure)
            figure.set_layout_engine("none")  # done; saving would do it once more
    spacing = 1.2 * mpl.rcParams["font.size"]
    for axes, texts in labels.items():
        low, high = (edge * 72 / figure.dpi for edge in (axes.bbox.y0, axes.bbox.y1))
        heights = {text: float(axes.transData.transform(text.xy)[1]) * 72 / figure.dpi for text in texts}
        ordered = sorted(texts, key=heights.__getitem__)
        steps = spacing * np.arange(len(texts))
        parted = _ascending([heights[text] - step for text, step in zip(ordered, steps, strict=True)])
        highest = high - spacing * (len(texts) - 1)
        for text, height in zip(
            ordered, np.clip(parted, low + spacing / 2, highest - spacing / 2) + steps, strict=True
        ):
            text.set_position((5, height - heights[text]))


def _ascending(values: Sequence[float]) -> list[float]:
    """Return the series that never falls and is nearest to the values in the least squares (isotonic regression)."""
    count = len(values)
    return [
        max(min(float(np.mean(values[first : last + 1])) for last in range(place, count)) for first in range(place + 1))
        for place in range(count)
    ]


def draw_matrix(axes: Axes, values: np.ndarray, cmap: str, form: str, low: float, high: float) -> AxesImage:
    """Draw a matrix as colours from ``low`` to ``high``, with each number written into its cell."""
    image = axes.imshow(values, cmap=cmap, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(column, row, form.format(value), ha="center", va="center", color="white" if dark else "black")
    axes.grid(visible=False)
    return image


def label_classes(axes: Axes, which: str, class_names: Sequence[str]) -> None:
    """Put a tick with its name at each class of the x or y axis; long names on the x axis are turned."""
    is_turned = which == "x" and max(map(len, class_names)) > 2
    options = {"rotation": 45, "ha": "right"} if is_turned else {}
    getattr(axes, f"set_{which}ticks")(range(len(class_names)), class_names, **options)


def pixels(figure: Figure) -> np.ndarray:
    """Return what a figure shows, uint8 ``(H, W, 3)``, for pages; files are written by ``storage.save_figure``."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3]


def percent(share: float, digits: int = 0) -> str:
    """Write ``98.5 %``."""
    return f"{100 * share:.{digits}f} %"


def plural(number: int, noun: str) -> str:
    """Write ``1 epoch`` or ``2 epochs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _align(curves: Sequence[Curves], axis: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the runs' mean positions on the axis ``(points,)`` and their values ``(runs, points)``.

    They end where the shortest run does.

    Args:
        curves: Of each run.
        axis: The curves' own axis, e.g. ``epoch``, or the name of a series, e.g. ``seconds``.
        name: The series that is wanted.
    """
    length = min(len(of_run.points) for of_run in curves)
    values = np.array([of_run.series[name][:length] for of_run in curves])
    x = [of_run.points if axis == of_run.axis else of_run.series[axis] for of_run in curves]
    return np.mean([points[:length] for points in x], axis=0), values
