"""``check``: every hand-written gradient against central differences and against TensorFlow's automatic one.

Each layer and loss is checked on its own, under a random linear functional, and both toy networks as a whole, with the
l2 term. Everything is float64, and the points are random, so that none lies near a kink of the ReLU or a tie of the
max. TensorFlow's side is built from its own operations (``conv1d``, ``max_pool1d``), not from ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3.backend import prepare, tf
from ex3.errors import CheckFailedError
from ex3.experiments import Outcome
from ex3.scratch.layers import Correlation, Flatten, Layer, Linear, MaxPool, ParameterisedReLU, ReLU, Sigmoid
from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import Loss, objective_gradients
from ex3.scratch.sigmoid import build_sigmoid_graph
from ex3.tables import format_table

STEP = 1e-5
NUMERICAL_TOLERANCE = 1e-6
AUTOMATIC_TOLERANCE = 1e-10
L2 = 0.1


@dataclass(frozen=True)
class Case:
    """Something to differentiate: a network, a loss of its output, and the same in TensorFlow.

    Attributes:
        name: What it is.
        network: Ours.
        loss: Ours.
        x: Input.
        y: Target.
        reference: TensorFlow's objective, from the parameters, x and y.
        l2: lambda.
    """

    name: str
    network: Network
    loss: Loss
    x: np.ndarray
    y: np.ndarray
    reference: Callable[[list[tf.Tensor], tf.Tensor, tf.Tensor], tf.Tensor]
    l2: float = 0.0


@dataclass(frozen=True)
class Agreement:
    """Relative errors of one gradient: against central differences, and against TensorFlow."""

    case: str
    variable: str
    numerical: float
    automatic: float

    @property
    def passed(self) -> bool:
        """Whether both are small enough; not a number is not."""
        return self.numerical < NUMERICAL_TOLERANCE and self.automatic < AUTOMATIC_TOLERANCE


class LinearFunctional:
    """sum(y * p): a loss whose gradient is any y that one likes, to check a layer on its own."""

    def value(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A scalar."""
        return np.sum(p * y)

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Y itself."""
        return y


def run() -> Outcome:
    """Check every gradient; the outcome's problem names those that fail."""
    prepare(seed=0, threads=2, precision="float32")
    agreements = [agreement for case in cases() for agreement in check(case)]
    failed = [agreement for agreement in agreements if not agreement.passed]
    names = ", ".join(f"{agreement.case} d/d{agreement.variable}" for agreement in failed)
    rows = [
        [f"{a.case}, d/d{a.variable}", f"{a.numerical:.1e}", f"{a.automatic:.1e}", "ok" if a.passed else "FAILED"]
        for a in agreements
    ]
    return Outcome(
        table=format_table(["gradient", "central differences", "TensorFlow", ""], rows),
        headline=f"{len(agreements) - len(failed)} of {len(agreements)} gradients agree: relative error below "
        f"{NUMERICAL_TOLERANCE:g} with central differences, {AUTOMATIC_TOLERANCE:g} with TensorFlow",
        written=[],
        problem=CheckFailedError(f"wrong gradients: {names}") if failed else None,
    )


def check(case: Case) -> list[Agreement]:
    """Compare the gradients with respect to each parameter and to the input."""
    _, gradients = objective_gradients(case.network, case.loss, case.x, case.y, case.l2)
    ours = [*gradients, case.network.backward(case.loss.gradient(case.network.forward(case.x), case.y))]
    arrays = [*case.network.parameters, case.x]

    def objective() -> float:
        squares = sum(np.sum(np.square(parameter)) for parameter in case.network.parameters)
        return float(case.loss.value(case.network.forward(case.x), case.y) + case.l2 / 2 * squares)

    numerical = [central_differences(objective, array) for array in arrays]
    automatic = _automatic_gradients(case)
    names = [f"parameter {k + 1}" for k in range(len(gradients))] + ["input"]
    return [
        Agreement(case.name, name, relative_error(mine, differences), relative_error(mine, derivative))
        for name, mine, differences, derivative in zip(names, ours, numerical, automatic, strict=True)
    ]


