"""The statements of the theory answers, checked numerically: parameterised ReLU, sigmoid, initialisation.

Each check returns ``Finding``s: a statement, a number, and the bound that the number must satisfy. Statements about all
networks are checked on many random ones, in float64; the proofs are in ``Answers.md``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ex3.scratch.activations import Sigmoid
from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_toy_convnet
from ex3.scratch.sgd import Step, sgd
from ex3.scratch.sigmoid import differentiate
from ex3.scratch.targets import draw, y1
from ex3.scratch.threshold import HOMOGENEOUS_LIMIT, build_for_linear
from ex3.scratch.toy import initial_network

NETWORKS = 100  # random ones, per statement
EXACT = 1e-12  # rounding error of numbers of the order of 1 to 10
Relation = Literal["<=", ">="]
STEPS, L2 = 500, 0.1  # of SGD from zero and from equal weights


@dataclass(frozen=True)
class Finding:
    """A statement of the theory with its numerical check.

    Attributes:
        statement: The quantity that is measured.
        number: Its value.
        relation: ``<=`` or ``>=``.
        bound: The largest or smallest value that the theory allows.
    """

    statement: str
    number: float
    relation: Relation
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the number satisfies its bound; ``nan`` never does."""
        return self.number <= self.bound if self.relation == "<=" else self.number >= self.bound


def check_parameterised_relu() -> list[Finding]:
    """Check when max(t, o) enlarges the class of functions of ReLU networks, and when not (theory question 1)."""
    generator = np.random.default_rng(0)
    with_biases = _check_biases(generator)
    networks = build_toy_convnet(generator.normal(size=(NETWORKS, 2, 3)), generator.normal(size=(NETWORKS, 1, 4)))
    x = generator.uniform(-2.5, 2.5, (NETWORKS, 20, 4))
    one = build_toy_convnet(np.zeros((2, 3)), np.eye(1, 4), np.ones((1, 1)))
    return [
        *with_biases,
        *_check_zero_padding(generator),
        Finding("toy convnet: largest |p(2x) - 2 p(x)|", _distance(networks.forward(2 * x), 2 * networks.forward(x)),
                "<=", EXACT),
        Finding("toy convnet with t < 0, built for y1: largest |p(x) - y1(x)|", _distance_from_y1(), "<=", 1e-9),
        Finding("toy convnet with t = 1: largest |p(x) - 1|", _distance(one.forward(x[0]), 1.0), "<=", EXACT),
    ]  # fmt: skip


def check_fits_of_constant(without: np.ndarray, learned: np.ndarray) -> list[Finding]:
    """Check the test errors that SGD reached on y = 1 without and with a learned threshold, ``(seeds,)`` each."""
    return [
        Finding("toy convnet fitted to 1: least test error", float(without.min()), ">=", HOMOGENEOUS_LIMIT),
        Finding("toy convnet with a learned t, fitted to 1: median test error", float(np.median(learned)), "<=", 1e-3),
    ]


def check_sigmoid() -> list[Finding]:
    """Check the graph's derivative, and that y alone determines it (theory question 2)."""
    x = np.linspace(-30, 30, 6001)
    y, derivative = differentiate(x)
    layer = Sigmoid()
    layer.y = y  # without a forward pass, so backward can use nothing else
    by_layer = layer.backward(np.ones_like(y))
    step = 1e-5
    differences = (differentiate(x + step)[0] - differentiate(x - step)[0]) / (2 * step)
    return [
        Finding("graph: largest difference to sigma (1 - sigma)", _distance(derivative, y * (1 - y)), "<=", 1e-15),
        Finding("graph: largest difference to central differences", _distance(derivative, differences), "<=", 1e-9),
        Finding("layer that knows y alone: largest difference", _distance(by_layer, derivative), "<=", 1e-15),
    ]


def check_initialisation() -> list[Finding]:
    """Check SGD from zeros, from equal filters, and from zeros in one layer alone (theory question 3)."""
    zeros, largest = _learn("zeros")
    equal, _ = _learn("equal")
    filters, u = (parameter.value for parameter in equal.parameters)
    generator = np.random.default_rng(0)
    half = build_toy_convnet(generator.normal(size=(2, 3)), np.zeros((1, 4)))
    x = generator.uniform(-2.5, 2.5, (4, 32)).T
    step = next(_steps(half, x, x.max(axis=1, keepdims=True), 1))
    other = build_toy_convnet(np.zeros((2, 3)), generator.normal(size=(1, 4)))
    stuck = next(_steps(other, x, x.max(axis=1, keepdims=True), 1))
    return [
        Finding(f"zeros: largest |gradient| in {STEPS} steps, with the l2 term", largest, "<=", 0.0),
        Finding("zeros: largest |parameter| afterwards", max(_largest(p.value) for p in zeros.parameters), "<=", 0.0),
        Finding(f"equal filters: largest difference after {STEPS} steps",
                _distance(filters[0], filters[1]), "<=", EXACT),
        Finding("equal filters: largest difference of their output weights",
                _distance(u[0, :2], u[0, 2:]), "<=", EXACT),
        Finding("only u zero: norm of the first gradient", float(step.gradient_norm), ">=", 0.01),
        Finding("only the filters zero: their largest |gradient|", _largest(stuck.gradients[0]), "<=", 0.0),
    ]  # fmt: skip


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x), independent of the layer of this name."""
    return np.maximum(x, 0)


def max_pool(x: np.ndarray) -> np.ndarray:
    """Maximum of each pair of columns: ``(B, n)`` -> ``(B, n / 2)``, independent of the layer of this name."""
    return np.maximum(x[:, 0::2], x[:, 1::2])


def correlate(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Correlation with zero padding: ``(3,)``, ``(n,)`` -> ``(n,)``, independent of the layer of this name."""
    return np.correlate(x, w, mode="same")


