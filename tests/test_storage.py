"""A file is complete or not there; a failure leaves the old one and says which file it was."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from conftest import ROOT

from ex3 import config, config_files, storage
from ex3.backend import keras
from ex3.errors import WriteError
from ex3.experiments.train import _record
from ex3.plots.classifiers import learning_curves
from ex3.results import Record, Run, from_json
from ex3.training import train_classifier


@pytest.fixture(scope="module")
def trained(dataset):
    tiny = config.LinearConfig(
        model="linear", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
    )
    return tiny, *train_classifier(tiny, dataset)


def test_a_saved_run_can_be_read_back(tmp_path, trained, dataset):
    tiny, model, run = trained
    paths = storage.save_run(tmp_path / "train-linear", {"model": model}, tiny, run)
    assert [path.name for path in paths] == ["model.keras", "config.toml", "run.json"]
    loaded = keras.models.load_model(paths[0])
    np.testing.assert_array_equal(loaded.predict(dataset.test.x, verbose=0), model.predict(dataset.test.x, verbose=0))
    assert config_files.load(paths[1]) == tiny
    assert from_json(Run, paths[2].read_bytes()) == run
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["config.toml", "model.keras", "run.json"]


def test_a_figure_has_a_twin_with_the_common_head(tmp_path, trained):
    tiny, _, run = trained
    record = _record("train-linear", "python cli.py train linear", {"linear": tiny}, {"linear": [run]})
    png, twin = storage.save_figure(tmp_path, learning_curves([run]), record)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert png.stat().st_size < 300_000
    again = from_json(Record, twin.read_bytes())
    assert (again.name, again.seeds, again.threads, again.precision) == ("train-linear", [0], 2, "float32")
    assert again.dataset == run.dataset
    assert set(again.versions) == {"ex3", "python", "tensorflow", "keras", "numpy"}
    assert again.result["linear"]["metrics"]["test_accuracy"]["mean"] == run.metrics["test_accuracy"]


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_full_disk_leaves_the_old_files_and_no_other(tmp_path, trained, monkeypatch, step):
    tiny, model, run = trained
    storage.save_run(tmp_path, {"model": model}, tiny, run)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(path, *_):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(tmp_path), step, fail)
    changed = tiny.model_copy(update={"epochs": 9})
    with pytest.raises(WriteError, match=r"(model\.keras|config\.toml): cannot be written: No space left"):
        storage.save_run(tmp_path, {"model": model}, changed, run)
    monkeypatch.undo()
    after = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert after[tmp_path / "config.toml"] == before[tmp_path / "config.toml"]


def test_a_kill_in_the_middle_of_saving_a_model_leaves_the_old_one(tmp_path, trained):
    tiny, model, run = trained
    old = storage.save_run(tmp_path, {"model": model}, tiny, run)[0].read_bytes()
    program = f"""
        import os, signal
        from pathlib import Path
        from ex3 import storage
        def write_half(path):
            path.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        storage._replace(Path({str(tmp_path)!r}) / "model.keras", write_half)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "model.keras").read_bytes() == old


def test_folders_that_cannot_be_written_are_found_out_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file: not a folder that can be written to"):
        storage.check_writable(tmp_path / "file")
    with pytest.raises(WriteError, match="not a folder that can be written to"):
        storage.check_writable(tmp_path / "file" / "below")
    storage.check_writable(tmp_path / "new" / "deeper")
    assert list((tmp_path / "new" / "deeper").iterdir()) == []
