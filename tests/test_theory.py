"""What the theory answers say, checked once more, and that a mistake in the package would show."""

from pathlib import Path

import numpy as np
import pytest

from ex3 import theory
from ex3.results import Finding, Record, from_json
from ex3.scratch import layers, sigmoid
from ex3.scratch.network import build_toy_convnet

RANDOM = np.random.default_rng(0)
CUBE = RANDOM.uniform(-2.5, 2.5, (4, 200_000))


@pytest.fixture
def few_iterations(monkeypatch):
    monkeypatch.setattr("ex3.experiments.theory.ITERATIONS", 1500)
    monkeypatch.setattr(theory, "SEEDS", 8)


def test_the_command_writes_its_figures_and_every_statement_holds(run_cli, few_iterations):
    result = run_cli("theory")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[-1].startswith("20 of 20 statements hold")
    assert sum(line.endswith(" ok") for line in lines) == 20
    for name in ("theory-relu", "theory-sigmoid"):
        assert f"wrote figures/{name}.png" in lines
        record = from_json(Record, Path(f"figures/{name}.json").read_bytes())
        assert (record.command, record.dataset.name) == ("python cli.py theory", "toy")


@pytest.mark.parametrize(
    ("owner", "name", "mistake", "named"),
    [
        (sigmoid.Exp, "backward", lambda self, gradient: gradient, "graph: largest difference to sigma"),
        (layers.Sigmoid, "backward", lambda self, gradient: gradient * self.y, "layer that knows y alone"),
        (layers.ReLU, "forward", lambda self, x: setattr(self, "x", x) or np.maximum(x, 0.1), "|p(2x) - 2 p(x)|"),
        (theory, "_relu", lambda x: np.maximum(x, 0.01), "biases before and after"),
    ],
)
def test_a_mistake_is_named(run_cli, monkeypatch, few_iterations, owner, name, mistake, named):
    monkeypatch.setattr(owner, name, mistake)
    result = run_cli("theory")
    assert result.code == 1
    assert "FAILED" in result.out
    assert named in result.err


@pytest.mark.parametrize(("number", "relation", "holds"), [(1, "<=", True), (3, "<=", False), (np.nan, ">=", False)])
def test_a_finding_holds_when_it_keeps_to_its_bound(number, relation, holds):
    assert Finding("x", number, relation, 2).holds == holds


def test_no_homogeneous_function_fits_one_better_than_the_limit():
    """The best multiple of the ray's length, direction by direction, leaves 1/25; so does one that knows the cube."""
    share = np.abs(CUBE).max(axis=0) / 2.5  # how far out on its ray, in [0, 1]: itself a homogeneous function
    best = share.mean() / np.mean(share**2)
    assert np.mean((best * share - 1) ** 2) == pytest.approx(theory.HOMOGENEOUS_LIMIT, rel=0.01)
    networks = build_toy_convnet(RANDOM.normal(size=(50, 2, 3)), RANDOM.normal(size=(50, 1, 4)))
    p = networks.forward(CUBE[:, :20_000])[:, 0]
    scaled = p * (p.mean(axis=1) / np.mean(p**2, axis=1))[:, np.newaxis]  # each as near to 1 as a factor brings it
    assert np.mean((scaled - 1) ** 2, axis=1).min() > theory.HOMOGENEOUS_LIMIT


def test_with_a_threshold_the_convnet_is_linear_and_without_it_is_not():
    c = np.array([1.3, -0.7, 0.4, 2.1])
    network = theory.build_for_linear(c, 2.5)
    np.testing.assert_allclose(network.forward(CUBE)[0], c @ CUBE, atol=1e-10)
    filters, u = network.parameters[0], network.parameters[-1]
    assert np.abs(build_toy_convnet(filters, u).forward(CUBE)[0] - c @ CUBE).max() > 1


def test_a_bias_before_only_is_not_enough_with_equally_many_units():
    """g has a kink per unit, each of slope 1, and is H on the left, where ReLU units that bend so are 0."""
    x = np.linspace(-5, 10, 3001)
    count = 3
    g = sum(np.maximum(1, x - i) for i in range(1, count + 1))
    assert g[0] == count
    second = np.diff(g, 2) / (x[1] - x[0])
    np.testing.assert_allclose(np.sort(second)[-count:], 1, rtol=1e-6)
    assert np.abs(np.sort(second)[:-count]).max() < 1e-6


def test_a_bias_after_only_leaves_the_network_homogeneous_but_for_it():
    w, u, c = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=6), RANDOM.normal()

    def p(x):
        return u @ np.maximum(w @ x, 0) + c

    x = CUBE[:, :1000]
    np.testing.assert_allclose(p(3 * x) - c, 3 * (p(x) - c), atol=1e-10)
    best_c = np.maximum(1, 0)  # what max(1, x) forces, at x = 0
    assert np.maximum(1, 3 * 0.5) - best_c != 3 * (np.maximum(1, 0.5) - best_c)


def test_zero_padding_behind_the_unit_tells_the_two_positions_apart():
    t = 0.5
    x = np.full(2, -1.0)
    g = np.correlate(np.pad(np.maximum(t, x), 1), [0, 1, 1], mode="valid")
    np.testing.assert_allclose(g, [2 * t, t])


def test_each_node_of_the_sigmoid_knows_its_own_derivative():
    x = np.linspace(0.1, 2, 20)
    for node in sigmoid.build_sigmoid_graph().layers:
        node.forward(x)
        slope = node.backward(np.ones_like(x))
        differences = (node.forward(x + 1e-6) - node.forward(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope, differences, rtol=1e-6)


def test_sigmoid_does_not_overflow():
    layer = layers.Sigmoid()
    np.testing.assert_array_equal(layer.forward(np.array([-1000.0, 0, 1000])), [0, 0.5, 1])
    np.testing.assert_array_equal(layer.backward(np.ones(3)), [0, 0.25, 0])
