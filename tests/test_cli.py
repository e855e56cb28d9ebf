"""The command line end to end: what it writes and says, and how it refuses what is wrong."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, run_process, start_process

import cli
from ex3 import config_files
from ex3.results import Record, Run, from_json

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


def test_train_writes_figure_twin_and_run(run_cli, idx_folder):
    result = run_cli("train", "mlp", *FAST, "--data-dir", idx_folder, "--seeds", 2, "--set", "momentum=0.8")
    assert result.code == 0, result.err
    table, headline = result.out.splitlines()[:2], result.out.splitlines()[-1]
    assert table[0].split("  ")[0] == "model"
    assert table[1].startswith("mlp")
    assert headline.startswith("test accuracy 0.")
    assert "±" in headline
    assert "data mnist, seeds 0 to 1, threads 2" in headline
    assert "mlp, seed 1, epoch 1/1" in result.err
    written = {"figures/train-mlp.png", "figures/train-mlp.json"}
    written |= {f"runs/train-mlp/{name}" for name in ("model.keras", "config.toml", "run.json")}
    assert {str(path) for path in Path().rglob("*mlp*/*") if path.is_file()} | {
        str(path) for path in Path("figures").iterdir()
    } == written
    assert all(f"wrote {path}" in result.out for path in written)
    record = from_json(Record, Path("figures/train-mlp.json").read_bytes())
    assert record.command == "python cli.py train mlp --set momentum=0.8 --epochs 1 --limit 200 --seeds 2"
    assert record.dataset.sizes["train"] == 200
    assert record.seeds == [0, 1]
    assert str(idx_folder) not in Path("figures/train-mlp.json").read_text()
    resolved = config_files.load("runs/train-mlp/config.toml")
    assert (resolved.momentum, resolved.limit) == (0.8, 200)
    assert from_json(Run, Path("runs/train-mlp/run.json").read_bytes()).config["seed"] == 0


def test_the_headline_of_one_seed_can_be_parsed_and_digits_cannot_pass_for_mnist(run_cli):
    result = run_cli("train", "linear", "--epochs", 1)
    headline = result.out.splitlines()[-1]
    metrics = json.loads(Path("runs/train-linear/run.json").read_text())["metrics"]
    correct = round(metrics["test_accuracy"] * 360)
    assert headline.startswith(f"test accuracy {correct / 360:.4f} ({correct}/360), data digits, seed 0, threads 2, ")
    assert "WARNING: NOT MNIST" in result.err


def test_all_compares_the_three_models(run_cli):
    result = run_cli("train", "all", "--dataset", "digits", *FAST, "--batch-size", 50, "--seeds", 1, "--quiet")
    assert result.code == 0, result.err
    assert result.err == ""
    assert [line.split()[0] for line in result.out.splitlines()[:4]] == ["model", "linear", "mlp", "convnet"]
    record = from_json(Record, Path("figures/compare.json").read_bytes())
    assert list(record.result) == ["linear", "mlp", "convnet"]
    assert Path("figures/compare.png").exists()


@pytest.mark.parametrize("command", cli.cli.commands)
def test_each_command_has_an_example(run_cli, command):
    result = run_cli(command, "--help")
    assert f"Example: python cli.py {command}" in result.out
    assert "\\b" not in result.out


def test_print_config_prints_a_config_that_loads(run_cli, tmp_path):
    result = run_cli("train", "convnet", "--dropout", 0.5, "--print-config")
    assert result.code == 0
    (tmp_path / "printed.toml").write_text(result.out)
    again = run_cli("train", "convnet", "--config", tmp_path / "printed.toml", "--print-config")
    assert again.out == result.out
    assert config_files.load(tmp_path / "printed.toml").dropout == 0.5
    assert not Path("figures").exists()


@pytest.mark.parametrize("name", ["linear", "mlp", "convnet", "convnet-best"])
def test_shipped_configs_are_valid(name):
    assert config_files.load(ROOT / "configs" / f"{name}.toml").dataset == "auto"


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["trian"], ["trian", "train"]),
        (["train", "convnt"], ["'convnt' is not one of", "did you mean 'convnet'?"]),
        (["train"], ["linear", "all"]),
        (["train", "mlp", "--learning-rate", "nan"], ["command line: learning_rate = nan"]),
        (["train", "mlp", "--learning-rate", "inf"], ["command line: learning_rate = inf"]),
        (["train", "mlp", "--learning-rate", "0"], ["learning_rate = 0"]),
        (["train", "mlp", "--learning-rate", "-1"], ["learning_rate = -1"]),
        (["train", "mlp", "--epochs", "0"], ["epochs = 0"]),
        (["train", "mlp", "--epochs", "1.5"], ["epochs = 1.5", "integer"]),
        (["train", "mlp", "--epochs", "many"], ["epochs = 'many'"]),
        (["train", "mlp", "--dataset", "cifar"], ["dataset = 'cifar'", "fashion-mnist"]),
        (["train", "mlp", "--set", "epochs"], ["--set epochs: should be KEY=VALUE"]),
        (["train", "mlp", "--set", "epoch=3"], ["no key 'epoch'; did you mean 'epochs'?"]),
        (["train", "linear", "--dropout", "0.5"], ["LinearConfig has no key 'dropout'"]),
        (["train", "mlp", "--config", "absent.toml"], ["absent.toml: cannot be read"]),
        (["train", "mlp", "--config", ROOT / "configs/linear.toml"], ["its model is linear, the command's is mlp"]),
        (["train", "mlp", "--seeds", "0"], ["--seeds", "0"]),
        (["train", "mlp", "--epoch", "2"], ["--epoch"]),
        (["autoencoder", "--fresh"], ["--fresh belongs to --bottlenecks"]),
        (["sweep", "momentum"], ["'momentum' is not one of", "'lr'"]),
        (["sweep", "lr", "--values", ""], ["command line: values = []"]),
        (["sweep", "lr", "--values", "a,b"], ["--values: learning_rate = 'a'"]),
        (["sweep", "lr", "--values", "0.1,,0.2"], ["--values: learning_rate = ''"]),
        (["sweep", "lr", "--values", "0.1,nan"], ["--values: learning_rate = nan"]),
        (["sweep", "lr", "--values", "0.1,0.10"], ["0.1 stands there more than once"]),
        (["sweep", "dropout", "--values", "0.5,1"], ["--values: dropout = 1", "less than 1"]),
        (["sweep", "batch-size", "--values", "0"], ["--values: batch_size = 0"]),
        (["sweep", "batch-size", "--values", "1.5"], ["--values: batch_size = 1.5", "integer"]),
        (["sweep", "dropout", "--model", "linear"], ["LinearConfig has no key 'dropout'"]),
        (["sweep", "lr", "--model", "lenet"], ["command line: model = 'lenet'"]),
        (["sweep", "lr", "--seeds", "0"], ["command line: seeds = 0"]),
        (["sweep", "lr", "--jobs", "0"], ["--jobs", "0"]),
        (["sweep", "lr", "--learning-rate", "0.1"], ["learning_rate is what varies", "--values"]),
        (["sweep", "lr", "--config", ROOT / "configs/sweep-dropout.toml"], ["its parameter is dropout"]),
        (["sweep", "lr", "--backend", "dask"], ["--backend dask needs --address"]),
        (["sweep", "lr", "--address", "tcp://127.0.0.1:1"], ["--backend dask needs --address"]),
    ],
)
def test_wrong_words_are_refused_with_exit_code_2(run_cli, words, fragments):
    assert_refused(run_cli(*words), 2, *fragments)


def test_bad_data_is_refused_with_exit_code_3(run_cli, idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(b"<html>")
    result = run_cli("train", "mlp", "--data-dir", idx_folder)
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
    assert "t10k-labels-idx1-ubyte: starts with" in result.err
    result = run_cli("train", "mlp", "--dataset", "mnist")
    assert result.code == 3
    assert "--data-dir or EX3_DATA_DIR" in result.err.splitlines()[-1]


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
    assert not Path("runs/train-linear").exists()


def test_paths_may_hold_spaces_and_letters_of_any_alphabet(run_cli, tmp_path, idx_folder):
    folder = idx_folder.rename(tmp_path / "données d'été")
    words = ["--data-dir", folder, "--out", tmp_path / "фигуры 1", "--runs", tmp_path / "läufe"]
    result = run_cli("train", "linear", *FAST, *words)
    assert result.code == 0, result.err
    assert (tmp_path / "фигуры 1" / "train-linear.png").exists()


def test_a_hostile_environment_changes_nothing(tmp_path):
    keras_home = tmp_path / "keras"
    keras_home.mkdir()
    (keras_home / "keras.json").write_text(
        json.dumps({"backend": "jax", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 1e-3})
    )
    words = ["train", "convnet", "--dataset", "digits", *FAST, "-q"]
    plain = run_process(*words)
    hostile = run_process(
        *words,
        MPLBACKEND="bogus",
        KERAS_BACKEND="jax",
        KERAS_HOME=str(keras_home),
        HOME="/proc/nowhere",
        MPLCONFIGDIR="/proc/nowhere",
    )
    assert (plain.returncode, plain.stderr) == (0, "")
    assert (hostile.returncode, hostile.stderr) == (0, "")
    assert plain.stdout.split("threads")[0].splitlines()[-1] == hostile.stdout.split("threads")[0].splitlines()[-1]


def test_fashion_mnist_is_taken_from_keras_own_cache(tmp_path, idx_folder):
    cache = tmp_path / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    for file in idx_folder.iterdir():
        (cache / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    words = ["train", "linear", "--dataset", "fashion-mnist", "--epochs", 1, "-q"]
    result = run_process(*words, KERAS_HOME=str(tmp_path / "keras"))
    assert result.returncode == 0, result.stderr
    assert "data fashion-mnist, seed 0" in result.stdout
    label_file = cache / "train-labels-idx1-ubyte.gz"
    label_file.write_bytes(gzip.compress(gzip.decompress(label_file.read_bytes())[:-1] + b"\x11"))
    result = run_process(*words, KERAS_HOME=str(tmp_path / "keras"))
    assert result.returncode == 3
    assert "y_train holds the label 17" in result.stderr


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} {ROOT / 'cli.py'} train linear --dataset digits --epochs 1 -q; echo code $? >&2"
    result = subprocess.run(["bash", "-c", f"{{ {command}; }} | head -0"], capture_output=True, text=True, check=False)
    assert result.stderr == "code 0\n"


def test_what_was_finished_before_a_kill_is_still_there():
    words = ["train", "linear", "--dataset", "digits", "--seeds", "1000", "--epochs", "1"]
    process = subprocess.Popen([sys.executable, ROOT / "cli.py", *words], stderr=subprocess.PIPE, text=True)
    try:
        while "seed 2," not in process.stderr.readline():
            pass
    finally:
        process.kill()
        process.wait()
    record = from_json(Record, Path("figures/train-linear.json").read_bytes())
    assert record.seeds[:2] == [0, 1]
    assert len(record.result["linear"]["runs"]) == len(record.seeds)
    assert Path("figures/train-linear.png").exists()
    assert Path("runs/train-linear/model.keras").exists()


def test_ctrl_c_ends_training_in_one_line_with_exit_code_130(tmp_path):
    words = ["train", "mlp", "--dataset", "digits", "--epochs", "100000"]
    process = start_process(*words)
    try:
        assert "epoch 1/" in process.stderr.readline()
        start = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - start < 5
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "ex3: error: interrupted; what was finished is saved"
    assert all("epoch" in line for line in err.splitlines()[:-1] if line)  # click adds an empty line after ^C
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
