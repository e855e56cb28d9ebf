"""A stored model is read back whole, or refused with the reason; of its file only the weights are taken."""

import itertools
import os
import shutil
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ex3 import config_files, model_store
from ex3.backend import keras
from ex3.config import AutoencoderConfig, LinearConfig
from ex3.errors import DataError
from ex3.results import Run, from_json
from ex3.runs import train_autoencoder, train_classifier


@pytest.fixture(scope="module")
def trained(dataset):
    tiny = LinearConfig(
        model="linear", dataset="digits", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
    )
    return train_classifier(tiny, dataset)


@pytest.fixture
def file(trained, tmp_path):
    """Return the stored model's file."""
    model, run = trained
    return model_store.save_models(tmp_path, {"model": model}, run)[0]


def test_a_stored_model_can_be_read_back(trained, file, dataset):
    model, run = trained
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.toml", "model.keras", "run.json"]
    assert config_files.load(file.with_name("config.toml")) == run.config
    assert from_json(Run, file.with_name("run.json").read_bytes()) == run
    for loaded in (keras.models.load_model(file), model_store.load_classifier(file)[0]):
        np.testing.assert_array_equal(
            loaded.predict(dataset.test.x, verbose=0), model.predict(dataset.test.x, verbose=0)
        )


def test_a_model_is_found_by_its_identity_alone(trained, file, tmp_path):
    _, run = trained
    fingerprint = run.dataset.fingerprint
    _, found = model_store.find_classifier(tmp_path, run.config, fingerprint)
    assert found == run
    assert model_store.find_classifier(tmp_path, run.config.model_copy(update={"seed": 1}), fingerprint) is None
    assert model_store.find_classifier(tmp_path, run.config, "another") is None


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("model.keras", b"<html>not a model</html>", "not a .keras file"),
        ("model.keras", None, "no such file"),
        ("run.json", b"{", "run.json: damaged"),
        ("run.json", None, "there is no run.json beside it"),
    ],
)
def test_a_damaged_model_is_refused_with_its_reason(file, name, content, fragment):
    damaged = file.with_name(name)
    damaged.unlink() if content is None else damaged.write_bytes(content)
    with pytest.raises(DataError, match=fragment):
        model_store.load_classifier(file)


def test_a_truncated_model_and_one_of_another_shape_are_refused(file):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="model"):
        model_store.load_classifier(file)
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    other.save(file)
    with pytest.raises(DataError, match="not the weights of the model"):
        model_store.load_classifier(file)


def test_changed_weights_are_noticed_and_the_model_is_trained_again(trained, file, tmp_path, caplog):
    """HDF5 checks nothing: one weight changed in the file used to load without a word."""
    model, run = trained
    weights = model.get_weights()
    model.set_weights([weights[0], weights[1] + 1])
    model.save(file)
    model.set_weights(weights)
    with pytest.raises(DataError, match="its weights are not those that were trained"):
        model_store.load_classifier(file)
    assert model_store.find_classifier(tmp_path, run.config, run.dataset.fingerprint) is None
    assert "the model is trained again" in caplog.text


def test_no_code_of_a_model_file_is_executed(file, tmp_path):
    """A Lambda layer in the file's own description of the network is never looked at."""
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["config.json"] = b'{"module": "os", "class_name": "system", "config": "touch executed"}'
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    model_store.load_classifier(file)
    assert not (tmp_path / "executed").exists()


class Killed(BaseException):
    """Stands for a SIGKILL: nothing is done after it."""


OPERATIONS = [(Path, "mkdir"), (Path, "replace"), (Path, "unlink"), (os, "fsync"), (os, "rmdir"), (shutil, "rmtree")]


def test_a_kill_between_any_two_steps_of_saving_leaves_the_old_model_or_the_new(trained, file, tmp_path, monkeypatch):
    """The seconds tell them apart. After the kill, no clean-up does anything either."""
    model, run = trained
    seconds, steps = [], 0
    for last in itertools.count():
        steps = 0

        def mortal(operation):
            def counted(*words, **options):
                nonlocal steps
                steps += 1
                if steps > last:  # noqa: B023 (it is called in this round alone)
                    raise Killed
                return operation(*words, **options)

            return counted

        new = replace(run, seconds=1000.0 + last)
        with monkeypatch.context() as patch:
            for module, name in OPERATIONS:
                patch.setattr(module, name, mortal(getattr(module, name)))
            with suppress(Killed):
                model_store.save_models(tmp_path, {"model": model}, new)
        _, found = model_store.find_classifier(tmp_path, run.config, run.dataset.fingerprint)
        assert sorted(path.name for path in file.parent.iterdir()) == ["config.toml", "model.keras", "run.json"]
        seconds.append(found.seconds)
        assert found.seconds in (new.seconds, seconds[-2] if last else run.seconds)
        if steps <= last:
            break
    assert found.seconds == new.seconds
    assert len(set(seconds)) < len(seconds) > 8
    assert list((tmp_path / "models").iterdir()) == [file.parent]


def test_a_stored_autoencoder_can_be_found_and_a_damaged_one_is_trained_again(dataset, tmp_path, caplog):
    config = config_files.load_as(
        AutoencoderConfig,
        config_files.shipped("autoencoder"),
        {"dataset": "digits", "hidden_units": [16], "epochs": 1, "threads": 2},
    )
    model, run = train_autoencoder(config, dataset)
    assert model_store.find_autoencoder(tmp_path, config, dataset.fingerprint) is None
    parts = {"encoder": model.encoder, "decoder": model.decoder}
    encoder, decoder = model_store.save_models(tmp_path, parts, run)[:2]
    found, its_run = model_store.find_autoencoder(tmp_path, config, dataset.fingerprint)
    assert its_run == run
    codes = model.encoder.predict(dataset.test.x, verbose=0)
    np.testing.assert_array_equal(found.encoder.predict(dataset.test.x, verbose=0), codes)
    np.testing.assert_array_equal(found.decoder.predict(codes, verbose=0), model.decoder.predict(codes, verbose=0))
    for damage in (lambda: decoder.write_bytes(encoder.read_bytes()), decoder.unlink):
        damage()
        assert model_store.find_autoencoder(tmp_path, config, dataset.fingerprint) is None
    assert "not the weights of the model in its run.json" in caplog.messages[0]
    assert "no such file; the model is trained again" in caplog.messages[1]
