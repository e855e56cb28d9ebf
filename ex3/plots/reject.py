"""Figures of the networks that may reject: R3's experiment, least distances, detectors, and the attack that knows."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.by_hand.reject_results import FixedRejection, RejectingNetwork, Rejection
from ex3.plots.colours import ATTACK_COLOURS, BLACK, series_colours
from ex3.plots.style import WIDTH, LineEnd, dataset_label, draw_matrix, label_ends, percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Spread

ATTACKS = {"fgsm": "FGSM", "pgd": "PGD", "adaptive": "adaptive"}
NETWORKS = {"plain": "plain", "noise": "with R3's noise class", "adversarial": "adversarially trained"}
KINDS = {
    "clean": BLACK, "uniform noise": ATTACK_COLOURS["noise"], "FGSM": ATTACK_COLOURS["fgsm"],
    "PGD": ATTACK_COLOURS["pgd"], "adaptive attack": ATTACK_COLOURS["adaptive"],
}  # fmt: skip
CURVES = ("uniform noise", "adaptive attack")
REFERENCE = 0.1  # the epsilon of the title, where there is such a one


@styled
def draw_fixed(result: FixedRejection) -> Figure:
    """Draw the answers of R3's network by lambda and epsilon: right, accepted and wrong, rejected."""
    figure = Figure(figsize=(WIDTH, 4.2))
    panels = figure.subplots(1, 3, sharey=True)
    parts = {"right": "accepted and right", "wrong": "accepted and wrong", "rejected": "rejected"}
    for axes, (part, title) in zip(panels, parts.items(), strict=True):
        values = np.array([[100 * getattr(answers, part).mean for answers in row] for row in result.answers])
        image = draw_matrix(axes, values, "viridis", "{:.0f}", 0, 100)
        axes.set(title=title, xlabel="\u03b5 of FGSM")
        axes.set_xticks(range(len(result.epsilon)), [f"{epsilon:g}" for epsilon in result.epsilon])
    panels[0].set_ylabel("\u03bb")
    panels[0].set_yticks(range(len(result.margins)), [f"{margin:g}" for margin in result.margins])
    figure.colorbar(image, ax=panels, label="share of the images (%)")
    at = [position for position, epsilon in enumerate(result.epsilon) if 0 < epsilon <= 0.1]
    most = max((row[position].rejected.mean for row in result.answers for position in at), default=0.0)
    count, classes = result.answers[0][0].right.count, len(result.dataset.class_names)
    finding = f"R3's rejection rejects at most {percent(most, 1)} of the images attacked with \u03b5 \u2264 0.1"
    setting = (
        f"\u03bb is the threshold; \u03b5 = 0: clean images; 128-150-{classes}, GELU, trained with images of noise; "
        f"{dataset_label(result.dataset)}, mean over {plural(count, 'seed')}"
    )
    set_titles(figure, finding, setting)
    return figure


@styled
def draw_distances(result: Rejection) -> Figure:
    """Draw histograms of the least distance, in units of the threshold, by kind of image: a panel per network."""
    figure = Figure(figsize=(WIDTH, 4.8))
    panels = figure.subplots(1, len(result.networks), sharey=True, squeeze=False)[0]
    bins = 10.0 ** np.linspace(-2, 1.5, 36)  # the threshold is an edge
    for axes, (name, network) in zip(panels, _in_order(result), strict=True):
        for kind, colour in KINDS.items():
            if kind in network.distances:
                shares = _histogram(np.array(network.distances[kind]), bins)
                axes.stairs(100 * shares, bins, color=colour, label=kind, linewidth=1.6)
        axes.axvline(1, color="0.4", linestyle="--")
        axes.set(title=NETWORKS.get(name, name), xscale="log", xlabel="least distance / threshold")
    panels[0].set_ylabel("share of the images (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    setting = (
        f"rejected: right of the dashed line; {dataset_label(result.dataset)}; shares: mean over the seeds, distances: "
        "first seed, of the attacked images the misclassified ones"
    )
    set_titles(figure, _distances_title(result), setting)
    return figure


def _distances_title(result: Rejection) -> str:
    """Write what each network rejects of uniform noise and of the adaptive attack, R3's first."""
    parts = []
    for name, network in sorted(_in_order(result), key=lambda one: one[0] != "noise"):
        shares = [percent(network.rejected[kind].mean) for kind in CURVES if kind in network.rejected]
        parts.append(f"{NETWORKS.get(name, name)} {' and '.join(shares)}")
    return f"Rejected of uniform noise and of the adaptive attack: {', '.join(parts)}"


