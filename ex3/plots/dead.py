"""Figure of the dead ReLUs of a sweep: at which values the units of each layer are 0 for all images."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ex3.plots.colours import series_colours
from ex3.plots.style import LineEnd, dataset_label, label_ends, model_title, percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.sweeps import SweepResult, ValueResult, converged, format_value, kind_of

LAYER_NAMES = {"conv": "convolution", "dense": "dense layer"}


@styled
def draw_dead_units(result: SweepResult) -> Figure:
    """Draw the share of dead units against the value: a line through the means of each layer, a dot per seed."""
    figure = Figure(figsize=(9, 4.8))
    axes = figure.subplots()
    kind, layers, places = kind_of(result.parameter), dead_layers(result), range(len(result.values))
    ends = []
    for number, (layer, colour) in enumerate(zip(layers, series_colours(len(layers)), strict=True)):
        means = [of_value.spreads[layer].mean for of_value in result.values]
        axes.plot(places, means, color=colour, linewidth=2)
        for place, of_value in zip(places, result.values, strict=True):
            shares = [run.metrics[layer] for run in converged(of_value.runs)]
            x = place + 0.06 * (number - (len(layers) - 1) / 2)  # layers side by side
            axes.plot([x] * len(shares), shares, "o", color=colour, markersize=5, alpha=0.7)
        if np.isfinite(means[-1]):
            ends.append(LineEnd(places[-1] + 0.1, means[-1], layer_name(layer), colour))
    axes.set_xticks(places, [format_value(of_value.value) for of_value in result.values])
    axes.set_xlim(-0.3, len(places) * 1.1)
    axes.set_ylim(-0.03, 1.08)
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0, " %"))
    axes.set(
        xlabel=f"{kind.label} ({kind.unit})" if kind.unit else kind.label, ylabel="units that are 0 for all images"
    )
    label_ends(axes, ends)
    config = result.config
    setting = f"{model_title(config.model)} on {dataset_label(result.dataset)} after {plural(config.epochs, 'epoch')}"
    set_titles(figure, _finding(result), f"{setting}; a dot per seed, the line is their mean")
    return figure


def dead_layers(result: SweepResult) -> list[str]:
    """Return the metrics that hold a layer's share of dead units; none where the network has no ReLU."""
    return [name for name in result.values[0].spreads if name.startswith("dead_") and name != "dead_codes"]


def layer_name(metric: str) -> str:
    """Return e.g. ``convolution 2`` for ``dead_conv2``."""
    layer = metric.removeprefix("dead_")
    kind = layer.rstrip("0123456789")
    return f"{LAYER_NAMES[kind]} {layer.removeprefix(kind)}"


def _finding(result: SweepResult) -> str:
    """Name the value with the most dead units, and the best value, each with its worst layer."""
    label = kind_of(result.parameter).label

    def worst(of_value: ValueResult) -> str:
        layer = max(dead_layers(result), key=lambda layer: of_value.spreads[layer].mean)
        return f"{percent(of_value.spreads[layer].mean)} of the units of {layer_name(layer)}"

    def most(of_value: ValueResult) -> float:
        return max(of_value.spreads[layer].mean for layer in dead_layers(result))

    steady = [of_value for of_value in result.values if not of_value.diverged]
    if not steady:
        return f"Dead ReLUs: some run diverges at every {label}"
    deadest = max(steady, key=most)
    text = f"At {label} {format_value(deadest.value)}, {worst(deadest)} are dead"
    if result.best is None or result.best == deadest.value:
        return text
    best = next(of_value for of_value in result.values if of_value.value == result.best)
    return f"{text};\nat the best, {format_value(best.value)}, {worst(best)}"
