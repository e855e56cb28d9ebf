"""Runs all attacks of a config: plans the cases, computes each once, and gives the results of the three figures."""

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.attack_config import AttackConfig
from ex3.adversarial.attacks import Victim
from ex3.adversarial.cases import Case, bounded_perturbation, curve_cases, perturbation, table_cases
from ex3.adversarial.judging import Attack, CorrectImages, judge, select_correct, smallest_epsilons
from ex3.adversarial.self_check import self_check
from ex3.adversarial.summaries import AttackCurves, AttackExamples, TargetPairs, pair_classes, pick_examples
from ex3.data import Split, find_label
from ex3.errors import ConfigError, DataError

log = logging.getLogger("ex3")

BISECTED = 200  # images whose smallest epsilon is searched for
DEEPFOOLED = 250  # images: it needs all classes' gradients in each step
EXAMPLES = 2
LARGEST_EPSILON = {"linf": 1.0, "l2": 10.0}  # where the bisection starts

OnProgress = Callable[[str, Attack], None]  # model, its newest case


@dataclass(frozen=True)
class Study:
    """The results of the three figures."""

    examples: AttackExamples
    curves: AttackCurves
    targets: TargetPairs


def study_attacks(
    config: AttackConfig,
    main: str,
    victims: Mapping[str, Victim],
    sample: Split,
    class_names: Sequence[str],
    on_progress: OnProgress | None = None,
) -> Study:
    """Attack one model with every method, and all models with noise, FGSM and PGD over epsilon.

    Args:
        config: Which attacks, and how strong.
        main: Name of the model that every method attacks.
        victims: All models, by name.
        sample: The images; of these, each model is attacked on those that it classifies correctly.
        class_names: Of all classes.
        on_progress: Called after each case.

    Raises:
        ConfigError: The wanted class is unknown, or that of all attacked images.
        DataError: The main model classifies no image correctly.
    """
    correct = {label: select_correct(victim, sample.x, sample.y) for label, victim in victims.items()}
    victim, images = victims[main], correct[main]
    if len(images.x) == 0:
        raise DataError(
            f"{main}: classifies none of {len(sample)} test images correctly, so there is nothing to attack"
        )
    inputs = _plan(config, images, class_names)
    attacks, adversarial = {}, {}
    for case, attack, attacked in _run_cases(config, victim, inputs):
        attacks[case], adversarial[case] = attack, attacked
        if on_progress:
            on_progress(main, attack)
    table = table_cases(config)
    targeted = Case("targeted_l1")
    curves = _compute_curves(config, victims, correct, {main: attacks}, on_progress)
    return Study(
        pick_examples(victim, {case: (inputs[case].x, adversarial[case]) for case in table}, EXAMPLES),
        AttackCurves(
            clean_accuracy={label: len(correct[label].x) / len(sample) for label in curves},
            curves=curves,
            table=_add_smallest_epsilons(config, victim, images, [attacks[case] for case in table]),
            checks=self_check(victim, images, config, adversarial),
        ),
        pair_classes(victim, inputs[targeted], adversarial[targeted], attacks[targeted], len(class_names)),
    )


def draw_sample(config: AttackConfig, test: Split) -> Split:
    """Draw the test images to attack; warn of a config that asks for too much."""
    if max(*config.epsilon, *config.curve) > 1:
        log.warning("an epsilon above 1 lets every pixel change from black to white, as 1 does")
    if config.samples > len(test):
        log.warning("samples = %d: there are %d test images; all are used", config.samples, len(test))
    return test.sample(config.samples, config.seed)


def find_target(config: AttackConfig, class_names: Sequence[str]) -> int | None:
    """Return the label of the wanted class, ``None`` where it is drawn at random.

    Raises:
        ConfigError: There is no such class.
    """
    if config.target is None:
        return None
    label = find_label(class_names, config.target)
    if label is None:
        raise ConfigError(f"target = {config.target}: no class; there are {', '.join(class_names)}")
    return label


def draw_targets(config: AttackConfig, images: CorrectImages, class_names: Sequence[str]) -> CorrectImages:
    """Choose a wanted label for each image, at random or as configured, never its own.

    Returns:
        The images with their targets, without those that are of the configured target's class.

    Raises:
        ConfigError: There is no such class, or no image is left.
    """
    target, classes = find_target(config, class_names), len(class_names)
    if target is None:
        shift = np.random.default_rng(config.seed).integers(1, classes, size=len(images.y))
        return dataclasses.replace(images, targets=(images.y + shift) % classes)
    others = images.y != target
    if not others.any():
        raise ConfigError(f"target = {config.target}: all attacked images are of this class already; choose another")
    log.warning("target = %s: %d images of this class are left out", config.target, np.sum(~others))
    return CorrectImages(images.x[others], images.y[others], images.total, np.full(others.sum(), target))


def _plan(config: AttackConfig, images: CorrectImages, class_names: Sequence[str]) -> dict[Case, CorrectImages]:
    """Return the cases of the table and of the curves, none of them twice, and the images that each one attacks."""
    subsets = {"deepfool": images.first(DEEPFOOLED), "targeted_l1": draw_targets(config, images, class_names)}
    cases = dict.fromkeys([*table_cases(config), *curve_cases(config)])
    return {case: subsets.get(case.method, images) for case in cases}


def _run_cases(
    config: AttackConfig, victim: Victim, inputs: Mapping[Case, CorrectImages]
) -> Iterator[tuple[Case, Attack, np.ndarray]]:
    """Yield each case, its measurements and its adversarial images."""
    for case, images in inputs.items():
        yield case, *judge(case, victim, images, perturbation(case, victim, config))


def _compute_curves(
    config: AttackConfig,
    victims: Mapping[str, Victim],
    correct: Mapping[str, CorrectImages],
    known: Mapping[str, Mapping[Case, Attack]],
    on_progress: OnProgress | None,
) -> dict[str, list[Attack]]:
    """Return, by model, the measurements of the curves' cases; models that classify no image correctly are left out.

    Args:
        config: The settings of the attacks.
        victims: All models, by name.
        correct: The images to attack, by model.
        known: By model, cases that were measured before.
        on_progress: Called after each case that is measured now.
    """
    cases = curve_cases(config)
    curves = {}
    for label, images in correct.items():
        if len(images.x) == 0:
            log.warning("%s: classifies none of the images correctly, so there is nothing to attack", label)
            continue
        found = dict(known.get(label, {}))
        missing = {case: images for case in cases if case not in found}
        for case, attack, _ in _run_cases(config, victims[label], missing):
            found[case] = attack
            if on_progress:
                on_progress(label, attack)
        curves[label] = [found[case] for case in cases]
    return curves


def _add_smallest_epsilons(
    config: AttackConfig, victim: Victim, images: CorrectImages, attacks: Sequence[Attack]
) -> list[Attack]:
    """Bisect the smallest epsilon of each method and norm, on the first images, and add its median to the attacks."""
    medians: dict[tuple[str, str], float] = {}
    completed = []
    for attack in attacks:
        if attack.norm is None:
            completed.append(attack)
            continue
        family = (attack.method, attack.norm)
        if family not in medians:
            perturb = bounded_perturbation(*family, victim, config)
            smallest = smallest_epsilons(victim, images.first(BISECTED), perturb, LARGEST_EPSILON[attack.norm])
            medians[family] = float(np.median(smallest))
        completed.append(dataclasses.replace(attack, smallest_epsilon=medians[family]))
    return completed
