"""Adversarial examples: one plain function per attack, NumPy alone.

An attack sees a model through a ``Victim``: its logits, and the gradient of a loss with respect to the images.
Untargeted attacks go up the loss of the right label, targeted ones down the loss of the wanted one. Images ``x`` are
float32 ``(N, 28, 28, 1)`` in [0, 1], and so is what every attack returns; labels ``y`` are int64 ``(N,)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Norm = Literal["linf", "l2"]
Epsilon = float | np.ndarray


@dataclass(frozen=True)
class Victim:
    """What an attack may ask of a model, in inference mode.

    Attributes:
        logits: Images -> float32 ``(N, classes)``.
        gradient: Images and labels -> the logits, and the gradient of each image's loss with respect to its pixels.
        jacobian: Images -> the logits, and the gradients of all of them ``(N, classes, 28, 28, 1)``.
    """

    logits: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    jacobian: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def fgsm(victim: Victim, x: np.ndarray, y: np.ndarray, epsilon: Epsilon, targeted: bool = False) -> np.ndarray:
    """Take one step of epsilon along the sign of the gradient.

    x_adv = clip(x + epsilon sign(grad_x L(x, y))) (Goodfellow, Shlens and Szegedy 2015, section 4).

    Args:
        victim: The model.
        x: The images.
        y: Their labels; when ``targeted``, the wanted ones.
        epsilon: Largest change of a pixel, in [0, 1]; one number, or one per image ``(N,)``.
        targeted: Go down the loss instead of up.
    """
    direction = (-1 if targeted else 1) * np.sign(victim.gradient(x, y)[1])
    return _clip(x + _per_image(epsilon, x) * direction)


def pgd(
    victim: Victim,
    x: np.ndarray,
    y: np.ndarray,
    epsilon: Epsilon,
    steps: int = 40,
    step_size: float = 0.2,
    restarts: int = 1,
    norm: Norm = "linf",
    targeted: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Take many small steps along the gradient, each followed by a projection (Madry et al. 2018, section 2.1).

    It starts at a random point of the ball around x. An image is left alone as soon as the model is fooled, which saves
    most of the work and changes no success; one that never fools it ends where the last restart ended.

    Args:
        victim: The model.
        x: The images.
        y: Their labels; when ``targeted``, the wanted ones.
        epsilon: Radius of the ball in the norm (with ``linf`` the largest change of a pixel); one, or one per image.
        steps: Steps per restart.
        step_size: Length of a step in the norm, as a fraction of epsilon.
        restarts: Random starts.
        norm: ``linf`` or ``l2``.
        targeted: Go down the loss instead of up.
        seed: Of the random starts.
    """
    rng = np.random.default_rng(seed)
    project, ascend, start = NORMS[norm]
    sign = -1 if targeted else 1
    epsilon = _per_image(epsilon, x)
    adversarial = x.copy()
    open_ = np.arange(len(x))  # images that do not fool the model yet
    for _ in range(restarts):
        if len(open_) == 0:
            break
        adversarial[open_] = _clip(x[open_] + start(rng, x[open_].shape, epsilon[open_]))
        for step in range(steps + 1):
            logits, gradient = victim.gradient(adversarial[open_], y[open_])
            still = ~_is_fooled(logits, y[open_], targeted)
            open_, gradient = open_[still], gradient[still]
            if step == steps or len(open_) == 0:
                break
            moved = adversarial[open_] + sign * step_size * epsilon[open_] * ascend(gradient)
            adversarial[open_] = _clip(x[open_] + project(moved - x[open_], epsilon[open_]))
    return adversarial


def deepfool(victim: Victim, x: np.ndarray, y: np.ndarray, steps: int = 50, overshoot: float = 0.02) -> np.ndarray:
    """Walk to the nearest boundary, as if the model were linear, until it is crossed.

    In each step, over the classes k: w_k = grad(z_k - z_y), f_k = z_k - z_y, the nearest k has the least |f_k| / |w_k|,
    and r = |f_k| / |w_k|^2 w_k (Moosavi-Dezfooli, Fawzi and Frossard 2016, algorithm 2). It looks for small l2 noise
    rather than for any within a given epsilon.

    Args:
        victim: The model.
        x: The images.
        y: Their labels.
        steps: Most steps per image.
        overshoot: Goes this share beyond the boundary.
    """
    adversarial, noise = x.copy(), np.zeros_like(x)
    open_ = np.arange(len(x))
    for _ in range(steps):
        logits, jacobian = victim.jacobian(adversarial[open_])
        still = ~_is_fooled(logits, y[open_], targeted=False)
        open_, logits, jacobian = open_[still], logits[still], jacobian[still]
        if len(open_) == 0:
            break
        rows, right = np.arange(len(open_)), y[open_]
        w = jacobian - jacobian[rows, right][:, np.newaxis]  # (n, classes, 28, 28, 1)
        f = np.abs(logits - logits[rows, right][:, np.newaxis])
        lengths = np.sqrt(np.sum(w**2, axis=(2, 3, 4)))
        distances = np.divide(f, lengths, out=np.full_like(f, np.inf), where=lengths > 0)
        nearest = distances.argmin(axis=1)
        scale = (f[rows, nearest] + 1e-4) / np.maximum(
            lengths[rows, nearest], 1e-8
        ) ** 2  # a little more than reaches it
        noise[open_] += scale[:, np.newaxis, np.newaxis, np.newaxis] * w[rows, nearest]
        adversarial[open_] = _clip(x[open_] + (1 + overshoot) * noise[open_])
    return adversarial


