"""How an attack is judged: success, noise, smallest epsilon, and whether the evaluation itself can be trusted.

Only images that the model classifies correctly are attacked, so that a misclassified one never counts as a success.
"""

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ex3.attacks import Epsilon, Victim, fgsm, pgd, random_noise
from ex3.results import Attack, Check

ROUNDS = 8  # of the bisection: to 1/256
Perturb = Callable[..., np.ndarray]  # (x, y) -> adversarial x


@dataclass(frozen=True)
class Attacked:
    """Images that a model classifies correctly, of ``total`` that were looked at.

    Attributes:
        x: ``(N, 28, 28, 1)``.
        y: ``(N,)``.
        total: Images looked at.
    """

    x: np.ndarray
    y: np.ndarray
    total: int


def correct_ones(victim: Victim, x: np.ndarray, y: np.ndarray) -> Attacked:
    """Keep what the model classifies correctly."""
    right = victim.logits(x).argmax(axis=1) == y
    return Attacked(x[right], y[right], len(x))


def judge(
    victim: Victim,
    images: Attacked,
    perturb: Perturb,
    method: str,
    norm: str | None = None,
    epsilon: float | None = None,
    targets: np.ndarray | None = None,
    smallest_epsilon: float | None = None,
) -> tuple[Attack, np.ndarray]:
    """Attack the images and measure what came of it.

    Args:
        victim: The model.
        images: What is attacked.
        perturb: Images and labels (the wanted ones, when there are targets) -> adversarial images.
        method: The attack's name.
        norm: What epsilon is measured in.
        epsilon: The bound on the noise.
        targets: The wanted labels of a targeted attack.
        smallest_epsilon: As found by ``smallest_epsilons``.

    Returns:
        The numbers, and the adversarial images.
    """
    start = time.perf_counter()
    adversarial = perturb(images.x, images.y if targets is None else targets)
    predicted = victim.logits(adversarial).argmax(axis=1)
    seconds = time.perf_counter() - start
    fooled = predicted != images.y if targets is None else predicted == targets
    noise = (adversarial - images.x)[fooled].reshape(fooled.sum(), math.prod(images.x.shape[1:]))

    def median(sizes: np.ndarray) -> float:
        return float(np.median(sizes)) if len(sizes) else math.nan

    attack = Attack(
        method=method,
        norm=norm,
        epsilon=epsilon,
        attacked=len(images.x),
        success=float(fooled.mean()),
        interval=wilson(int(fooled.sum()), len(fooled)),
        robust_accuracy=float(np.sum(predicted == images.y) / images.total),
        l0=median(np.count_nonzero(noise, axis=1)),
        l1=median(np.abs(noise).sum(axis=1)),
        l2=median(np.linalg.norm(noise, axis=1)),
        linf=median(np.abs(noise).max(axis=1)) if len(noise) else math.nan,
        smallest_epsilon=smallest_epsilon,
        images_per_second=len(images.x) / seconds,
    )
    return attack, adversarial


