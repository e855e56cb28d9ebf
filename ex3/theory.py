"""What the theory answers claim, checked numerically: the parameterised ReLU, the sigmoid's derivative, initialisation.

Each check gives ``Finding``s: a statement, a number, and the bound that the number has to keep. What holds for all
networks is checked on many random ones, in float64; the proofs are in ``Answers.md``. NumPy alone.
"""

from collections.abc import Iterator

import numpy as np

from ex3.results import Finding
from ex3.scratch.layers import Sigmoid
from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import Network, build_toy_convnet
from ex3.scratch.sgd import Step, sgd
from ex3.scratch.sigmoid import build_sigmoid_graph
from ex3.scratch.targets import INPUTS, Samples, draw, y1
from ex3.scratch.toy import History, fit, initial_network

NETWORKS = 100  # random ones, per statement
EXACT = 1e-12  # of numbers of the order of 1 to 10
SEEDS = 32
HOMOGENEOUS_LIMIT = 1 / (INPUTS + 1) ** 2  # see ``fit_constant``
STEPS, L2 = 500, 0.1  # of SGD from zero and from equal weights


def parameterised_relu() -> list[Finding]:
    """Check when max(t, o) enlarges the class of functions of ReLU networks, and when not (theory question 1)."""
    generator = np.random.default_rng(0)
    with_biases = _biases(generator)
    networks = build_toy_convnet(generator.normal(size=(NETWORKS, 2, 3)), generator.normal(size=(NETWORKS, 1, 4)))
    x = generator.uniform(-2.5, 2.5, (NETWORKS, 4, 20))
    one = build_toy_convnet(np.zeros((2, 3)), np.eye(1, 4), np.ones((1, 1)))
    return [
        *with_biases,
        *_zero_padding(generator),
        Finding("toy convnet: largest |p(2x) - 2 p(x)|", _distance(networks.forward(2 * x), 2 * networks.forward(x)),
                "<=", EXACT),
        Finding("toy convnet with t < 0, built for y1: largest |p(x) - y1(x)|", _misses_of_y1(), "<=", 1e-9),
        Finding("toy convnet with t = 1: largest |p(x) - 1|", _distance(one.forward(x[0]), 1.0), "<=", EXACT),
    ]  # fmt: skip


def build_for_linear(c: np.ndarray, bound: float) -> Network:
    """Build a toy convnet with a threshold that is c . x for all |x_i| <= bound.

    Far below 0 the threshold never acts, and max(a, b) + min(a, b) = a + b: filters w and -w with output weights u and
    -u make each unit linear. For w = (alpha, beta, gamma) and u = (1, k), comparing coefficients of a + b leaves
    c_1 k^3 - (c_1 + c_3) k^2 + (c_2 + c_4) k - c_4 = 0, which has a real root.

    Args:
        c: ``(4,)``; c_1 and c_4 are not 0.
        bound: Of the inputs, above 0.
    """
    roots = np.roots([c[0], -c[0] - c[2], c[1] + c[3], -c[3]])
    k = roots[np.abs(roots.imag).argmin()].real
    beta = c[3] / k + k * c[0] - c[2]
    w = np.array([c[0] - beta, beta, c[3] / k - beta])
    never = np.full((1, 1), -bound * np.abs(w).sum())
    return build_toy_convnet(np.stack([w, -w]), np.array([[1, k, -1, -k]]), never)


def _misses_of_y1() -> float:
    """Return how far networks built for y1 are from it, at most, on the toy experiment's W and inputs."""
    generator = np.random.default_rng(0)
    misses = []
    for _ in range(NETWORKS):
        w, x = generator.uniform(-2, 2, (4, 4)), generator.uniform(-2.5, 2.5, (4, 200))
        misses.append(_distance(build_for_linear(w.sum(axis=0), 2.5).forward(x)[0], y1(w, x)))
    return max(misses)


