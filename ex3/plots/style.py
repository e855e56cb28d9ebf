"""One look for all figures, and a few helpers.

Train is blue and test vermilion, each model has its colour: all from Okabe and Ito's palette, which colour-blind
readers can tell apart. No pyplot, so no state.
"""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from ex3.results import DatasetInfo

SPLIT_COLOURS = {"train": "#0072B2", "validation": "#009E73", "test": "#D55E00"}
MODEL_COLOURS = {"linear": "#E69F00", "mlp": "#009E73", "convnet": "#0072B2"}
SMOOTHING = 0.9

mpl.rcParams.update(
    {
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": "medium",
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "grid.alpha": 0.3,
        "legend.frameon": False,
    }
)


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


def dataset_label(dataset: DatasetInfo) -> str:
    """Name the images in a title; what stands in for MNIST says so."""
    titles = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "digits": "scikit-learn's 8 x 8 digits, NOT MNIST"}
    return titles[dataset.name]


def make_logarithmic(axes: Axes, which: str) -> None:
    """Make the x or y axis logarithmic, with ticks at 1, 2, 3 and 5 times the powers of ten, written out."""
    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def make_logit(axes: Axes) -> None:
    """Spread the y axis of accuracies out where they are near 0 or 1: its scale is log(p / (1 - p))."""
    axes.set_yscale("logit", nonpositive="clip")
    axes.set_ylim(max(axes.get_ylim()[0], 0.05), min(axes.get_ylim()[1], 0.9995))
    axes.yaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def plural(number: int, noun: str) -> str:
    """Write ``1 epoch`` or ``2 epochs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
