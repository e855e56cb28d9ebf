"""Figures of the toy experiment: losses over iterations, predictions against targets, and initialisations compared.

A line is the median over the seeds, its band the 10 % to 90 % quantiles.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.plots.style import MODEL_COLOURS, plural
from ex3.results import Curves, ToyFit, quantiles

TARGET_TITLES = {
    "y1": r"$y_1 = \Sigma_i\,(Wx)_i$",
    "y2": r"$y_2 = \mathrm{max}_i\,x_i$",
    "y3": r"$y_3 = \log\,\Sigma_i\,\exp\,(Wx)_i$",
}
INIT_COLOURS = {"normal": "#0072B2", "equal": "#E69F00", "zeros": "#D55E00"}
LARGEST = 1e30  # of what is drawn of a loss that grows without bound
LOSS_LABEL = "mean squared error"


def toy_curves(fits: Sequence[ToyFit]) -> Figure:
    """Draw train and test loss over iterations: a column per target, both models in each panel."""
    targets = list(dict.fromkeys(fit.target for fit in fits))
    figure = Figure(figsize=(5 * len(targets), 7.5))
    grid = figure.subplots(2, len(targets), sharex=True, sharey="col", squeeze=False)
    for column, target in enumerate(targets):
        here = [fit for fit in fits if fit.target == target]
        for axes, split in zip(grid[:, column], ("train", "test"), strict=True):
            for fit in here:
                _draw_band(axes, fit.curves, f"{split}_loss", MODEL_COLOURS[fit.model], fit.model)
            if split == "test":
                colour = MODEL_COLOURS["linear"]
                _draw_level(axes, here[0].ridge_test_loss, colour, "linear, exact solution")
            _draw_level(axes, here[0].noise_floor, "black", "noise floor")
            axes.set(title=f"{TARGET_TITLES[target]}, {split}", xlabel="iteration", ylabel=LOSS_LABEL)
            axes.set(xscale="log", yscale="log")
    for row in grid:
        row[-1].legend(loc="center left")  # where there is room with all three targets
    figure.suptitle(f"Hand-written networks on the toy functions: {_seeds_label(fits[0])}")
    return figure


def toy_fit(fits: Sequence[ToyFit]) -> Figure:
    """Draw prediction against target on the first seed's test samples: a column per target, a row per model."""
    targets = list(dict.fromkeys(fit.target for fit in fits))
    models = list(dict.fromkeys(fit.model for fit in fits))
    figure = Figure(figsize=(4 * len(targets), 4 * len(models)))
    grid = figure.subplots(len(models), len(targets), squeeze=False)
    for fit in fits:
        axes = grid[models.index(fit.model), targets.index(fit.target)]
        x, y = fit.example["target"], fit.example["prediction"]
        axes.plot(x, y, ".", color=MODEL_COLOURS[fit.model], alpha=0.6, markersize=5)
        axes.axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle="--")
        error, floor = fit.test_loss[0], fit.noise_floor[0]
        title = f"{fit.model} on {TARGET_TITLES[fit.target]}\nMSE {error:.2g}, noise floor {floor:.2g}"
        axes.set(title=title, xlabel="target", ylabel="prediction")
    figure.suptitle("Prediction against target, test samples of the first seed (dashed: perfect)")
    return figure


def toy_init(fits: Mapping[str, Sequence[ToyFit]]) -> Figure:
    """Draw the convnet's training loss and gradient norm over iterations, for each way to initialise it."""
    targets = [fit.target for fit in next(iter(fits.values()))]
    figure = Figure(figsize=(5 * len(targets), 7.5))
    grid = figure.subplots(2, len(targets), sharex=True, squeeze=False)
    for init, of_init in fits.items():
        for column, fit in enumerate(of_init):
            _draw_band(grid[0, column], fit.curves, "train_loss", INIT_COLOURS[init], init)
            _draw_band(grid[1, column], fit.curves, "gradient_norm", INIT_COLOURS[init], init)
            title = f"Toy convnet on {TARGET_TITLES[fit.target]}"
            grid[0, column].set(title=title, xlabel="iteration", ylabel=f"training {LOSS_LABEL}")
            grid[0, column].set(xscale="log", yscale="log")
            grid[1, column].set(title=title, xlabel="iteration", ylabel="gradient norm, 0 included")
            grid[1, column].set_yscale("symlog", linthresh=1e-3)
    grid[0, 0].legend(title="initial weights")
    figure.suptitle(f"Initialisation of the toy convnet: {_seeds_label(next(iter(fits.values()))[0])}")
    return figure


def toy_l2(fits: Mapping[float, Sequence[ToyFit]]) -> Figure:
    """Draw the final test loss against the weight of the l2 term: a column per target, both models in each."""
    first = next(iter(fits.values()))
    targets = list(dict.fromkeys(fit.target for fit in first))
    figure = Figure(figsize=(5 * len(targets), 4))
    for axes, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        for model in dict.fromkeys(fit.model for fit in first):
            here = [next(fit for fit in row if (fit.target, fit.model) == (target, model)) for row in fits.values()]
            low, median, high = quantiles(np.array([fit.test_loss for fit in here]))
            axes.plot(list(fits), median, marker="o", color=MODEL_COLOURS[model], label=model)
            axes.fill_between(list(fits), low, high, color=MODEL_COLOURS[model], alpha=0.2, linewidth=0)
        exact = [np.median(fit.ridge_test_loss) for fit in here]
        axes.plot(list(fits), exact, color=MODEL_COLOURS["linear"], linestyle=":", label="linear, exact solution")
        _draw_level(axes, here[0].noise_floor, "black", "noise floor")
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
    axes.axhline(np.median(values), color=colour, linestyle=":", label=label)


def _seeds_label(fit: ToyFit) -> str:
    seeds = len(fit.test_loss)
    return f"median and 10-90 % band over {plural(seeds, 'seed')}"
