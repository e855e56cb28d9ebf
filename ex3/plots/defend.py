"""Figures of the defences: over epsilon, over the epochs and their price, the least noise, and what they look at."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ex3.adversarial.defence_results import Defence, DefencePictures, Defences
from ex3.plots.colours import DEFENCE_COLOURS, series_colours
from ex3.plots.style import LineEnd, dataset_label, label_ends, percent, picture_map, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import without_one_channel

NETWORKS = {
    "nothing": "no defence", "noise": "random noise", "fgsm": "FGSM training", "pgd": "PGD training",
    "ibp": "interval bounds", "ibp-contrast": "bounds and contrast",
}  # fmt: skip
PROVED = 0.005  # a share below this is not worth a mention
FILTERS = 16
NOISY = 5  # images that are drawn with their least noise


@styled
def draw_epsilon(result: Defences) -> Figure:
    """Draw the share of images that PGD leaves (a line) and that are certified (filled), over epsilon."""
    figure = Figure(figsize=(9, 5.4))
    axes = figure.subplots()
    epsilon = [0.0, *result.curve]
    ends = []
    for name, (title, colour) in _looks(result.networks).items():
        defence = result.networks[name]
        left = 100 * np.array([defence.clean.mean, *defence.curve])
        axes.plot(epsilon, left, color=colour, marker="o", markersize=4)
        if max(defence.certified_curve) >= PROVED:
            proved = 100 * np.array([defence.clean.mean, *defence.certified_curve])
            axes.fill_between(epsilon, 0, proved, color=colour, alpha=0.15, linewidth=0)
            axes.plot(epsilon, proved, color=colour, linestyle=":", linewidth=1.6)
        ends.append(LineEnd(epsilon[-1], left[-1], title, colour))
    axes.axvline(result.epsilon, color="0.5", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1.25 * epsilon[-1]), ylim=(-2, 102), title=_certified_title(result))
    axes.set(xlabel="\u03b5 (largest change of a pixel)", ylabel="classified correctly (% of the test images)")
    axes.set_xticks(epsilon, [f"{value:g}" for value in epsilon])
    label_ends(axes, ends)
    set_titles(figure, *_epsilon_titles(result))
    return figure


def _certified_title(result: Defences) -> str:
    """Say what line and filled area are, and which networks have no such area."""
    proved = [title for name, (title, _) in _looks(result.networks).items()
              if max(result.networks[name].certified_curve) >= PROVED]  # fmt: skip
    whose = f"filled, dotted edge: certified ({'; '.join(proved)})" if proved else "nothing is certified"
    return f"line: left by PGD; {whose}"


def _epsilon_titles(result: Defences) -> tuple[str, str]:
    best = max(result.networks, key=lambda name: result.networks[name].certified.mean)
    defence = result.networks[best]
    title = _looks(result.networks)[best][0]
    if defence.certified.mean < PROVED:
        finding = f"Nothing is certified at \u03b5 = {result.epsilon:g}"
    else:
        finding = (
            f"{title.capitalize()}: {percent(defence.certified.mean, 1)} of all test images are proved right at "
            f"\u03b5 = {result.epsilon:g}, attacks leave {percent(defence.robust.mean, 1)}"
        )
    each = plural(defence.attacked // defence.clean.count, "image")
    return (
        finding,
        f"{dataset_label(result.dataset)}; curves: {each} per seed, PGD with one start of 40 steps; {_seeds(defence)}",
    )


@styled
def draw_training(result: Defences) -> Figure:
    """Draw accuracy under PGD over the epochs, and the price of each defence."""
    figure = Figure(figsize=(9, 4.8))
    epochs, price = figure.subplots(1, 2, width_ratios=(1.1, 1))
    longest = max(defence.config.epochs for defence in result.networks.values())
    ends = []
    for name, (title, colour) in _looks(result.networks).items():
        for curves in result.networks[name].epochs:
            shares = 100 * np.array(curves.series["validation_pgd_accuracy"])
            epochs.plot(curves.points, shares, color=colour, marker=".", linewidth=1.4)
        ends.append(LineEnd(longest, shares[-1], title, colour))
    epochs.set(xlim=(0, 1.5 * longest), ylim=(-2, 102), xlabel="epoch")
    ticks = MaxNLocator(6, integer=True).tick_values(0, longest)
    epochs.set_xticks([tick for tick in ticks if tick <= longest])
    epochs.set(title=f"right under PGD, \u03b5 = {result.epsilon:g}", ylabel="validation images (%)")
    label_ends(epochs, ends)
    _draw_price(price, result)
    set_titles(figure, *_training_titles(result))
    return figure


def _draw_price(axes: Axes, result: Defences) -> None:
    """Draw the seconds of training as bars, with the accuracies written beside them."""
    looks = _looks(result.networks)
    longest = max(result.networks[name].seconds.mean for name in looks)
    for row, (name, (_, colour)) in enumerate(looks.items()):
        defence = result.networks[name]
        axes.barh(row, defence.seconds.mean, color=colour, height=0.5)
        proved = f", proved {100 * defence.certified.mean:.1f}" if defence.certified.mean >= PROVED else ""
        text = f"clean {100 * defence.clean.mean:.1f}, attacked {100 * defence.robust.mean:.1f}{proved} %"
        axes.text(0, row - 0.42, text, va="center")
    axes.set(xlim=(0, 1.3 * longest), ylim=(len(looks) - 0.5, -0.8), xlabel="seconds of training")
    axes.set_yticks(range(len(looks)), [title for title, _ in looks.values()])
    axes.set_title("the price")
    axes.grid(visible=False)


def _training_titles(result: Defences) -> tuple[str, str]:
    count = next(iter(result.networks.values()))
    setting = f"{dataset_label(result.dataset)}; PGD with one start of 10 steps in the left panel; {_seeds(count)}"
    if "fgsm" not in result.networks:
        return "Accuracy under attack while the networks are trained, and what the defences cost", setting
    shares = [share for curves in result.networks["fgsm"].epochs for share in curves.series["validation_pgd_accuracy"]]
    last = float(np.mean([curves.series["validation_pgd_accuracy"][-1] for curves in result.networks["fgsm"].epochs]))
    return (
        f"FGSM training without a rising \u03b5 ends at {percent(last)} under PGD, "
        f"after {percent(min(shares))} to {percent(max(shares))} on the way",
        setting,
    )


@styled
def draw_noise(result: DefencePictures) -> Figure:
    """Draw images with the least noise that fools each network: a row per network."""
    looks = _looks(result.least)
    columns = min(NOISY, len(next(iter(result.least.values())).shown))
    figure = Figure(figsize=(9, 1.45 * len(looks) + 0.9))
    grid = figure.subplots(len(looks), columns, squeeze=False)
    for panels, (name, (title, colour)) in zip(grid, looks.items(), strict=True):
        least = result.least[name]
        for axes, image, epsilon in zip(panels, least.images.unpack(), least.shown, strict=False):
            _show(axes, image, picture_map(result.dataset))
            axes.set_title(f"{epsilon:.2f}")
        panels[0].set_ylabel(f"{title}\nmedian {least.median:.2f}", rotation=0, ha="right", va="center", color=colour)
    medians = sorted((result.least[name].median, title) for name, (title, _) in looks.items())
    (fewest, first), *_, (most, last) = [*medians, medians[-1]]
    set_titles(
        figure,
        f"For half of the images PGD needs \u03b5 = {fewest:.2f} with {first}, {most:.2f} with {last}",
        f"{dataset_label(result.dataset)}; above each picture the least \u03b5 that PGD found, an upper bound; "
        "medians over 100 images",
    )
    return figure


@styled
def draw_inside(result: DefencePictures) -> Figure:
    """Draw the first layer's filters, and the gradients of the loss with respect to some images: a row per network."""
    looks = _looks(result.inside)
    images = next(iter(result.inside.values())).images.unpack()
    figure = Figure(figsize=(9, 0.95 * (len(looks) + 1) + 0.9))
    grid = figure.subplots(len(looks) + 1, len(images) + 1, squeeze=False, width_ratios=[3, *[1] * len(images)])
    for axes, image in zip(grid[0, 1:], images, strict=True):
        _show(axes, image, picture_map(result.dataset))
    grid[0, 0].set_axis_off()
    grid[0, 1].set_ylabel("image", rotation=0, ha="right", va="center")
    for panels, (name, (title, colour)) in zip(grid[1:], looks.items(), strict=True):
        inside = result.inside[name]
        _show(panels[0], _tile(inside.filters.unpack()), "RdBu_r")
        near = f"{title}\n{percent(result.at_strokes[name])}"
        panels[0].set_ylabel(near, rotation=0, ha="right", va="center", color=colour)
        for axes, gradient in zip(panels[1:], inside.gradients.unpack(), strict=True):
            _show(axes, gradient, "RdBu_r")
    grid[1, 0].set_title("filters")
    set_titles(
        figure,
        _inside_title(result, looks),
        f"{dataset_label(result.dataset)}, first layer's filters, and gradients of the loss; red raises it, blue "
        "lowers it",
    )
    return figure


