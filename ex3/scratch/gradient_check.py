"""Check every hand-written gradient against central differences.

Each layer and loss is checked on its own, under a random linear functional, and both toy networks as a whole, with the
l2 term. Everything is float64, and the points are random, so none is near a kink of the ReLU or a tie of the maximum.
A new layer or loss is checked by one more ``Case``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3.scratch.layers import Correlation, Flatten, Layer, Linear, MaxPool, ParameterisedReLU, ReLU, Sigmoid
from ex3.scratch.losses import Loss, SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import objective_gradients
from ex3.scratch.sigmoid import build_sigmoid_graph

STEP = 1e-5
L2 = 0.1


class LinearFunctional:
    """L = sum(y * p): its gradient is y, so a random y checks a layer in a random direction."""

    def value(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Two arrays of one shape -> ``()``."""
        return np.sum(p * y)

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dL/dp = y."""
        return y


@dataclass(frozen=True)
class Case:
    """A function to differentiate: a loss of a network's output, plus l2 / 2 times the squared norm of its parameters.

    Attributes:
        name: Name of the layer, loss or network.
        network: May be empty, to check a loss alone.
        loss: Of the network's output and y.
        x: Input of the network.
        y: Second argument of the loss.
        l2: lambda.
    """

    name: str
    network: Network
    loss: Loss
    x: np.ndarray
    y: np.ndarray
    l2: float = 0.0

    @property
    def variables(self) -> list[str]:
        """Names of the arrays to differentiate for: ``parameter 1``, ``parameter 2``, ..., ``input``."""
        return [*(f"parameter {k + 1}" for k in range(len(self.network.parameters))), "input"]

    def objective(self) -> float:
        """Evaluate the function at the present parameters and input."""
        squares = sum(np.sum(np.square(parameter)) for parameter in self.network.parameters)
        return float(self.loss.value(self.network.forward(self.x), self.y) + self.l2 / 2 * squares)


def back_propagate(case: Case) -> list[np.ndarray]:
    """Return the hand-written gradients, in the order of ``case.variables``."""
    _, gradients = objective_gradients(case.network, case.loss, case.x, case.y, case.l2)
    return [*gradients, case.network.backward(case.loss.gradient(case.network.forward(case.x), case.y))]


def differentiate_numerically(case: Case) -> list[np.ndarray]:
    """Return the gradients by central differences, in the order of ``case.variables``."""
    return [central_differences(case.objective, array) for array in [*case.network.parameters, case.x]]


def central_differences(objective: Callable[[], float], array: np.ndarray, step: float = STEP) -> np.ndarray:
    """Differentiate a scalar with respect to an array: (f(a + h) - f(a - h)) / 2 h for each entry a, error O(h^2).

    Args:
        objective: Reads ``array``, which is changed in place and restored.
        array: float64.
        step: h.

    Returns:
        The gradient, of the shape of ``array``.
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
    """||a - b|| / max(||a||, ||b||), Euclidean norms over all entries; ``nan`` when both are 0."""
    with np.errstate(invalid="ignore"):
        return float(np.linalg.norm(a - b) / np.maximum(np.linalg.norm(a), np.linalg.norm(b)))


def build_cases() -> list[Case]:
    """Return one case for each layer, the squared loss, and both toy networks."""
    random = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return random.standard_normal(shape)

    def layer(name: str, tested: Layer, x: np.ndarray) -> Case:
        network = Network([tested])
        return Case(name, network, LinearFunctional(), x, draw(*network.forward(x).shape))

    loss = SquaredLoss()
    return [
        layer("linear", Linear(draw(3, 5)), draw(5, 7)),
        layer("correlation", Correlation(draw(3, 5)), draw(8, 7)),
        layer("ReLU", ReLU(), draw(6, 7)),
        layer("parameterised ReLU", ParameterisedReLU(draw(1, 1)), draw(3, 6, 7)),
        layer("sigmoid", Sigmoid(), draw(6, 7)),
        Case("sigmoid's graph", build_sigmoid_graph(), LinearFunctional(), *draw(2, 6, 7)),
        layer("max-pool", MaxPool(), draw(3, 6, 7)),
        layer("flatten", Flatten(), draw(3, 6, 7)),
        Case("squared loss", Network([]), loss, draw(1, 7), draw(1, 7)),
        Case("linear model", build_linear(draw(1, 4)), loss, draw(4, 32), draw(1, 32), L2),
        Case("toy convnet", build_toy_convnet(draw(2, 3), draw(1, 4)), loss, draw(4, 32), draw(1, 32), L2),
    ]
