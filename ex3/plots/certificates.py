"""Figure of hand-written networks that are attacked, and certified in two ways."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.by_hand.certified import CertifiedConfig, CertifiedNetwork, HandCertificates
from ex3.plots.colours import ATTACK_COLOURS, BOUND_COLOURS
from ex3.plots.style import LineEnd, dataset_label, label_ends, percent, plural, styled
from ex3.plots.titles import set_titles
from ex3.results import Spread

LINES = {
    "left": ("left by PGD", ATTACK_COLOURS["pgd"]),
    "crown": ("CROWN", BOUND_COLOURS["crown"]),
    "intervals": ("intervals", BOUND_COLOURS["intervals"]),
}


@styled
def draw_certificates(result: HandCertificates) -> Figure:
    """Draw what PGD leaves of each network and what each bound certifies, over epsilon."""
    networks = list(result.networks.values())
    figure = Figure(figsize=(9, 4.6))
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for axes, network in zip(panels, networks, strict=True):
        _draw_network(axes, network)
    panels[0].set(ylim=(-2, 102), ylabel="test images (%)")
    first = networks[0]
    proved = ", ".join(
        f"{percent(network.intervals[-1].mean, 1)} after training on {_describe(network.config)}"
        for network in networks
    )
    set_titles(
        figure,
        f"At \u03b5 = {first.epsilon[-1]:g} intervals prove {proved}",
        f"by hand, 784-{first.config.hidden_units}-"
        f"{len(result.dataset.class_names)}; what is proved is right whatever the noise; "
        f"{dataset_label(result.dataset)}, {plural(first.clean.count, 'seed')}",
    )
    return figure


def _draw_network(axes: Axes, network: CertifiedNetwork) -> None:
    epsilon = [0.0, *network.epsilon]
    ends = []
    for name, (title, colour) in LINES.items():
        shares: list[Spread] = [network.clean, *getattr(network, name)]
        values = 100 * np.array([share.mean for share in shares])
        deviations = 100 * np.nan_to_num([share.std for share in shares])
        axes.errorbar(epsilon, values, yerr=deviations, color=colour, marker="o", capsize=3)
        ends.append(LineEnd(epsilon[-1], values[-1], title, colour))
    axes.set(xlim=(0, 1.35 * epsilon[-1]), ylim=(-2, 102), xlabel="\u03b5 (largest change of a pixel)")
    config = network.config
    bound = max(config.interval_epsilon, config.adversarial_epsilon)
    axes.set_title(
        f"trained on {_describe(config)}, \u03b5 = {bound:g}: {percent(network.clean.mean, 1)} without noise"
    )
    axes.set_xticks(epsilon, [f"{value:g}" for value in epsilon])
    label_ends(axes, ends)


def _describe(config: CertifiedConfig) -> str:
    """Say what a network was trained on."""
    if config.interval_epsilon:
        return "intervals"
    return "attacks" if config.adversarial_epsilon else "the images"
