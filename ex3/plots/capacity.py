"""Figure of what keeps the toy convnet from its targets: the proved floor, the best fit of many, and SGD's."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from ex3.plots.colours import BLUE, GREEN, GREY
from ex3.plots.style import percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Number

BARS = {"floor": "proved\nfloor", "best": "best\nBFGS fit", "sgd": "\nSGD"}
COLOURS = {"floor": GREY, "best": GREEN, "sgd": BLUE}
TARGET_NAMES = {"y1": "y₁", "y2": "y₂", "y3": "y₃"}


@dataclass(frozen=True)
class TargetCapacity:
    """The toy convnet on one target: test errors, one number per seed.

    Attributes:
        floor: No weights have a smaller expected squared error.
        best: Of the fit by BFGS with the least training error.
        sgd: Of SGD, with the experiment's l2 term.
        sgd_without_l2: Of SGD with lambda 0.
    """

    floor: list[Number]
    best: list[Number]
    sgd: list[Number]
    sgd_without_l2: list[Number]


@dataclass(frozen=True)
class ToyCapacity:
    """All targets.

    Attributes:
        restarts: Fits by BFGS per seed.
        l2: lambda of SGD.
        targets: By name.
    """

    restarts: int
    l2: float
    targets: dict[str, TargetCapacity]


@styled
def draw_capacity(result: ToyCapacity) -> Figure:
    """Draw three bars per target: the median of the floor, of the best fit and of SGD, a dot per seed."""
    figure = Figure(figsize=(9, 4.8))
    axes_of_targets = figure.subplots(1, len(result.targets), squeeze=False)[0]
    for axes, (target, capacity) in zip(axes_of_targets, result.targets.items(), strict=True):
        labels = []
        for place, (name, colour) in enumerate(COLOURS.items()):
            errors = getattr(capacity, name)
            median = float(np.median(errors))
            axes.bar(place, median, color=colour, alpha=0.7)
            axes.plot(np.linspace(place - 0.2, place + 0.2, len(errors)), errors, "o", color="black", markersize=3)
            labels.append(f"{BARS[name]}\n{'above 0' if median == 0 else f'{median:.2g}'}")
        axes.set_xticks(range(len(BARS)), labels)
        axes.set_title(TARGET_NAMES[target])
        axes.grid(visible=False, axis="x")
    axes_of_targets[0].set_ylabel("test mean squared error")
    seeds = plural(len(next(iter(result.targets.values())).best), "seed")
    starts = f"BFGS: the best of {result.restarts} starts by training error"
    set_titles(figure, _finding(result), f"toy convnet; bars: median of {seeds}, dots: each; {starts}")
    return figure


def _finding(result: ToyCapacity) -> str:
    """Say how much of SGD's error is left when the optimiser is the best."""
    texts = [
        f"{percent(float(np.median(capacity.best) / np.median(capacity.sgd)))} on {TARGET_NAMES[target]}"
        for target, capacity in result.targets.items()
    ]
    return f"The best of many optimisations leaves, of SGD's error, {', '.join(texts)}"
