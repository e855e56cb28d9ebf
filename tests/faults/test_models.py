"""Model files of strangers, and damaged ones: refused with the reason; in the store, trained again with a warning."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from promise import assert_one_line

from ex3 import model_store
from ex3.config import LinearConfig
from ex3.errors import DataError
from ex3.provenance import weights_digest
from ex3.runs import train_classifier

WEIGHTS = "model.weights.h5"
LINEAR = LinearConfig(
    model="linear", dataset="digits", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
)


@pytest.fixture(scope="module")
def trained(dataset):
    return train_classifier(LINEAR, dataset)


@pytest.fixture
def file(trained):
    """Return the stored model's file."""
    model, run = trained
    return model_store.save_models(Path("runs"), {"model": model}, run)[0]


def rewrite(file: Path, change, compression: int = zipfile.ZIP_STORED) -> None:
    """Let ``change`` alter the HDF5 file inside a model's file."""
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(contents[WEIGHTS])
    with h5py.File(weights, "r+") as content:
        change(content["layers/dense/vars"])
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in (contents | {WEIGHTS: weights.getvalue()}).items():
            archive.writestr(name, content)


def swell(variables) -> None:
    """Announce 8 GiB of zeros, which take no space."""
    del variables["0"]
    variables.create_dataset("0", (2**31, 1), "f4", chunks=(2**20, 1), compression="gzip")


def set_nan(variables) -> None:
    variables["1"][0] = np.nan


def change_number(variables) -> None:
    variables["1"][0] += 1


def drop(variables) -> None:
    del variables["1"]


# change of the weights -> what the error says
FAULTS = [
    (swell, "unpacks to 8,590 MB; at most 4 MB are believed"),
    (set_nan, "damaged: its weights are not those that were trained"),
    (change_number, "damaged: its weights are not those that were trained"),
    (drop, "not the weights of the model in its run.json"),
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_other_weights_are_refused(file, change, message):
    rewrite(file, change)
    with pytest.raises(DataError) as raised:
        model_store.load_classifier(file)
    assert message in str(raised.value)


def test_a_zip_bomb_is_refused(file):
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2**25))
    with pytest.raises(DataError, match="unpacks to 34 MB; at most 4 MB are believed"):
        model_store.load_classifier(file)


def test_weights_that_are_not_finite_are_refused_even_with_their_digest(trained, file):
    rewrite(file, set_nan)
    model, _ = trained
    weights = model.get_weights()
    weights[1][0] = np.nan
    planted = json.loads(file.with_name("run.json").read_text()) | {"weights": weights_digest(weights)}
    file.with_name("run.json").write_text(json.dumps(planted))
    with pytest.raises(DataError, match="holds weights that are infinite or not a number"):
        model_store.load_classifier(file)


def test_flipped_bytes_are_refused_or_change_no_weight(trained, file):
    model, _ = trained
    whole, refused = file.read_bytes(), 0
    generator = np.random.default_rng(0)
    for place in generator.permutation(len(whole))[:40]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            loaded, _ = model_store.load_classifier(file)
        except DataError:
            refused += 1
        else:
            assert weights_digest(loaded.get_weights()) == weights_digest(model.get_weights())
    assert refused > 20


def test_a_damaged_stored_model_is_trained_again_with_a_warning(trained, file, caplog):
    rewrite(file, change_number)
    assert model_store.find_classifier(Path("runs"), LINEAR, trained[1].dataset.fingerprint) is None
    assert "the model is trained again" in caplog.text


def test_a_damaged_model_is_one_line_of_the_command(run_cli, file):
    rewrite(file, swell)
    words = ["evaluate", file, "--dataset", "digits"]
    assert_one_line(run_cli(*words), 3, "model.keras: not the weights of the model in its run.json: it unpacks to")
