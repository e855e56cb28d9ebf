"""A training that was killed goes on from its checkpoint, and gives the same bits as one that nothing disturbed."""

import itertools
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import start_process
from matplotlib.figure import Figure

from ex3 import checkpoints, commands, storage, training
from ex3.config import ConvnetConfig, LinearConfig
from ex3.errors import ConfigError, WriteError
from ex3.experiments import train as experiments_train
from ex3.runs import train_autoencoder, train_classifier
from ex3.structured_config import StructuredConfig

FEW = {"dataset": "digits", "epochs": 2, "batch_size": 64, "momentum": 0.9}
LINEAR = LinearConfig(**FEW, model="linear", optimizer="sgd", learning_rate=0.1)
CONVNET = ConvnetConfig(  # all that is random, all that is written down, and a point in the middle of each epoch
    **FEW, model="convnet", optimizer="adam", learning_rate=0.01, filters=(4,), kernel_sizes=(5,), hidden_units=(8,),
    normalization="batch", dropout=0.3, translation=0.1, rotation=0.05, schedule="one-cycle", evaluations_per_epoch=2,
    batch_accuracy=True,
)  # fmt: skip
WEIGHTS = {f"{term}_weight{end}": 0.1 for term in ("neighbour", "distance") for end in ("", "_end")}
STRUCTURED = StructuredConfig(**FEW, **WEIGHTS, optimizer="adam", learning_rate=0.01, hidden_units=(16,), threads=2)
RUNS = Path("runs")


@pytest.fixture(autouse=True)
def _folder_of_runs(_clean_environment):
    RUNS.mkdir()


class Killed(BaseException):
    """Stands for a SIGKILL: nothing catches it."""


@pytest.fixture
def kill_after(monkeypatch):
    """Return a function that lets the process die after so many chunks of gradient steps, or not at all."""
    advance = training.advance

    def set_end(chunks: int) -> None:
        left = chunks

        def mortal(config, state):
            nonlocal left
            for chunk in advance(config, state):
                yield chunk
                left -= 1
                if left == 0:
                    raise Killed

        monkeypatch.setattr(training, "advance", mortal)

    return set_end


def train(config, dataset, fresh=False, seconds=1e-9):
    """Train a network with a checkpoint after each chunk; return all that its run holds, without seconds."""
    training_of = train_autoencoder if isinstance(config, StructuredConfig) else train_classifier
    with checkpoints.checkpoints(RUNS, seconds, fresh, has_more=False) as keeper_of:
        run = training_of(config, dataset, keeper=keeper_of(config, dataset.fingerprint))[1]
    run.epochs.series.pop("seconds")
    return {**vars(run), "seconds": 0, "metrics": repr(run.metrics)}  # repr: nan is equal to nan


def train_killed(config, dataset, kill_after, chunks):
    kill_after(chunks)
    with pytest.raises(Killed):
        train(config, dataset)
    kill_after(-1)


def kept() -> list[Path]:
    return sorted((RUNS / "checkpoints").rglob("step-*.npz"))


@pytest.mark.parametrize("config", [CONVNET, STRUCTURED], ids=lambda config: config.model)
@pytest.mark.usefixtures("quick_scores")
def test_a_training_that_was_killed_gives_the_same_bits(config, dataset, kill_after, capfd):
    whole = train(config, dataset, seconds=0)
    assert kept() == []
    train_killed(config, dataset, kill_after, chunks=3 if config is CONVNET else 2)
    assert kept() != []
    assert train(config, dataset) == whole
    assert re.search(rf"^{config.model}, seed 0: goes on after step \d+$", capfd.readouterr().err)
    assert list((RUNS / "checkpoints").iterdir()) == []


def test_two_checkpoints_are_kept_and_instead_of_a_damaged_one_that_before(dataset, kill_after, caplog, capfd):
    config = LINEAR.model_copy(update={"epochs": 4})
    train_killed(config, dataset, kill_after, chunks=4)
    before, newest = kept()
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    resumed = train(config, dataset)
    assert f"{newest}: damaged; the training goes on from the one before" in caplog.text
    assert f"linear, seed 0: goes on after step {int(before.stem[5:])}\n" in capfd.readouterr().err
    assert resumed == train(config, dataset, seconds=0)


def test_changed_settings_are_refused_with_the_difference(dataset, kill_after):
    train_killed(LINEAR, dataset, kill_after, chunks=2)
    changed = LINEAR.model_copy(update={"learning_rate": 0.2})
    with pytest.raises(ConfigError, match=r"interrupted that had learning_rate = 0\.1, not 0\.2; .* --fresh to drop"):
        train(changed, dataset)
    other_images = changed.model_copy(update={"limit": 500})
    train(other_images, dataset)
    assert kept() != []
    train(changed, dataset, fresh=True)
    assert kept() == []


def test_checkpoints_of_other_code_are_dropped_with_a_warning(dataset, kill_after, caplog):
    train_killed(LINEAR, dataset, kill_after, chunks=2)
    (folder,) = (RUNS / "checkpoints").iterdir()
    folder.rename(folder.with_name("linear-0123456789abcdef"))
    train(LINEAR, dataset)
    assert "of other images, packages or code; removed, and trained again" in caplog.text
    assert kept() == []


