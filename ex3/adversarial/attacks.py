"""Adversarial examples: one plain function per attack, NumPy alone.

An attack sees a model through a ``Victim``: its logits, and the gradient of a loss with respect to the images.
Untargeted attacks ascend the loss of the true label, targeted ones descend the loss of the wanted label. Images ``x``
are float32 ``(N, ...)`` in [0, 1], such as ``(N, H, W, C)``, and so are the images that an attack returns; labels
``y`` are int64 ``(N,)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ex3.adversarial.balls import BALLS, Ball

Norm = Literal["linf", "l2"]
Epsilon = float | np.ndarray  # one bound, or one per image (N,)


@dataclass(frozen=True)
class Victim:
    """A model as an attack sees it, in inference mode.

    Attributes:
        logits: Images -> float32 ``(N, classes)``.
        gradient: Images and labels -> the logits, and the gradient of each image's loss with respect to its pixels.
        jacobian: Images -> the logits, and the gradients of all of them ``(N, classes, ...)``.
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
        targeted: Descend the loss instead.
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

    Each restart begins at a random point of the ball around x. An image is finished as soon as it fools the model, or
    goes to and fro between two points, which saves most of the work and changes no success; an image that never fools
    the model ends where the last restart ended.

    Args:
        victim: The model.
        x: The images.
        y: Their labels; when ``targeted``, the wanted ones.
        epsilon: Radius of the ball in the norm (with ``linf`` the largest change of a pixel); one, or one per image.
        steps: Steps per restart.
        step_size: Length of a step in the norm, as a fraction of epsilon.
        restarts: Number of random starts.
        norm: ``linf`` or ``l2``.
        targeted: Descend the loss instead.
        seed: Seed of the random starts.
    """
    rng = np.random.default_rng(seed)
    ball = BALLS[norm]
    epsilon = _per_image(epsilon, x)
    adversarial = x.copy()
    remaining = np.arange(len(x))  # images that do not fool the model yet
    for _ in range(restarts):
        if len(remaining) == 0:
            break
        clean, labels, bound = x[remaining], y[remaining], epsilon[remaining]
        start = _clip(clean + ball.sample(rng, clean.shape, bound))
        adversarial[remaining], fooled = _ascend(victim, clean, labels, bound, start, steps, step_size, ball, targeted)
        remaining = remaining[~fooled]
    return adversarial


def _ascend(
    victim: Victim,
    x: np.ndarray,
    y: np.ndarray,
    epsilon: np.ndarray,
    start: np.ndarray,
    steps: int,
    step_size: float,
    ball: Ball,
    targeted: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Take the steps of ``pgd`` from one random start, and return where each image ends, and which fool the model.

    Near a maximum the steps overshoot to and fro. An image that is where it was two steps before will only repeat them,
    between two points of which neither fools the model; it ends at the one at which the last step would leave it.
    """
    end, has_fooled, rows = start.copy(), np.zeros(len(x), bool), np.arange(len(x))
    now, before, earlier = start, *np.full((2, *x.shape), np.nan, x.dtype)
    for step in range(steps + 1):
        logits, gradient = victim.gradient(now, y)
        fooled = _is_fooled(logits, y, targeted)
        repeats = (now == earlier).reshape(len(x), -1).all(axis=1)
        has_fooled[rows] = fooled
        end[rows[fooled]] = now[fooled]
        end[rows[repeats]] = (before if (steps - step) % 2 else now)[repeats]
        if (finished := fooled | repeats).any():
            left = (part[~finished] for part in (rows, x, y, epsilon, gradient, now, before))
            rows, x, y, epsilon, gradient, now, before = left
        if step == steps or len(rows) == 0:
            break
        moved = now + (-1 if targeted else 1) * step_size * epsilon * ball.ascend(gradient)
        now, before, earlier = _clip(x + ball.project(moved - x, epsilon)), now, before
    end[rows] = now
    return end, has_fooled


