"""``check``: every hand-written gradient against central differences and against TensorFlow's automatic one.

TensorFlow's side is built from its own operations (``conv1d``, ``erfc``, ``norm``), not from the hand-written ones.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3.backend import prepare, tf
from ex3.errors import CheckFailedError
from ex3.experiments import Outcome
from ex3.progress import show_stages
from ex3.scratch.gradient_check import (
    CLASSES,
    MARGIN,
    Case,
    LinearFunctional,
    back_propagate,
    build_cases,
    differentiate_numerically,
    relative_error,
)
from ex3.scratch.intervals import WorstCase
from ex3.scratch.losses import CrossEntropy, DistanceLoss, HingeLoss, MarginLoss, RbfLoss, SquaredLoss
from ex3.tables import Table

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
    cases, agreements = build_cases(), []
    with show_stages(len(cases)) as begin:
        for case in cases:
            begin(case.name)
            agreements += compare(case)
    failed = [agreement.gradient for agreement in agreements if not agreement.passed]
    rows = [
        [a.gradient, f"{a.numerical:.1e}", f"{a.automatic:.1e}", "ok" if a.passed else "FAILED"] for a in agreements
    ]
    return Outcome(
        table=Table(["gradient", "central differences", "TensorFlow", ""], rows),
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


def _linear(weights: tf.Tensor, bias: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(outputs, inputs)``, ``(1, outputs)``, ``(B, inputs)`` -> ``(B, outputs)``."""
    return tf.nn.bias_add(tf.matmul(x, weights, transpose_b=True), bias[0])


def _correlate(filters: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(F, K)``, ``(B, n)`` -> ``(B, F, n)``."""
    kernel = tf.transpose(filters)[:, tf.newaxis]  # (K, 1, F)
    return _swap(tf.nn.conv1d(x[..., tf.newaxis], kernel, stride=1, padding="SAME"))


def _max_pool(x: tf.Tensor) -> tf.Tensor:
    """``(B, F, n)`` -> ``(B, F, n / 2)``."""
    return _swap(tf.nn.max_pool1d(_swap(x), 2, 2, "VALID"))


def _swap(x: tf.Tensor) -> tf.Tensor:
    """``(B, F, n)`` -> ``(B, n, F)``, the order of TensorFlow's axes; and back."""
    return tf.transpose(x, (0, 2, 1))


def _gelu(x: tf.Tensor) -> tf.Tensor:
    """Any shape -> the same. ``tf.nn.gelu`` rounds sqrt(1/2), and in its tanh form 0.044715, to float32."""
    return 0.5 * x * tf.math.erfc(-math.sqrt(0.5) * x)


def _tanh_gelu(x: tf.Tensor) -> tf.Tensor:
    """Any shape -> the same."""
    return 0.5 * x * (1 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * tf.pow(x, 3))))


