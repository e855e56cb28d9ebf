"""``evaluate`` end to end: models by name and by file, answers from files, figures, twins, and what is refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from small_pictures import COLOURS, write_folder

from ex3 import config_files, data
from ex3.experiments import trained
from ex3.measures.confidence import Confidence
from ex3.measures.scores import Scores
from ex3.plots import evaluate as plots
from ex3.results import Record, from_json, to_json

NAMES = list(COLOURS)
TINY = """
model = "convnet"
filters = [4]
kernel_sizes = [3]
hidden_units = [8]
epochs = 4
batch_size = 16
optimizer = "adam"
learning_rate = 0.01
momentum = 0.9
"""
KINDS = {"confusion": Scores, "confidence": Confidence}
DRAW = {"confusion": plots.confusion, "confidence": plots.confidence}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Make a small data set, and let the convnet be a tiny one."""
    (tmp_path / "convnet.toml").write_text(TINY)
    for module in (config_files, trained):
        monkeypatch.setattr(module, "shipped", lambda name: tmp_path / f"{name}.toml")
    return write_folder(tmp_path / "vehicles", train=16, test=10)


@pytest.fixture
def evaluate(run_cli):
    """Return a function that evaluates on the small data set, quietly."""
    return lambda *words: run_cli("evaluate", "-q", "--dataset", "vehicles", *words)


def train(run_cli, *words: object) -> Path:
    """Train the tiny convnet, and return its file."""
    before = set(Path("runs").glob("models/*/model.keras"))
    assert run_cli("train", "convnet", "--dataset", "vehicles", "-q", *words).code == 0
    (file,) = set(Path("runs").glob("models/*/model.keras")) - before
    return file


def read(part: str) -> Record[Any]:
    file = Path("figures", f"evaluate-{part}.json")
    assert file.with_suffix(".png").stat().st_size < 300_000
    return from_json(Record[KINDS[part]], file.read_bytes())


def assert_refused(result, code: int, message: str) -> None:
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_model_is_trained_where_there_is_none_then_found_and_judged(evaluate):
    first, second = evaluate("convnet"), evaluate("convnet")
    assert (first.code, second.code) == (0, 0), first.err
    assert [result.out.count("model.keras") for result in (first, second)] == [1, 0]
    assert [line.split()[:2] for line in second.out.splitlines()[:4]] == [
        ["class", "images"], *([name, "10"] for name in NAMES),
    ]  # fmt: skip
    confusion, confidence = read("confusion"), read("confidence")
    accuracy = confusion.result.accuracy.value
    headline = second.out.splitlines()[-1]
    assert f"test accuracy {accuracy:.4f}, balanced accuracy {accuracy:.4f}, expected calibration error 0." in headline
    assert "model convnet, data vehicles, seed 0, threads 2" in headline
    assert accuracy == np.trace(confusion.result.confusion) / 30 > 0.5
    assert sum(one.images for one in confidence.result.calibration.bins) == 30
    assert list(confusion.models) == ["convnet"]
    assert confusion.config["model"] == "convnet"
    for part, draw in DRAW.items():  # the twin alone draws the figure again
        record = read(part)
        assert to_json(record) == Path("figures", f"evaluate-{part}.json").read_text()
        figure = draw(record.result, record.config["model"], record.dataset)
        assert figure.get_suptitle().startswith("The convnet ")
        assert figure.get_figwidth() == 9


def test_a_model_with_other_settings_is_judged_by_its_file_on_the_images_it_knows(evaluate, run_cli):
    file = train(run_cli, "--epochs", 1)
    before = set(Path("runs", "models").iterdir())
    result = evaluate(file)
    assert (result.code, result.err) == (0, "")
    assert set(Path("runs", "models").iterdir()) == before
    name = f"{file.parent.name}/model.keras"
    assert f"model {name}, data vehicles" in result.out
    assert list(read("confusion").models) == [name]
    assert_refused(evaluate(file, "--size", 14), 3, f"{file}: trained on images of shape (12, 12, 3) in 3 classes; ")
    assert_refused(evaluate(file, "--classes", "car,cat"), 3, "are of shape (12, 12, 3) in 2 classes")
    assert_refused(
        evaluate(file, "--classes", "cat,car,truck"), 3, "trained with car as class 0, which is cat in vehicles"
    )
    write_folder(Path("others"), train=8, test=4)
    result = run_cli("evaluate", file, "--dataset", "others", "-q")
    assert result.code == 0
    assert result.err == f"ex3: WARNING: {file}: trained on other images (vehicles) than it is judged on\n"


