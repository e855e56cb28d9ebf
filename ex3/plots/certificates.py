"""Figure of a hand-written network that is attacked, and certified in two ways."""

import numpy as np
from matplotlib.figure import Figure

from ex3.by_hand.certified import HandCertificates
from ex3.plots.style import LineEnd, dataset_label, label_ends, percent, plural, styled
from ex3.results import Spread

LINES = {"left": ("left by PGD", "#D55E00"), "crown": ("CROWN", "#0072B2"), "intervals": ("intervals", "#009E73")}


@styled
def draw_certificates(result: HandCertificates) -> Figure:
    """Draw what PGD leaves and what each bound certifies, over epsilon."""
    figure = Figure(figsize=(9, 4.6))
    axes = figure.subplots()
    epsilon = [0.0, *result.epsilon]
    ends = []
    for name, (title, colour) in LINES.items():
        shares: list[Spread] = [result.clean, *getattr(result, name)]
        values = 100 * np.array([share.mean for share in shares])
        deviations = 100 * np.nan_to_num([share.std for share in shares])
        axes.errorbar(epsilon, values, yerr=deviations, color=colour, marker="o", capsize=3)
        ends.append(LineEnd(epsilon[-1], values[-1], title, colour))
    axes.set(xlim=(0, 1.2 * epsilon[-1]), ylim=(-2, 102), xlabel="\u03b5 (largest change of a pixel)")
    axes.set(title="certified images are right whatever the noise", ylabel="test images (%)")
    axes.set_xticks(epsilon, [f"{value:g}" for value in epsilon])
    label_ends(axes, ends)
    last = result.config
    figure.suptitle(
        f"By hand, at \u03b5 = {result.epsilon[-1]:g} CROWN proves {percent(result.crown[-1].mean, 1)} of the images "
        f"right, intervals {percent(result.intervals[-1].mean, 1)}\n784-{last.hidden_units}-"
        f"{len(result.dataset.class_names)} trained on images attacked with \u03b5 = {last.adversarial_epsilon:g}; "
        f"{dataset_label(result.dataset)}, {plural(result.clean.count, 'seed')}"
    )
    return figure