def central_differences(objective: Callable[[], float], array: np.ndarray, step: float = STEP) -> np.ndarray:
    """Differentiate a scalar with respect to an array: (f(a + h) - f(a - h)) / 2 h for each entry a, error O(h^2).

    Args:
        objective: Reads ``array``, which is changed in place and restored.
        array: float64.
        step: h.
    """
    gradient = np.empty_like(array)
    for index, value in np.ndenumerate(array):
        array[index] = value + step
        above = objective()
        array[index] = value - step
        below = objective()
        array[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """||a - b|| / max(||a||, ||b||), Euclidean norms over all entries; not a number when both are 0."""
    with np.errstate(invalid="ignore"):
        return float(np.linalg.norm(a - b) / np.maximum(np.linalg.norm(a), np.linalg.norm(b)))


def cases() -> list[Case]:
    """List what is checked: each layer and loss, and both toy networks."""
    random = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return random.standard_normal(shape)

    def layer(name: str, ours: Layer, x: np.ndarray, theirs: Callable) -> Case:
        network = Network([ours])
        y = draw(*network.forward(x).shape)
        return Case(name, network, LinearFunctional(), x, y, lambda w, x, y: tf.reduce_sum(y * theirs(*w, x)))

    def squared(p: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.square(p - y))

    def convnet(w: list[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        return w[1] @ tf.reshape(_tf_max_pool(tf.nn.relu(_tf_correlation(w[0], x))), (4, -1))

    def penalty(w: list[tf.Tensor]) -> tf.Tensor:
        return L2 * tf.add_n([tf.nn.l2_loss(array) for array in w])  # l2_loss is half the squared norm

    loss = SquaredLoss()
    return [
        layer("linear", Linear(draw(3, 5)), draw(5, 7), tf.matmul),
        layer("correlation", Correlation(draw(3, 5)), draw(8, 7), _tf_correlation),
        layer("ReLU", ReLU(), draw(6, 7), tf.nn.relu),
        layer("parameterised ReLU", ParameterisedReLU(draw(1, 1)), draw(3, 6, 7), tf.maximum),
        layer("sigmoid", Sigmoid(), draw(6, 7), tf.sigmoid),
        Case("sigmoid's graph", build_sigmoid_graph(), LinearFunctional(), *draw(2, 6, 7),
             lambda w, x, y: tf.reduce_sum(y * tf.sigmoid(x))),
        layer("max-pool", MaxPool(), draw(3, 6, 7), _tf_max_pool),
        layer("flatten", Flatten(), draw(3, 6, 7), lambda x: tf.reshape(x, (18, 7))),
        Case("squared loss", Network([]), loss, draw(1, 7), draw(1, 7), lambda w, x, y: squared(x, y)),
        Case(
            "linear model", build_linear(draw(1, 4)), loss, draw(4, 32), draw(1, 32),
            lambda w, x, y: squared(w[0] @ x, y) + penalty(w), L2,
        ),
        Case(
            "toy convnet", build_toy_convnet(draw(2, 3), draw(1, 4)), loss, draw(4, 32), draw(1, 32),
            lambda w, x, y: squared(convnet(w, x), y) + penalty(w), L2,
        ),
    ]  # fmt: skip


def _tf_correlation(filters: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """``(F, K)``, ``(n, B)`` -> ``(F, n, B)``."""
    images = tf.transpose(x)[..., tf.newaxis]  # (B, n, 1)
    kernel = tf.transpose(filters)[:, tf.newaxis]  # (K, 1, F)
    return tf.transpose(tf.nn.conv1d(images, kernel, stride=1, padding="SAME"), (2, 1, 0))


def _tf_max_pool(x: tf.Tensor) -> tf.Tensor:
    """``(F, n, B)`` -> ``(F, n / 2, B)``."""
    return tf.transpose(tf.nn.max_pool1d(tf.transpose(x, (2, 1, 0)), 2, 2, "VALID"), (2, 1, 0))


def _automatic_gradients(case: Case) -> list[np.ndarray]:
    parameters = [tf.constant(parameter) for parameter in case.network.parameters]
    x = tf.constant(case.x)
    with tf.GradientTape() as tape:
        tape.watch([*parameters, x])
        objective = case.reference(parameters, x, tf.constant(case.y))
    return [gradient.numpy() for gradient in tape.gradient(objective, [*parameters, x])]