def test_a_model_that_may_have_seen_the_test_images_is_refused(evaluate, run_cli):
    write_folder(Path("one-level"), train=20, test=0)
    file = train(run_cli, "--dataset", "one-level", "--seed", 1)
    result = evaluate(file, "--dataset", "one-level")
    assert_refused(result, 3, f"{file}: trained with other test images of one-level; give --seed 1")
    assert evaluate(file, "--dataset", "one-level", "--seed", 1).code == 0
    assert evaluate(train(run_cli, "--seed", 1)).code == 0  # the seed does not choose these


@pytest.mark.parametrize("name", ["answers.npy", "answers.csv"])
def test_one_answer_for_everything_is_said_in_words(evaluate, name):
    np.save("answers.npy", np.zeros(30, int))
    Path("answers.csv").write_text("label\n" + "car\n" * 30)
    result = evaluate("--predictions", name)
    assert (result.code, result.err) == (0, "")
    assert "no calibration: only the answered labels are known, not their probabilities\n" in result.out
    assert "WARN  the model answers car for all 30 test images\n" in result.out
    finding = "answers car for all 30 test images, test accuracy 0.3333, balanced accuracy 0.3333"
    assert result.out.splitlines()[-1].startswith(f"{finding}, model {name}, data vehicles, seed 0, ")
    assert result.out.splitlines()[2].split()[-4:] == ["-", "-", "0.0000", "-"]  # no precision; no interval of F1
    record = read("confusion")
    assert record.result.confusion == [[10, 0, 0]] * 3
    assert (record.config["predictions"], record.models) == (name, {})
    title = plots.confusion(record.result, name, record.dataset).get_suptitle()
    assert title == f"{name} answers car for all 30 test images; 33.3 % of the answers are right"


def test_probabilities_of_another_framework_are_judged(evaluate):
    y = data.load_dataset("vehicles").test.y
    np.save("answers.npy", 0.8 * np.eye(3)[np.where(y == 2, 0, y)] + 0.2 / 3)
    result = evaluate("--predictions", "answers.npy", "--out", "figures")
    assert "WARN  the model never answers truck\n" in result.out
    assert "expected calibration error: 0.2000 in 15 bins of equal width; mean confidence 0.8667\n" in result.out
    assert read("confidence").result.mistakes.total == 10
    assert read("confusion").command == "python cli.py evaluate --predictions answers.npy --dataset vehicles"


def test_answers_are_for_the_classes_that_are_kept(evaluate):
    y = data.load_dataset("vehicles", classes=["truck", "car"]).test.y
    np.save("answers.npy", y)
    result = evaluate("--predictions", "answers.npy", "--classes", "truck,car")
    assert "test accuracy 1.0000" in result.out
    assert [row.name for row in read("confusion").result.classes] == ["truck", "car"]
    assert_refused(
        evaluate("--predictions", "answers.npy"), 3, "answers.npy: has 20 rows; there should be one for each"
    )


def test_answers_from_a_file_need_no_tensorflow():
    np.save("answers.npy", np.zeros(30, int))
    program = """
import sys
from ex3 import commands
assert commands.main(["evaluate", "--dataset", "vehicles", "--predictions", "answers.npy"]) == 0
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    environment = {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", program]
    result = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "give either a MODEL or --predictions FILE"),
        (["convnet", "--predictions", "answers.npy"], 2, "give either a MODEL or --predictions FILE"),
        (["lenet"], 3, "lenet: no such file"),
        (["--predictions", "none.csv"], 3, "none.csv: no such file"),
        (["--predictions", "answers.csv"], 3, "answers.csv, line 1: the sum is 0.9; allowed are probabilities"),
        (["convnet", "--seed", "-1"], 2, "command line: seed = -1: "),
        (["convnet", "--classes", "car,dog"], 2, "'dog' is no class of vehicles"),
        (["convnet", "--size", "2"], 2, "leave nothing of a 2 x 2 image"),
    ],
)
def test_what_cannot_be_judged_is_refused(evaluate, words, code, message):
    Path("answers.csv").write_text("0.5,0.2,0.2\n" * 30)
    assert_refused(evaluate(*words), code, message)
    assert not Path("runs", "models").exists()
