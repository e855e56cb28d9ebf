"""Figures of the toy experiment, and their results: losses, predictions, initialisations and l2 terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.colours import GREY, MODEL_COLOURS, PURPLE
from ex3.plots.style import WIDTH, LineEnd, label_ends, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Curves, Number, quantiles

TARGET_TITLES = {
    "y1": r"$y_1 = \Sigma_i\,(Wx)_i$",
    "y2": r"$y_2 = \mathrm{max}_i\,x_i$",
    "y3": r"$y_3 = \log\,\Sigma_i\,\exp\,(Wx)_i$",
}
TARGET_NAMES = {"y1": "y\u2081", "y2": "y\u2082", "y3": "y\u2083"}
INIT_COLOURS = {"normal": MODEL_COLOURS["convnet"], "equal": PURPLE, "zeros": GREY}
INIT_TITLES = {"normal": "random", "equal": "equal", "zeros": "zeros"}
LARGEST = 1e30  # values above are not drawn, since a diverging loss would stretch the axis
LOSS_LABEL = "mean squared error"


@dataclass(frozen=True)
class FinalFit:
    """A hand-written network on one target of the toy experiment after the last iteration, over the seeds.

    Attributes:
        target: ``y1``, ``y2`` or ``y3``.
        model: ``linear`` or ``convnet``.
        test_loss: Each seed's mean squared error on its test samples.
        noise_floor: Each seed's mean squared error of the noiseless target on its test samples.
        ridge_test_loss: Each seed's test loss of the linear model that minimises the training objective exactly.
        example: ``target`` and ``prediction`` of the test samples of the seed with the median test loss.
        example_seed: That seed; of two in the middle the one with the lower loss.
        diverged: For each seed, the first iteration (from 1) whose loss was not finite, or ``None``.
    """

    target: str
    model: str
    test_loss: list[Number]
    noise_floor: list[Number]
    ridge_test_loss: list[Number]
    example: dict[str, list[Number]]
    example_seed: int
    diverged: list[int | None]


@dataclass(frozen=True)
class ToyFit(FinalFit):
    """The same, with its course.

    Attributes:
        curves: Over iterations: ``train_loss``, ``test_loss`` and ``gradient_norm``, each as ``_median`` over the seeds
            and as ``_low`` and ``_high``, the 10 % and 90 % quantiles. Losses are without the l2 term.
    """

    curves: Curves


@dataclass(frozen=True)
class ToyCurves:
    """Each model on each target."""

    fits: list[ToyFit]


@dataclass(frozen=True)
class ToyPredictions:
    """Each model on each target; ``first_seed`` is that of the first entry of each list over the seeds."""

    fits: list[FinalFit]
    first_seed: int


@dataclass(frozen=True)
class ToyInitialisations:
    """The convnet on each target, by its initial weights."""

    normal: list[ToyFit]
    equal: list[ToyFit]
    zeros: list[ToyFit]


L2Fits = Mapping[float, Sequence[FinalFit]]  # each model on each target, by lambda


@styled
def draw_curves(result: ToyCurves) -> Figure:
    """Draw train loss (thin) and test loss over iterations: a column per target, both models in each panel."""
    targets = list(dict.fromkeys(fit.target for fit in result.fits))
    figure = Figure(figsize=(WIDTH, 4.6))
    for axes, target in zip(figure.subplots(1, len(targets), sharey=True, squeeze=False)[0], targets, strict=True):
        fits = [fit for fit in result.fits if fit.target == target]
        ends = []
        for fit in fits:
            colour = MODEL_COLOURS[fit.model]
            train = np.array(fit.curves.series["train_loss_median"])
            axes.plot(fit.curves.points, np.where(train < LARGEST, train, np.nan), color=colour, linewidth=0.6)
            ends.append(_draw_band(axes, fit.curves, "test_loss", colour, fit.model))
        floor = float(np.median(fits[0].noise_floor))
        axes.axhline(floor, color="black", linestyle=":")
        ends.append(LineEnd(fits[0].curves.points[-1], floor, "noise", "black"))
        axes.set(title=TARGET_TITLES[target], xlabel="iteration", xscale="log", yscale="log")
        axes.set_xlim(fits[0].curves.points[0], fits[0].curves.points[-1])
        label_ends(axes, ends)
    figure.axes[0].set_ylabel(LOSS_LABEL)
    setting = f"thick: test, band from 10 to 90 % of {_seeds_label(result.fits[0])}; thin: train; dotted: noise floor"
    set_titles(figure, _curves_title(result.fits), setting)
    return figure


@styled
def draw_predictions(result: ToyPredictions) -> Figure:
    """Draw prediction against target on the test samples of each model's median seed: a panel per target."""
    targets = list(dict.fromkeys(fit.target for fit in result.fits))
    figure = Figure(figsize=(WIDTH, 4.4))
    for axes, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        titles = []
        for fit in (fit for fit in result.fits if fit.target == target):
            x, y = fit.example["target"], fit.example["prediction"]
            axes.plot(x, y, ".", color=MODEL_COLOURS[fit.model], alpha=0.6, markersize=5)
            error = fit.test_loss[fit.example_seed - result.first_seed]
            titles.append(f"{fit.model}: MSE {error:.2g} (seed {fit.example_seed})")
        axes.axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle="--")
        axes.set(title="\n".join([TARGET_TITLES[target], *titles]), xlabel="target")
    figure.axes[0].set_ylabel("prediction")
    learned = [f"the {_name(fit.model)} on {TARGET_NAMES[fit.target]}" for fit in result.fits if _is_learned(fit)]
    finding = (
        f"Only {' and '.join(learned)} {'is' if len(learned) == 1 else 'are'} on the line"
        if learned
        else "No model is on the line"
    )
    colours = "orange: linear; blue: convnet; each on the test samples of the seed with the median error of"
    set_titles(figure, f"{finding}, to within twice the noise", f"{colours} {_seeds_label(result.fits[0])}")
    return figure