def _inside_title(result: DefencePictures, looks: Mapping[str, tuple[str, str]]) -> str:
    most, least = (choose(looks, key=lambda name: result.at_strokes[name]) for choose in (max, min))
    return (
        f"On the digit or next to it: {percent(result.at_strokes[most])} of the gradient with {looks[most][0]}, "
        f"{percent(result.at_strokes[least])} with {looks[least][0]}"
    )


def _tile(filters: np.ndarray) -> np.ndarray:
    """Lay up to 16 filters ``(n, h, w, C)`` out in two rows, with a gap around each: ``(H, W, C)``."""
    shown = np.pad(filters[:FILTERS], [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=0.5)
    columns = -(-len(shown) // 2)
    missing = 2 * columns - len(shown)
    shown = np.concatenate([shown, np.full((missing, *shown.shape[1:]), 0.5)])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (shown[:columns], shown[columns:])], axis=0)


def _show(axes: Axes, image: np.ndarray, cmap: str) -> None:
    """Show a picture with values in [0, 1]; of colours that are no picture, the mean."""
    plain = without_one_channel(image)
    if plain.ndim == 3 and cmap == "RdBu_r":
        plain = plain.mean(axis=-1)
    axes.imshow(plain, cmap=cmap, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _looks(networks: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Return title and colour of each network, the known ones first."""
    looks = {name: (title, DEFENCE_COLOURS[name]) for name, title in NETWORKS.items() if name in networks}
    others = [name for name in networks if name not in NETWORKS]
    return looks | {name: (name, colour) for name, colour in zip(others, series_colours(len(others)), strict=True)}


def _seeds(defence: Defence) -> str:
    """Write ``seed 0`` or ``mean over 3 seeds``."""
    count = defence.clean.count
    return f"seed {defence.config.seed}" if count == 1 else f"mean over {plural(count, 'seed')}"
