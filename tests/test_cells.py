"""Cells of a sweep: each is trained once, none is lost, and all are the same as alone, whatever is killed."""

import os
import shutil
import signal
import sys
from pathlib import Path

import fake_runs
import pytest
from conftest import ROOT, run_process, start_process
from small_sweeps import CELLS, SWEEP, numbers, processes_of_session, started, wait_for

import ex3
from ex3 import cells, config, config_files, provenance
from ex3.results import Record, Run, from_json
from ex3.sweeps import SweepResult

needs_ps = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes with Linux's ps")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Copy the program, with made-up runs instead of training."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "ex3", folder / "ex3", ignore=shutil.ignore_patterns("*.gz", "__pycache__"))
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copy(ROOT / "cli.py", folder)
    shutil.copy(fake_runs.__file__, folder / "ex3" / "runs.py")
    return folder


@pytest.fixture
def use_package(monkeypatch):
    """Return a function that lets the code on which cells depend be a copy's."""

    def use(folder: Path) -> None:
        monkeypatch.setattr(provenance, "PACKAGE", folder)
        provenance.code_digest.cache_clear()

    yield use
    provenance.code_digest.cache_clear()


# in this process, with made-up runs


def test_cells_come_in_the_order_of_the_configs_and_equal_ones_are_trained_once(compute_cells, trained_configs):
    seen = []
    results = compute_cells(0.2, 0.1, 0.2, on_progress=seen.append)
    assert [run.config.learning_rate for run in results.runs] == [0.2, 0.1, 0.2]
    assert [settings.learning_rate for settings in trained_configs] == [0.2, 0.1]
    assert [(now.done, now.total, now.running) for now in seen] == [(0, 2, 1), (1, 2, 1), (2, 2, 0)]
    assert seen[-1].newest.run == results.runs[1]


def test_stored_cells_are_reused_and_never_by_another_config(compute_cells, trained_configs):
    first = compute_cells(0.1, 0.2)
    before = {path: path.stat().st_mtime_ns for path in CELLS.iterdir()}
    again = compute_cells(0.2, 0.1, 0.3)
    assert (first.reused, again.reused) == (0, 2)
    assert again.runs[:2] == first.runs[::-1]
    assert [settings.learning_rate for settings in trained_configs] == [0.1, 0.2, 0.3]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_damaged_cells_are_trained_again_with_a_warning(compute_cells, trained_configs, caplog):
    first = compute_cells(0.1, 0.2, 0.3)
    truncated, swapped, _ = sorted(CELLS.iterdir())
    truncated.write_bytes(truncated.read_bytes()[:500])
    swapped.write_text(swapped.read_text().replace('"learning_rate": 0.', '"learning_rate": 3.'))
    again = compute_cells(0.1, 0.2, 0.3)
    assert (again.reused, again.runs) == (1, first.runs)
    assert len(trained_configs) == 5
    assert sorted(record.getMessage().split(":")[0] for record in caplog.records) == [str(truncated), str(swapped)]


def test_other_packages_and_other_code_give_other_cells_and_a_new_version_of_ex3_does_not(
    compute_cells, trained_configs, project, use_package, tmp_path, monkeypatch
):
    shutil.copytree(project / "ex3", tmp_path / "ex3", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "ex3" / "runs.py", tmp_path / "ex3" / "runs.py")
    use_package(tmp_path / "ex3")
    compute_cells(0.1)
    monkeypatch.setattr(ex3, "__version__", "9.9.9")
    assert (compute_cells(0.1).reused, len(trained_configs)) == (1, 1)
    installed = provenance.version
    for package in ("numpy", "keras"):
        monkeypatch.setattr(
            provenance, "version", lambda name, other=package: "9" if name == other else installed(name)
        )
        assert compute_cells(0.1).reused == 0
    monkeypatch.setattr(provenance, "version", installed)
    training = tmp_path / "ex3" / "training.py"
    training.write_text(training.read_text() + "\nANOTHER_CONSTANT = 1\n")
    use_package(tmp_path / "ex3")
    assert compute_cells(0.1).reused == 0
    assert len(list(CELLS.iterdir())) == len(trained_configs) == 4


@pytest.mark.usefixtures("trained_configs")
def test_a_sweep_writes_figures_twins_and_cells(run_cli):
    result = run_cli(*SWEEP, "--jobs", 1)
    assert result.code == 0, result.err
    assert len(list(CELLS.iterdir())) == 4
    assert "4/4 cells: linear, learning_rate 0.1, seed 1: validation loss 0.46" in result.err
    lines = result.out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["learning rate", "0.01", "0.1 *"]
    assert [
        f"wrote figures/sweep-lr{part}.{suffix}" in lines for part in ("", "-summary") for suffix in ("png", "json")
    ]
    assert lines[-1].startswith("best learning rate 0.1 by validation accuracy 0.5300 ± 0.0071: test accuracy 0.53")
    assert "linear, 4 cells (0 reused), data digits, seeds 0 to 1, threads " in lines[-1]
    curves, summary = (
        from_json(Record[SweepResult], Path(f"figures/sweep-lr{part}.json").read_bytes()) for part in ("", "-summary")
    )
    assert curves.result == summary.result
    assert (curves.seeds, curves.config["base"]["optimizer"]) == ([0, 1], "sgd")
    assert [len(of_value.runs) for of_value in curves.result.values] == [2, 2]
    assert curves.models["linear, learning_rate 0.1, seed 1"] == "0.1 1"


