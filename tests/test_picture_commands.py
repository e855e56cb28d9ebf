"""Commands on a folder of colour pictures, and on some classes of the digits: figures and twins name the classes."""

from pathlib import Path
from typing import Any

import pytest
from small_pictures import COLOURS, write_folder

from ex3 import config_files
from ex3.adversarial.summaries import AttackExamples
from ex3.config import ClassifierConfig
from ex3.experiments import trained
from ex3.plots import attack as plots
from ex3.results import Record, from_json

TINY = """
model = "{0}"
epochs = 4
batch_size = 16
optimizer = "adam"
learning_rate = 0.01
momentum = 0.9
"""
PARTS = {
    "linear": "",
    "mlp": "hidden_units = [8]\n",
    "convnet": "filters = [4]\nkernel_sizes = [3]\nhidden_units = [8]\n",
}
ATTACK = ["--samples", 20, "--epsilon", "0.05,0.3", "--steps", 3, "--restarts", 1, "--norm", "linf"]
ATTACK += ["--set", "curve=[0.3]", "--set", "l1_steps=5", "-q"]


@pytest.fixture(autouse=True)
def configs(tmp_path, monkeypatch) -> Path:
    """Let the shipped configs of the classifiers be tiny ones."""
    folder, shipped = tmp_path / "configs", config_files.shipped
    folder.mkdir()
    for model, part in PARTS.items():
        (folder / f"{model}.toml").write_text(TINY.format(model) + part)

    def find(name: str) -> Path:
        return folder / f"{name}.toml" if name in PARTS else shipped(name)

    monkeypatch.setattr(config_files, "shipped", find)
    monkeypatch.setattr(trained, "shipped", find)
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "vehicles", train=16, test=10)


def read(name: str, kind: Any = Any) -> Record:
    assert Path("figures", f"{name}.png").stat().st_size > 10_000
    return from_json(Record[kind], Path("figures", f"{name}.json").read_bytes())


def test_a_convnet_is_trained_on_a_folder_of_colour_pictures(run_cli, folder):
    result = run_cli("train", "convnet", "--dataset", "vehicles", "-q")
    assert result.code == 0, result.err
    assert "data vehicles, seed 0" in result.out
    record = read("train-convnet")
    assert (record.dataset.class_names, record.dataset.shape) == (list(COLOURS), (12, 12, 3))
    assert record.config["convnet"]["dataset"] == str(folder)
    (run,) = record.result["convnet"]["runs"]
    assert len(run["confusion"]) == 3
    assert run["metrics"]["test_accuracy"] > 0.5
    assert len(list(Path("runs", "images").iterdir())) == 1


def test_models_on_other_classes_or_sizes_are_others(run_cli, folder):
    for words in (["--classes", "car,truck"], ["--size", 8]):
        assert run_cli("train", "linear", "--dataset", folder, "-q", "--epochs", 1, *words).code == 0
    assert len(list(Path("runs", "models").iterdir())) == 2
    assert read("train-linear").dataset.shape == (8, 8, 3)


def test_a_sweep_runs_on_a_folder_in_its_workers(run_cli, folder):
    words = ["--model", "linear", "--values", "0.01,0.1", "--seeds", 1, "--epochs", 1, "--jobs", 1, "-q"]
    result = run_cli("sweep", "lr", "--dataset", "vehicles", "--classes", "car,truck", *words)
    assert result.code == 0, result.err
    record = read("sweep-lr")
    assert record.dataset.class_names == ["car", "truck"]
    assert record.config["base"]["classes"] == ["car", "truck"]
    assert read("sweep-lr-summary").dataset.shape == (12, 12, 3)


def test_an_attack_on_a_folder_shows_colour_and_names(run_cli, folder):
    result = run_cli("attack", "--dataset", folder, "--target", "truck", *ATTACK)
    assert result.code == 0, result.err
    record = read("attack-examples", AttackExamples)
    assert record.dataset.class_names == list(COLOURS)
    axes = plots.draw_examples(record).axes
    columns = len(record.result.rows) + 1
    original, adversarial, noise = axes[0], axes[1], axes[columns + 1]
    assert original.get_xlabel().split(" ")[0] in COLOURS
    assert original.images[0].get_array().shape == adversarial.images[0].get_array().shape == (12, 12, 3)
    assert noise.images[0].get_array().shape == (12, 12)
    assert set(map(tuple, read("attack-targets").result["count"])) >= {(0, 0, 0)}  # trucks become nothing else