def targeted_l1(
    victim: Victim,
    x: np.ndarray,
    y: np.ndarray,
    steps: int = 200,
    learning_rate: float = 0.05,
    weight: float = 0.05,
    form: Literal["proximal", "sum", "mean"] = "proximal",
) -> np.ndarray:
    """Make the model see the wanted labels with little noise in l1.

    Minimises L(x + d, y) + weight |d|_1 over d, L the cross-entropy to the wanted label. ``proximal``: a gradient step
    on L, then the l1 term's proximal step, which moves every d_i towards 0 by learning_rate * weight and leaves it
    there, accelerated (FISTA: Beck and Teboulle 2009, section 4), so that most pixels stay untouched; an image's weight
    grows by 5 % whenever the model sees the wanted label, and shrinks by 5 % whenever not, which finds the largest
    weight at which the attack works. ``sum`` and ``mean``: plain descent on L plus the sum, or the mean, of |d_i|, as
    it is often written. Of all steps, the one with the least noise that the model takes for the wanted label is
    returned, and the last where there is none.

    Args:
        victim: The model; its loss should be the cross-entropy.
        x: The images.
        y: The wanted labels.
        steps: Gradient steps.
        learning_rate: Of the gradient steps.
        weight: Of the l1 term, at the start; ``sum`` and ``mean`` have 1.
        form: How the l1 term takes part.
    """
    noise = ahead = np.zeros_like(x)  # gradients are taken at x + ahead
    weights = np.full((len(x), 1, 1, 1), weight)
    best, best_size = x.copy(), np.full(len(x), np.inf)
    for step in range(steps + 1):
        logits, gradient = victim.gradient(x + ahead, y)
        size = np.abs(ahead).sum(axis=(1, 2, 3))
        works = _is_fooled(logits, y, targeted=True)
        better = works & (size < best_size)
        best[better], best_size[better] = (x + ahead)[better], size[better]
        if form == "proximal":
            weights *= np.where(works, 1.05, 0.95)[:, np.newaxis, np.newaxis, np.newaxis]
            moved = ahead - learning_rate * gradient
            new = _clip(x + np.sign(moved) * np.maximum(np.abs(moved) - learning_rate * weights, 0)) - x
            ahead = _clip(x + new + step / (step + 3) * (new - noise)) - x
            noise = new
        else:
            slope = np.sign(ahead) / (1 if form == "sum" else ahead[0].size)
            ahead = _clip(x + ahead - learning_rate * (gradient + slope)) - x
    failed = np.isinf(best_size)
    best[failed] = (x + ahead)[failed]
    return _clip(best)


def random_noise(x: np.ndarray, epsilon: Epsilon, seed: int = 0) -> np.ndarray:
    """Change every pixel by plus or minus epsilon at random: noise of FGSM's size that knows nothing of the model."""
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], x.dtype), size=x.shape)
    return _clip(x + _per_image(epsilon, x) * signs)


def _per_image(epsilon: Epsilon, x: np.ndarray) -> np.ndarray:
    """One number, or one per image -> float32 ``(N, 1, 1, 1)``."""
    return np.broadcast_to(np.asarray(epsilon, np.float32).reshape(-1, 1, 1, 1), (len(x), 1, 1, 1))


def _is_fooled(logits: np.ndarray, y: np.ndarray, targeted: bool) -> np.ndarray:
    """Tell which images are not taken for ``y``; when targeted, which are."""
    return (logits.argmax(axis=1) == y) == targeted


def _clip(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 1).astype(np.float32)


def _lengths(d: np.ndarray) -> np.ndarray:
    """Return each image's l2 norm, ``(N, 1, 1, 1)``, at least 1e-12."""
    return np.maximum(np.sqrt(np.sum(d**2, axis=(1, 2, 3), keepdims=True)), 1e-12)


def _start_l2(rng: np.random.Generator, shape: tuple[int, ...], epsilon: float) -> np.ndarray:
    """Draw uniformly from the l2 ball: a random direction, and a radius whose power of the dimension is uniform."""
    direction = rng.normal(size=shape)
    radius = rng.uniform(size=(shape[0], 1, 1, 1)) ** (1 / np.prod(shape[1:]))
    return epsilon * radius * direction / _lengths(direction)


# For each norm: the projection onto the ball, the steepest ascent direction of length 1, a random point of the ball.
NORMS = {
    "linf": (
        lambda d, epsilon: np.clip(d, -epsilon, epsilon),
        np.sign,
        lambda rng, shape, epsilon: rng.uniform(-epsilon, epsilon, size=shape),
    ),
    "l2": (
        lambda d, epsilon: d * np.minimum(1, epsilon / _lengths(d)),
        lambda gradient: gradient / _lengths(gradient),
        _start_l2,
    ),
}
