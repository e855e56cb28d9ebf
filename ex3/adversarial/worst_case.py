"""The judge of a defence: several attacks, one after another, on the images that all before have left.

An image counts as robust where none of them breaks it, so that no weak attack flatters a network. Where a certificate
says that nothing can break an image, that is put to the test as well.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ex3.adversarial.attacks import Victim, pgd
from ex3.adversarial.defend_config import Strength
from ex3.adversarial.square import square
from ex3.adversarial.victims import Loss
from ex3.errors import CheckFailedError

ATTACKS = ("PGD on the cross-entropy", "PGD on the margin", "PGD to each class", "Square")
Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]  # images, labels -> attacked images


def survivors(
    victims: Mapping[Loss, Victim], x: np.ndarray, y: np.ndarray, epsilon: float, strength: Strength, seed: int
) -> dict[str, np.ndarray]:
    """Attack images with every attack of ``ATTACKS``.

    Args:
        victims: The model with each loss: ``ce`` and ``margin``.
        x: Images, float32 ``(N, H, W, C)`` in [0, 1].
        y: Labels, int64 ``(N,)``.
        epsilon: Largest change of a pixel.
        strength: Of the attacks.
        seed: Of their random starts.

    Returns:
        By attack, in the order of ``ATTACKS``: the images ``(N,)``, bool, that it and all before it have left
        classified as their labels.
    """
    model = victims["margin"]
    alive = model.logits(x).argmax(axis=1) == y
    left = {}
    for name, attack in _attacks(victims, epsilon, strength, seed).items():
        rows = np.flatnonzero(alive)
        if len(rows):
            alive[rows] = model.logits(attack(x[rows], y[rows])).argmax(axis=1) == y[rows]
        left[name] = alive.copy()
    return left


def check_certified(
    victims: Mapping[Loss, Victim], x: np.ndarray, y: np.ndarray, epsilon: float, strength: Strength, seed: int
) -> int:
    """Attack images that are certified, with every attack, and return their number.

    Raises:
        CheckFailedError: One of them breaks: the certificate is wrong, and so is every number that rests on it.
    """
    if len(x) == 0:
        return 0
    broken = int(np.sum(~survivors(victims, x, y, epsilon, strength, seed)[ATTACKS[-1]]))
    if broken:
        raise CheckFailedError(
            f"{broken} of {len(x)} images that are certified at epsilon {epsilon:g} break under attack: "
            "the certificate is wrong"
        )
    return len(x)


def _attacks(victims: Mapping[Loss, Victim], epsilon: float, strength: Strength, seed: int) -> dict[str, Attack]:
    def by_pgd(loss: Loss, restarts: int, first_seed: int) -> Attack:
        return lambda x, y: pgd(
            victims[loss], x, y, epsilon, strength.steps, strength.step_size, restarts, seed=first_seed
        )

    def to_each_class(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        classes = victims["margin"].logits(x[:1]).shape[1]
        attacked, alive = x.copy(), np.arange(len(x))
        for shift in range(1, classes):
            targets = (y[alive] + shift) % classes
            attacked[alive] = pgd(
                victims["margin"], x[alive], targets, epsilon, strength.steps, strength.step_size, targeted=True,
                seed=seed + shift,
            )  # fmt: skip
            alive = alive[victims["margin"].logits(attacked[alive]).argmax(axis=1) == y[alive]]
            if len(alive) == 0:
                break
        return attacked

    attacks: list[Attack] = [
        by_pgd("ce", strength.restarts, seed),
        by_pgd("margin", strength.restarts, seed + 1),
        to_each_class,
        lambda x, y: square(victims["margin"], x, y, epsilon, strength.queries, seed),
    ]
    return dict(zip(ATTACKS, attacks, strict=True))
