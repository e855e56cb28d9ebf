"""Figures of the attacks: examples with their noise, success over epsilon, and the price by true and wanted class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ex3.adversarial.cases import CURVE_METHODS, Case, Method
from ex3.adversarial.judging import Attack
from ex3.adversarial.summaries import AttackCurves, AttackExamples, Example, Prediction, TargetPairs
from ex3.plots.colours import ATTACK_COLOURS, RIGHT, WRONG
from ex3.plots.style import (
    WIDTH,
    LineEnd,
    dataset_label,
    draw_matrix,
    label_classes,
    label_ends,
    model_title,
    percent,
    picture_map,
    plural,
    styled,
)
from ex3.plots.titles import set_titles
from ex3.results import Record

METHOD_TITLES: dict[Method, str] = {
    "noise": "random noise",
    "fgsm": "FGSM",
    "pgd": "PGD",
    "deepfool": "DeepFool",
    "targeted_l1": "targeted, l1",
}
MOST_EXAMPLES = 2
STRONGEST = 0.5  # noise that has the full colour
REFERENCE = 0.2  # the epsilon of the title, where the curves have it


@styled
def draw_examples(record: Record[AttackExamples]) -> Figure:
    """Draw, for up to two images, the original and every attacked picture, and below these the noise."""
    rows, names = record.result.rows, record.dataset.class_names
    count = min(MOST_EXAMPLES, max(len(row.examples) for row in rows))
    figure = Figure(figsize=(WIDTH, 2.75 * count + 0.9))
    grid = figure.subplots(2 * count, len(rows) + 1, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for number, (pictures, noises) in enumerate(zip(grid[::2], grid[1::2], strict=True)):
        examples = [row.examples[number] for row in rows]
        cmap = picture_map(record.dataset)
        _draw_picture(pictures[0], examples[0].original, cmap, examples[0].before, examples[0], names)
        noises[0].set_axis_off()
        for column, example in enumerate(examples, start=1):
            _draw_picture(pictures[column], example.adversarial, cmap, example.after, example, names)
            _draw_noise(noises[column], example)
        noises[1].set_ylabel("noise", rotation=0, ha="right", va="center")
    for axes, title in zip(grid[0], ["original", *(_case_title(row.case) for row in rows)], strict=True):
        axes.set_title(title)
    setting = (
        f"{dataset_label(record.dataset)}; below each picture what the model says, in green where it is right; "
        f"noise from {-STRONGEST} (blue) to {STRONGEST} (red)"
    )
    set_titles(figure, _examples_title(record, count), setting)
    return figure


@styled
def draw_epsilon(record: Record[AttackCurves]) -> Figure:
    """Draw the success among the correctly classified images over epsilon: a panel per model, a line per attack."""
    result = record.result
    figure = Figure(figsize=(WIDTH, 4.4))
    panels = figure.subplots(1, len(result.curves), squeeze=False, sharey=True)[0]
    for axes, (model, attacks) in zip(panels, result.curves.items(), strict=True):
        label_ends(axes, _draw_model(axes, attacks))
        clean = percent(result.clean_accuracy[model], 1)
        axes.set(title=f"{model_title(model)}, {clean} right without noise", xlabel="\u03b5")
    panels[0].set_ylabel("fooled (% of those classified correctly)")
    starts = plural(record.config["restarts"], "random start")
    setting = (
        f"{dataset_label(record.dataset)}; \u03b5: largest change of a pixel; PGD with {starts} of "
        f"{record.config['steps']} steps; band: 95 % interval"
    )
    set_titles(figure, _epsilon_title(record), setting)
    return figure


@styled
def draw_targets(record: Record[TargetPairs]) -> Figure:
    """Draw the median l1 norm of the targeted attack's noise, by true and wanted class."""
    result, names = record.result, record.dataset.class_names
    figure = Figure(figsize=(WIDTH, 6.2))
    axes = figure.subplots()
    l1 = np.array(result.l1)
    image = draw_matrix(axes, l1, "OrRd", "{:.1f}", 0, float(np.nanmax(l1, initial=1)))
    for which in ("x", "y"):
        label_classes(axes, which, names)
    axes.set(xlabel="wanted class", ylabel="true class")
    figure.colorbar(image, ax=axes, label="median l1 norm of the noise (sum over pixels)", pad=0.02)
    setting = (
        f"{dataset_label(record.dataset)}, targeted l1 attack on the {record.config['model']}, "
        f"{record.config['l1_steps']} steps; median over the successes"
    )
    set_titles(figure, _targets_title(result, names), setting)
    return figure


