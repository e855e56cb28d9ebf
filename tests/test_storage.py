"""A file is complete or not there; a failure leaves the old one and says which file it was."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT

from ex3 import config, model_store, storage
from ex3.errors import WriteError
from ex3.experiments import make_record
from ex3.plots.classifiers import learning_curves
from ex3.results import Record, Repeats, from_json, repeats
from ex3.runs import train_classifier


@pytest.fixture(scope="module")
def trained(dataset):
    tiny = config.LinearConfig(
        model="linear", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
    )
    return train_classifier(tiny, dataset)


def test_a_figure_has_a_twin_with_the_common_head(tmp_path, trained):
    _, run = trained
    result = {"linear": repeats([run])}
    record = make_record("train-linear", "words", {}, run.dataset, [0], 1.0, result, threads=2, models={"linear": "01"})
    png, twin = storage.save_figure(tmp_path, learning_curves(result["linear"]), record)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert png.stat().st_size < 300_000
    again = from_json(Record[dict[str, Repeats]], twin.read_bytes())
    assert (again.name, again.seeds, again.threads, again.models) == ("train-linear", [0], 2, {"linear": "01"})
    assert again.dataset == run.dataset
    assert set(again.versions) == {"ex3", "python", "tensorflow", "keras", "numpy", "scikit-learn"}
    assert again.result["linear"].metrics["test_accuracy"].mean == run.metrics["test_accuracy"]


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_full_disk_leaves_the_old_files_and_no_other(tmp_path, trained, monkeypatch, step):
    model, run = trained
    model_store.save_models(tmp_path, {"model": model}, run)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    def fail(path, *_):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(tmp_path), step, fail)
    with pytest.raises(WriteError, match=r"linear-seed0-\w+: cannot be written: No space left"):
        model_store.save_models(tmp_path, {"model": model}, run)
    monkeypatch.undo()
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert after == before


def test_a_kill_in_the_middle_of_saving_a_model_leaves_the_old_one(tmp_path, trained):
    model, run = trained
    file = model_store.save_models(tmp_path, {"model": model}, run)[0]
    old = file.read_bytes()
    program = f"""
        import os, signal
        from pathlib import Path
        from ex3 import storage
        def write_half(path):
            path.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        storage.save_with(Path({str(file)!r}), write_half)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.read_bytes() == old


def test_folders_that_cannot_be_written_are_found_out_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file: not a folder that can be written to"):
        storage.check_writable(tmp_path / "file")
    with pytest.raises(WriteError, match="not a folder that can be written to"):
        storage.check_writable(tmp_path / "file" / "below")
    storage.check_writable(tmp_path / "new" / "deeper")
    assert list((tmp_path / "new" / "deeper").iterdir()) == []