@styled
def draw_initialisations(result: ToyInitialisations) -> Figure:
    """Draw the convnet's test loss over iterations, for each initialisation: a panel per target."""
    figure = Figure(figsize=(WIDTH, 4.6))
    starts = {"zeros": result.zeros, "equal": result.equal, "normal": result.normal}
    panels = figure.subplots(1, len(result.normal), squeeze=False)[0]
    for column, axes in enumerate(panels):
        ends = [
            _draw_band(axes, fits[column].curves, "test_loss", INIT_COLOURS[start], INIT_TITLES[start])
            for start, fits in starts.items()
        ]
        axes.set(title=TARGET_TITLES[result.normal[column].target], xlabel="iteration", xscale="log", yscale="log")
        label_ends(axes, ends)
    panels[0].set_ylabel(f"test {LOSS_LABEL}")
    setting = f"the toy convnet; {_seeds_label(result.normal[0])}, median and band from 10 to 90 %"
    set_titles(figure, _initialisations_title(result), setting)
    return figure


@styled
def draw_l2(result: L2Fits) -> Figure:
    """Draw the final test loss against lambda, the weight of the l2 term: a panel per target, both models in each."""
    first = next(iter(result.values()))
    targets, models = (list(dict.fromkeys(getattr(fit, name) for fit in first)) for name in ("target", "model"))
    figure = Figure(figsize=(WIDTH, 4.2))
    for axes, target in zip(figure.subplots(1, len(targets), sharey=True, squeeze=False)[0], targets, strict=True):
        ends = []
        for model in models:
            fits = _over_lambda(result, target, model)
            low, median, high = quantiles(np.array([fit.test_loss for fit in fits]))
            axes.plot(list(result), median, marker="o", color=MODEL_COLOURS[model])
            axes.fill_between(list(result), low, high, color=MODEL_COLOURS[model], alpha=0.2, linewidth=0)
            ends.append(LineEnd(max(result), float(median[-1]), model, MODEL_COLOURS[model]))
        exact = [np.median(fit.ridge_test_loss) for fit in fits]
        axes.plot(list(result), exact, "x", color="black", markersize=9)
        floor = float(np.median(fits[0].noise_floor))
        axes.axhline(floor, color="black", linestyle=":")
        ends.append(LineEnd(max(result), floor, "noise", "black"))
        axes.set(title=TARGET_TITLES[target], xlabel="\u03bb", xscale="log", yscale="log")
        label_ends(axes, ends)
    figure.axes[0].set_ylabel(f"final test {LOSS_LABEL}")
    setting = f"{_seeds_label(first[0])}, median and band from 10 to 90 %; crosses: exact solution of the linear model"
    set_titles(figure, _l2_title(result, targets, models), setting)
    return figure


