"""Which attacks an evaluation runs: the cases of a config, and the function behind each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from ex3.adversarial import attacks
from ex3.adversarial.attack_config import AttackConfig
from ex3.adversarial.attacks import Epsilon, Norm, Victim

Method = Literal["noise", "fgsm", "pgd", "deepfool", "targeted_l1"]
Perturb = Callable[[np.ndarray, np.ndarray], np.ndarray]  # images, labels -> adversarial images
BoundedPerturb = Callable[[np.ndarray, np.ndarray, Epsilon], np.ndarray]  # ..., epsilon -> adversarial images

CURVE_METHODS: tuple[Method, ...] = ("noise", "fgsm", "pgd")


@dataclass(frozen=True)
class Case:
    """One attack to run.

    Attributes:
        method: The attack.
        norm: The norm that bounds the noise; ``None`` for an attack without a bound.
        epsilon: The bound.
    """

    method: Method
    norm: Norm | None = None
    epsilon: float | None = None

    def __str__(self) -> str:
        bound = "" if self.epsilon is None else f" {self.norm} {self.epsilon:g}"
        return f"{self.method}{bound}"


def table_cases(config: AttackConfig) -> list[Case]:
    """Return the cases of the table: every method, the bounded ones with each epsilon of their norm."""
    cases = [Case("noise", "linf", epsilon) for epsilon in config.epsilon]
    cases += [Case("fgsm", "linf", epsilon) for epsilon in config.epsilon]
    if config.norm in ("linf", "both"):
        cases += [Case("pgd", "linf", epsilon) for epsilon in config.epsilon]
    if config.norm in ("l2", "both"):
        cases += [Case("pgd", "l2", epsilon) for epsilon in config.epsilon_l2]
    return list(dict.fromkeys([*cases, Case("deepfool"), Case("targeted_l1")]))


def curve_cases(config: AttackConfig) -> list[Case]:
    """Return the cases of the curves over epsilon: noise, FGSM and PGD in linf."""
    epsilons = sorted(set(config.curve))
    return [Case(method, "linf", epsilon) for epsilon in epsilons for method in CURVE_METHODS]


def check_epsilons(config: AttackConfig) -> list[float]:
    """Return the linf bounds of the self-check, ascending: the table's above 0, or else the curve's first."""
    return sorted({epsilon for epsilon in config.epsilon if epsilon > 0}) or [config.curve[0]]


def bounded_perturbation(method: Method, norm: Norm, victim: Victim, config: AttackConfig) -> BoundedPerturb:
    """Return random noise, FGSM or PGD on a model, as a function of images, labels and epsilon.

    Args:
        method: ``noise``, ``fgsm`` or ``pgd``.
        norm: PGD's; the other two are bounded in linf.
        victim: The model.
        config: PGD's settings, and the seed.
    """
    if method == "noise":
        return lambda x, y, epsilon: attacks.random_noise(x, epsilon, config.seed)
    if method == "fgsm":
        return partial(attacks.fgsm, victim)
    return partial(
        attacks.pgd,
        victim,
        steps=config.steps,
        step_size=config.step_size,
        restarts=config.restarts,
        norm=norm,
        seed=config.seed,
    )


def perturbation(case: Case, victim: Victim, config: AttackConfig) -> Perturb:
    """Return a case on a model, as a function of images and labels (of the wanted labels, in ``targeted_l1``)."""
    if case.method == "deepfool":
        return partial(attacks.deepfool, victim)
    if case.method == "targeted_l1":
        return partial(attacks.targeted_l1, victim, steps=config.l1_steps, form=config.l1_form)
    assert case.norm is not None
    assert case.epsilon is not None
    bounded, epsilon = bounded_perturbation(case.method, case.norm, victim, config), case.epsilon
    return lambda x, y: bounded(x, y, epsilon)
