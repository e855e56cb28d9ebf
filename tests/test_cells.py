"""Cells of a sweep: the same numbers as alone, none lost, none twice, whatever is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, run_process, start_process

from ex3 import config, config_files, storage
from ex3.results import Cell, Record, Run, from_json

SWEEP = ["sweep", "lr", "--model", "linear", "--dataset", "digits", "--values", "0.01,0.1", "--seeds", "2"]
FAST = ["--epochs", "1", "--threads", "1", "--jobs", "2"]
LONG = ["--epochs", "400", "--threads", "1", "--jobs", "2"]
CELLS = Path("runs/cells")

needs_ps = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes with Linux's ps")


def processes_of_session(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if not line.split()[1].startswith("Z")]


def workers_of(driver: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(driver)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "popen_loky" in line]


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def numbers(folder: Path = CELLS) -> dict[tuple[float, int], Run]:
    """Read the stored runs, less their seconds."""
    runs = {}
    for path in folder.iterdir():
        run = json.loads(path.read_text())["run"]
        del run["seconds"], run["epochs"]["series"]["seconds"]
        runs[run["config"]["learning_rate"], run["config"]["seed"]] = run
    return runs


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Run a small sweep; return its folder and what it printed."""
    folder = tmp_path_factory.mktemp("swept")
    command = [sys.executable, ROOT / "cli.py", *SWEEP, *FAST]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)


@pytest.fixture
def copied(swept):
    """Copy what the small sweep left into this test's folder."""
    shutil.copytree(swept[0], ".", dirs_exist_ok=True)


def test_a_sweep_writes_figures_twins_and_cells(swept):
    folder, result = swept
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"sweep-lr{part}.{suffix}" for part in ("", "-summary") for suffix in ("png", "json")
    }
    assert len(list((folder / "runs/cells").iterdir())) == 4
    assert "4/4 cells: linear, learning_rate " in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[:3]] == ["learning_rate", "0.01", "0.1"]
    headline = result.stdout.splitlines()[-1]
    assert headline.startswith("best learning_rate 0.1 by validation accuracy 0.")
    assert "data digits, linear, 4 cells (0 reused)" in headline
    curves, summary = (
        from_json(Record, (folder / f"figures/sweep-lr{part}.json").read_bytes()) for part in ("", "-summary")
    )
    assert (curves.threads, curves.seeds, curves.config["base"]["optimizer"]) == (1, [0, 1], "sgd")
    assert [len(value["runs"]) for value in curves.result["values"]] == [2, 2]
    assert summary.result["best"] == 0.1


def test_a_cell_gives_the_same_numbers_as_train_alone(swept):
    base = ["--set", "schedule=constant", "--set", "evaluations_per_epoch=2", "--set", "label_smoothing=0.0"]
    words = ["--dataset", "digits", "--epochs", 1, "--threads", 1, "--learning-rate", 0.1, "--seed", 1]
    result = run_process("train", "linear", *words, *base, "-q")
    assert result.returncode == 0, result.stderr
    alone = json.loads(Path("runs/train-linear/run.json").read_text())
    del alone["seconds"], alone["epochs"]["series"]["seconds"]
    assert alone == numbers(swept[0] / "runs/cells")[0.1, 1]


def test_one_job_gives_the_same_numbers_as_two(swept):
    result = run_process(*SWEEP, "--epochs", 1, "--threads", 1, "--jobs", 1, "-q")
    assert (result.returncode, result.stderr) == (0, "")
    assert numbers() == numbers(swept[0] / "runs/cells")


@pytest.mark.usefixtures("copied")
def test_finished_cells_are_reused_unless_fresh_and_never_by_another_config():
    before = {path: path.stat().st_mtime_ns for path in CELLS.iterdir()}
    again = run_process(*SWEEP, *FAST, "-q")
    assert "4 cells (4 reused)" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in CELLS.iterdir()} == before
    changed = run_process(*SWEEP, *FAST, "-q", "--set", "momentum=0.5", "--seeds", 1)
    assert "2 cells (0 reused)" in changed.stdout
    fresh = run_process(*SWEEP, *FAST, "-q", "--fresh", "--seeds", 1)
    assert "2 cells (0 reused)" in fresh.stdout


