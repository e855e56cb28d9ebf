"""The command line end to end: what it writes and prints, and how it refuses what is wrong."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, run_process, start_process

from ex3 import commands, config_files
from ex3.results import Record, Repeats, Run, from_json

FAST = ["--limit", 200, "--epochs", 1]


def assert_refused(result, code: int, *fragments: str) -> None:
    assert result.code == code, result.err
    assert result.out == ""
    assert result.err.startswith("ex3: error: ")
    assert result.err.count("\n") == 1, result.err
    for fragment in fragments:
        assert fragment in result.err
    assert not Path("figures").exists()
    assert not Path("runs").exists()


def test_train_writes_figure_twin_and_model(run_cli, idx_folder):
    result = run_cli("train", "mlp", *FAST, "--data-dir", idx_folder, "--seeds", 2, "--set", "momentum=0.8")
    assert result.code == 0, result.err
    table, headline = result.out.splitlines()[:2], result.out.splitlines()[-1]
    assert table[0].split("  ")[0] == "model"
    assert table[1].startswith("mlp")
    assert headline.startswith("test accuracy 0.")
    assert "±" in headline
    assert "data mnist, seeds 0 to 1, threads 2" in headline
    assert "mlp, seed 1, epoch 1/1" in result.err
    (folder,) = Path("runs/models").iterdir()
    written = {Path("figures/train-mlp.png"), Path("figures/train-mlp.json")}
    written |= {folder / name for name in ("model.keras", "config.toml", "run.json")}
    assert {path for top in ("figures", "runs") for path in Path(top).rglob("*.*") if path.is_file()} == written
    listed = [line.removeprefix("wrote ") for line in result.out.splitlines() if line.startswith("wrote ")]
    assert set(map(Path, listed)) == written
    record = from_json(Record[dict[str, Repeats]], Path("figures/train-mlp.json").read_bytes())
    assert record.command == "python cli.py train mlp --set momentum=0.8 --epochs 1 --limit 200 --seeds 2"
    assert record.dataset.sizes["train"] == 200
    assert record.seeds == [0, 1]
    assert str(idx_folder) not in Path("figures/train-mlp.json").read_text()
    resolved = config_files.load(folder / "config.toml")
    assert (resolved.momentum, resolved.limit) == (0.8, 200)
    run = from_json(Run, (folder / "run.json").read_bytes())
    assert (run.config, record.models) == (resolved, {"mlp": run.weights})


def test_mnist_needs_no_folder_no_network_and_no_warning(run_cli):
    result = run_cli("train", "linear", "--epochs", 1, "--limit", 1000, "--set", "evaluations_per_epoch=1", "-q")
    assert (result.code, result.err) == (0, "")
    headline = result.out.splitlines()[-1]
    (run_file,) = Path("runs/models").glob("*/run.json")
    correct = round(json.loads(run_file.read_text())["metrics"]["test_accuracy"] * 10_000)
    assert headline.startswith(f"test accuracy {correct / 10_000:.4f} ({correct}/10000), data mnist, seed 0, threads 2")


def test_all_compares_the_three_models_and_names_the_classes(run_cli):
    result = run_cli("train", "all", "--dataset", "digits", *FAST, "--batch-size", 50, "--seeds", 1, "--quiet")
    assert (result.code, result.err) == (0, "")
    assert [line.split()[0] for line in result.out.splitlines()[:4]] == ["model", "linear", "mlp", "convnet"]
    record = from_json(Record[dict[str, Repeats]], Path("figures/compare.json").read_bytes())
    assert list(record.result) == list(record.models) == ["linear", "mlp", "convnet"]
    assert record.dataset.class_names == list("0123456789")
    assert Path("figures/compare.png").exists()


@pytest.mark.parametrize("name", commands.command_names())
def test_each_command_has_an_example(run_cli, name):
    result = run_cli(name, "--help")
    assert f"Example: python cli.py {name}" in result.out
    assert "\\b" not in result.out


def test_print_config_prints_a_config_that_loads(run_cli, tmp_path):
    result = run_cli("train", "convnet", "--dropout", 0.5, "--print-config")
    assert result.code == 0
    (tmp_path / "printed.toml").write_text(result.out)
    again = run_cli("train", "convnet", "--config", tmp_path / "printed.toml", "--print-config")
    assert again.out == result.out
    assert config_files.load(tmp_path / "printed.toml").dropout == 0.5
    assert not Path("figures").exists()


def test_the_config_of_a_command_line_is_the_one_that_it_prints(run_cli):
    words = ["train", "all", "--epochs", "7"]
    configs = commands.config_of(words)
    assert "\n".join(map(config_files.to_toml, configs)) == run_cli(*words, "--print-config").out


@pytest.mark.parametrize("name", ["linear", "mlp", "convnet", "convnet-best"])
def test_shipped_configs_are_valid(name):
    assert config_files.load(config_files.shipped(name)).dataset == "mnist"


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["trian"], ["trian", "train"]),
        (["train", "convnt"], ["'convnt' is not one of", "did you mean 'convnet'?"]),
        (["train"], ["linear", "all"]),
        (["train", "mlp", "--learning-rate", "nan"], ["command line: learning_rate = nan"]),
        (["train", "mlp", "--epochs", "1.5"], ["epochs = 1.5", "integer"]),
        (["train", "mlp", "--dataset", "auto"], ["dataset = 'auto'", "fashion-mnist"]),
        (["train", "mlp", "--set", "epochs"], ["--set epochs: should be KEY=VALUE"]),
        (["train", "linear", "--dropout", "0.5"], ["LinearConfig has no key 'dropout'"]),
        (["train", "mlp", "--config", "absent.toml"], ["absent.toml: cannot be read"]),
        (["train", "mlp", "--config", ROOT / "configs/linear.toml"], ["its model is linear, the command's is mlp"]),
        (["train", "mlp", "--seeds", "0"], ["--seeds", "0"]),
        (["train", "mlp", "--epoch", "2"], ["--epoch"]),
        (["autoencoder", "--limit", "99"], ["limit = 99"]),
        (["autoencoder", "--samples", "0"], ["--samples"]),
        (["autoencoder", "--set", "hidden_units=[]"], ["hidden_units = []"]),
        (["sweep", "momentum"], ["'momentum' is not one of", "'lr'"]),
        (["sweep", "lr", "--values", ""], ["command line: values = []"]),
        (["sweep", "lr", "--values", "0.1,,0.2"], ["--values: learning_rate = ''"]),
        (["sweep", "lr", "--values", "0.1,0.10"], ["0.1 stands there more than once"]),
        (["sweep", "batch-size", "--values", "1.5"], ["--values: batch_size = 1.5", "integer"]),
        (["sweep", "dropout", "--model", "linear"], ["dropout"]),
        (["sweep", "lr", "--learning-rate", "0.1"], ["learning_rate is the parameter of this sweep", "--values"]),
        (["sweep", "lr", "--config", ROOT / "configs/sweep-dropout.toml"], ["its parameter is dropout"]),
        (["sweep", "lr", "--backend", "dask"], ["--backend dask needs --address"]),
    ],
)
def test_wrong_words_are_refused_with_exit_code_2(run_cli, words, fragments):
    assert_refused(run_cli(*words), 2, *fragments)


def test_bad_data_is_refused_with_exit_code_3(run_cli, idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(b"<html>")
    result = run_cli("train", "mlp", "--data-dir", idx_folder)
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
    assert "t10k-labels-idx1-ubyte: starts with" in result.err


def test_places_that_cannot_be_written_are_refused_before_training(run_cli, tmp_path):
    (tmp_path / "file").touch()
    for option in ("--out", "--runs"):
        result = run_cli("train", "mlp", "--dataset", "digits", option, tmp_path / "file")
        assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
        assert "file: not a folder" in result.err


def test_a_diverged_run_is_drawn_and_reported_with_exit_code_5(run_cli):
    result = run_cli("train", "linear", "--dataset", "digits", "--learning-rate", 1e38, "-q")
    assert result.code == 5
    assert "the loss is not finite from iteration" in result.err
    record = json.loads(Path("figures/train-linear.json").read_text())
    assert record["result"]["linear"]["runs"][0]["diverged_at"] >= 1
    assert record["result"]["linear"]["metrics"]["test_loss"]["mean"] is None
    assert not list(Path("runs").rglob("*.keras"))


def test_paths_may_hold_spaces_and_letters_of_any_alphabet(run_cli, tmp_path, idx_folder):
    folder = idx_folder.rename(tmp_path / "données d'été")
    words = ["--data-dir", folder, "--out", tmp_path / "фигуры 1", "--runs", tmp_path / "läufe"]
    result = run_cli("train", "linear", *FAST, *words)
    assert result.code == 0, result.err
    assert (tmp_path / "фигуры 1" / "train-linear.png").exists()


def test_a_hostile_environment_changes_nothing(tmp_path, run_cli):
    keras_home = tmp_path / "keras"
    keras_home.mkdir()
    (keras_home / "keras.json").write_text(
        json.dumps({"backend": "jax", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 1e-3})
    )
    words = ["train", "convnet", "--dataset", "digits", *FAST, "-q"]
    hostile = run_process(
        *words,
        MPLBACKEND="bogus",
        KERAS_BACKEND="jax",
        KERAS_HOME=str(keras_home),
        HOME="/proc/nowhere",
        MPLCONFIGDIR="/proc/nowhere",
    )
    assert (hostile.returncode, hostile.stderr) == (0, "")
    plain = run_cli(*words)
    assert plain.out.splitlines()[-1].split("threads")[0] == hostile.stdout.splitlines()[-1].split("threads")[0]


@pytest.mark.parametrize(
    "words", ["toy --model linear --target y1 --iterations 2 --seeds 1", "train convnet --print-config"]
)
def test_a_reader_that_leaves_early_is_no_error(words):
    line = shlex.join([sys.executable, str(ROOT / "cli.py"), *words.split()])
    script = f"{{ {line}; echo code $? >&2; }} | head -0"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert result.stderr == "code 0\n"


def test_a_kill_leaves_what_was_finished_and_ctrl_c_ends_in_one_line(tmp_path):
    """Two processes at a time, one folder each."""
    killed = start_process("train", "linear", "--dataset", "digits", "--seeds", 1000, "--epochs", 1)
    words = ["--out", tmp_path / "f", "--runs", tmp_path / "r"]
    interrupted = start_process("train", "mlp", "--dataset", "digits", "--epochs", 100_000, *words)
    try:
        while "seed 2," not in killed.stderr.readline():
            assert killed.poll() is None
        killed.kill()
        assert "epoch 1/" in interrupted.stderr.readline()
        os.kill(interrupted.pid, signal.SIGINT)
        watchdog = threading.Timer(30, interrupted.kill)
        watchdog.start()
        # not communicate(): it reads past what readline() has buffered, and begins in the middle of a line
        err, out = interrupted.stderr.read(), interrupted.stdout.read()
        watchdog.cancel()
        interrupted.wait(timeout=30)
    finally:
        for process in (killed, interrupted):
            process.kill()
            process.wait()
    record = from_json(Record[dict[str, Repeats]], Path("figures/train-linear.json").read_bytes())
    assert record.seeds[:2] == [0, 1]
    assert len(record.result["linear"].runs) == len(record.seeds)
    assert Path("figures/train-linear.png").exists()
    assert list(Path("runs/models").glob("linear-seed0-*/model.keras"))

    assert (interrupted.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "ex3: error: interrupted; what was finished is saved"
    assert all("epoch" in line for line in err.splitlines()[:-1] if line)  # click adds an empty line after ^C
    assert [path for folder in ("f", "r") for path in (tmp_path / folder).rglob("*") if path.is_file()] == []