def deepfool(victim: Victim, x: np.ndarray, y: np.ndarray, steps: int = 50, overshoot: float = 0.02) -> np.ndarray:
    """Step to the nearest decision boundary of the linearised model, until the boundary is crossed.

    In each step, over the classes k: w_k = grad(z_k - z_y), f_k = z_k - z_y, the nearest k has the least |f_k| / |w_k|,
    and r = |f_k| / |w_k|^2 w_k (Moosavi-Dezfooli, Fawzi and Frossard 2016, algorithm 2). It minimises the noise in l2
    instead of keeping to an epsilon.

    Args:
        victim: The model.
        x: The images.
        y: Their labels.
        steps: Most steps per image.
        overshoot: Distance beyond the boundary, as a fraction of the noise.
    """
    adversarial, noise = x.copy(), np.zeros_like(x)
    remaining = np.arange(len(x))  # images that do not fool the model yet
    for _ in range(steps):
        logits, jacobian = victim.jacobian(adversarial[remaining])
        not_fooled = ~_is_fooled(logits, y[remaining], targeted=False)
        remaining, logits, jacobian = remaining[not_fooled], logits[not_fooled], jacobian[not_fooled]
        if len(remaining) == 0:
            break
        rows, labels = np.arange(len(remaining)), y[remaining]
        w = jacobian - jacobian[rows, labels][:, np.newaxis]  # (n, classes, ...)
        f = np.abs(logits - logits[rows, labels][:, np.newaxis])
        lengths = np.sqrt(np.sum(w**2, axis=tuple(range(2, w.ndim))))
        distances = np.divide(f, lengths, out=np.full_like(f, np.inf), where=lengths > 0)
        nearest = distances.argmin(axis=1)
        enough = f[rows, nearest] + 1e-4  # a little more than reaches the boundary
        scale = enough / np.maximum(lengths[rows, nearest], 1e-8) ** 2
        noise[remaining] += _expand(scale, x) * w[rows, nearest]
        adversarial[remaining] = _clip(x[remaining] + (1 + overshoot) * noise[remaining])
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
    """Turn each image into its wanted label with little noise in l1.

    Minimises L(x + d, y) + weight |d|_1 over d, L the cross-entropy to the wanted label. ``proximal``: a gradient step
    on L, then the l1 term's proximal step, which moves every d_i towards 0 by learning_rate * weight and stops there,
    accelerated (FISTA: Beck and Teboulle 2009, section 4), so that most pixels stay unchanged. An image's weight grows
    by 5 % after each step with success and shrinks by 5 % after each other step; so it approaches the largest weight
    at which the attack succeeds. ``sum`` and ``mean``: plain gradient descent on L plus the sum, or the mean, of |d_i|,
    as the attack is often written. Returned is the successful step with the least noise, or the last step where none
    succeeded.

    Args:
        victim: The model; its loss should be the cross-entropy.
        x: The images.
        y: The wanted labels.
        steps: Gradient steps.
        learning_rate: Of the gradient steps.
        weight: Of the l1 term, at the start; it is 1 in ``sum`` and ``mean``.
        form: How the l1 term is minimised.
    """
    noise = ahead = np.zeros_like(x)  # gradients are taken at x + ahead
    weights = _expand(np.full(len(x), weight), x)
    best, best_size = x.copy(), np.full(len(x), np.inf)
    for step in range(steps + 1):
        logits, gradient = victim.gradient(x + ahead, y)
        size = np.abs(ahead).sum(axis=tuple(range(1, x.ndim)))
        succeeded = _is_fooled(logits, y, targeted=True)
        better = succeeded & (size < best_size)
        best[better], best_size[better] = (x + ahead)[better], size[better]
        if form == "proximal":
            weights = weights * _expand(np.where(succeeded, 1.05, 0.95), x)
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
    """Change every pixel by plus or minus epsilon at random: noise of FGSM's size that does not depend on the model."""
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], x.dtype), size=x.shape)
    return _clip(x + _per_image(epsilon, x) * signs)


def _expand(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Reshape one number per image, ``(n,)``, so that it multiplies images: ``(n, 1, ...)`` with the axes of ``x``."""
    return values.reshape(-1, *[1] * (x.ndim - 1))


def _per_image(epsilon: Epsilon, x: np.ndarray) -> np.ndarray:
    """One number, or one per image -> float32 ``(N, 1, ...)``."""
    values = _expand(np.asarray(epsilon, np.float32), x)
    return np.broadcast_to(values, (len(x), *values.shape[1:]))


def _is_fooled(logits: np.ndarray, y: np.ndarray, targeted: bool) -> np.ndarray:
    """Return which images are not classified as ``y``, or, when targeted, which are: bool ``(N,)``."""
    return (logits.argmax(axis=1) == y) == targeted


def _clip(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 1).astype(np.float32, copy=False)
