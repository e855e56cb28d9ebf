"""Rare classes, wrong labels, suspects and remedies."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_pictures import write_folder

from ex3.commands import config_of, main
from ex3.config_files import load, shipped
from ex3.data import load_dataset
from ex3.data.sampling import balanced_order, balancing_weights
from ex3.data_care.altered import Material, gather, train_altered
from ex3.data_care.config import AlteredConfig, MessConfig
from ex3.data_care.remedies import REMEDIES, Search, judge_search
from ex3.data_care.suspects import Suspects, find_suspects, find_suspects_of_kind, fold_configs, out_of_fold
from ex3.errors import ConfigError

TINY = """
classes = ["4", "7", "9"]
mislabelled = 0.3
actual_class = "1"
given_class = "0"
epochs_clean = 2

[network]
model = "convnet"
filters = [4]
kernel_sizes = [3]
hidden_units = [8]
optimizer = "adam"
learning_rate = 0.01
momentum = 0.7
batch_size = 32
threads = 2

[augmentation]
translation = 0.1
"""
MESS = MessConfig(counts=(40, 20, 10), mislabelled=0.5, actual_class="7", given_class="4")


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", classes=["4", "7", "9"])


def small(**settings):
    return load(shipped("convnet"), {"dataset": "digits", "classes": "4,7,9", "epochs": 1, "threads": 2, **settings})


def test_a_mess_has_the_wanted_counts_and_wrong_labels_of_one_kind(digits):
    material = gather(digits, MESS, seed=0)
    assert np.bincount(material.true).tolist() == [40, 20, 10]
    assert material.is_wrong.sum() == 10
    assert set(material.true[material.is_wrong]) == {1}
    assert set(material.images.y[material.is_wrong]) == {0}
    other = gather(digits, MESS, seed=1)
    assert not np.array_equal(material.images.places, other.images.places)


def test_without_a_mess_all_training_images_come_in_stored_order(digits):
    material = gather(digits, None, seed=0)
    assert len(material.images) == len(digits.train) + len(digits.validation)
    assert (np.diff(material.images.places) > 0).all()
    assert not material.is_wrong.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": (40, 20)}, "counts has 2 entries; the images have 3 classes"),
        ({"counts": (40, 20, 9999)}, "counts: 9999 images of 9 are wanted; there are"),
        ({"actual_class": "cat"}, "actual_class: 'cat' is no class; there are 4, 7, 9"),
        ({"given_class": "3"}, "given_class: '3' is no class"),
        ({"mislabelled": 0.01}, "mislabelled: 0.01 of 20 images is none"),
    ],
)
def test_a_mess_that_cannot_be_made_is_named(digits, changes, message):
    with pytest.raises(ConfigError, match=message):
        gather(digits, MESS.model_copy(update=changes), seed=0)


def test_balanced_sampling_draws_all_classes_equally_often():
    labels = np.repeat([0, 1, 2], [9_000, 900, 100])
    rows = balanced_order(0, 0, labels)
    assert (rows.dtype, len(rows)) == (np.int32, len(labels))
    np.testing.assert_allclose(np.bincount(labels[rows]) / len(rows), 1 / 3, atol=0.02)
    assert not np.array_equal(rows, balanced_order(0, 1, labels))
    np.testing.assert_array_equal(rows, balanced_order(0, 0, labels))


def test_balanced_weights_give_each_class_the_same_sum_and_a_mean_of_one():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    weights = balancing_weights(y)
    np.testing.assert_allclose(np.bincount(y, weights), 100 / 3, rtol=1e-6)
    assert weights.mean() == pytest.approx(1)


def test_suspects_are_the_planted_wrong_labels():
    rng = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], [200, 60, 60])
    probabilities = np.eye(3)[true] * 0.8 + rng.dirichlet([1, 1, 1], len(true)) * 0.2
    labels = true.copy()
    planted = rng.permutation(np.flatnonzero(true == 1))[:20]
    labels[planted] = 0
    suspects = find_suspects(labels, probabilities)
    assert set(suspects.rows) <= set(planted)
    assert len(suspects.rows) >= 10
    assert set(suspects.order[:20]) == set(planted)
    assert set(suspects.suggested[suspects.rows]) == {1}
    assert sorted(suspects.order) == list(range(len(true)))


def test_a_known_kind_of_error_rules_other_suspects_out():
    labels = np.repeat([0, 1, 2], 30)
    probabilities = np.eye(3)[labels] * 0.94 + 0.02
    probabilities[0] = [0.02, 0.96, 0.02]  # labelled 0, looks like 1
    probabilities[40] = [0.02, 0.02, 0.96]  # labelled 1, looks like 2
    assert set(find_suspects(labels, probabilities).rows) == {0, 40}
    known = find_suspects_of_kind(labels, probabilities, actual=1, given=0)
    assert known.rows.tolist() == [0]
    assert (labels[known.order[:30]] == 0).all()


def test_a_search_is_judged_by_the_true_labels(digits):
    images = gather(digits, None, 0).images.pick(np.arange(6))
    material = Material(replace(images, y=np.array([0, 0, 0, 0, 1, 2])), np.array([1, 1, 0, 2, 1, 2]))
    suspects = Suspects(np.array([0, 2, 1, 3, 4, 5]), 3, np.array([1, 2, 1, 2, 1, 2]))
    assert judge_search(material, suspects) == Search(planted=3, suspects=3, hits=2, mended=1, found=[1, 1, 2, 3, 3, 3])


def test_recall_at_a_precision_is_the_best_over_all_cuts():
    search = Search(planted=4, suspects=2, hits=1, mended=1, found=[1, 1, 2, 3, 3, 3, 3, 4])
    assert [search.recall_at(precision) for precision in (0.5, 0.75, 0.9)] == [1.0, 0.75, 0.25]


def test_each_fold_is_answered_by_a_network_that_has_not_seen_it(digits):
    y = gather(digits, None, 0).images.y
    configs = fold_configs(small(), None, y, 3)
    rows = np.concatenate([config.left_out for config in configs])
    assert sorted(rows) == list(range(len(y)))
    for config in configs:
        np.testing.assert_allclose(np.bincount(y[list(config.left_out)]), np.bincount(y) / 3, atol=1)
    run = train_altered(configs[0], digits)
    left_out = len(configs[0].left_out)
    sizes = {"train": len(y) - left_out, "validation": left_out, "test": len(digits.test)}
    assert run.run.dataset.sizes == sizes
    assert np.shape(run.left_out) == (left_out, 3)


def test_the_folds_answers_are_put_into_the_order_of_the_rows(digits):
    run = train_altered(AlteredConfig(network=small(), left_out=(2, 0)), digits)
    other = replace(run, config=run.config.model_copy(update={"left_out": (1,)}), left_out=[[0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(out_of_fold([run, other]), [run.left_out[1], [0, 1, 0], run.left_out[0]])


def test_new_labels_and_true_labels_reach_the_network_and_test_images_do_not_change(digits):
    mess = AlteredConfig(network=small(), mess=MESS)
    material = gather(digits, MESS, 0)
    wrong = np.flatnonzero(material.is_wrong)
    mended = mess.model_copy(update={"relabelled": tuple((int(row), 1) for row in wrong)})
    plain, true, by_hand = (
        train_altered(c, digits) for c in (mess, mess.model_copy(update={"true_labels": True}), mended)
    )
    assert true.run.weights == by_hand.run.weights != plain.run.weights
    assert np.sum(plain.run.confusion) == len(digits.test)
    assert plain.left_out == []


def test_the_command_writes_its_figures_and_finds_its_runs_again(tmp_path, capsys, save_no_figures):
    (tmp_path / "tiny.toml").write_text(TINY)
    words = ["imbalance", "--config", "tiny.toml", "--dataset", "digits", "--counts", "100,30,30", "--epochs", "2",
             "--seeds", "1", "--folds", "2", "--jobs", "1", "-q"]  # fmt: skip
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "suspects of images labelled 4, answered 7" in out
    assert "12 runs (0 reused)" in out
    twin = json.loads((tmp_path / "figures" / "imbalance-digits-remedies.json").read_text())
    assert list(twin["result"]["remedies"]) == list(REMEDIES)
    assert len(twin["result"]["remedies"]["nothing"]["balanced"]) == 1
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == {
        f"imbalance-digits-{part}.png" for part in ("remedies", "confusion", "curves", "suspects")
    }
    twins = save_no_figures()
    assert main(words) == 0
    assert "12 runs (12 reused)" in capsys.readouterr().out
    assert {one.seconds for one in twins} == {twin["seconds"]}


def test_digits_have_a_config_of_their_own():
    digits, photographs = (config_of(["imbalance", *words])[0] for words in (["--dataset", "digits"], []))
    assert (digits.dataset, digits.classes, digits.epochs_clean) == ("digits", ("4", "7", "9"), 2)
    assert photographs.dataset == "cars-cats-trucks"


def test_photographs_are_refused_with_one_line_where_the_mess_does_not_fit(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos")
    assert main(["imbalance", "--dataset", "photos", "-q"]) == 2
    assert "counts: 5000 images of car are wanted; there are 12" in capsys.readouterr().err


def test_without_the_photographs_the_command_on_mnist_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert main(["imbalance", "-q"]) == 3
    assert "python cli.py imbalance --dataset mnist --classes 4,7,9" in capsys.readouterr().err
