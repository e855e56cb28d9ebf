"""The theory's statements hold, a mistake in the package would show, and further statements of the proofs."""

from pathlib import Path

import numpy as np
import pytest

from ex3.plots.theory import ReluResult, SigmoidResult
from ex3.results import Record, from_json
from ex3.scratch import activations, sigmoid, theory, threshold
from ex3.scratch.network import build_toy_convnet
from ex3.scratch.theory import Finding


@pytest.fixture
def cube() -> np.ndarray:
    return np.random.default_rng(0).uniform(-2.5, 2.5, (200_000, 4))


@pytest.fixture
def quick_fits(monkeypatch):
    monkeypatch.setattr("ex3.experiments.theory.ITERATIONS", 1500)
    monkeypatch.setattr("ex3.experiments.theory.SEEDS", 8)


def test_the_command_writes_its_figures_and_every_statement_holds(run_cli, quick_fits):
    result = run_cli("theory")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[-1].startswith("20 of 20 statements hold, data toy, seeds 0 to 7, ")
    assert sum(line.endswith(" ok") for line in lines) == 20
    records = {}
    for name, kind in {"theory-relu": ReluResult, "theory-sigmoid": SigmoidResult}.items():
        assert f"wrote figures/{name}.png" in lines
        records[name] = from_json(Record[kind], Path(f"figures/{name}.json").read_bytes())
        assert (records[name].command, records[name].dataset.name) == ("python cli.py theory", "toy")
    relu = records["theory-relu"].result
    assert relu.limit == 0.04
    assert {model: len(errors) for model, errors in relu.targets["y2"].items()} == {"convnet": 8, "parameterised": 8}
    curves = relu.constant_curves["parameterised"]
    assert curves.points[-1] == 1500
    assert curves.series["median"][-1] == pytest.approx(np.median(relu.constant["parameterised"]))


def test_a_statement_that_fails_ends_the_command_with_1(run_cli, monkeypatch, quick_fits):
    monkeypatch.setattr(sigmoid.Exp, "backward", lambda self, gradient: gradient)
    result = run_cli("theory")
    assert result.code == 1
    assert "FAILED" in result.out
    assert "graph: largest difference to sigma" in result.err


@pytest.mark.parametrize(
    ("owner", "name", "mistake", "check", "named"),
    [
        (activations.Sigmoid, "backward", lambda self, gradient: gradient * self.y,
         theory.check_sigmoid, "layer that knows y alone"),
        (activations.ReLU, "forward", lambda self, x: setattr(self, "x", x) or np.maximum(x, 0.1),
         theory.check_parameterised_relu, "|p(2x) - 2 p(x)|"),
        (activations.ParameterisedReLU, "forward", lambda self, x: setattr(self, "x", x) or np.maximum(x, 0),
         theory.check_parameterised_relu, "|p(x) - y1(x)|"),
        (theory, "relu", lambda x: np.maximum(x, 0.01),
         theory.check_parameterised_relu, "biases before and after"),
        (activations.ReLU, "backward", lambda self, gradient: gradient * (self.x >= 0),
         theory.check_initialisation, "only the filters zero"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(monkeypatch, owner, name, mistake, check, named):
    assert all(finding.holds for finding in check())
    monkeypatch.setattr(owner, name, mistake)
    assert any(named in finding.statement for finding in check() if not finding.holds)


@pytest.mark.parametrize(("number", "relation", "holds"), [(1, "<=", True), (3, "<=", False), (np.nan, ">=", False)])
def test_a_finding_holds_when_its_number_satisfies_the_bound(number, relation, holds):
    assert Finding("x", number, relation, 2).holds == holds


def test_no_homogeneous_function_fits_one_better_than_the_limit(cube):
    """The best multiple of the ray's length, direction by direction, leaves 1/25; random networks leave more."""
    share = np.abs(cube).max(axis=1) / 2.5  # how far out on its ray, in [0, 1]: itself a homogeneous function
    best = share.mean() / np.mean(share**2)
    assert np.mean((best * share - 1) ** 2) == pytest.approx(threshold.HOMOGENEOUS_LIMIT, rel=0.01)
    generator = np.random.default_rng(1)
    networks = build_toy_convnet(generator.normal(size=(50, 2, 3)), generator.normal(size=(50, 1, 4)))
    p = networks.forward(np.broadcast_to(cube[:20_000], (50, 20_000, 4)))[..., 0]
    scaled = p * (p.mean(axis=1) / np.mean(p**2, axis=1))[:, np.newaxis]  # each times the factor that fits 1 best
    assert np.mean((scaled - 1) ** 2, axis=1).min() > threshold.HOMOGENEOUS_LIMIT


def test_with_a_threshold_the_convnet_is_linear_and_without_it_is_not(cube):
    c = np.array([1.3, -0.7, 0.4, 2.1])
    network = threshold.build_for_linear(c, 2.5)
    np.testing.assert_allclose(network.forward(cube)[:, 0], cube @ c, atol=1e-10)
    filters, _, u = (parameter.value for parameter in network.parameters)
    assert np.abs(build_toy_convnet(filters, u).forward(cube)[:, 0] - cube @ c).max() > 1


def test_each_node_of_the_sigmoid_knows_its_own_derivative():
    x = np.linspace(0.1, 2, 20)
    for node in sigmoid.build_sigmoid_graph().layers:
        node.forward(x)
        slope = node.backward(np.ones_like(x))
        differences = (node.forward(x + 1e-6) - node.forward(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope, differences, rtol=1e-6)


def test_the_graphs_edges_by_hand():
    values, gradients = sigmoid.trace(0.0)
    assert values == [0, 0, 1, 2, 0.5]
    assert gradients == [0.25, -0.25, -0.25, -0.25, 1]


def test_sigmoid_does_not_overflow():
    layer = activations.Sigmoid()
    np.testing.assert_array_equal(layer.forward(np.array([-1000.0, 0, 1000])), [0, 0.5, 1])
    np.testing.assert_array_equal(layer.backward(np.ones(3)), [0, 0.25, 0])
