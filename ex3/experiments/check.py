"""``check``: every hand-written gradient against central differences and against TensorFlow's automatic one.

TensorFlow's side is built from its own operations (``conv1d``, ``max_pool1d``), not from the hand-written ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3.backend import prepare, tf
from ex3.errors import CheckFailedError
from ex3.experiments import Outcome
from ex3.scratch.gradient_check import (
    Case,
    LinearFunctional,
    back_propagate,
    build_cases,
    differentiate_numerically,
    relative_error,
)
from ex3.scratch.losses import SquaredLoss
from ex3.tables import format_table

NUMERICAL_TOLERANCE = 1e-6
AUTOMATIC_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Agreement:
    """Relative errors of one hand-written gradient.

    Attributes:
        gradient: Name of the case and of the variable.
        numerical: Relative error with respect to central differences.
        automatic: Relative error with respect to TensorFlow.
    """

    gradient: str
    numerical: float
    automatic: float

    @property
    def passed(self) -> bool:
        """Whether both errors are below their tolerances; ``nan`` never is."""
        return self.numerical < NUMERICAL_TOLERANCE and self.automatic < AUTOMATIC_TOLERANCE


def run() -> Outcome:
    """Check every gradient; the outcome's problem names those that fail."""
    prepare(seed=0, threads=2, precision="float32")
    agreements = [agreement for case in build_cases() for agreement in compare(case)]
    failed = [agreement.gradient for agreement in agreements if not agreement.passed]
    rows = [
        [a.gradient, f"{a.numerical:.1e}", f"{a.automatic:.1e}", "ok" if a.passed else "FAILED"] for a in agreements
    ]
    return Outcome(
        table=format_table(["gradient", "central differences", "TensorFlow", ""], rows),
        headline=f"{len(agreements) - len(failed)} of {len(agreements)} gradients agree: relative error below "
        f"{NUMERICAL_TOLERANCE:g} with central differences, {AUTOMATIC_TOLERANCE:g} with TensorFlow",
        problem=CheckFailedError(f"wrong gradients: {'; '.join(failed)}") if failed else None,
    )


def compare(case: Case) -> list[Agreement]:
    """Compare the gradients with respect to each parameter and to the input with both references."""
    gradients = zip(
        case.variables, back_propagate(case), differentiate_numerically(case), _differentiate_automatically(case),
        strict=True,
    )  # fmt: skip
    return [
        Agreement(f"{case.name}, d/d{variable}", relative_error(ours, numerical), relative_error(ours, automatic))
        for variable, ours, numerical, automatic in gradients
    ]


def _correlate(filters: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(F, K)``, ``(n, B)`` -> ``(F, n, B)``."""
    images = tf.transpose(x)[..., tf.newaxis]  # (B, n, 1)
    kernel = tf.transpose(filters)[:, tf.newaxis]  # (K, 1, F)
    return tf.transpose(tf.nn.conv1d(images, kernel, stride=1, padding="SAME"), (2, 1, 0))


def _max_pool(x: tf.Tensor) -> tf.Tensor:
    """``(F, n, B)`` -> ``(F, n / 2, B)``."""
    return tf.transpose(tf.nn.max_pool1d(tf.transpose(x, (2, 1, 0)), 2, 2, "VALID"), (2, 1, 0))


def _toy_convnet(filters: tf.Tensor, u: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(2, 3)``, ``(1, 4)``, ``(4, B)`` -> ``(1, B)``."""
    return u @ tf.reshape(_max_pool(tf.nn.relu(_correlate(filters, x))), (4, -1))


OUTPUTS: dict[str, Callable[..., tf.Tensor]] = {  # by the name of the case: parameters and x -> output
    "linear": tf.matmul,
    "correlation": _correlate,
    "ReLU": tf.nn.relu,
    "parameterised ReLU": tf.maximum,
    "sigmoid": tf.sigmoid,
    "sigmoid's graph": tf.sigmoid,
    "max-pool": _max_pool,
    "flatten": lambda x: tf.reshape(x, (18, 7)),
    "squared loss": tf.identity,
    "linear model": tf.matmul,
    "toy convnet": _toy_convnet,
}
LOSSES: dict[type, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {  # by the class of the hand-written one
    LinearFunctional: lambda p, y: tf.reduce_sum(y * p),
    SquaredLoss: lambda p, y: tf.reduce_mean(tf.square(p - y)),
}


def _differentiate_automatically(case: Case) -> list[np.ndarray]:
    """Return TensorFlow's gradients, in the order of ``case.variables``."""
    parameters = [tf.constant(parameter) for parameter in case.network.parameters]
    x = tf.constant(case.x)
    with tf.GradientTape() as tape:
        tape.watch([*parameters, x])
        objective = LOSSES[type(case.loss)](OUTPUTS[case.name](*parameters, x), tf.constant(case.y))
        objective += case.l2 * sum(tf.nn.l2_loss(parameter) for parameter in parameters)  # half the squared norm each
    return [gradient.numpy() for gradient in tape.gradient(objective, [*parameters, x])]
