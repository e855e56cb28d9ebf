"""Figure of learning rates crossed with batch sizes: the validation accuracy as a map, with the best rate per size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.choices import ChoicesResult
from ex3.plots.colours import VERMILION
from ex3.plots.style import dataset_label, draw_matrix, model_title, plural, styled
from ex3.plots.titles import set_titles

LIGHTEST = 80  # the validation accuracy (%) from which on cells are coloured


@styled
def draw_rate_map(result: ChoicesResult) -> Figure:
    """Draw the mean validation accuracy of each rate (row) and batch size (column), and the line of the best rates."""
    rates = sorted({choice.changes["learning_rate"] for choice in result.choices})
    sizes = sorted({choice.changes["batch_size"] for choice in result.choices})
    accuracies = np.full((len(rates), len(sizes)), np.nan)
    for choice in result.choices:
        place = rates.index(choice.changes["learning_rate"]), sizes.index(choice.changes["batch_size"])
        accuracies[place] = choice.spreads["validation_accuracy"].mean if not choice.diverged else np.nan
    figure = Figure(figsize=(9, 5.6))
    axes = figure.subplots()
    image = draw_matrix(axes, 100 * accuracies, "Blues", "{:.1f}", LIGHTEST, 100)
    for row, column in np.argwhere(np.isnan(accuracies)):
        axes.text(column, row, "diverged", ha="center", va="center")
    best = result.rates_by_size
    places = [rates.index(best[size]) for size in best]
    columns = [sizes.index(size) for size in best]
    axes.plot(columns, places, "o-", color=VERMILION, markersize=30, markerfacecolor="none", linewidth=2)
    _draw_linear_scaling(axes, rates, sizes, best)
    axes.set_xticks(range(len(sizes)), [f"{size:g}" for size in sizes])
    axes.set_yticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.invert_yaxis()
    axes.set(xlabel="batch size (images)", ylabel="learning rate")
    figure.colorbar(image, ax=axes, extend="min").set_label("validation accuracy (%)")
    runs = result.choices[0].runs
    setting = (
        f"{model_title(result.model)} on {dataset_label(result.dataset)}, plain SGD, {plural(result.epochs, 'epoch')}"
    )
    set_titles(
        figure,
        _finding(result),
        f"{setting}, mean of {plural(len(runs), 'seed')}; vermilion: best rate per size, dashed: linear scaling",
    )
    return figure


def _draw_linear_scaling(axes: Axes, rates: list[float], sizes: list[int], best: dict[int, float]) -> None:
    """Draw the rates that are proportional to the batch size, from the smallest size's best rate on."""
    smallest = min(best)
    wanted = [best[smallest] * size / smallest for size in sizes]
    rows = np.interp(np.log(wanted), np.log(rates), range(len(rates)), right=np.nan)
    axes.plot(range(len(sizes)), rows, "--", color="black", linewidth=1.5)


def _finding(result: ChoicesResult) -> str:
    """Say which rate is best for the smallest and for the largest size, and how it depends on the size."""
    best = result.rates_by_size
    first, last = min(best), max(best)
    return (
        f"The best rate is {best[first]:g} for batches of {first:g} and {best[last]:g} for those of {last:g}: "
        f"over all sizes it goes with the power {result.exponent:z.2f} of the size (linear scaling would be 1)"
    )
