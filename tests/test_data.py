"""Every source gives the same images; whatever is wrong with a file is named before it is believed."""

import gzip
import hashlib
import io
import socket
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import write_idx

from ex3 import data
from ex3.data import MNIST_FINGERPRINT, load_dataset, sources
from ex3.errors import DataError

X_TRAIN, Y_TRAIN = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def save_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def assert_same(left: data.Dataset, right: data.Dataset) -> None:
    assert left.fingerprint == right.fingerprint
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(left, name).x, getattr(right, name).x)
        np.testing.assert_array_equal(getattr(left, name).y, getattr(right, name).y)


def test_images_and_labels_have_the_promised_types_and_ranges(idx_folder, digit_arrays):
    dataset = load_dataset("mnist", idx_folder)
    assert dataset.info.sizes == {"train": 540, "validation": 60, "test": 200}
    assert dataset.test.x.shape == (200, 28, 28, 1)
    assert dataset.test.x.dtype == np.float32
    assert dataset.test.y.dtype == np.int64
    np.testing.assert_allclose(dataset.test.x[..., 0] * 255, digit_arrays["x_test"], atol=1e-4)
    assert dataset.train.x.min() == 0
    assert dataset.train.x.max() == 1


def test_gzip_dotted_names_and_npz_give_the_same_images(idx_folder, digit_arrays, tmp_path):
    plain = load_dataset("mnist", idx_folder)
    image_file = idx_folder / X_TRAIN
    (idx_folder / f"{X_TRAIN}.gz").write_bytes(gzip.compress(image_file.read_bytes()))
    image_file.unlink()
    (idx_folder / Y_TRAIN).rename(idx_folder / "train-labels.idx1-ubyte")
    sources._load_raw.cache_clear()
    assert_same(plain, load_dataset("mnist", idx_folder))
    assert_same(plain, load_dataset("mnist", save_npz(tmp_path / "mnist.npz", digit_arrays)))
    assert_same(plain, load_dataset("mnist", tmp_path))  # finds mnist.npz by its name
    wide = {key: array.astype(np.int64) if key[0] == "y" else array for key, array in digit_arrays.items()}
    assert_same(plain, load_dataset("mnist", save_npz(tmp_path / "wide labels é.npz", wide)))


def test_validation_is_stratified_disjoint_and_decided_by_the_seed(idx_folder):
    first, again, other = (load_dataset("mnist", idx_folder, seed) for seed in (0, 0, 1))
    assert_same(first, again)
    assert not np.array_equal(first.validation.x, other.validation.x)
    counts = np.bincount(first.validation.y, minlength=10)
    assert counts.min() >= 5
    assert counts.max() <= 7
    np.testing.assert_array_equal(first.test.x, other.test.x)
    together = np.sort(np.concatenate([first.train.x, first.validation.x]).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(together, np.sort(np.concatenate([other.train.x, other.validation.x]).sum((1, 2, 3))))


def test_limit_keeps_the_first_training_images_only(idx_folder, caplog):
    whole, limited = load_dataset("mnist", idx_folder), load_dataset("mnist", idx_folder, limit=50)
    np.testing.assert_array_equal(limited.train.x, whole.train.x[:50])
    np.testing.assert_array_equal(limited.validation.x, whole.validation.x)
    assert len(load_dataset("mnist", idx_folder, limit=10**6).train) == len(whole.train)
    assert "all are used" in caplog.text


def test_real_mnist_is_known_by_its_fingerprint(idx_folder, caplog, monkeypatch):
    dataset = load_dataset("mnist", idx_folder)
    assert "not the original MNIST" in caplog.text
    monkeypatch.setattr(sources, "MNIST_FINGERPRINT", dataset.fingerprint)
    with pytest.raises(DataError, match="holds MNIST, not Fashion-MNIST"):
        load_dataset("fashion-mnist", idx_folder)


def test_mnist_comes_with_the_package_byte_for_byte():
    """The MD5 sums are those of the four official files, decompressed."""
    sums = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    for name, md5 in sums.items():
        content = gzip.decompress((sources.MNIST_FOLDER / f"{name}.gz").read_bytes())
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    raw = sources.load_raw("mnist")
    assert (raw.fingerprint, raw.arrays["x_train"].shape) == (MNIST_FINGERPRINT, (60_000, 28, 28))


def test_damaged_embedded_files_are_refused(idx_folder, monkeypatch):
    monkeypatch.setattr(sources, "MNIST_FOLDER", idx_folder)
    with pytest.raises(DataError, match="its fingerprint is not 06b0d1f124c4e5fa; install the package again"):
        load_dataset("mnist")


def test_digits_have_their_own_name(dataset):
    assert dataset.name == "digits"
    assert dataset.train.x.shape[1:] == (28, 28, 1)
    assert sum(dataset.info.sizes.values()) == 1797


def test_fashion_mnist_is_taken_from_keras_and_checked(monkeypatch, digit_arrays):
    from ex3.backend import keras

    arrays = {key: array.copy() for key, array in digit_arrays.items()}
    parts = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: parts)
    dataset = load_dataset("fashion-mnist")
    assert (dataset.name, dataset.source, dataset.class_names[0]) == ("fashion-mnist", "Keras", "T-shirt")
    arrays["y_train"][0] = 17
    sources._load_raw.cache_clear()
    with pytest.raises(DataError, match="y_train holds the label 17"):
        load_dataset("fashion-mnist")


