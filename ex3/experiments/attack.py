"""``attack``: adversarial examples against the trained classifiers (R0, R2, R3), and a check of the evaluation."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import attacks, gradients, robustness, storage
from ex3.attacks import Victim
from ex3.backend import keras, prepare
from ex3.config import CONFIGS, AttackConfig
from ex3.data import Dataset, Split, load_dataset
from ex3.errors import ConfigError, DataError
from ex3.experiments import Outcome, Places, versions
from ex3.experiments.trained import classifier
from ex3.plots import attack as plots
from ex3.plots.style import dataset_label, plural
from ex3.progress import say
from ex3.results import Attack, Check, Record
from ex3.robustness import Attacked, judge
from ex3.tables import format_table

log = logging.getLogger("ex3")

BISECTED = 200  # images whose smallest epsilon is looked for
DEEPFOOLED = 250  # images: it needs all classes' gradients in each step
EXAMPLES = 2
HEADER = [
    "method", "norm", "epsilon", "attacked", "success", "95 % interval", "robust accuracy",
    "l0", "l1", "l2", "linf", "smallest epsilon", "images/s",
]  # fmt: skip


def run(config: AttackConfig, model: str, places: Places, command: str, quiet: bool = False) -> Outcome:
    """Attack one model with every method, the three models with FGSM and PGD over epsilon, and write what came of it.

    Args:
        config: How, and what.
        model: ``linear``, ``mlp``, ``convnet``, or the path of a ``.keras`` file that this package wrote.
        places: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        ConfigError: All images show the wanted digit.
        DataError: The images or the model cannot be had, or the model classifies no image correctly.
        WriteError: A folder cannot be written to; found out before anything else.
    """
    start = time.perf_counter()
    tell = (lambda text: None) if quiet else say
    storage.check_writable(places.figures, places.runs)
    prepare(config.seed, config.threads, "float32")
    dataset = load_dataset(config.dataset, places.data, config.seed)
    log.info("%s, from %s", dataset.info, places.data or dataset.source)
    sample = _draw(config, dataset.test)
    trained = _models(model, dataset, places, config.threads, quiet)
    name = next(iter(trained))  # the model that every method attacks
    victims = {label: gradients.victim(one, config.loss) for label, one in trained.items()}
    images = {label: robustness.correct_ones(victim, sample.x, sample.y) for label, victim in victims.items()}
    victim, attacked = victims[name], images[name]
    if len(attacked.x) == 0:
        raise DataError(
            f"{model}: classifies none of {len(sample)} test images correctly, so there is nothing to attack"
        )

    targeted, wanted = _targets(config, attacked)
    found, adversarial = {}, {}
    for key, (result, x_adv) in _attack_all(config, victim, attacked, targeted, wanted):
        found[key], adversarial[key] = result, x_adv
        tell(f"{name}: {key}: success {result.success:.1%}, {result.images_per_second:.0f} images/s")
    epsilons = sorted({epsilon for epsilon in config.epsilon if epsilon > 0}) or [config.curve[0]]
    checks = robustness.self_check(victim, attacked, epsilons, config.steps, config.step_size, config.seed)
    curves = {}
    for label in sorted(victims, key=lambda label: list(CONFIGS).index(label) if label in CONFIGS else len(CONFIGS)):
        if len(images[label].x) == 0:
            log.warning("%s: classifies none of the images correctly, so there is nothing to attack", label)
            continue
        curves[label] = list(_over_epsilon(config, victims[label], images[label]))
        tell(f"{label}: {len(curves[label])} attacks over epsilon")

    clean = {label: len(images[label].x) / len(sample) for label in curves}
    of_model = f"the {name}, {dataset_label(dataset.info)}"
    rows = _examples(victim, attacked, targeted, adversarial)
    pairs = _pairs(targeted, wanted, adversarial["targeted_l1"], victim)
    figures = {
        "examples": (
            plots.examples(rows, f"Attacks on {of_model}; over each picture what it sees, and how sure it is"),
            {"seen": {row: [[one.before, one.after] for one in of_row] for row, of_row in rows.items()}},
        ),
        "epsilon": (
            plots.over_epsilon(curves, clean, _curve_title(config, dataset, len(sample))),
            {"clean_accuracy": clean, "curves": curves, "table": list(found.values()), "checks": checks},
        ),
        "targets": (
            plots.targets(pairs, f"Targeted attack on {of_model}, {config.l1_steps} steps"),
            {"attack": found["targeted_l1"], **{quantity: matrix.tolist() for quantity, matrix in pairs.items()}},
        ),
    }
    seconds = time.perf_counter() - start
    record = partial(_record, config, name, dataset, command, seconds)
    return Outcome(
        table=_table(list(found.values()), checks),
        headline=_headline(config, name, found, checks, dataset, seconds),
        written=[
            path
            for part, (figure, numbers) in figures.items()
            for path in storage.save_figure(places.figures, figure, record(part, numbers))
        ],
    )


def _draw(config: AttackConfig, test: Split) -> Split:
    """Draw the test images that are looked at, and say what is odd about the config."""
    if max(*config.epsilon, *config.curve) > 1:
        log.warning("an epsilon above 1 lets every pixel change from black to white, as 1 does")
    if config.samples > len(test):
        log.warning("samples = %d: there are %d test images; all are used", config.samples, len(test))
    drawn = np.random.default_rng(config.seed).permutation(len(test))[: config.samples]
    return Split(test.x[drawn], test.y[drawn])


def _record(
    config: AttackConfig, model: str, dataset: Dataset, command: str, seconds: float, part: str, result: dict[str, Any]
) -> Record:
    return Record(
        name=f"attack-{part}",
        command=command,
        config=config.model_dump(mode="json") | {"model": model},
        dataset=dataset.info,
        seeds=[config.seed],
        threads=config.threads,
        precision="float32",
        seconds=seconds,
        versions=versions("tensorflow", "keras", "numpy"),
        result=result,
    )


def _curve_title(config: AttackConfig, dataset: Dataset, images: int) -> str:
    starts = plural(config.restarts, "random start")
    return (
        f"Attacks on {dataset_label(dataset.info)}: {images:,} test images, PGD with {starts} of {config.steps} steps; "
        "band: 95 % interval"
    )


def _models(model: str, dataset: Dataset, places: Places, threads: int, quiet: bool) -> dict[str, keras.Model]:
    """Return the model that every method attacks, and after it the others of the three."""
    first = {}
    if model not in CONFIGS:
        file = Path(model)
        first["/".join(file.parts[-2:])] = storage.load_classifier(file)[0]
    kinds = sorted(CONFIGS, key=lambda kind: kind != model)
    return first | {kind: classifier(kind, dataset, places, threads, quiet) for kind in kinds}


def _targets(config: AttackConfig, attacked: Attacked) -> tuple[Attacked, np.ndarray]:
    """Return the images of the targeted attack, and for each a digit that it does not show."""
    if config.target is None:
        shift = np.random.default_rng(config.seed).integers(1, 10, size=len(attacked.y))
        return attacked, (attacked.y + shift) % 10
    others = attacked.y != config.target
    if not others.any():
        raise ConfigError(f"target = {config.target}: all images show this digit; the wanted one has to be another")
    log.warning("target = %d: %d images that show it already are left out", config.target, np.sum(~others))
    kept = Attacked(attacked.x[others], attacked.y[others], attacked.total)
    return kept, np.full(others.sum(), config.target)


def _attack_all(
    config: AttackConfig, victim: Victim, attacked: Attacked, targeted: Attacked, wanted: np.ndarray
) -> Iterator[tuple[str, tuple[Attack, np.ndarray]]]:
    """Run every method; those over epsilon with each of theirs."""
    few = Attacked(attacked.x[:BISECTED], attacked.y[:BISECTED], min(BISECTED, len(attacked.x)))
    pgd = partial(
        attacks.pgd, victim,
        steps=config.steps, step_size=config.step_size, restarts=config.restarts, seed=config.seed,
    )  # fmt: skip
    bounded: list[tuple[str, str, tuple[float, ...], Callable]] = [
        ("noise", "linf", config.epsilon, lambda x, y, epsilon: attacks.random_noise(x, epsilon, config.seed)),
        ("fgsm", "linf", config.epsilon, lambda x, y, epsilon: attacks.fgsm(victim, x, y, epsilon)),
        ("pgd", "linf", config.epsilon, pgd),
        ("pgd", "l2", config.epsilon_l2, partial(pgd, norm="l2")),
    ]
    for method, norm, epsilons, perturb in bounded:
        if method == "pgd" and config.norm not in (norm, "both"):
            continue
        largest = 1.0 if norm == "linf" else 10.0
        smallest = robustness.smallest_epsilons(victim, few, perturb, largest)
        for epsilon in epsilons:
            yield f"{method} {norm} {epsilon:g}", judge(
                victim, attacked, partial(perturb, epsilon=epsilon), method, norm, epsilon,
                smallest_epsilon=float(np.median(smallest)),
            )  # fmt: skip
    some = Attacked(attacked.x[:DEEPFOOLED], attacked.y[:DEEPFOOLED], min(DEEPFOOLED, len(attacked.x)))
    yield "deepfool", judge(victim, some, partial(attacks.deepfool, victim), "deepfool")
    l1 = partial(attacks.targeted_l1, victim, steps=config.l1_steps, form=config.l1_form)
    yield "targeted_l1", judge(victim, targeted, l1, "targeted_l1", targets=wanted)


def _over_epsilon(config: AttackConfig, victim: Victim, attacked: Attacked) -> Iterator[Attack]:
    """Attack with random noise, FGSM and PGD in linf, for each epsilon of the curve."""
    for epsilon in sorted(config.curve):
        noise = partial(attacks.random_noise, epsilon=epsilon, seed=config.seed)
        pgd = partial(
            attacks.pgd, victim, epsilon=epsilon, steps=config.steps, step_size=config.step_size,
            restarts=config.restarts, seed=config.seed,
        )  # fmt: skip
        yield judge(victim, attacked, lambda x, y, noise=noise: noise(x), "noise", "linf", epsilon)[0]
        yield judge(victim, attacked, partial(attacks.fgsm, victim, epsilon=epsilon), "fgsm", "linf", epsilon)[0]
        yield judge(victim, attacked, pgd, "pgd", "linf", epsilon)[0]


def _pairs(images: Attacked, wanted: np.ndarray, adversarial: np.ndarray, victim: Victim) -> dict[str, np.ndarray]:
    """``success``, median ``l1`` norm and number of images (``count``) by true and wanted digit, ``(10, 10)`` each."""
    works = victim.logits(adversarial).argmax(axis=1) == wanted
    sizes = np.abs(adversarial - images.x).sum(axis=(1, 2, 3))
    pairs = {"success": np.full((10, 10), np.nan), "l1": np.full((10, 10), np.nan), "count": np.zeros((10, 10), int)}
    for pair in np.ndindex(10, 10):
        here = (images.y == pair[0]) & (wanted == pair[1])
        pairs["count"][pair] = here.sum()
        if here.any():
            pairs["success"][pair] = works[here].mean()
        if (here & works).any():
            pairs["l1"][pair] = np.median(sizes[here & works])
    return pairs


def _examples(
    victim: Victim, attacked: Attacked, targeted: Attacked, adversarial: Mapping[str, np.ndarray]
) -> dict[str, list[plots.Example]]:
    """Return the first images under each method, at the middle one of its epsilons."""
    methods: dict[str, list[str]] = {}
    for key in adversarial:
        methods.setdefault(" ".join(key.split()[:2]), []).append(key)
    rows = {}
    for keys in methods.values():
        key = keys[len(keys) // 2]
        originals = targeted.x if key == "targeted_l1" else attacked.x
        method, *bound = key.split()
        title = plots.METHOD_TITLES[method] + (f"\n{bound[0]}, \u03b5 = {bound[1]}" if bound else "")
        rows[title] = [
            plots.Example(x[..., 0], x_adv[..., 0], _see(victim, x), _see(victim, x_adv))
            for x, x_adv in zip(originals[:EXAMPLES], adversarial[key][:EXAMPLES], strict=True)
        ]
    return rows


def _see(victim: Victim, image: np.ndarray) -> str:
    """What the model sees in one image, e.g. ``7 (99 %)``."""
    logits = victim.logits(image[np.newaxis])[0].astype(float)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    return f"{probabilities.argmax()} ({probabilities.max():.0%})".replace("%", " %")


def _table(found: list[Attack], checks: list[Check]) -> str:
    rows = []
    for attack in found:
        low, high = attack.interval
        rows.append(
            [
                plots.METHOD_TITLES[attack.method],
                attack.norm or "-",
                "-" if attack.epsilon is None else f"{attack.epsilon:g}",
                str(attack.attacked),
                f"{attack.success:.1%}",
                f"{low:.1%} to {high:.1%}",
                f"{attack.robust_accuracy:.4f}",
                f"{attack.l0:.0f}",
                *(f"{getattr(attack, norm):.3g}" for norm in ("l1", "l2", "linf")),
                "-" if attack.smallest_epsilon is None else f"{attack.smallest_epsilon:.3f}",
                f"{attack.images_per_second:,.0f}",
            ]
        )
    lines = [f"{'PASS' if check.passed else 'WARN'}  {check.name}: {check.detail}".rstrip(": ") for check in checks]
    return "\n".join([format_table(HEADER, rows), "", *lines])


def _headline(
    config: AttackConfig, name: str, found: Mapping[str, Attack], checks: list[Check], dataset: Dataset, seconds: float
) -> str:
    """One line: ``targeted l1 100.0% at l1 10.6, pgd linf 0.3 100.0%, ..., model convnet, ...``."""
    strongest = [f"{key} {attack.success:.1%}" for key, attack in found.items() if attack.method in ("fgsm", "pgd")]
    l1 = found["targeted_l1"]
    passed = sum(check.passed for check in checks)
    return (
        f"success {', '.join(strongest)}, targeted l1 {l1.success:.1%} with a median l1 of {l1.l1:.1f}; "
        f"self-check {passed} of {len(checks)}; model {name}, data {dataset.name}, seed {config.seed}, "
        f"threads {config.threads}, {seconds:.1f} s"
    )