def smallest_epsilons(
    victim: Victim, images: Attacked, perturb: Callable[[np.ndarray, np.ndarray, Epsilon], np.ndarray], largest: float
) -> np.ndarray:
    """Bisect, for each image, the least epsilon with which the attack succeeds: ``(N,)``, ``inf`` where none does.

    Args:
        victim: The model.
        images: What is attacked.
        perturb: Images, labels and one epsilon per image -> adversarial images.
        largest: Where the search begins; it ends at a precision of ``largest / 256``.
    """

    def succeeds(epsilon: np.ndarray) -> np.ndarray:
        return victim.logits(perturb(images.x, images.y, epsilon)).argmax(axis=1) != images.y

    low, high = np.zeros(len(images.x)), np.full(len(images.x), largest)
    found = succeeds(high)
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        worked = succeeds(middle)
        low, high = np.where(worked, low, middle), np.where(worked, middle, high)
    return np.where(found, high, np.inf)


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927): it stays in [0, 1] and has a width at 0 and 1, too."""
    z = 1.959964
    share = successes / count
    middle = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, (middle - half) / (1 + z**2 / count)), min(1.0, (middle + half) / (1 + z**2 / count))


def self_check(
    victim: Victim, images: Attacked, epsilons: list[float], steps: int, step_size: float, seed: int
) -> list[Check]:
    """Look for the signs of an evaluation that flatters the model (after Carlini et al. 2019, arXiv 1902.06705).

    PGD has one random start here, so that its strength shows without the help of restarts.

    Args:
        victim: The model, with the loss that is attacked.
        images: What is attacked.
        epsilons: For linf, ascending, above 0.
        steps: Of PGD.
        step_size: Of PGD, as a fraction of epsilon.
        seed: Of the random starts.
    """
    x, y = images.x, images.y
    logits = victim.logits(x)

    def success(adversarial: np.ndarray) -> float:
        return float(np.mean(victim.logits(adversarial).argmax(axis=1) != y))

    one_step = {epsilon: fgsm(victim, x, y, epsilon) for epsilon in epsilons}
    many = partial(pgd, victim, x, y, step_size=step_size, seed=seed)
    many_steps = {epsilon: many(epsilon, steps=steps) for epsilon in epsilons}
    shares = {epsilon: success(adversarial) for epsilon, adversarial in many_steps.items()}
    fgsm_shares = {epsilon: success(adversarial) for epsilon, adversarial in one_step.items()}
    noise_shares = {epsilon: success(random_noise(x, epsilon, seed)) for epsilon in epsilons}
    farthest = max(
        float(np.abs(adversarial - x).max() - epsilon)
        for found in (one_step, many_steps)
        for epsilon, adversarial in found.items()
    )
    pixels = np.concatenate([*one_step.values(), *many_steps.values()])
    zero = float(np.mean(~victim.gradient(x, y)[1].any(axis=(1, 2, 3))))
    unchanged = np.array_equal(many(0.0, steps=steps), x) and np.array_equal(fgsm(victim, x, y, 0.0), x)
    differences = float(np.abs(logits - victim.logits(x)).max())
    are_probabilities = bool((logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3))
    falls = max((shares[low] - shares[high] for low, high in itertools.pairwise(epsilons)), default=0.0)
    whole = success(many(1.0, steps=steps))
    middle = epsilons[len(epsilons) // 2]
    doubled = success(many(middle, steps=2 * steps, step_size=step_size))
    one = 1 / len(x)
    return [
        Check(
            "noise within epsilon, pixels in [0, 1]",
            farthest <= 1e-6 and bool(pixels.min() >= 0 and pixels.max() <= 1),
            f"at most {max(farthest, 0):.1e} beyond, pixels in [{pixels.min():g}, {pixels.max():g}]",
        ),
        Check("epsilon 0 changes nothing", unchanged, "FGSM and PGD"),
        Check("two forward passes agree", differences == 0, f"logits differ by at most {differences:.1e}"),
        Check(
            "the loss sees logits", not are_probabilities, "rows that sum to 1 are probabilities" * are_probabilities
        ),
        Check(
            "gradients are not masked",
            zero <= 0.01,
            f"{zero:.1%} of the images have a gradient of exactly 0" + "; use --loss margin" * (zero > 0.01),
        ),
        Check(
            "PGD at least as strong as FGSM",
            all(shares[epsilon] >= fgsm_shares[epsilon] - one for epsilon in epsilons),
            _list({epsilon: shares[epsilon] - fgsm_shares[epsilon] for epsilon in epsilons}, "+.1%"),
        ),
        Check("success does not fall as epsilon grows", falls <= one, _list(shares, ".1%")),
        Check("success is about 100 % at epsilon 1", whole >= 0.99, f"{whole:.1%}"),
        Check(
            "random noise weaker than gradients",
            all(noise_shares[epsilon] <= fgsm_shares[epsilon] + one for epsilon in epsilons),
            _list(noise_shares, ".1%"),
        ),
        Check(
            "doubling the steps changes success by less than half a point",
            abs(doubled - shares[middle]) < 0.005,
            f"{doubled - shares[middle]:+.1%} at epsilon {middle:g}",
        ),
    ]


def _list(shares: dict[float, float], form: str) -> str:
    return ", ".join(f"{share:{form}} at {epsilon:g}" for epsilon, share in shares.items())
