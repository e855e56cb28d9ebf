"""Results survive JSON; spreads are sample standard deviations."""

import json
import math

import numpy as np
import pytest

from ex3.results import (
    Arrays,
    Curves,
    DatasetInfo,
    Pixels,
    Record,
    Repeats,
    Run,
    from_json,
    quantiles,
    repeats,
    spread,
    to_json,
)
from ex3.runs import train_classifier
from ex3.tables import Table, with_spread


def test_a_run_survives_json(dataset, tiny_mlp):
    _, run = train_classifier(tiny_mlp, dataset)
    assert from_json(Run, to_json(run)) == run
    info = DatasetInfo("digits", "here", "0123", {"test": 1}, ["a", "b"])
    record = Record("x", "x", {}, info, [0], 2, "float32", 1.0, {}, {"mlp": run.weights}, {"mlp": repeats([run])})
    again = from_json(Record[dict[str, Repeats]], to_json(record))
    assert again.result["mlp"].runs == [run]
    assert again.result["mlp"].runs[0].config == tiny_mlp


def test_pixels_survive_json_to_one_part_in_255():
    images = np.random.default_rng(0).uniform(size=(3, 28, 28))
    packed = from_json(Pixels, to_json(Pixels.pack(images)))
    np.testing.assert_allclose(packed.unpack(), images, atol=0.5 / 255 + 1e-9)
    np.testing.assert_array_equal(Pixels.pack(packed.unpack()).unpack(), packed.unpack())


def test_weights_are_packed_bit_for_bit():
    arrays = {"a": np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32), "b": np.float32([1e-30, -0.0])}
    again = from_json(Arrays, to_json(Arrays.pack(arrays))).unpack()
    assert {name: array.tobytes() for name, array in again.items()} == {n: a.tobytes() for n, a in arrays.items()}


def test_what_is_not_finite_becomes_null_at_any_depth():
    curves = Curves("epoch", [1.0, 2.0, 3.0], {"loss": [math.nan, math.inf, 0.5]})
    again = from_json(Curves, to_json(curves))
    assert [math.isnan(value) for value in again.series["loss"]] == [True, True, False]
    record = Record("x", "x", {}, None, [0], 2, "float32", 1.0, {}, {}, {"runs": [curves]})
    assert json.loads(to_json(record))["result"]["runs"][0]["series"]["loss"] == [None, None, 0.5]


def test_lists_stay_on_one_line_and_text_stays_as_it_is():
    curves = Curves("iteration", [1.0], {"a [b\n  c]": [1.0, 2.0]})
    assert '"a [b\\n  c]": [ 1.0, 2.0 ]' in to_json(curves)


def test_spread_by_hand():
    assert spread([1.0, 2.0, 3.0]).mean == 2.0
    assert spread([1.0, 2.0, 3.0]).std == pytest.approx(1.0)
    assert math.isnan(spread([1.0]).std)
    for lost in (math.nan, math.inf):
        assert math.isnan(spread([1.0, lost]).std)
        assert not math.isfinite(spread([lost, lost]).mean)


def test_quantiles_by_hand_and_with_lost_runs():
    np.testing.assert_allclose(quantiles(np.arange(11.0)), [1, 5, 9])
    np.testing.assert_allclose(quantiles(np.array([[0.0, 1.0], [2.0, 4.0]]))[1], [0.5, 3])
    low, median, high = quantiles(np.array([1.0, 2.0, np.nan, np.inf, 3.0]))
    assert low == pytest.approx(1.4)
    assert median == 3
    assert np.isinf(high)


def test_tables_are_aligned():
    assert str(Table(["name", "n"], [["a", "10"], ["long name", "7"]])).splitlines() == [
        "name        n",
        "a          10",
        "long name   7",
    ]
    assert with_spread(spread([0.5]), 2) == "0.50"
    assert with_spread(spread([0.5, 0.7]), 2) == "0.60 ± 0.14"