def test_an_unknown_target_is_refused_before_anything_is_trained(run_cli, folder):
    result = run_cli("attack", "--dataset", folder, "--target", "dog", *ATTACK)
    assert (result.code, result.err) == (2, "ex3: error: target = dog: no class; there are car, cat, truck\n")
    assert not Path("runs", "models").exists()


def test_some_classes_of_the_digits_are_attacked(run_cli):
    result = run_cli("attack", "--dataset", "digits", "--classes", "4,7,9", "--limit", 200, "--target", 7, *ATTACK)
    assert result.code == 0, result.err
    assert read("attack-targets").dataset.class_names == ["4", "7", "9"]
    assert "data digits (4 7 9), seed 0" in result.out
    (model,) = Path("runs", "models").glob("linear-*/model.keras")
    refused = run_cli("attack", "--dataset", "digits", "--model", model, *ATTACK)
    assert (refused.code, refused.err.count("\n")) == (3, 1)
    assert "of shape (28, 28, 1) in 3 classes; those of digits are of shape (28, 28, 1) in 10 classes" in refused.err


def test_the_autoencoder_s_figures_are_in_colour_too(run_cli, folder, quick_scores, tmp_path):
    write_folder(tmp_path / "more", train=24, test=40)
    words = ["--epochs", 1, "--seeds", 1, "--set", "hidden_units=[16]", "--samples", 120, "-q"]
    result = run_cli("autoencoder", "--dataset", "more", *words)
    assert result.code == 0, result.err
    pictures = read("autoencoder-reconstructions").result["pictures"]
    assert pictures["pca"]["shape"] == [3, 12, 12, 3]
    assert read("autoencoder-manifold").result["pictures"]["shape"] == [14, 14, 12, 12, 3]


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--dataset", "vehicles", "--set", "kernel_sizes=[13]"], "leave nothing of a 12 x 12 image", 2),
        (["--dataset", "vehicle"], "command line: dataset = 'vehicle': neither a folder nor one of mnist, fash", 2),
        (["--dataset", "digits", "--classes", "4,x"], "classes: 'x' is no class of digits", 2),
        (["--dataset", "digits", "--labels", "none.csv"], "none.csv: cannot be read", 3),
        (["--dataset", "vehicles", "--size", "0"], "size = 0: ", 2),
        (["--dataset", "2024"], "dataset = '2024': neither a folder", 2),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(run_cli, folder, words, message, code):
    result = run_cli("train", "convnet", "-q", *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_sweep_of_convolutions_that_do_not_fit_starts_no_worker(run_cli, folder):
    result = run_cli("sweep", "lr", "--dataset", folder, "--set", "kernel_sizes=[13]", "--values", "0.1", "-q")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "leave nothing of a 12 x 12 image" in result.err


def test_configs_with_other_images_survive_toml(configs, folder, tmp_path):
    loaded = config_files.load(configs / "linear.toml", {"dataset": str(folder), "classes": "cat,car", "size": 9})
    (tmp_path / "again.toml").write_text(config_files.to_toml(loaded))
    again = config_files.load(tmp_path / "again.toml")
    assert isinstance(again, ClassifierConfig)
    assert again == loaded


def test_no_network_is_trained_in_vain_where_another_one_does_not_fit(run_cli, folder, configs):
    (configs / "convnet.toml").write_text(TINY.format("convnet") + PARTS["convnet"].replace("[3]", "[13]"))
    for words in (["train", "all"], ["attack", *ATTACK]):
        result = run_cli(*words, "--dataset", folder, "-q")
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "leave nothing of a 12 x 12 image" in result.err
    assert not Path("runs", "models").exists()
