"""The published figures: each small, each with its twin, all from ``reproduce``, none from a stand-in for MNIST."""

import pytest
from conftest import ROOT

import ex3
from ex3.data import MNIST_FINGERPRINT
from ex3.experiments.reproduce import STEPS
from ex3.results import Record, from_json

PICTURES = sorted((ROOT / "figures").glob("*.png"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_published_figure_is_small_and_has_its_twin(picture):
    assert picture.stat().st_size < 300_000
    record = from_json(Record, picture.with_suffix(".json").read_bytes())
    assert record.name == picture.stem
    assert record.command in {f"python cli.py {step.name}" for step in STEPS}
    assert record.versions["ex3"] == ex3.__version__
    if not record.name.startswith(("toy-", "theory-")):
        assert (record.dataset.name, record.dataset.fingerprint) == ("mnist", MNIST_FINGERPRINT)


def test_every_twin_has_its_figure():
    assert {path.stem for path in (ROOT / "figures").glob("*.json")} == {picture.stem for picture in PICTURES}