def test_fresh_deletes_the_cells_of_this_sweep_alone(run_cli, trained_configs):
    run_cli(*SWEEP, "--jobs", 1, "-q", "--values", "0.01,0.1,0.2")
    result = run_cli(*SWEEP, "--jobs", 1, "-q", "--fresh")
    assert "4 cells (0 reused)" in result.out
    assert len(trained_configs) == 10
    assert len(list(CELLS.iterdir())) == 6


@pytest.mark.usefixtures("trained_configs")
def test_a_diverged_cell_is_a_result(run_cli):
    result = run_cli(*SWEEP, "--jobs", 1, "-q", "--values", "0.1,1e37,1e38", "--seeds", 1)
    assert (result.code, result.err) == (0, "")
    assert [line.split()[-1] for line in result.out.splitlines()[1:4]] == ["0/1", "1/1", "1/1"]
    result = run_cli(*SWEEP, "--jobs", 1, "-q", "--values", "1e37,1e38", "--seeds", 1)
    assert result.code == 5
    assert result.err == "ex3: error: every run diverged, at learning_rate = 1e+37, 1e+38\n"


def test_a_folder_that_cannot_be_written_is_found_out_before_training(run_cli, trained_configs):
    Path("runs").touch()
    result = run_cli(*SWEEP)
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert "runs/cells: not a folder" in result.err
    assert not trained_configs


@pytest.mark.parametrize("parameter", ["lr", "dropout", "batch-size", "bottleneck", "structure"])
def test_the_printed_config_gives_the_same_sweep(run_cli, parameter):
    first = run_cli("sweep", parameter, "--set", "hidden_units=[8]", "--threads", 1, "--print-config")
    Path("printed.toml").write_text(first.out)
    second = run_cli("sweep", parameter, "--config", "printed.toml", "--print-config")
    assert (first.code, first.out) == (0, second.out)
    assert config_files.load_as(config.SweepConfig, "printed.toml").base["hidden_units"] == [8]


@pytest.mark.parametrize(("parameter", "model"), [("lr", "autoencoder"), ("dropout", "linear"), ("bottleneck", "mlp")])
def test_a_network_without_the_parameter_is_refused(run_cli, parameter, model):
    result = run_cli("sweep", parameter, "--model", model)
    assert (result.code, result.out) == (2, "")
    assert f"model = '{model}': sweep {parameter} takes" in result.err


# in processes of their own, with made-up runs


@pytest.fixture
def control(monkeypatch) -> Path:
    """Return a folder in which the runs with learning rate 0.1 tell that they have begun; they wait for its file."""
    folder = Path("control").resolve()
    folder.mkdir()
    (folder / "hold-0.1").touch()
    monkeypatch.setenv("CONTROL", str(folder))
    return folder


@needs_ps
def test_whatever_is_killed_finished_cells_are_kept_and_the_rest_is_done(
    project, control, run_cli, trained_configs, use_package
):
    words = [*SWEEP, "--threads", 1]

    # a killed worker, then Ctrl-C
    process = start_process(*words, "--jobs", 2, root=project)
    wait_for(lambda: len(started(control)) == 2 and len(list(CELLS.glob("*.json"))) == 2)
    before = started(control)
    os.kill(min(before), signal.SIGKILL)
    wait_for(lambda: len(started(control) - before) == 2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "WARNING: a worker process was killed; the cells under way are started again" in err
    expected = "ex3: error: interrupted; 2 of 4 cells are finished and kept in runs/cells; the same command goes on"
    assert err.splitlines()[-1].startswith(expected)
    assert "Traceback" not in err
    wait_for(lambda: not processes_of_session(process.pid), 5)
    kept = numbers()

    # a kill, while this process wants the same cells; then it goes on
    use_package(project / "ex3")
    before = started(control)
    killed = start_process(*words, "--jobs", 2, root=project)
    wait_for(lambda: len(started(control) - before) == 2)
    assert f"runs/cells: process {killed.pid}, cli.py sweep lr " in run_cli(*words, "--jobs", 1).err
    killed.kill()
    killed.communicate(timeout=20)
    wait_for(lambda: not processes_of_session(killed.pid), 10)
    assert numbers() == kept
    (control / "hold-0.1").unlink()
    assert "4 cells (2 reused)" in run_cli(*words, "--jobs", 1).out
    assert [(settings.learning_rate, settings.seed) for settings in trained_configs] == [(0.1, 0), (0.1, 1)]
    assert {path.suffix for path in CELLS.iterdir()} == {".json"}
    assert numbers().items() >= kept.items()


# in processes of their own, with real runs


def test_a_cell_gives_the_same_numbers_as_a_run_alone(dataset):
    from ex3.runs import train

    result = run_process(*SWEEP, "--values", 0.1, "--seeds", 1, "--epochs", 1, "--threads", 2, "--jobs", 2, "-q")
    assert (result.returncode, result.stderr) == (0, "")
    (path,) = CELLS.iterdir()
    stored = from_json(cells.Cell[Run], path.read_bytes()).run
    assert path == cells.cell_path(CELLS, stored.config, dataset.info, provenance.TRAINING)
    alone = train(stored.config, dataset)
    assert (stored.metrics, stored.weights) == (alone.metrics, alone.weights)
