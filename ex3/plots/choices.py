"""Figure of named settings: the error of each on the validation images, a row per setting, in groups."""

from collections.abc import Callable

from matplotlib.figure import Figure

from ex3.choices import Choice, ChoicesResult
from ex3.plots.colours import BEST, OTHER
from ex3.plots.iterations import draw_iterations
from ex3.plots.overfitting import draw_overfitting
from ex3.plots.rates import draw_rate_map
from ex3.plots.style import dataset_label, make_logarithmic, model_title, percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.sweeps import converged
from ex3.tables import with_spread


@styled
def draw_choices(result: ChoicesResult) -> Figure:
    """Draw the validation error of each setting: a dot per seed, the mean as a number; the best of a group in blue."""
    groups = list(dict.fromkeys(choice.group for choice in result.choices))
    figure = Figure(figsize=(9, 0.8 + 0.34 * (len(result.choices) + len(groups))))
    axes = figure.subplots()
    ticks, names, row = [], [], 0
    for group in groups:
        axes.annotate(
            group, (0, row), xycoords=axes.get_yaxis_transform(), xytext=(-6, 0), textcoords="offset points",
            ha="right", va="center", fontweight="bold",
        )  # fmt: skip
        for choice in (choice for choice in result.choices if choice.group == group):
            row += 1
            colour = BEST if choice.name == result.best[group] else OTHER
            errors = [100 * (1 - run.metrics["validation_accuracy"]) for run in converged(choice.runs)]
            axes.plot(errors, [row] * len(errors), "o", color=colour, markersize=6, alpha=0.6, markeredgewidth=0)
            axes.annotate(
                _accuracy(choice), (1, row), xycoords=axes.get_yaxis_transform(), xytext=(8, 0),
                textcoords="offset points", va="center", color=colour,
            )  # fmt: skip
            ticks.append(row)
            names.append(choice.name)
        row += 1
    axes.set_yticks(ticks, names)
    axes.set_ylim(row - 0.5, -0.5)
    make_logarithmic(axes, "x")
    axes.set_xlabel("errors on the validation images (%)")
    seeds = plural(len(result.choices[0].runs), "seed")
    setting = (
        f"{model_title(result.model)} on {dataset_label(result.dataset)}, {plural(result.epochs, 'epoch')}, {seeds}"
    )
    set_titles(
        figure,
        _finding(result),
        f"{setting}; a dot per seed, at the right the mean accuracy; blue: best of its group",
    )
    return figure


def _accuracy(choice: Choice) -> str:
    lost = f" ({choice.diverged} of {len(choice.runs)} diverged)" if choice.diverged else ""
    return with_spread(choice.spreads["validation_accuracy"], 4) + lost


def _finding(result: ChoicesResult) -> str:
    """Name the group whose settings differ most, with its best and its worst."""
    spans = {}
    for group in result.best:
        means = {
            choice.spreads["validation_accuracy"].mean: choice.name
            for choice in result.choices
            if choice.group == group and not choice.diverged
        }
        if means:
            spans[group] = (max(means) - min(means), max(means), means[max(means)], min(means), means[min(means)])
    if not spans:
        return "Every setting has a run that diverged"
    group = max(spans, key=lambda name: spans[name][0])
    _, high, best, low, worst = spans[group]
    return f"Most depends on the {group}: {percent(high, 1)} with {best}, {percent(low, 1)} with {worst}"


FIGURES: dict[str, Callable[[ChoicesResult], Figure]] = {
    "overfitting": draw_overfitting,
    "epochs": draw_overfitting,
    "rates": draw_rate_map,
    "iterations": draw_iterations,
}
