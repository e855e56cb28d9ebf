"""Check every hand-written gradient against central differences.

Each layer and loss is checked on its own, the layers under a random linear functional, and five networks as a whole,
with the l2 term. Everything is float64, and no point is near a kink or a tie: points are random, and the scores of the
losses are distinct multiples of 0.3, so that no two are equal or 1 apart, and none is ``MARGIN``. A new layer or loss
is checked by one more ``Case``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ex3.scratch.activations import GELU, ParameterisedReLU, ReLU, Sigmoid, TanhGELU
from ex3.scratch.distances import NearestCentre, SquaredNorms
from ex3.scratch.intervals import (
    IntervalLinear,
    IntervalMargins,
    IntervalReLU,
    WorstCase,
    box_around,
    build_interval_network,
)
from ex3.scratch.layers import Correlation, Flatten, Layer, Linear, MaxPool, Projection
from ex3.scratch.losses import CrossEntropy, DistanceLoss, HingeLoss, Loss, MarginLoss, RbfLoss, SquaredLoss
from ex3.scratch.network import Network, build_linear, build_toy_convnet
from ex3.scratch.sgd import differentiate_objective
from ex3.scratch.sigmoid import build_sigmoid_graph

STEP = 1e-5
L2 = 0.1
CLASSES = 5
MARGIN = 5.0  # lambda of the RBF loss


class LinearFunctional(Loss):
    """L_b = sum of y_b * p_b: its gradient is y / B, so a random y checks a layer in a random direction."""

    def per_sample(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Two arrays of one shape, ``(B, ...)`` -> ``(B,)``."""
        return (p * y).reshape(len(p), -1).sum(axis=1)

    def gradient(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """dL/dp = y / B."""
        return y / len(y)


@dataclass(frozen=True)
class Case:
    """A function to differentiate: a loss of a network's output, plus l2 / 2 times the squared norm of its weights.

    Attributes:
        name: Name of the layer, loss or network.
        network: May be empty, to check a loss alone.
        loss: Of the network's output and y.
        x: Input of the network.
        y: Second argument of the loss.
        l2: lambda; biases are spared.
        constants: Arrays of the network that are not learned, in the order of its equation.
    """

    name: str
    network: Network
    loss: Loss
    x: np.ndarray
    y: np.ndarray
    l2: float = 0.0
    constants: tuple[np.ndarray, ...] = ()

    @property
    def variables(self) -> list[str]:
        """Names of the arrays to differentiate for, e.g. ``W``, or ``W of layer 3`` of several layers; ``input``."""
        layers = self.network.layers
        return [
            *(
                parameter.name if len(layers) == 1 else f"{parameter.name} of layer {position}"
                for position, layer in enumerate(layers, start=1)
                for parameter in layer.parameters
            ),
            "input",
        ]

    def objective(self) -> float:
        """Evaluate the function at the present parameters and input."""
        weights = [parameter.value for parameter in self.network.parameters if not parameter.is_bias]
        squares = sum(np.sum(np.square(weight)) for weight in weights)
        return float(self.loss.value(self.network.forward(self.x), self.y) + self.l2 / 2 * squares)


def back_propagate(case: Case) -> list[np.ndarray]:
    """Return the hand-written gradients, in the order of ``case.variables``."""
    differentiate_objective(case.network, case.loss, case.x, case.y, case.l2)
    dx = case.network.backward(case.loss.gradient(case.network.forward(case.x), case.y))
    return [*(parameter.gradient for parameter in case.network.parameters), dx]


def differentiate_numerically(case: Case) -> list[np.ndarray]:
    """Return the gradients by central differences, in the order of ``case.variables``."""
    arrays = [*(parameter.value for parameter in case.network.parameters), case.x]
    return [central_differences(case.objective, array) for array in arrays]


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
    """Return one case for each layer and each loss, and five networks."""
    random = np.random.default_rng(0)
    return [*_build_layers(random), *_build_losses(random), *_build_networks(random)]


def _build_layers(random: np.random.Generator) -> list[Case]:
    draw = random.standard_normal

    def case(name: str, layer: Layer, x: np.ndarray, *constants: np.ndarray) -> Case:
        network = Network([layer])
        return Case(name, network, LinearFunctional(), x, draw(network.forward(x).shape), constants=constants)

    mean, directions = draw((1, 5)), draw((5, 5))
    return [
        case("linear", Linear(draw((3, 5)), draw((1, 3))), draw((7, 5))),
        case("projection", Projection(mean, directions), draw((7, 5)), mean, directions),
        case("correlation", Correlation(draw((3, 5))), draw((7, 8))),
        case("max-pool", MaxPool(), draw((7, 3, 6))),
        case("flatten", Flatten(), draw((7, 3, 6))),
        case("ReLU", ReLU(), draw((7, 6))),
        case("parameterised ReLU", ParameterisedReLU(draw((1, 1))), draw((7, 3, 6))),
        case("sigmoid", Sigmoid(), draw((7, 6))),
        Case("sigmoid's graph", build_sigmoid_graph(), LinearFunctional(), *draw((2, 7, 6))),
        case("GELU", GELU(), draw((7, 6))),
        case("tanh GELU", TanhGELU(), draw((7, 6))),
        case("nearest centre", NearestCentre(draw((CLASSES, 3))), draw((7, 3))),
        case("squared norms", SquaredNorms(CLASSES), draw((7, CLASSES * 2))),
        case("interval linear", IntervalLinear(Linear(draw((3, 5)), draw((1, 3)))), _draw_box(random, 5)),
        case("interval ReLU", IntervalReLU(), _draw_box(random, 6)),
        case("interval margins", IntervalMargins(Linear(draw((CLASSES, 4)), draw((1, CLASSES)))), _draw_box(random, 4)),
    ]


def _draw_box(random: np.random.Generator, n: int) -> np.ndarray:
    """Return random centres and radii, ``(2, 7, n)``."""
    return np.stack([random.standard_normal((7, n)), random.random((7, n))])


def _build_losses(random: np.random.Generator) -> list[Case]:
    batch = 7
    labels = np.arange(batch) % CLASSES

    def case(name: str, loss: Loss, sign: int, y: np.ndarray) -> Case:
        scores = 0.3 * random.permutation(batch * CLASSES).reshape(batch, CLASSES)
        return Case(name, Network([]), loss, sign * scores, y)

    return [
        Case("squared loss", Network([]), SquaredLoss(), *random.standard_normal((2, batch, 1))),
        case("hinge loss", HingeLoss(), 1, labels),
        case("cross-entropy", CrossEntropy(), 1, labels),
        case("RBF loss", RbfLoss(MARGIN), -1, np.arange(batch) % (CLASSES + 1)),  # one of the labels is noise
        case("margin loss", MarginLoss(), 1, labels),
        case("distance loss", DistanceLoss(), -1, labels),
        Case(
            "worst case",
            Network([]),
            WorstCase(CrossEntropy()),
            random.standard_normal((batch, CLASSES, CLASSES)),
            labels,
        ),
    ]


def _build_networks(random: np.random.Generator) -> list[Case]:
    draw, squared = random.standard_normal, SquaredLoss()
    labels = np.arange(32) % CLASSES

    def linear(inputs: int, outputs: int) -> Linear:
        return Linear(draw((outputs, inputs)), draw((1, outputs)))

    by_distance = Network([linear(4, 6), TanhGELU(), linear(6, 2 * CLASSES), SquaredNorms(CLASSES)])
    by_score = Network([linear(4, 6), ReLU(), linear(6, CLASSES)])
    bounds, boxes = build_interval_network(by_score), box_around(random.random((32, 4)), 0.1)
    return [
        Case("linear model", build_linear(draw((1, 4))), squared, draw((32, 4)), draw((32, 1)), L2),
        Case("toy convnet", build_toy_convnet(draw((2, 3)), draw((1, 4))), squared, draw((32, 4)), draw((32, 1)), L2),
        Case("RBF network", by_distance, RbfLoss(MARGIN), draw((32, 4)), np.arange(32) % (CLASSES + 1), L2),
        Case("hinge network", by_score, HingeLoss(), draw((32, 4)), labels, L2),
        Case("interval network", bounds, WorstCase(CrossEntropy()), boxes, labels, L2),
    ]