def _draw_band(axes: Axes, curves: Curves, name: str, colour: str, label: str) -> LineEnd:
    """Draw a median and its band, and return the line's end."""
    low, median, high = (np.array(curves.series[f"{name}_{part}"]) for part in ("low", "median", "high"))
    low, median, high = (np.where(values < LARGEST, values, np.nan) for values in (low, median, high))
    axes.plot(curves.points, median, color=colour, label=label)
    axes.fill_between(curves.points, low, high, color=colour, alpha=0.2, linewidth=0)
    return LineEnd(curves.points[-1], float(median[-1]), label, colour)


def _is_learned(fit: FinalFit) -> bool:
    """Tell whether the median test loss is at most twice the noise floor's."""
    return bool(np.median(fit.test_loss) <= 2 * np.median(fit.noise_floor))


def _curves_title(fits: Sequence[FinalFit]) -> str:
    """Say which model reaches the noise floor on which targets; of one that reaches none, how far it stays above."""
    parts = []
    for model in dict.fromkeys(fit.model for fit in fits):
        of_model = [fit for fit in fits if fit.model == model]
        learned = [TARGET_NAMES[fit.target] for fit in of_model if _is_learned(fit)]
        ratios = [np.median(fit.test_loss) / np.median(fit.noise_floor) for fit in of_model if not _is_learned(fit)]
        far = "" if learned else f" (errors at least {min(ratios):,.0f} times the noise)"
        far = far if np.isfinite(ratios).all() else " (a fit diverges)"
        parts.append(f"the {_name(model)} learns {' and '.join(learned) or 'none of the functions'}{far}")
    finding = ", ".join(parts)
    return finding[0].upper() + finding[1:]


def _name(model: str) -> str:
    return "linear model" if model == "linear" else model


def _initialisations_title(result: ToyInitialisations) -> str:
    """Say what zeros do, and by how much equal filters are worse than random weights."""
    largest = max(max(fit.curves.series["gradient_norm_high"]) for fit in result.zeros)
    stuck = "every gradient is 0 and nothing is learned" if largest == 0 else f"gradients reach {largest:.2g}"
    ratios = [
        np.median(equal.test_loss) / np.median(normal.test_loss)
        for equal, normal in zip(result.equal, result.normal, strict=True)
    ]
    times = f"end with {min(ratios):.1f} to {max(ratios):.1f} times the error of random ones"
    return f"From zeros {stuck}; two equal filters {times if np.isfinite(ratios).all() else 'or random ones diverge'}"


def _l2_title(result: L2Fits, targets: Sequence[str], models: Sequence[str]) -> str:
    """Say for each model on which target its error grows most with lambda."""
    parts = []
    for model in models:
        medians = {t: [float(np.median(fit.test_loss)) for fit in _over_lambda(result, t, model)] for t in targets}
        growth = {target: values[-1] / values[0] for target, values in medians.items()}
        worst = max(growth, key=growth.__getitem__)
        times = f"{float(f'{growth[worst]:.2g}'):g}-fold at most (on {TARGET_NAMES[worst]})"
        parts.append(f"the {_name(model)}'s error grows {times if np.isfinite(growth[worst]) else 'without limit'}")
    return f"From \u03bb = {min(result):g} to {max(result):g} {', '.join(parts)}"


def _over_lambda(result: L2Fits, target: str, model: str) -> list[FinalFit]:
    return [next(fit for fit in row if (fit.target, fit.model) == (target, model)) for row in result.values()]


def _seeds_label(fit: FinalFit) -> str:
    return plural(len(fit.test_loss), "seed")
