"""A folder of pictures becomes a data set; every file that is not used is counted and named, and none is believed."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_pictures import COLOURS, draw, png_header, save, write_folder

from ex3.data import load_dataset, sources
from ex3.data.pictures import UnusablePictureError, picture_size, read_picture
from ex3.errors import ConfigError, DataError

GREYS = {"7": (30,), "9": (200,)}


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "vehicles é")


def load(folder: Path, *arguments, **options):
    sources._load_raw.cache_clear()
    return load_dataset(str(folder), *arguments, **options)


def test_two_levels_are_training_and_test_images(folder):
    dataset = load(folder)
    assert (dataset.name, dataset.source, dataset.class_names) == ("vehicles é", "image files", ("car", "cat", "truck"))
    assert dataset.info.sizes == {"train": 32, "validation": 4, "test": 24}
    assert dataset.shape == dataset.info.shape == (12, 12, 3)
    np.testing.assert_array_equal(dataset.test.y, np.repeat([0, 1, 2], 8))
    first = np.asarray(draw(COLOURS["cat"], 1100))
    np.testing.assert_allclose(dataset.test.x[8] * 255, first, atol=1e-4)


def test_one_level_is_divided_by_the_seed(tmp_path):
    folder = write_folder(tmp_path / "one", train=20, test=0)
    first, again, other = (load(folder, seed=seed) for seed in (0, 0, 1))
    assert first.info.sizes == {"train": 43, "validation": 5, "test": 12}
    assert np.bincount(first.test.y).tolist() == [4, 4, 4]
    np.testing.assert_array_equal(first.test.x, again.test.x)
    assert not np.array_equal(first.test.x, other.test.x)
    assert first.fingerprint == other.fingerprint
    seen = {image.tobytes() for split in (first.train, first.validation, first.test) for image in split.x}
    assert len(seen) == 60


def test_classes_and_files_are_in_natural_order(tmp_path):
    colours = {f"class{number}": (number * 20,) * 3 for number in (10, 2, 1)}
    folder = write_folder(tmp_path / "many", train=12, test=3, colours=colours)
    dataset = load(folder)
    assert dataset.class_names == ("class1", "class2", "class10")
    files = sources.load_raw(str(folder)).files
    assert files[:4] == tuple(f"train/class1/{number}.png" for number in range(4))
    assert files[11] == "train/class1/11.png"


def test_all_formats_sizes_and_modes_become_one(tmp_path, caplog):
    folder = write_folder(tmp_path / "mixed")
    wide = draw((9, 90, 200), 5, width=30, height=20)
    for name, picture in {
        "a.bmp": wide,
        "b.jpg": draw((9, 90, 200), 6, width=7, height=5),
        "c.gif": draw((100,), 7),
        "grey.png": draw((100,), 8),
        "alpha.png": Image.new("RGBA", (12, 12), (0, 0, 0, 0)),
        "deep.png": Image.fromarray(np.full((12, 12), 0x8000, np.uint16)),
        "palette.png": draw((9, 90, 200), 9).convert("P"),
    }.items():
        picture.save(folder / "train" / "cat" / name)
    turned = Image.new("RGB", (24, 12), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "train" / "cat" / "turned.jpg", exif=exif)
    dataset = load(folder)
    assert dataset.shape == (12, 12, 3)
    assert not caplog.records
    raw = sources.load_raw(str(folder))
    images = dict(zip(raw.files, raw.arrays["x_train"], strict=True))
    assert (images["train/cat/alpha.png"] == 255).all()
    assert (images["train/cat/deep.png"] == 0x80).all()
    assert (images["train/cat/grey.png"] == np.asarray(draw((100,), 8))[..., np.newaxis]).all()
    assert load(folder, size=6).shape == (6, 6, 3)
    assert load(folder, size=6).fingerprint != dataset.fingerprint


def test_a_phone_s_picture_is_turned_and_the_smallest_of_equally_common_sizes_is_taken(tmp_path):
    folder = write_folder(tmp_path / "phone", train=0, test=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    for label, name in enumerate(COLOURS):
        for number in range(6):
            path = save(folder / "train" / name / f"{number}.jpg", label * 10 + number, width=20 + number, height=8)
            Image.open(path).save(path, exif=exif)
        save(folder / "test" / name / "0.png", label + 90, width=50, height=60)
    assert load(folder).shape == (20, 8, 3)


def test_grey_images_have_one_channel(tmp_path):
    folder = write_folder(tmp_path / "digits", colours=GREYS)
    assert load(folder).shape == (12, 12, 1)
    Image.open(folder / "train" / "7" / "0.png").convert("RGB").save(folder / "train" / "7" / "0.png")
    assert load(folder).shape == (12, 12, 1)
    save(folder / "train" / "7" / "colour.png", 99, (200, 0, 0))
    assert load(folder).shape == (12, 12, 3)


def test_files_that_are_not_used_are_counted_and_named_in_one_line(folder, tmp_path, caplog):
    cats = folder / "train" / "cat"
    whole = (cats / "0.png").read_bytes()
    outside = save(tmp_path / "outside" / "x.png", 77)
    (cats / "broken.png").write_bytes(whole[: len(whole) // 2])
    (cats / "empty.png").touch()
    frames = [draw((1, 2, 3), seed) for seed in (50, 51)]
    frames[0].save(cats / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(cats / "moving.png", save_all=True, append_images=frames[1:])
    (cats / "bomb.png").write_bytes(png_header(100_000, 100_000))
    (cats / "large.png").write_bytes(png_header(10_000, 10_000))
    (cats / "notes.txt").write_text("no picture")
    (cats / "page.png").write_text("<!DOCTYPE html>")
    (cats / "copy.png").write_bytes(whole)
    (folder / "train" / "truck" / "copy of a cat.png").write_bytes(whole)
    shutil.copy(folder / "test" / "car" / "0.png", folder / "train" / "car" / "of the test.png")
    (cats / "link.png").symlink_to(outside)
    (cats / "inside.png").symlink_to(cats / "1.png")
    (folder / "train" / "elsewhere").symlink_to(outside.parent)
    (cats / "deeper").mkdir()
    os.mkfifo(cats / "pipe")
    (folder / "train" / "README").write_text("about")
    (cats / ".hidden.png").write_text("not even looked at")
    dataset = load(folder)
    assert dataset.info.sizes == {"train": 32, "validation": 4, "test": 24}
    assert dataset.class_names == ("car", "cat", "truck")
    (record,) = caplog.records
    assert record.message == (
        f"{folder}: 17 files are not used: 2 symbolic link out of the folder (train/elsewhere, train/cat/link.png), "
        "1 outside of the classes (train/README), "
        "2 no file (train/cat/deeper, train/cat/pipe), "
        "4 duplicate (train/car/of the test.png, train/cat/copy.png, train/cat/inside.png and 1 more), "
        "2 too many pixels (train/cat/bomb.png, train/cat/large.png), 1 broken (train/cat/broken.png), "
        "1 empty (train/cat/empty.png), 2 animated (train/cat/moving.gif, train/cat/moving.png), "
        "2 no PNG, JPEG, BMP or GIF (train/cat/notes.txt, train/cat/page.png)"
    )


def remove_pictures(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")


def move_out(folder: Path, part: str) -> None:
    elsewhere = (folder / part).rename(folder.parent / "elsewhere")
    (folder / part).symlink_to(elsewhere)


FAULTS = {
    "no usable picture": (lambda folder: remove_pictures(folder / "test" / "cat"), "class test/cat has no picture"),
    "a class less": (lambda folder: shutil.rmtree(folder / "test" / "cat"), "the class test/cat has no picture"),
    "an empty class": (lambda folder: (folder / "train" / "dog").mkdir(), "the class train/dog has no picture"),
    "no test part": (lambda folder: shutil.rmtree(folder / "test"), "holds train/ .* but no such test/"),
    "no picture": (lambda folder: [remove_pictures(path) for path in folder.glob("t*/*")], "none of its 60 files is"),
    "a part elsewhere": (lambda folder: move_out(folder, "train"), "holds test/ .* but no such train/"),
    "no class": (lambda folder: [shutil.rmtree(folder / part) for part in ("train", "test")], "no two folders of"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_folder_without_some_class_is_refused(folder, name):
    spoil, message = FAULTS[name]
    spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


def test_an_unknown_data_set_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"dataset = 'minst': neither a folder nor one of mnist, .*mean 'mnist'"):
        load_dataset("minst")
    with pytest.raises(ConfigError, match="neither a folder nor one of"):
        load_dataset(str(tmp_path / "absent"))


def test_cars_cats_and_trucks_come_from_keras_a_folder_or_an_npz(folder, tmp_path, monkeypatch):
    from ex3.backend import keras

    pixels, labels = np.zeros((50, 32, 32, 3), np.uint8), np.arange(50).reshape(-1, 1) % 10
    pixels[:] = labels[:, :, np.newaxis, np.newaxis]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((pixels, labels), (pixels, labels)))
    dataset = load_dataset("cars-cats-trucks")
    assert (dataset.source, dataset.class_names, dataset.shape) == ("Keras", ("car", "cat", "truck"), (32, 32, 3))
    np.testing.assert_allclose(dataset.test.x[:3, 0, 0, 0] * 255, [1, 3, 9], atol=1e-5)
    np.testing.assert_array_equal(dataset.test.y[:3], [0, 1, 2])
    arrays = sources.load_raw("cars-cats-trucks").arrays
    np.savez(tmp_path / "cars-cats-trucks.npz", **arrays)
    assert load_dataset("cars-cats-trucks", tmp_path).fingerprint == dataset.fingerprint
    assert load_dataset("cars-cats-trucks", folder).shape == (12, 12, 3)
    other = write_folder(tmp_path / "other", colours=GREYS)
    with pytest.raises(DataError, match="its classes are 7, 9, not car, cat, truck"):
        load_dataset("cars-cats-trucks", other)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_file_that_is_damaged_anywhere_is_read_or_refused_in_silence(tmp_path, ending, recwarn):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"picture.{ending}"
    draw((100, 20, 60), 1).save(path, **({"exif": exif} if ending in ("png", "jpg") else {}))
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        content = np.frombuffer(whole, np.uint8).copy()
        content[generator.integers(len(content), size=4)] = generator.integers(256, size=4)
        path.write_bytes(content.tobytes()[: generator.integers(len(content) // 2, len(content) + 1)])
        try:
            picture_size(path)
            assert read_picture(path, (5, 4))[0].shape == (4, 5, 3)
        except UnusablePictureError:
            refused += 1
    assert refused > 0
    assert not recwarn.list
