"""Looks for signs that an evaluation overrates a model's robustness (after Carlini et al. 2019, arXiv 1902.06705)."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.attack_config import AttackConfig
from ex3.adversarial.attacks import Victim
from ex3.adversarial.cases import CURVE_METHODS, Case, Method, check_epsilons, perturbation
from ex3.adversarial.judging import CorrectImages

Shares = dict[float, float]  # success by epsilon


@dataclass(frozen=True)
class Check:
    """One line of the self-check.

    Attributes:
        name: A property of a sound evaluation.
        passed: Whether this evaluation has it.
        detail: The numbers.
    """

    name: str
    passed: bool
    detail: str


def self_check(
    victim: Victim, images: CorrectImages, config: AttackConfig, known: Mapping[Case, np.ndarray]
) -> list[Check]:
    """Check the attacks, the model, and the strength of PGD at the epsilons of the table.

    PGD has one random start here, so that its strength shows without the help of restarts.

    Args:
        victim: The model, with the loss that is attacked.
        images: The images to attack.
        config: The settings of the attacks.
        known: Adversarial images of cases that were computed with this config; other cases are computed now.
    """
    single_start = config.model_copy(update={"restarts": 1})
    twice_the_steps = single_start.model_copy(update={"steps": 2 * config.steps})

    def attack(method: Method, epsilon: float) -> np.ndarray:
        case = Case(method, "linf", epsilon)
        if case in known and (method != "pgd" or config.restarts == 1):
            return known[case]
        return perturbation(case, victim, single_start)(images.x, images.y)

    def success(adversarial: np.ndarray) -> float:
        return float(np.mean(victim.logits(adversarial).argmax(axis=1) != images.y))

    epsilons = check_epsilons(config)
    middle = epsilons[len(epsilons) // 2]
    found = {method: {epsilon: attack(method, epsilon) for epsilon in epsilons} for method in CURVE_METHODS}
    shares = {method: {epsilon: success(x) for epsilon, x in found[method].items()} for method in CURVE_METHODS}
    largest = success(attack("pgd", 1.0))
    doubled = success(perturbation(Case("pgd", "linf", middle), victim, twice_the_steps)(images.x, images.y))
    return [
        _check_constraints(images.x, [*found["fgsm"].items(), *found["pgd"].items()]),
        _check_identity(images.x, attack),
        *_check_model(victim, images),
        *_check_strength(shares, largest, one_image=1 / len(images.x)),
        Check(
            "doubling the steps changes success by less than half a point",
            abs(doubled - shares["pgd"][middle]) < 0.005,
            f"{doubled - shares['pgd'][middle]:+.1%} at epsilon {middle:g}",
        ),
    ]


def _check_constraints(x: np.ndarray, found: Iterable[tuple[float, np.ndarray]]) -> Check:
    """Check the bound on the noise and the range of the pixels, by epsilon and its adversarial images."""
    numbers = [(np.abs(images - x).max() - epsilon, -images.min(), images.max()) for epsilon, images in found]
    beyond, minus_lowest, highest = np.max(numbers, axis=0).tolist()  # nan where a pixel is nan, unlike Python's max
    lowest = -minus_lowest
    return Check(
        "noise within epsilon, pixels in [0, 1]",
        beyond <= 1e-6 and lowest >= 0 and highest <= 1,
        f"at most {max(beyond, 0):.1e} beyond, pixels in [{lowest:g}, {highest:g}]",
    )


def _check_identity(x: np.ndarray, attack: Callable[[Method, float], np.ndarray]) -> Check:
    is_identity = np.array_equal(attack("pgd", 0.0), x) and np.array_equal(attack("fgsm", 0.0), x)
    return Check("epsilon 0 changes nothing", is_identity, "FGSM and PGD")


def _check_model(victim: Victim, images: CorrectImages) -> list[Check]:
    """Check that the logits are deterministic, that they are logits, and that their gradients do not vanish."""
    logits = victim.logits(images.x)
    differences = float(np.abs(logits - victim.logits(images.x)).max())
    are_probabilities = bool((logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3))
    gradients = victim.gradient(images.x, images.y)[1].reshape(len(images.x), -1)
    zero = float(np.mean(~gradients.any(axis=1)))
    return [
        Check("two forward passes agree", differences == 0, f"logits differ by at most {differences:.1e}"),
        Check(
            "the loss sees logits", not are_probabilities, "rows that sum to 1 are probabilities" * are_probabilities
        ),
        Check(
            "gradients are not masked",
            zero <= 0.01,
            f"{zero:.1%} of the images have a gradient of exactly 0" + "; use --loss margin" * (zero > 0.01),
        ),
    ]


def _check_strength(shares: Mapping[Method, Shares], largest: float, one_image: float) -> list[Check]:
    """Check that success grows with epsilon and with the effort.

    Args:
        shares: Success of each method by epsilon, ascending.
        largest: PGD's success at epsilon 1.
        one_image: The share that one image is; so much is tolerated.
    """
    noise, fgsm, pgd = shares["noise"], shares["fgsm"], shares["pgd"]
    falls = max((pgd[low] - pgd[high] for low, high in itertools.pairwise(pgd)), default=0.0)
    return [
        Check(
            "PGD at least as strong as FGSM",
            all(pgd[epsilon] >= fgsm[epsilon] - one_image for epsilon in pgd),
            _list({epsilon: pgd[epsilon] - fgsm[epsilon] for epsilon in pgd}, "+.1%"),
        ),
        Check("success does not fall as epsilon grows", falls <= one_image, _list(pgd, ".1%")),
        Check("success is about 100 % at epsilon 1", largest >= 0.99, f"{largest:.1%}"),
        Check(
            "random noise weaker than gradients",
            all(noise[epsilon] <= fgsm[epsilon] + one_image for epsilon in noise),
            _list(noise, ".1%"),
        ),
    ]


def _list(shares: Shares, form: str) -> str:
    return ", ".join(f"{share:{form}} at {epsilon:g}" for epsilon, share in shares.items())