def _histogram(quantiles: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the share of images per bin, from their quantiles; what is beyond the bins counts in the outer ones."""
    clipped = np.clip(quantiles, bins[0], bins[-1])
    below = np.interp(bins, clipped, np.linspace(0, 1, len(quantiles)))
    below[0], below[-1] = 0, 1
    return np.diff(below)


@styled
def draw_detectors(result: Rejection) -> Figure:
    """Draw the areas under the ROC curves of each detector on each kind of images, and the curves of two kinds."""
    name = "plain" if "plain" in result.networks else next(iter(result.networks))
    network = result.networks[name]
    kinds = list(next(iter(network.areas.values())))
    figure = Figure(figsize=(WIDTH, 7.2))
    grid = figure.add_gridspec(2, 2)
    matrix, *panels = (figure.add_subplot(place) for place in (grid[0, :], grid[1, 0], grid[1, 1]))
    values = np.array([[network.areas[detector][kind].mean for kind in kinds] for detector in network.areas])
    image = draw_matrix(matrix, values, "viridis", "{:.2f}", 0.5, 1)
    matrix.set_xticks(range(len(kinds)), [kind.replace(" ", "\n") for kind in kinds])
    matrix.set_yticks(range(len(network.areas)), list(network.areas))
    matrix.set_title(f"Area under the ROC curve ({NETWORKS.get(name, name)})")
    figure.colorbar(image, ax=matrix)
    for axes, kind in zip(panels, [kind for kind in CURVES if kind in kinds], strict=False):
        _draw_roc(axes, network, kind, result.false_alarms)
    best = max(network.areas, key=lambda detector: network.areas[detector]["uniform noise"].mean)
    area, own = (network.areas[detector]["uniform noise"].mean for detector in (best, "least distance"))
    finding = (
        f"Uniform noise is told from digits with an area of {area:.2f} by the {best}, {own:.2f} by the least distance"
    )
    seeds = plural(network.clean.right.count, "seed")
    set_titles(figure, finding, f"{dataset_label(result.dataset)}, network: {name}; mean over {seeds}")
    return figure


def _draw_roc(axes: Axes, network: RejectingNetwork, kind: str, false_alarms: list[float]) -> None:
    for colour, (detector, found) in zip(series_colours(len(network.found)), network.found.items(), strict=True):
        axes.plot(100 * np.array(false_alarms), 100 * np.array(found[kind]), color=colour, label=detector)
    axes.plot([0, 100], [0, 100], color="0.6", linestyle=":")
    axes.set(title=f"ROC, {kind}", xlabel="clean images rejected (%)", ylabel="odd images rejected (%)")
    if kind == CURVES[0]:
        axes.legend(loc="lower right")


@styled
def draw_adaptive(result: Rejection) -> Figure:
    """Draw the share of images that are accepted and wrong, over epsilon, by attack: a panel per network."""
    figure = Figure(figsize=(WIDTH, 4.6))
    panels = figure.subplots(1, len(result.networks), sharey=True, squeeze=False)[0]
    epsilon = [0.0, *result.epsilon]
    for axes, (name, network) in zip(panels, _in_order(result), strict=True):
        ends = []
        for attack, title in ATTACKS.items():
            colour = ATTACK_COLOURS[attack]
            shares = [network.clean.wrong, *(answers.wrong for answers in network.attacked[attack])]
            axes.errorbar(epsilon, _percents(shares), yerr=_deviation(shares), color=colour, marker="o", capsize=3)
            ends.append(LineEnd(epsilon[-1], _percents(shares)[-1], title, colour))
        axes.set(title=NETWORKS.get(name, name), xlabel="\u03b5", ylim=(-3, 103))
        axes.set_xticks(epsilon, [f"{value:g}" for value in epsilon])
        label_ends(axes, ends)
    panels[0].set_ylabel("accepted and wrong (% of the images)")
    set_titles(figure, *_adaptive_titles(result))
    return figure


def _adaptive_titles(result: Rejection) -> tuple[str, str]:
    """Write the share of each network that the adaptive attack gets accepted and wrong."""
    at = min(range(len(result.epsilon)), key=lambda index: abs(result.epsilon[index] - REFERENCE))
    shares = {name: percent(network.attacked["adaptive"][at].wrong.mean) for name, network in _in_order(result)}
    count = next(iter(result.networks.values())).clean.right.count
    finding = f"An attack that knows of the rejection is accepted and wrong at \u03b5 = {result.epsilon[at]:g}: "
    setting = (
        f"\u03b5: largest change of a pixel; {dataset_label(result.dataset)}, threshold from validation images; "
        f"mean and standard deviation over {plural(count, 'seed')}"
    )
    return finding + ", ".join(f"{NETWORKS.get(name, name)} {share}" for name, share in shares.items()), setting


def _in_order(result: Rejection) -> list[tuple[str, RejectingNetwork]]:
    """Return the networks, the known ones first."""
    names = [name for name in NETWORKS if name in result.networks]
    names += [name for name in result.networks if name not in NETWORKS]
    return [(name, result.networks[name]) for name in names]


def _percents(shares: list[Spread]) -> np.ndarray:
    return 100 * np.array([share.mean for share in shares])


def _deviation(shares: list[Spread]) -> np.ndarray:
    return 100 * np.nan_to_num([share.std for share in shares])