def _biases(generator: np.random.Generator) -> list[Finding]:
    """Check U max(t, W x + b) + c, with and without pooling and c, against the ReLU network that should be the same."""
    biased, pooled, before = np.zeros((3, NETWORKS))
    for k in range(NETWORKS):
        w, u, x = generator.normal(size=(6, 4)), generator.normal(size=(3, 6)), generator.normal(size=(4, 20))
        v, b, c = generator.normal(size=(3, 3)), generator.normal(size=(6, 1)), generator.normal(size=(3, 1))
        t = generator.normal()
        o = w @ x + b
        moved = c + t * u.sum(axis=1, keepdims=True)
        biased[k] = _distance(u @ np.maximum(t, o) + c, u @ _relu(o - t) + moved)
        moved = c + t * v.sum(axis=1, keepdims=True)
        pooled[k] = _distance(v @ _max_pool(np.maximum(t, o)) + c, v @ _max_pool(_relu(o - t)) + moved)
        unit = t * u.sum(axis=1, keepdims=True)  # the output weights of one more hidden unit, w = 0 and b = 1
        before[k] = _distance(u @ np.maximum(t, o), u @ _relu(o - t) + unit * _relu(np.ones((1, 20))))
    return [
        Finding("biases before and after: largest difference to a ReLU network", biased.max(), "<=", EXACT),
        Finding("the same with max-pooling after the unit", pooled.max(), "<=", EXACT),
        Finding("bias before only: the same, with one more hidden unit", before.max(), "<=", EXACT),
    ]


def _zero_padding(generator: np.random.Generator) -> list[Finding]:
    """Check a correlation with zero padding after max(t, o), one channel, biases before and after."""
    inside, border, mended = np.zeros((3, NETWORKS))
    for k in range(NETWORKS):
        o, w = generator.normal(size=12), generator.normal(size=3)
        t, c = generator.normal(size=2)
        wanted = _correlate(w, np.maximum(t, o)) + c
        constant = t * _correlate(w, np.ones(12))  # a second channel, 0 x + 1, with the weights t w
        difference = np.abs(wanted - (_correlate(w, _relu(o - t)) + c + t * w.sum()))
        inside[k], border[k] = difference[1:-1].max(), difference[[0, -1]].max() / np.abs(t * w[[0, -1]]).max()
        mended[k] = _distance(wanted, _correlate(w, _relu(o - t)) + c + constant)
    return [
        Finding("zero padding after the unit: largest difference inside", inside.max(), "<=", EXACT),
        Finding("at the border, divided by t times the missing weight: least", border.min(), ">=", 1 - EXACT),
        Finding("with one more channel, of ones: largest difference", mended.max(), "<=", EXACT),
    ]


def sigmoid() -> list[Finding]:
    """Check the derivative that the graph's nodes give, and that the activation is enough for it (question 2)."""
    x = np.linspace(-30, 30, 6001)
    derivative, y = sigmoid_by_graph(x)
    layer = Sigmoid()
    layer.y = y  # all that it is given
    step = 1e-5
    differences = (sigmoid_by_graph(x + step)[1] - sigmoid_by_graph(x - step)[1]) / (2 * step)
    return [
        Finding("graph: largest difference to sigma (1 - sigma)", _distance(derivative, y * (1 - y)), "<=", 1e-15),
        Finding("graph: largest difference to central differences", _distance(derivative, differences), "<=", 1e-9),
        Finding(
            "layer that knows y alone: largest difference", _distance(layer.backward(1.0), derivative), "<=", 1e-15
        ),
    ]