def _case_title(case: Case) -> str:
    bound = "" if case.epsilon is None else f"\n{case.norm}, {case.epsilon:g}"
    return METHOD_TITLES[case.method].replace(", ", "\n") + bound


def _draw_picture(
    axes: Axes, picture: object, cmap: str, said: Prediction, example: Example, names: Sequence[str]
) -> None:
    """Draw a picture, and below it what the model says."""
    axes.imshow(np.array(picture), cmap=cmap, vmin=0, vmax=1)
    colour = RIGHT if said.label == example.before.label else WRONG
    axes.set_xlabel(f"{names[said.label]} ({percent(said.probability)})", color=colour, fontweight="bold")


def _draw_noise(axes: Axes, example: Example) -> None:
    difference = np.subtract(example.adversarial, example.original)
    if difference.ndim == 3:  # the mean over the colours
        difference = difference.mean(axis=-1)
    axes.imshow(difference, cmap="RdBu_r", vmin=-STRONGEST, vmax=STRONGEST)


def _examples_title(record: Record[AttackExamples], count: int) -> str:
    """Say how many of the pictures each attack turns."""
    turned: dict[int, list[str]] = {}
    for row in record.result.rows:
        fooled = sum(example.after.label != example.before.label for example in row.examples[:count])
        norm = f" ({row.case.norm})" if row.case.method == "pgd" else ""
        turned.setdefault(fooled, []).append(METHOD_TITLES[row.case.method].replace(",", "") + norm)
    parts = [f"{_listed(turned[fooled])} on {fooled}" for fooled in sorted(turned)]
    return f"Of these {plural(count, 'image')} the {record.config['model']} is fooled by {', by '.join(parts)}"


def _draw_model(axes: Axes, attacks: Sequence[Attack]) -> list[LineEnd]:
    """Draw one model's success over epsilon, a line per method, and return the lines' ends."""
    ends = []
    for method in CURVE_METHODS:
        found = [attack for attack in attacks if attack.method == method]
        epsilons = [0.0, *(attack.epsilon or 0.0 for attack in found)]
        values = 100 * np.array([0.0, *(attack.success for attack in found)])
        low, high = 100 * np.array([(0.0, 0.0), *(attack.interval for attack in found)]).T
        axes.plot(epsilons, values, color=ATTACK_COLOURS[method], marker="o", markersize=4)
        axes.fill_between(epsilons, low, high, color=ATTACK_COLOURS[method], alpha=0.2, linewidth=0)
        title = METHOD_TITLES[method].removeprefix("random ")
        ends.append(LineEnd(epsilons[-1], float(values[-1]), title, ATTACK_COLOURS[method]))
    return ends


def _epsilon_title(record: Record[AttackCurves]) -> str:
    """Write the success of each attack on the attacked model at one epsilon."""
    model = record.config["model"]
    attacks = record.result.curves[model]
    epsilon = min((attack.epsilon or 0.0 for attack in attacks), key=lambda value: abs(value - REFERENCE))
    shares = {attack.method: percent(attack.success, 1) for attack in attacks if attack.epsilon == epsilon}
    first, *others = (f"{METHOD_TITLES[method]} {{}}on {shares[method]}" for method in reversed(CURVE_METHODS))
    parts = [first.format(f"fools the {model} "), *(other.format("") for other in others)]
    return f"At \u03b5 = {epsilon:g} {', '.join(parts)} of the images"


def _targets_title(result: TargetPairs, names: Sequence[str]) -> str:
    """Write the success, and the cheapest and the dearest pair of classes."""
    l1, success = np.array(result.l1), percent(result.attack.success, 1)
    finding = f"The wanted class is reached with {success} of {result.attack.attacked} images"
    if not np.isfinite(l1).any():
        return finding
    pairs = []
    for word, index in (("cheapest", np.nanargmin(l1)), ("dearest", np.nanargmax(l1))):
        true, wanted = map(int, np.unravel_index(index, l1.shape))
        pairs.append(f"{word} from {names[true]} to {names[wanted]} ({l1[true, wanted]:.1f})")
    return f"{finding}, {', '.join(pairs)}"


def _listed(names: Sequence[str]) -> str:
    """Write ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