def _nearest_centre(centres: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(classes, inputs)``, ``(B, inputs)`` -> ``(B, classes)``."""
    return -tf.square(tf.norm(x[:, tf.newaxis] - centres, axis=2))


def _squared_norms(x: tf.Tensor) -> tf.Tensor:
    """``(B, classes r)`` -> ``(B, classes)``."""
    return -tf.square(tf.norm(tf.reshape(x, (len(x), CLASSES, -1)), axis=2))


def _toy_convnet(filters: tf.Tensor, u: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(2, 3)``, ``(1, 4)``, ``(B, 4)`` -> ``(B, 1)``."""
    return tf.reshape(_max_pool(tf.nn.relu(_correlate(filters, x))), (-1, 4)) @ tf.transpose(u)


def _rbf_network(w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor, b2: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return _squared_norms(_linear(w2, b2, _tanh_gelu(_linear(w1, b1, x))))


def _hinge_network(w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor, b2: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return _linear(w2, b2, tf.nn.relu(_linear(w1, b1, x)))


def _interval_linear(weights: tf.Tensor, bias: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(outputs, inputs)``, ``(1, outputs)``, ``(2, B, inputs)`` -> ``(2, B, outputs)``, end by end."""
    low, high = x[0] - x[1], x[0] + x[1]
    rising, falling = tf.nn.relu(weights), -tf.nn.relu(-weights)
    return _box(
        _linear(rising, bias, low) + tf.matmul(high, falling, transpose_b=True),
        _linear(rising, bias, high) + tf.matmul(low, falling, transpose_b=True),
    )


def _interval_relu(x: tf.Tensor) -> tf.Tensor:
    return _box(tf.nn.relu(x[0] - x[1]), tf.nn.relu(x[0] + x[1]))


def _interval_margins(weights: tf.Tensor, bias: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(classes, inputs)``, ``(1, classes)``, ``(2, B, inputs)`` -> ``(B, classes, classes)``."""
    boxes = [_interval_linear(weights - weights[j], bias - bias[:, j], x) for j in range(CLASSES)]
    return tf.stack([box[0] + box[1] for box in boxes], axis=1)


def _box(low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    return tf.stack([high + low, high - low]) / 2


def _interval_network(w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor, b2: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return _interval_margins(w2, b2, _interval_relu(_interval_linear(w1, b1, x)))


def _cross_entropy(p: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=p))


def _hinge(p: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    own = tf.gather(p, y, batch_dims=1)[:, tf.newaxis]
    return tf.reduce_mean(tf.reduce_sum(tf.nn.relu(p - own + 1), axis=1)) - 1  # the true class itself adds 1


def _rbf(p: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    own = tf.one_hot(y, CLASSES, dtype=p.dtype)  # a row of 0 for noise
    return tf.reduce_mean(tf.reduce_sum(-own * p + (1 - own) * tf.nn.relu(MARGIN + p), axis=1)) / MARGIN


def _margin(p: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    others = tf.where(tf.one_hot(y, CLASSES, on_value=True, off_value=False), p.dtype.min, p)
    return tf.reduce_mean(tf.reduce_max(others, axis=1) - tf.gather(p, y, batch_dims=1))


OUTPUTS: dict[str, Callable[..., tf.Tensor]] = {  # by the name of the case: parameters, constants and x -> output
    "linear": _linear,
    "projection": lambda mean, directions, x: tf.matmul(tf.subtract(x, mean), directions),
    "correlation": _correlate,
    "max-pool": _max_pool,
    "flatten": lambda x: tf.reshape(x, (7, 18)),
    "ReLU": tf.nn.relu,
    "parameterised ReLU": tf.maximum,
    "sigmoid": tf.sigmoid,
    "sigmoid's graph": tf.sigmoid,
    "GELU": _gelu,
    "tanh GELU": _tanh_gelu,
    "nearest centre": _nearest_centre,
    "squared norms": _squared_norms,
    "interval linear": _interval_linear,
    "interval ReLU": _interval_relu,
    "interval margins": _interval_margins,
    "squared loss": tf.identity,
    "hinge loss": tf.identity,
    "cross-entropy": tf.identity,
    "RBF loss": tf.identity,
    "margin loss": tf.identity,
    "distance loss": tf.identity,
    "worst case": tf.identity,
    "linear model": lambda w, x: tf.matmul(x, w, transpose_b=True),
    "toy convnet": _toy_convnet,
    "RBF network": _rbf_network,
    "hinge network": _hinge_network,
    "interval network": _interval_network,
}
LOSSES: dict[type, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {  # by the class of the hand-written one
    LinearFunctional: lambda p, y: tf.reduce_sum(y * p) / len(y),
    SquaredLoss: lambda p, y: tf.reduce_mean(tf.square(p - y)),
    HingeLoss: _hinge,
    CrossEntropy: _cross_entropy,
    RbfLoss: _rbf,
    MarginLoss: _margin,
    DistanceLoss: lambda p, y: -tf.reduce_mean(tf.gather(p, y, batch_dims=1)),
    WorstCase: lambda p, y: _cross_entropy(tf.gather(p, y, batch_dims=1), y),  # of the cross-entropy
}


def _differentiate_automatically(case: Case) -> list[np.ndarray]:
    """Return TensorFlow's gradients, in the order of ``case.variables``."""
    parameters = [tf.constant(parameter.value) for parameter in case.network.parameters]
    constants, x = [tf.constant(array) for array in case.constants], tf.constant(case.x)
    weights = [
        tensor for tensor, parameter in zip(parameters, case.network.parameters, strict=True) if not parameter.is_bias
    ]
    with tf.GradientTape() as tape:
        tape.watch([*parameters, x])
        p = OUTPUTS[case.name](*parameters, *constants, x)
        objective = LOSSES[type(case.loss)](p, tf.constant(case.y))
        objective += case.l2 * sum(tf.nn.l2_loss(tensor) for tensor in weights)  # half the squared norm each
    return [gradient.numpy() for gradient in tape.gradient(objective, [*parameters, x])]
