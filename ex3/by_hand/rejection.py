"""Networks that may answer "I don't know": an image is rejected when its distance to every class is above a threshold.

R3 takes lambda as the threshold, and teaches the network to reject 200 images of noise. Here the threshold also comes
from validation images, of which a chosen share is rejected, and the attack knows of it: it looks for an image that is
accepted *and* wrong.
"""

from dataclasses import dataclass

import numpy as np

from ex3.adversarial.attacks import Victim, fgsm, pgd
from ex3.by_hand.victim import network_victim
from ex3.results import Number
from ex3.scratch.losses import DistanceLoss, Loss, MarginLoss
from ex3.scratch.network import Network

STEP_SIZE = 0.1  # of all attacks with many steps, in units of epsilon
ADAPTIVE_STEPS, PGD_STEPS = 100, 40


@dataclass(frozen=True)
class Answers:
    """Shares of images by what the network answers; they add up to 1.

    Attributes:
        right: Accepted and classified correctly.
        wrong: Accepted and misclassified.
        rejected: Not accepted.
    """

    right: Number
    wrong: Number
    rejected: Number


def count_answers(scores: np.ndarray, y: np.ndarray, threshold: float) -> Answers:
    """Judge scores s_i = -d_i ``(N, classes)`` with labels ``(N,)``: rejected where every d_i > threshold."""
    rejected = _is_rejected(scores, threshold)
    right = (scores.argmax(axis=1) == y) & ~rejected
    return Answers(float(right.mean()), float((~right & ~rejected).mean()), float(rejected.mean()))


def choose_threshold(scores: np.ndarray, share: float) -> float:
    """Return the threshold that rejects a share of the images: a quantile of their least distances.

    Args:
        scores: Of validation images ``(N, classes)``, s_i = -d_i.
        share: In (0, 1).
    """
    return float(np.quantile(-scores.max(axis=1), 1 - share))


def attack_with_fgsm(network: Network, loss: Loss, x: np.ndarray, y: np.ndarray, epsilon: float) -> np.ndarray:
    """Attack images with one step along the gradient of a loss; see ``attacks.fgsm``."""
    return fgsm(network_victim(network, loss), x, y, epsilon)


def attack_with_pgd(network: Network, x: np.ndarray, y: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Attack images with many steps along the gradient of the margin, blind to the rejection; see ``attacks.pgd``."""
    victim = network_victim(network, MarginLoss())
    return pgd(victim, x, y, epsilon, steps=PGD_STEPS, step_size=STEP_SIZE, seed=seed)


def attack_adaptively(
    network: Network, x: np.ndarray, y: np.ndarray, threshold: float, epsilon: float, seed: int
) -> np.ndarray:
    """Look for images within epsilon (linf) that are accepted and wrong.

    First PGD on the margin; then, for each image that is not accepted and wrong yet, PGD towards every other class, the
    nearest one first, which descends the distance to that class and stops where it is the nearest and accepted.

    Args:
        network: Rows of pixels -> scores s_i = -d_i.
        x: Images in [0, 1], float32.
        y: Their labels.
        threshold: An image is rejected where every d_i is above it.
        epsilon: Largest change of a pixel.
        seed: Of the random starts.

    Returns:
        The attacked images; those for which nothing was found are the last that were tried.
    """
    victim = rejecting(network_victim(network, DistanceLoss()), threshold)
    rejection = network.forward(x[:1].reshape(1, -1)).shape[1]  # the label of the additional class
    by_distance = victim.logits(x)[:, :rejection].argsort(axis=1)[:, ::-1]
    wanted = by_distance[by_distance != y[:, np.newaxis]].reshape(len(y), -1)  # the other classes, nearest first
    adversarial = x.copy()

    def is_left() -> np.ndarray:
        answers = victim.logits(adversarial).argmax(axis=1)
        return (answers == y) | (answers == rejection)

    left = is_left()
    adversarial[left] = attack_with_pgd(network, x[left], y[left], epsilon, seed)
    for targets in wanted.T:
        left = is_left()
        if not left.any():
            break
        adversarial[left] = pgd(
            victim, x[left], targets[left], epsilon,
            steps=ADAPTIVE_STEPS, step_size=STEP_SIZE, targeted=True, seed=seed,
        )  # fmt: skip
    return adversarial


def rejecting(victim: Victim, threshold: float) -> Victim:
    """Give a victim with scores s_i = -d_i one more class, "rejected", with the constant score -threshold.

    It wins exactly where every d_i is above the threshold. Attacks then need no other code.
    """

    def with_rejection(scores: np.ndarray) -> np.ndarray:
        return np.column_stack([scores, np.full(len(scores), -threshold, scores.dtype)])

    def gradient(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, slopes = victim.gradient(x, y)
        return with_rejection(scores), slopes

    def jacobian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, slopes = victim.jacobian(x)
        return with_rejection(scores), np.concatenate([slopes, np.zeros_like(slopes[:, :1])], axis=1)

    return Victim(lambda x: with_rejection(victim.logits(x)), gradient, jacobian)


def _is_rejected(scores: np.ndarray, threshold: float) -> np.ndarray:
    return -scores.max(axis=1) > threshold