@pytest.mark.usefixtures("copied")
def test_a_damaged_cell_is_computed_again_with_a_warning():
    good = numbers()
    truncated, swapped, *_ = sorted(CELLS.iterdir())
    truncated.write_bytes(truncated.read_bytes()[:500])
    swapped.write_text(swapped.read_text().replace('"learning_rate": 0.', '"learning_rate": 3.'))
    result = run_process(*SWEEP, *FAST, "-q")
    assert "4 cells (2 reused)" in result.stdout
    warnings = [line.split(": ")[1:3] for line in result.stderr.splitlines()]
    assert sorted(warnings) == [["WARNING", str(truncated)], ["WARNING", str(swapped)]]
    assert numbers() == good


def test_another_version_data_set_or_config_is_another_cell(tiny_mlp, dataset, monkeypatch):
    def path(settings=tiny_mlp, images=dataset.info):
        return storage.cell_path(CELLS, settings, images)

    paths = {path(), path(tiny_mlp.model_copy(update={"threads": 1}))}
    paths.add(path(images=dataset.info.__class__("mnist", "IDX files", "1234", {})))
    monkeypatch.setattr("ex3.__version__", "9.9.9")
    paths.add(path())
    assert len(paths) == 4


def test_a_diverged_cell_is_a_result():
    words = ["--values", "0.1,1e38,2e38", "--seeds", 1, *FAST, "-q"]
    result = run_process(*SWEEP, *words)
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split()[1] for line in result.stdout.splitlines()[1:4]] == ["0/1", "1/1", "1/1"]
    result = run_process(*SWEEP, *words, "--values", "1e38,2e38")
    assert result.returncode == 5
    assert result.stderr == "ex3: error: every run diverged, at learning_rate = 1e+38, 2e+38\n"


@needs_ps
def test_ctrl_c_stops_the_workers_and_says_how_to_go_on():
    process = start_process(*SWEEP, "--values", "0.01,0.02,0.03,0.1", *LONG)
    wait_for(lambda: process.poll() is not None or len(list(CELLS.glob("*.json"))) >= 2)
    stop = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - stop < 5
    assert process.returncode == 130
    last = err.splitlines()[-1]
    finished = len(list(CELLS.iterdir()))
    assert last.startswith(
        f"ex3: error: interrupted; {finished} of 8 cells are finished and kept in runs/cells; the same"
    )
    assert "Traceback" not in err
    wait_for(lambda: not processes_of_session(process.pid), 5)


@needs_ps
def test_a_killed_worker_costs_time_and_a_killed_driver_leaves_what_was_finished():
    process = start_process(*SWEEP, *LONG)
    wait_for(lambda: len(workers_of(process.pid)) == 2)
    time.sleep(3)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    wait_for(lambda: len(list(CELLS.glob("*.json"))) >= 2)
    process.kill()
    _, err = process.communicate()
    assert "WARNING: a worker process was killed; the cells under way are started again" in err
    wait_for(lambda: not processes_of_session(process.pid), 10)
    kept = numbers()
    assert kept
    result = run_process(*SWEEP, *LONG, "-q")
    assert result.returncode == 0, result.stderr
    assert f"4 cells ({len(kept)} reused)" in result.stdout
    assert {key: run for key, run in numbers().items() if key in kept} == kept


def test_two_sweeps_at_once_share_the_work(swept):
    processes = [start_process(*SWEEP, *FAST) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        assert "4 cells (" in out
    assert numbers() == numbers(swept[0] / "runs/cells")
    assert {path.suffix for path in CELLS.iterdir()} == {".json"}
    for path in CELLS.iterdir():
        from_json(Cell, path.read_bytes())


def test_a_folder_that_cannot_be_written_is_found_out_before_training():
    Path("runs").touch()
    result = run_process(*SWEEP, *FAST)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (4, "", 1)
    assert "runs/cells: not a folder" in result.stderr


def test_the_printed_config_gives_the_same_sweep(run_cli):
    first = run_cli("sweep", "dropout", "--set", "filters=[4, 8]", "--threads", 1, "--print-config")
    Path("printed.toml").write_text(first.out)
    second = run_cli("sweep", "dropout", "--config", "printed.toml", "--print-config")
    assert (first.code, first.out) == (0, second.out)
    assert config_files.load_as(config.SweepConfig, "printed.toml").base["filters"] == [4, 8]
