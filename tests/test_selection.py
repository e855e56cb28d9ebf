"""Labels of one's own, and some of the classes: what is kept, and how a wrong file is named with its line."""

from pathlib import Path

import numpy as np
import pytest
from small_pictures import write_folder

from ex3.data import load_dataset, sources
from ex3.errors import ConfigError, DataError


@pytest.fixture
def labels(tmp_path):
    """Return a function that writes a file of labels."""

    def write(text: str) -> Path:
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode())
        return path

    return write


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "vehicles")


def test_some_classes_are_kept_and_labelled_anew(dataset):
    some = load_dataset("digits", classes=["9", "4", "7"])
    assert some.class_names == ("9", "4", "7")
    assert sum(some.info.sizes.values()) == sum(
        (split.y == label).sum() for split in (dataset.train, dataset.validation, dataset.test) for label in (4, 7, 9)
    )
    for label, name in enumerate(some.class_names):
        mean = some.test.x[some.test.y == label].mean(axis=0)
        np.testing.assert_allclose(mean, dataset.test.x[dataset.test.y == int(name)].mean(axis=0), atol=1e-6)
    assert some.fingerprint not in {dataset.fingerprint, load_dataset("digits", classes=["4", "7", "9"]).fingerprint}
    assert load_dataset("digits").fingerprint == dataset.fingerprint


def test_classes_go_by_name_before_label(folder):
    assert load_dataset(str(folder), classes=["truck", "0"]).class_names == ("truck", "car")
    assert load_dataset("digits", classes=["3", "8"]).class_names == ("3", "8")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["cat", "trick"], "classes: 'trick' is no class of vehicles; there are car, cat, truck; did you mean 'truck'"),
        (["cat", "3"], "classes: '3' is no class"),
        (["cat", "1"], "classes: cat stands there more than once"),
        (["cat"], "at least two, not cat"),
        ([], "at least two, not none"),
        (["cat", "9" * 5000], "is no class"),
    ],
)
def test_wrong_classes_are_refused(folder, classes, message):
    with pytest.raises(ConfigError, match=message):
        load_dataset(str(folder), classes=classes)


def test_labels_by_file_replace_training_labels(folder, labels):
    path = labels("file,label\r\ntrain/car/0.png,cat\r\n./train/truck/11.png,0\r\n\r\n")
    before, after = sources.load_raw(str(folder)), load_dataset(str(folder), labels=path)
    assert after.fingerprint != before.fingerprint
    every = np.concatenate([after.train.y, after.validation.y])
    assert np.bincount(every).tolist() == [12, 13, 11]
    np.testing.assert_array_equal(np.bincount(after.test.y), [8, 8, 8])


def test_labels_by_index_count_as_stored_before_classes_are_chosen(dataset, labels):
    y = sources.load_raw("digits").arrays["y_train"]
    seven = int(np.flatnonzero(y == 7)[0])
    path = labels(f"index,label\n{seven},4\n")
    some = load_dataset("digits", classes=["4", "7"], labels=path)
    plain = load_dataset("digits", classes=["4", "7"])
    counts, before = (
        np.bincount(np.concatenate([found.train.y, found.validation.y])).tolist() for found in (some, plain)
    )
    assert counts == [before[0] + 1, before[1] - 1]
    assert some.fingerprint != plain.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: should be file,label or index,label, not ''"),
        ("file;label\n", "line 1: should be"),
        ("file,label\ntrain/cat/0.png,car\ntrain/cat/99.png,cat\n", "line 3: 'train/cat/99.png' is no training image"),
        ("file,label\ntest/cat/0.png,car\n", "line 2: 'test/cat/0.png' is no training image of vehicles"),
        ("file,label\ntrain/cat/0.png,car\n\ntrain/cat/0.png,cat\n", "line 4: .* has a label already, in line 2"),
        ("file,label\ntrain/cat/0.png,dog\n", "line 2: 'dog' is no class; there are car, cat, truck"),
        ("file,label\ntrain/cat/0.png,3\n", "line 2: '3' is no class"),
        ("file,label\ntrain/cat/0.png\n", "line 2: has 1 columns instead of two"),
        ("index,label\n0,cat\n36,cat\n", "line 3: '36' is no index below 36"),
        ("index,label\n-1,cat\n", "line 2: '-1' is no index"),
        (f"index,label\n{'1' * 5000},cat\n", "line 2: .* is no index"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(folder, labels, text, message):
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(str(folder), labels=labels(text))
    assert "labels.csv" in str(caught.value)


def test_a_file_of_labels_that_does_not_suit_is_refused(tmp_path, labels):
    with pytest.raises(DataError, match="the images of digits are no files of their own; name them by index,label"):
        load_dataset("digits", labels=labels("file,label\na.png,3\n"))
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read: No such file"):
        load_dataset("digits", labels=tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file in UTF-8"):
        load_dataset("digits", labels=tmp_path / "binary.csv")


def test_known_images_can_be_resized():
    small = load_dataset("digits", size=10)
    assert small.shape == (10, 10, 1)
    assert small.fingerprint != load_dataset("digits").fingerprint