def test_samples_are_drawn_without_repetition(dataset):
    sample = dataset.test.sample(100, seed=3)
    assert len({image.tobytes() for image in sample.x}) == 100
    assert len(dataset.test.sample(10**6, seed=3)) == len(dataset.test)


def test_a_silent_server_is_given_up_on(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []
        threading.Thread(target=lambda: held.append(server.accept()), daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(urllib.request, "_opener", None)  # forgets the proxy of the tests before
        monkeypatch.setattr(sources, "DOWNLOAD_TIMEOUT", 0.5)
        start = time.monotonic()
        with pytest.raises(DataError, match=r"download failed .*--data-dir or EX3_DATA_DIR"):
            load_dataset("fashion-mnist")
        assert held, "the server was never asked"
        assert time.monotonic() - start < 10


BAD_IDX = {
    "wrong magic": (lambda content: b"\x00\x00\x09\x03" + content[4:], "IDX's 0x00000803"),
    "page": (lambda content: b"<!DOCTYPE html>", "IDX's 0x00000803"),
    "empty": (lambda content: b"", "IDX's 0x00000803"),
    "short header": (lambda content: content[:9], "ends within its header"),
    "truncated": (lambda content: content[:-1], "of the 470400 bytes"),
    "too long": (lambda content: content + b"\x00", "goes on after"),
    "impossible count": (lambda content: content[:4] + b"\xff\xff\xff\xff" + content[8:], "announces 4294967295"),
    "wrong side": (lambda content: content[:8] + b"\x00\x00\x00\x1d" + content[12:], "not \\(N, 28, 28\\)"),
    "broken gzip": (lambda content: gzip.compress(content)[:-2000], "cannot be read"),
    "garbled gzip": (lambda content: gzip.compress(content)[:50] + b"garbled" * 99, "cannot be read"),
}


@pytest.mark.parametrize("name", BAD_IDX)
def test_a_bad_idx_file_is_refused(idx_folder, name):
    spoil, message = BAD_IDX[name]
    path = idx_folder / X_TRAIN
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("mnist", idx_folder)
    assert X_TRAIN in str(caught.value)


def test_a_gzip_bomb_is_not_decompressed(idx_folder):
    bomb = io.BytesIO()
    with gzip.open(bomb, "wb") as file:
        file.write((idx_folder / X_TRAIN).read_bytes())
        for _ in range(64):
            file.write(bytes(2**20))
    (idx_folder / X_TRAIN).write_bytes(bomb.getvalue())
    with pytest.raises(DataError, match="goes on after the 470400 bytes"):
        load_dataset("mnist", idx_folder)


def test_counts_and_labels_are_checked(idx_folder, digit_arrays):
    labels = digit_arrays["y_train"].copy()
    labels[3] = 17
    write_idx(idx_folder / Y_TRAIN, labels)
    with pytest.raises(DataError, match="label 17"):
        load_dataset("mnist", idx_folder)
    write_idx(idx_folder / Y_TRAIN, labels[:-1])
    with pytest.raises(DataError, match="600 train images but 599 train labels"):
        load_dataset("mnist", idx_folder)
    write_idx(idx_folder / Y_TRAIN, np.zeros(600, np.uint8))
    write_idx(idx_folder / X_TRAIN, digit_arrays["x_train"])
    labels[:] = 0
    labels[0] = 1  # one image of its class can not be both trained on and held out
    write_idx(idx_folder / Y_TRAIN, labels)
    with pytest.raises(DataError, match="too few"):
        load_dataset("mnist", idx_folder)


BAD_ARRAYS = {
    "missing": (lambda arrays: arrays.pop("y_test"), "y_test: no such array"),
    "objects": (lambda arrays: arrays.update(x_train=np.array([None, 1], object)), "pickled Python objects"),
    "float pixels": (lambda arrays: arrays.update(x_train=arrays["x_train"] / 255), "uint8, not float64"),
    "float labels": (lambda arrays: arrays.update(y_test=arrays["y_test"] / 1.0), "integers"),
    "flat": (lambda arrays: arrays.update(x_train=arrays["x_train"].reshape(600, 784)), "not \\(N, 28, 28\\)"),
    "one-hot": (lambda arrays: arrays.update(y_test=np.eye(10, dtype=np.uint8)[arrays["y_test"]]), "not \\(N\\)"),
    "negative": (lambda arrays: arrays.update(y_test=arrays["y_test"].astype(int) - 1), "label -1"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_a_bad_npz_is_refused(tmp_path, digit_arrays, name):
    spoil, message = BAD_ARRAYS[name]
    arrays = dict(digit_arrays)
    spoil(arrays)
    with pytest.raises(DataError, match=message):
        load_dataset("mnist", save_npz(tmp_path / "mnist.npz", arrays))


def test_what_is_no_npz_is_refused(tmp_path):
    path = tmp_path / "mnist.npz"
    path.write_text("<!DOCTYPE html><title>Not found</title>")
    with pytest.raises(DataError, match=r"mnist\.npz: not a readable \.npz"):
        load_dataset("mnist", path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", "no array")
    with pytest.raises(DataError, match="x_train: not a NumPy array"):
        load_dataset("mnist", path)
    with pytest.raises(DataError, match="no such file or folder"):
        load_dataset("mnist", tmp_path / "absent")
