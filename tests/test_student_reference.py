"""The known mistakes, made on purpose, are found again: each alone, and pairs of them."""

import numpy as np
import pytest

from ex3.scratch.losses import SquaredLoss
from ex3.scratch.network import build_toy_convnet
from ex3.scratch.sgd import differentiate_objective
from ex3.student import problem
from ex3.student.places import Places
from ex3.student.reference import (
    L2,
    NO_L2,
    OF_FILTERS,
    OF_U,
    SCALES,
    Batch,
    Kind,
    differentiate,
    explain,
    filter_outputs,
    scale,
)

KINDS = [Kind(), Kind(flipped=True)]


def batches(kind: Kind) -> list[Batch]:
    found = []
    for asked in problem.pose()["batches"]:
        x, y, parameters = (np.array(asked[name]) for name in ("x", "y", "parameters"))
        batch = Batch(x, y, parameters[:6].reshape(2, 3), parameters[6:].reshape(2, 2), asked["l2"], np.zeros(len(y)))
        pooled = np.maximum(filter_outputs(batch, kind), 0).reshape(len(y), 4, 2).max(axis=2)
        found.append(Batch(x, y, batch.filters, batch.u, batch.l2, pooled @ batch.u.ravel()))
    return found


def test_without_mistakes_the_gradients_are_those_of_the_scratch_network():
    for batch in batches(Kind()):
        network = build_toy_convnet(batch.filters, batch.u.reshape(1, 4))
        differentiate_objective(network, SquaredLoss(), batch.x, batch.y[:, np.newaxis], 0.0)
        filters, u = (parameter.gradient for parameter in network.parameters)
        for ours, theirs in zip(differentiate(batch, Kind()), [*filters, u[0]], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", [*OF_FILTERS, *OF_U])
@pytest.mark.parametrize("scales", [(), ("sum",), ("sign",)])
def test_a_mistake_in_the_network_is_found(kind, name, scales):
    asked, parameter = batches(kind), 2 if name in OF_U else 1
    found = [
        scale(frozenset(scales), np.array(len(batch.y))) * differentiate(batch, kind, frozenset([name]))[parameter]
        for batch in asked
    ]
    explanation = explain(found, asked, kind, parameter, with_l2=False)
    assert explanation.structures == {name}
    assert explanation.scales == set(scales)
    assert len(explanation.describe(kind)) == 1 + len(scales)


@pytest.mark.parametrize("l2", L2)
@pytest.mark.parametrize("scaled", [(), *((name,) for name in SCALES)])
def test_a_wrong_l2_term_is_found(l2, scaled):
    asked = batches(Kind())
    found = [
        scale(frozenset(scaled), np.array(len(batch.y))) * differentiate(batch, Kind())[2]
        + (len(batch.y) if np.isnan(L2[l2]) else L2[l2]) * batch.l2 * batch.u.ravel()
        for batch in asked
    ]
    explanation = explain(found, asked, Kind(), 2, with_l2=True)
    assert (explanation.l2, explanation.scales, explanation.structures) == (l2, set(scaled), set())


def test_two_mistakes_are_found_together_and_noise_is_not_explained():
    asked = batches(Kind())
    found = [differentiate(batch, Kind(), frozenset(["mask", "flip"]))[0] for batch in asked]
    explanation = explain(found, asked, Kind(), 0, with_l2=True)
    assert (explanation.structures, explanation.l2) == ({"mask", "flip"}, NO_L2)
    random = np.random.default_rng(0)
    assert explain([random.standard_normal(3) for _ in asked], asked, Kind(), 0, with_l2=True) is None


def test_places_are_those_of_the_last_assignment():
    places = Places(b"def f(x, rate):\n    a = 1\n    a = 2\n    d['m'] = 3\n    a += rate * 2\n    return a, (x, 1)\n")
    assert places.returned("f", 0) == 5
    assert places.returned("f", 1) == 6
    assert places.entry("f", "m") == 4
    assert places.entry("f", "o1") == places.definition("f") == 1
    assert places.update("f") == 5
    assert places.definition("g") is None
    assert Places(b"def f(:").definition("f") is None
