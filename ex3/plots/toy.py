"""Figures of the toy experiment, and their results: losses, predictions, initialisations and l2 terms.

A line is the median over the seeds, its band the 10 % to 90 % quantiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.style import MODEL_COLOURS, plural, styled
from ex3.results import Curves, Number, quantiles

TARGET_TITLES = {
    "y1": r"$y_1 = \Sigma_i\,(Wx)_i$",
    "y2": r"$y_2 = \mathrm{max}_i\,x_i$",
    "y3": r"$y_3 = \log\,\Sigma_i\,\exp\,(Wx)_i$",
}
INIT_COLOURS = {"normal": "#0072B2", "equal": "#E69F00", "zeros": "#D55E00"}
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
        example: ``target`` and ``prediction`` of the first seed's test samples.
        diverged: For each seed, the first iteration (from 1) whose loss was not finite, or ``None``.
    """

    target: str
    model: str
    test_loss: list[Number]
    noise_floor: list[Number]
    ridge_test_loss: list[Number]
    example: dict[str, list[Number]]
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
    """Each model on each target."""

    fits: list[FinalFit]


@dataclass(frozen=True)
class ToyInitialisations:
    """The convnet on each target, by its initial weights."""

    normal: list[ToyFit]
    equal: list[ToyFit]
    zeros: list[ToyFit]


L2Fits = Mapping[float, Sequence[FinalFit]]  # each model on each target, by lambda


@styled
def draw_curves(result: ToyCurves) -> Figure:
    """Draw train and test loss over iterations: a column per target, both models in each panel."""
    targets = list(dict.fromkeys(fit.target for fit in result.fits))
    figure = Figure(figsize=(5 * len(targets), 7.5))
    grid = figure.subplots(2, len(targets), sharex=True, sharey="col", squeeze=False)
    for column, target in enumerate(targets):
        fits = [fit for fit in result.fits if fit.target == target]
        for axes, split in zip(grid[:, column], ("train", "test"), strict=True):
            for fit in fits:
                _draw_band(axes, fit.curves, f"{split}_loss", MODEL_COLOURS[fit.model], fit.model)
            if split == "test":
                _draw_level(axes, fits[0].ridge_test_loss, MODEL_COLOURS["linear"], "linear, exact solution")
            _draw_level(axes, fits[0].noise_floor, "black", "noise floor")
            axes.set(title=f"{TARGET_TITLES[target]}, {split}", xlabel="iteration", ylabel=LOSS_LABEL)
            axes.set(xscale="log", yscale="log")
    for row in grid:
        row[-1].legend(loc="center left")  # where there is room with all three targets
    figure.suptitle(f"Hand-written networks on the toy functions: {_seeds_label(result.fits[0])}")
    return figure


@styled
def draw_predictions(result: ToyPredictions) -> Figure:
    """Draw prediction against target on the first seed's test samples: a column per target, a row per model."""
    targets = list(dict.fromkeys(fit.target for fit in result.fits))
    models = list(dict.fromkeys(fit.model for fit in result.fits))
    figure = Figure(figsize=(4 * len(targets), 4 * len(models)))
    grid = figure.subplots(len(models), len(targets), squeeze=False)
    for fit in result.fits:
        axes = grid[models.index(fit.model), targets.index(fit.target)]
        x, y = fit.example["target"], fit.example["prediction"]
        axes.plot(x, y, ".", color=MODEL_COLOURS[fit.model], alpha=0.6, markersize=5)
        axes.axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle="--")
        error, floor = fit.test_loss[0], fit.noise_floor[0]
        title = f"{fit.model} on {TARGET_TITLES[fit.target]}\nMSE {error:.2g}, noise floor {floor:.2g}"
        axes.set(title=title, xlabel="target", ylabel="prediction")
    figure.suptitle("Prediction against target, test samples of the first seed (dashed: perfect)")
    return figure


@styled
def draw_initialisations(result: ToyInitialisations) -> Figure:
    """Draw the convnet's training loss and gradient norm over iterations, for each initialisation."""
    figure = Figure(figsize=(5 * len(result.normal), 7.5))
    grid = figure.subplots(2, len(result.normal), sharex=True, squeeze=False)
    for init, fits in {"normal": result.normal, "equal": result.equal, "zeros": result.zeros}.items():
        for column, fit in enumerate(fits):
            _draw_band(grid[0, column], fit.curves, "train_loss", INIT_COLOURS[init], init)
            _draw_band(grid[1, column], fit.curves, "gradient_norm", INIT_COLOURS[init], init)
            title = f"Toy convnet on {TARGET_TITLES[fit.target]}"
            grid[0, column].set(title=title, xlabel="iteration", ylabel=f"training {LOSS_LABEL}")
            grid[0, column].set(xscale="log", yscale="log")
            grid[1, column].set(title=title, xlabel="iteration", ylabel="gradient norm, 0 included")
            grid[1, column].set_yscale("symlog", linthresh=1e-3)
    grid[0, 0].legend(title="initial weights")
    figure.suptitle(f"Initialisation of the toy convnet: {_seeds_label(result.normal[0])}")
    return figure


@styled
def draw_l2(result: L2Fits) -> Figure:
    """Draw the final test loss against lambda, the weight of the l2 term: a column per target, both models in each."""
    first = next(iter(result.values()))
    targets = list(dict.fromkeys(fit.target for fit in first))
    figure = Figure(figsize=(5 * len(targets), 4))
    for axes, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        for model in dict.fromkeys(fit.model for fit in first):
            fits = [next(fit for fit in row if (fit.target, fit.model) == (target, model)) for row in result.values()]
            low, median, high = quantiles(np.array([fit.test_loss for fit in fits]))
            axes.plot(list(result), median, marker="o", color=MODEL_COLOURS[model], label=model)
            axes.fill_between(list(result), low, high, color=MODEL_COLOURS[model], alpha=0.2, linewidth=0)
        exact = [np.median(fit.ridge_test_loss) for fit in fits]
        axes.plot(list(result), exact, color=MODEL_COLOURS["linear"], linestyle=":", label="linear, exact solution")
        _draw_level(axes, fits[0].noise_floor, "black", "noise floor")
        axes.set(title=TARGET_TITLES[target], xlabel=r"$\lambda$", ylabel=f"final test {LOSS_LABEL}")
        axes.set(xscale="log", yscale="log")
        axes.legend()
    figure.suptitle(f"How far the l2 term pulls the solution: {_seeds_label(first[0])}")
    return figure


def _draw_band(axes: Axes, curves: Curves, name: str, colour: str, label: str) -> None:
    low, median, high = (np.array(curves.series[f"{name}_{part}"]) for part in ("low", "median", "high"))
    low, median, high = (np.where(values < LARGEST, values, np.nan) for values in (low, median, high))
    axes.plot(curves.points, median, color=colour, label=label)
    axes.fill_between(curves.points, low, high, color=colour, alpha=0.2, linewidth=0)


def _draw_level(axes: Axes, values: Sequence[float], colour: str, label: str) -> None:
    axes.axhline(float(np.median(values)), color=colour, linestyle=":", label=label)


def _seeds_label(fit: FinalFit) -> str:
    return f"median and 10-90 % band over {plural(len(fit.test_loss), 'seed')}"