def _distance_from_y1() -> float:
    """Return the largest error of networks built for y1, over random W and the toy experiment's inputs."""
    generator = np.random.default_rng(0)
    distances = []
    for _ in range(NETWORKS):
        w, x = generator.uniform(-2, 2, (4, 4)), generator.uniform(-2.5, 2.5, (200, 4))
        distances.append(_distance(build_for_linear(w.sum(axis=0), 2.5).forward(x)[:, 0], y1(w, x)))
    return max(distances)


def _check_biases(generator: np.random.Generator) -> list[Finding]:
    """Compare max(t, x W^T + b) U^T + c, with and without pooling and c, with the ReLU network of the proof."""
    biased, pooled, before = np.zeros((3, NETWORKS))
    for k in range(NETWORKS):
        w, u, x = generator.normal(size=(6, 4)), generator.normal(size=(3, 6)), generator.normal(size=(20, 4))
        v, b, c = generator.normal(size=(3, 3)), generator.normal(size=(1, 6)), generator.normal(size=(1, 3))
        t = generator.normal()
        o = x @ w.T + b
        shifted = c + t * u.sum(axis=1)
        biased[k] = _distance(np.maximum(t, o) @ u.T + c, relu(o - t) @ u.T + shifted)
        shifted = c + t * v.sum(axis=1)
        pooled[k] = _distance(max_pool(np.maximum(t, o)) @ v.T + c, max_pool(relu(o - t)) @ v.T + shifted)
        unit = t * u.sum(axis=1)  # the output weights of one more hidden unit, w = 0 and b = 1
        before[k] = _distance(np.maximum(t, o) @ u.T, relu(o - t) @ u.T + relu(np.ones((20, 1))) * unit)
    return [
        Finding("biases before and after: largest difference to a ReLU network", float(biased.max()), "<=", EXACT),
        Finding("the same with max-pooling after the unit", float(pooled.max()), "<=", EXACT),
        Finding("bias before only: the same, with one more hidden unit", float(before.max()), "<=", EXACT),
    ]


def _check_zero_padding(generator: np.random.Generator) -> list[Finding]:
    """Check a correlation with zero padding after max(t, o), one channel, biases before and after."""
    inside, border, mended = np.zeros((3, NETWORKS))
    for k in range(NETWORKS):
        o, w = generator.normal(size=12), generator.normal(size=3)
        t, c = generator.normal(size=2)
        wanted = correlate(w, np.maximum(t, o)) + c
        constant = t * correlate(w, np.ones(12))  # a second channel, 0 x + 1, with the weights t w
        difference = np.abs(wanted - (correlate(w, relu(o - t)) + c + t * w.sum()))
        inside[k], border[k] = difference[1:-1].max(), difference[[0, -1]].max() / np.abs(t * w[[0, -1]]).max()
        mended[k] = _distance(wanted, correlate(w, relu(o - t)) + c + constant)
    return [
        Finding("zero padding after the unit: largest difference inside", float(inside.max()), "<=", EXACT),
        Finding("at the border, divided by t times the missing weight: least", float(border.min()), ">=", 1 - EXACT),
        Finding("with one more channel, of ones: largest difference", float(mended.max()), "<=", EXACT),
    ]


def _learn(init: str) -> tuple[Network, float]:
    """Fit the toy convnet to the maximum of its inputs; return it, and the largest absolute entry of all gradients."""
    batched = initial_network("convnet", init, [0])
    network = build_toy_convnet(*(parameter.value[0] for parameter in batched.parameters))
    samples = draw(["y2"], [0])
    steps = list(_steps(network, samples.x_train[0], samples.y_train[0], STEPS))
    return network, max(_largest(gradient) for step in steps for gradient in step.gradients)


def _steps(network: Network, x: np.ndarray, y: np.ndarray, iterations: int) -> Iterator[Step]:
    return sgd(
        network, SquaredLoss(), x, y,
        iterations=iterations, batch_size=32, learning_rate=0.01, l2=L2, generator=np.random.default_rng(0),
    )  # fmt: skip


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max())


def _distance(a: np.ndarray, b: np.ndarray | float) -> float:
    return float(np.abs(a - b).max())
