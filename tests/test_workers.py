"""What a worker does with a cell: it checks its packages, its code and its images, and keeps the images of one seed."""

import importlib
import sys

import pytest

from ex3 import cells, provenance
from ex3.cells.workers import environment, require_same_environment
from ex3.data import Dataset
from ex3.errors import DataError


def test_cells_run_seed_by_seed_since_a_worker_keeps_the_images_of_one(compute_cells, trained_configs):
    results = compute_cells(0.2, 0.1, seeds=2)
    assert [(run.config.learning_rate, run.config.seed) for run in results.runs] == [
        (0.2, 0),
        (0.2, 1),
        (0.1, 0),
        (0.1, 1),
    ]
    assert [settings.seed for settings in trained_configs] == [0, 0, 1, 1]


@pytest.mark.usefixtures("trained_configs")
def test_the_frame_that_imports_tensorflow_holds_no_images(compute_cells, monkeypatch):
    frames = []

    def import_module(name):
        frames.append(sys._getframe(1))
        return importlib.import_module(name)

    monkeypatch.setattr(cells, "import_module", import_module)
    compute_cells(0.1)
    assert len(frames) == 1
    assert not any(isinstance(value, Dataset) for value in frames[0].f_locals.values())


def test_a_worker_with_other_images_is_refused(dataset, compute_cells, monkeypatch):
    monkeypatch.setattr(cells, "load_images", lambda *_: type("Other", (), {"name": "mnist", "fingerprint": "1234"}))
    with pytest.raises(DataError, match=f"mnist .1234. instead of digits .{dataset.fingerprint}.; name a --data-dir"):
        compute_cells(0.1)


def test_a_worker_with_other_packages_is_refused_and_each_difference_named():
    ours = environment(provenance.TRAINING)
    require_same_environment("worker", dict(ours), ours)
    theirs = ours | {"keras": "1.0", "ex3 code": "0123"}
    expected = f"worker has keras 1.0 instead of {ours['keras']}, ex3 code 0123 instead of {ours['ex3 code']}; run 'pip"
    with pytest.raises(DataError, match=expected):
        require_same_environment("worker", theirs, ours)