def test_a_training_goes_on_although_its_state_cannot_be_kept(dataset, monkeypatch, caplog):
    def full(path, _):
        raise WriteError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(storage, "save_arrays", full)
    assert train(LINEAR, dataset)["diverged_at"] is None
    assert "No space left on device; the training goes on without a checkpoint" in caplog.text


def test_checkpoints_of_a_live_training_with_other_settings_are_left_alone(dataset, kill_after):
    train_killed(LINEAR, dataset, kill_after, chunks=2)
    before = kept()
    with checkpoints.checkpoints(RUNS, 30, fresh=False, has_more=False) as living:
        living(LINEAR, dataset.fingerprint)
        train(LINEAR.model_copy(update={"learning_rate": 0.2}), dataset, fresh=True)
        assert kept() == before != []


def test_the_same_training_twice_at_a_time_is_refused():
    with (
        checkpoints.checkpoints(RUNS, 30, False, False) as first,
        checkpoints.checkpoints(RUNS, 30, False, False) as second,
    ):
        first(LINEAR, "images")
        with pytest.raises(WriteError, match=r"runs/checkpoints: process \d+, .* computes the same"):
            second(LINEAR.model_copy(update={"seed": 1}), "images")
        second(LINEAR, "other images")


SEEDS = ["train", "linear", "--dataset", "digits", "--epochs", 2, "--seeds", 5, "-q"]


def measured(folder: Path) -> list[str]:
    """Return the runs in the twin of a training, without their durations."""
    runs = json.loads((folder / "train-linear.json").read_text())["result"]["linear"]["runs"]
    for run in runs:
        run["epochs"]["series"].pop("seconds")
        run.pop("seconds")
    return list(map(json.dumps, runs))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Iterator[list[str]]:
    """Give five seeds' runs that nothing disturbed; nothing is drawn, which takes no time."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments_train, "learning_curves", lambda _: Figure())
        assert commands.main([*map(str, SEEDS), "--out", str(folder), "--runs", str(folder)]) == 0
        yield measured(folder)


def test_a_command_goes_on_in_the_third_of_five_seeds(run_cli, kill_after, monkeypatch, whole):
    clock = itertools.count(step=20)  # a checkpoint after every other chunk; there are four per seed
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: next(clock))
    kill_after(11)
    with pytest.raises(Killed):
        run_cli(*SEEDS)
    kill_after(-1)
    result = run_cli(*SEEDS)
    assert result.code == 0
    done = re.findall(r"^linear, seed (\d): goes on after step (\d+)$", result.err, re.MULTILINE)
    assert [seed for seed, _ in done] == ["0", "1", "2"]
    assert done[0][1] == done[1][1] > done[2][1]
    assert measured(Path("figures")) == whole
    assert kept() == []


def test_a_training_goes_on_after_a_real_kill(run_cli, whole):
    """The process is killed when the first of two seeds is finished."""
    words = [*SEEDS, "--seeds", 2]
    process = start_process(*words)
    while process.poll() is None and not kept():
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    result = run_cli(*words)
    assert (result.code, result.err.count("goes on after step")) == (0, 1)
    assert measured(Path("figures")) == whole[:2]
    assert {path.name for path in RUNS.iterdir()} == {"checkpoints", "models"}
    assert list(RUNS.rglob(".*")) == kept() == []


PLANES = [
    "autoencoder", "--dataset", "digits", "--limit", 300, "--epochs", 2, "--set", "hidden_units=[8]", "--seeds", 1,
    "--samples", 100, "--jobs", 1, "--threads", 2, "-q",
]  # fmt: skip


def planes() -> dict[str, list]:
    """Return the runs in the twin of the autoencoders, without their durations."""
    runs = json.loads(Path("figures/autoencoder-curves.json").read_text())["result"]["runs"]
    for run in (run for of_method in runs.values() for run in of_method):
        run["epochs"]["series"].pop("seconds")
        run.pop("seconds")
    return runs


@pytest.mark.usefixtures("quick_scores")
def test_an_autoencoder_goes_on_in_its_second_training(run_cli, kill_after, monkeypatch):
    assert "2 trainings (0 reused)" in run_cli(*PLANES, "--checkpoint-every", 0).out
    whole, curves = planes(), Path("figures/autoencoder-curves.json")
    clock = itertools.count(step=40)  # a checkpoint after each chunk; there are two per training
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: next(clock))
    kill_after(3)
    with pytest.raises(Killed):
        run_cli(*PLANES, "--fresh")
    curves.unlink()
    kill_after(-1)
    result = run_cli(*PLANES)
    assert "2 trainings (1 reused)" in result.out
    assert re.findall(r"^(.*), seed 0: goes on after step \d+$", result.err, re.MULTILINE) == ["autoencoder"]
    assert planes() == whole
    assert [path for path in (RUNS / "cells").iterdir() if path.is_dir()] == []
