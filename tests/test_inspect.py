"""``inspect`` on small folders in which every fault is planted, and what it refuses."""

import csv
import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from small_pictures import COLOURS, save, write_folder

from ex3 import commands
from ex3.data import load_dataset, sources
from ex3.data_care.inspection import ClassesResult, DuplicatesResult, SuspectsResult
from ex3.data_care.suspects import find_suspects
from ex3.errors import DataError
from ex3.experiments import Paths, figure_prefix, inspect, require_at_hand
from ex3.plots import inspect as plots
from ex3.results import Record, from_json
from ex3.settings import ImagesConfig

TINY = """
model = "convnet"
filters = [8]
kernel_sizes = [3]
hidden_units = []
global_pooling = "average"
epochs = 20
batch_size = 8
optimizer = "adam"
learning_rate = 0.02
momentum = 0.9
"""
TRAINING = [
    "--jobs",
    1,
    "-q",
    "--set",
    'network={threads=2, class_balance="sampling"}',
    "--set",
    "steps=80",
]  # as all tests in a process
SWAPPED = [f"train/car/cat{number}.png" for number in range(3)]


class Inspected(NamedTuple):
    """A finished command: where it ran, and what it printed."""

    root: Path
    out: str

    def read(self, name: str, kind: type) -> Any:
        """Return the result of a figure's twin."""
        file = self.root / "figures" / f"inspect-vehicles-{name}.json"
        return from_json(Record[kind], file.read_bytes()).result

    def read_csv(self, name: str) -> list[list[str]]:
        """Return the lines of a file of the command's."""
        return read_csv(self.root / "runs" / "inspect" / name)


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write_faults(folder: Path) -> Path:
    """Write few trucks, an image that is in both parts, a near duplicate, a black one, and cats called cars."""
    write_folder(folder, train=20, test=10)
    for number in range(10, 20):
        (folder / "train" / "truck" / f"{number}.png").unlink()
    for number, name in enumerate(SWAPPED):
        save(folder / name, 500 + number, COLOURS["cat"])
    pixels = np.asarray(Image.open(folder / "train" / "cat" / "4.png"))
    Image.fromarray(pixels).save(folder / "test" / "cat" / "again.bmp")
    Image.fromarray((0.8 * pixels + 30).astype(np.uint8)).save(folder / "train" / "car" / "brighter.png")
    Image.new("RGB", (12, 12)).save(folder / "train" / "truck" / "black.png")
    save(folder / "test" / "truck" / "large.png", 9, COLOURS["truck"], width=24)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _configs(tmp_path_factory) -> Iterator[None]:
    """Let the shipped configs of the networks be a tiny one."""
    tiny, shipped = tmp_path_factory.mktemp("configs") / "tiny.toml", inspect.shipped
    tiny.write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspect, "shipped", lambda name: tiny if name in ("photographs", "convnet") else shipped(name))
        yield


@pytest.fixture(scope="module")
def inspected(tmp_path_factory, _configs) -> Inspected:
    """Inspect a folder with every fault."""
    root, out, err = tmp_path_factory.mktemp("inspect"), io.StringIO(), io.StringIO()
    line = ["inspect", "--dataset", write_faults(root / "vehicles"), "--folds", 3, *TRAINING]
    line += ["--out", root / "figures", "--runs", root / "runs"]
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.delenv("EX3_DATA_DIR", raising=False)
        assert commands.main([str(word) for word in line]) == 0, err.getvalue()
    return Inspected(root, out.getvalue())


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_faults(tmp_path / "vehicles")


def test_every_planted_fault_is_found(inspected):
    classes = inspected.read("classes", ClassesResult)
    assert classes.counts == {"training": [24, 20, 11], "test": [10, 11, 11]}
    assert classes.imbalance["training"] == pytest.approx(24 / 11)
    assert classes.constant == {"training": 1, "test": 0}
    assert classes.kinds == {"12 x 12, colour": 86, "24 x 12, colour": 1}
    duplicates = inspected.read("duplicates", DuplicatesResult)
    assert (duplicates.equal.across, duplicates.equal.all, duplicates.equal.other_label) == (1, 1, 0)
    assert (duplicates.near.training, duplicates.near.all, duplicates.near.other_label) == (1, 1, 1)
    _, equal, near = inspected.read_csv("duplicates.csv")
    assert equal == ["training", "train/cat/4.png", "cat", "test", "test/cat/again.bmp", "cat", "1.000"]
    assert near[:6] == ["training", "train/car/brighter.png", "car", "training", "train/cat/4.png", "cat"]
    header, *suspects = inspected.read_csv("suspects.csv")
    assert header == ["file", "label"]
    assert sum([name, "cat"] in suspects for name in SWAPPED) >= 2
    assert inspected.read_csv("suspects-test.csv")[0] == ["file", "label"]
    assert "largest / smallest class 2.18, 1 equal and 1 nearly equal pairs, suspected wrong" in inspected.out