def sigmoid_by_graph(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sigma'(x), back-propagated through the graph's nodes, and sigma(x)."""
    graph = build_sigmoid_graph()
    y = graph.forward(x)
    return graph.backward(np.ones_like(x)), y


def initialisation() -> list[Finding]:
    """Check what SGD does from zeros, from equal filters, and from zeros in the output weights alone (question 3)."""
    zeros, largest = _learn("zeros")
    equal, _ = _learn("equal")
    filters, u = equal.parameters
    generator = np.random.default_rng(0)
    half = build_toy_convnet(generator.normal(size=(2, 3)), np.zeros((1, 4)))
    x = generator.uniform(-2.5, 2.5, (4, 32))
    step = next(_steps(half, x, x.max(axis=0, keepdims=True), 1))
    other = build_toy_convnet(np.zeros((2, 3)), generator.normal(size=(1, 4)))
    stuck = next(_steps(other, x, x.max(axis=0, keepdims=True), 1))
    return [
        Finding(f"zeros: largest |gradient| in {STEPS} steps, with the l2 term", largest, "<=", 0.0),
        Finding("zeros: largest |parameter| afterwards", max(np.abs(p).max() for p in zeros.parameters), "<=", 0.0),
        Finding(f"equal filters: largest difference after {STEPS} steps",
                _distance(filters[0], filters[1]), "<=", EXACT),
        Finding("equal filters: largest difference of their output weights",
                _distance(u[0, :2], u[0, 2:]), "<=", EXACT),
        Finding("only u zero: norm of the first gradient", float(step.gradient_norm), ">=", 0.01),
        Finding("only the filters zero: their largest |gradient|", np.abs(stuck.gradients[0]).max(), "<=", 0.0),
    ]  # fmt: skip


def _learn(init: str) -> tuple[Network, float]:
    """Fit the toy convnet to the maximum of its inputs; return it, and the largest entry of any gradient."""
    batched = initial_network("convnet", init, [0])
    network = build_toy_convnet(*(parameter[0] for parameter in batched.parameters))
    samples = draw(["y2"], [0])
    steps = list(_steps(network, samples.x_train[0], samples.y_train[0], STEPS))
    return network, max(np.abs(gradient).max() for step in steps for gradient in step.gradients)


def _steps(network: Network, x: np.ndarray, y: np.ndarray, iterations: int) -> Iterator[Step]:
    return sgd(
        network, SquaredLoss(), x, y,
        iterations=iterations, batch_size=32, learning_rate=0.01, l2=L2, generator=np.random.default_rng(0),
    )  # fmt: skip


def fit_constant(model: str, iterations: int) -> History:
    """Fit ``convnet`` or ``parameterised`` to y = 1 on the toy experiment's inputs, with ``SEEDS`` seeds.

    A network without biases is positively homogeneous, p(s d) = s p(d) for s >= 0. For x uniform in a cube around 0 in
    R^n the density along a ray grows as s^(n-1), so that E[s] = n / (n + 1) and E[s^2] = n / (n + 2) in units of the
    ray's length, and no homogeneous function has a mean squared error below 1 - E[s]^2 / E[s^2] = 1 / (n + 1)^2.
    """
    drawn = draw(["y1"], list(range(SEEDS)))
    ones = Samples(
        drawn.x_train, np.ones_like(drawn.y_train), drawn.x_test, np.ones_like(drawn.y_test), np.zeros(SEEDS)
    )
    return _fit(model, ones, iterations)


def fit_targets(model: str, targets: list[str], iterations: int) -> History:
    """Fit ``convnet`` or ``parameterised`` to the toy experiment's targets, ``SEEDS`` seeds of the first one first."""
    return _fit(model, draw(targets, list(range(SEEDS))), iterations)


def _fit(model: str, samples: Samples, iterations: int) -> History:
    seeds = list(range(SEEDS)) * (len(samples.x_train) // SEEDS)
    return fit(
        model, "normal", seeds, samples, iterations=iterations, batch_size=32, learning_rate=0.01, l2=0.0, seed=0
    )


def fits_of_constant(without: np.ndarray, learned: np.ndarray) -> list[Finding]:
    """Check what SGD reached on y = 1, from each seed's final test error."""
    return [
        Finding("toy convnet fitted to 1: least test error", without.min(), ">=", HOMOGENEOUS_LIMIT),
        Finding("toy convnet with a learned t, fitted to 1: median test error", np.median(learned), "<=", 1e-3),
    ]


def along_a_ray(threshold: float | None, lengths: np.ndarray, networks: int) -> np.ndarray:
    """Return p(s x) of random toy convnets for s in ``lengths``, ``(networks, S)``; ``threshold`` is t, or none."""
    generator = np.random.default_rng(0)
    filters, u = generator.normal(size=(networks, 2, 3)), generator.normal(size=(networks, 1, 4))
    x = generator.uniform(-1, 1, (4, 1))
    t = None if threshold is None else np.full((networks, 1, 1), threshold)
    return build_toy_convnet(filters, u, t).forward(np.tile(lengths * x, (networks, 1, 1)))[:, 0]


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _max_pool(x: np.ndarray) -> np.ndarray:
    return np.maximum(x[0::2], x[1::2])


def _correlate(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.correlate(x, w, mode="same")


def _distance(a: np.ndarray, b: np.ndarray | float) -> float:
    return float(np.abs(a - b).max())