def test_the_suspects_are_labels_that_train_reads(inspected, run_cli):
    folder, labels = inspected.root / "vehicles", inspected.root / "runs" / "inspect" / "suspects.csv"
    assert run_cli("train", "linear", "--dataset", folder, "--labels", labels, "--epochs", 1, "-q").code == 0
    mended = load_dataset(str(folder), labels=labels)
    given = {
        mended.files[place]: mended.class_names[mended.train.y[row]] for row, place in enumerate(mended.train.places)
    }
    _, *suspects = read_csv(labels)
    assert sum(given.get(name) == label for name, label in suspects) >= 1
    assert all(given.get(name, label) == label for name, label in suspects)


def test_suspects_of_arrays_are_named_by_their_place_before_classes_are_chosen(run_cli):
    words = ["--dataset", "digits", "--classes", "4,7,9"]
    training = [*TRAINING, "--set", "network={threads=2}", "--set", "steps=8", "--limit", 120]
    done = run_cli("inspect", *words, "--folds", 2, *training)
    assert done.code == 0, done.err
    header, *rows = read_csv(Path("runs", "inspect", "suspects.csv"))
    assert header == ["index", "label"]
    y = sources.load_raw("digits").arrays["y_train"]
    assert rows
    assert all(str(y[int(index)]) in {"4", "7", "9"} - {label} for index, label in rows)
    assert run_cli("train", "linear", *words, "--labels", "runs/inspect/suspects.csv", "--epochs", 1, "-q").code == 0


def test_the_figures_show_names_and_suggestions(inspected):
    drawn = plots.draw_suspects(inspected.read("suspects", SuspectsResult))
    titles = [axes.get_title() for part in drawn.subfigs for axes in part.axes if axes.get_visible()]
    assert titles.count("car\n\u2192 cat") >= 2
    titles = [axes.get_title() for axes in plots.draw_duplicates(inspected.read("duplicates", DuplicatesResult)).axes]
    assert titles[:4] == ["training\ncat", "test\ncat", "training\ncar", "training\ncat"]
    drawn = plots.draw_classes(inspected.read("classes", ClassesResult))
    texts = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert texts == [" 24 training", " 10 test", " 20", " 11", " 11", " 11"]


def test_a_kind_of_error_that_is_common_makes_a_label_more_suspicious():
    labels = np.repeat([0, 1, 2, 0, 2], [100, 100, 100, 30, 10])
    probabilities = np.full((300, 3), 0.2)
    probabilities[np.arange(300), labels[:300]] = 0.6
    cats_called_cars, cars_for_once = np.tile([0.35, 0.6, 0.05], (30, 1)), np.tile([0.7, 0.0, 0.3], (10, 1))
    suspects = find_suspects(labels, np.concatenate([probabilities, cats_called_cars, cars_for_once]))
    assert suspects.count == 40
    assert sorted(suspects.order[:30].tolist()) == list(range(300, 330))
    assert set(suspects.suggested[suspects.order[:30]]) == {1}


def test_nothing_is_trained_without_suspects(run_cli, folder):
    done = run_cli("inspect", "--dataset", folder, "--no-suspects", "-q")
    assert done.code == 0, done.err
    assert "suspect" not in done.out.replace("--no-suspects", "")
    assert not list(Path("runs", "cells").iterdir())
    assert not Path("figures", "inspect-vehicles-suspects.png").exists()


def test_the_usual_data_set_is_never_downloaded_unasked(run_cli, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    refused = run_cli("inspect", "-q")
    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert "python cli.py inspect --dataset mnist --classes 4,7,9" in refused.err


def test_what_is_at_hand_is_told_without_reading_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert sources.is_at_hand("mnist")
    assert not any(map(sources.is_at_hand, ("cars-cats-trucks", "fashion-mnist")))
    cache = tmp_path / "keras" / "datasets"
    cache.mkdir(parents=True)
    (cache / sources.KERAS_FILES["cars-cats-trucks"]).touch()
    assert sources.is_at_hand("cars-cats-trucks")
    assert not sources.is_at_hand("cars-cats-trucks", tmp_path)
    assert sources.is_at_hand("cars-cats-trucks", folder)
    folder.rename(tmp_path / "cars-cats-trucks")
    assert sources.is_at_hand("cars-cats-trucks", tmp_path)
    assert load_dataset("cars-cats-trucks", tmp_path).class_names == tuple(COLOURS)
    with pytest.raises(DataError, match=r"cars-cats-trucks: not in none; .* or run this"):
        require_at_hand(ImagesConfig(dataset="cars-cats-trucks"), Paths(tmp_path, tmp_path, Path("none")), "this")


def test_a_class_that_is_too_small_for_the_folds_is_named(run_cli, folder):
    refused = run_cli("inspect", "--dataset", folder, "--folds", 12, "-q")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "folds = 12: the class truck has 11 training images" in refused.err


def test_test_images_have_names_too(folder, tmp_path):
    dataset = load_dataset(str(folder))
    assert dataset.test_files[dataset.test.places[0]] == "test/car/0.png"
    dataset = load_dataset(str(write_folder(tmp_path / "one", test=0)))
    names = [dataset.test_files[place] for place in dataset.test.places]
    assert [dataset.class_names.index(name.split("/")[0]) for name in names] == dataset.test.y.tolist()


def test_figures_are_named_after_unusual_data_sets(dataset):
    assert figure_prefix("inspect", dataset.info) == "inspect-digits"
