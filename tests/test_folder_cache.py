"""What was read from a folder of pictures is kept, and read again when a file changes."""

from pathlib import Path

import numpy as np
import pytest
from small_pictures import save, write_folder

from ex3.data import folders as reader
from ex3.data import load_dataset, sources


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_folder(tmp_path / "vehicles é")


@pytest.fixture
def read_files(monkeypatch) -> list[str]:
    """Return the names of the pictures that are decoded from here on."""
    names: list[str] = []

    def read(path, size):
        names.append(path.name)
        return read_picture(path, size)

    read_picture = reader.read_picture
    monkeypatch.setattr(reader, "read_picture", read)
    return names


def load(folder: Path, *arguments, **options):
    sources._load_raw.cache_clear()
    return load_dataset(str(folder), *arguments, **options)


def test_a_second_start_reads_the_cache_alone(folder, tmp_path, read_files, caplog):
    (folder / "train" / "cat" / "notes.txt").write_text("no picture")
    cache = tmp_path / "runs" / "images"
    first = load(folder, cache=cache)
    assert len(read_files) == 61
    again = load(folder, cache=cache)
    assert len(read_files) == 61
    assert [record.message for record in caplog.records] == [
        f"{folder}: 1 file is not used: 1 no PNG, JPEG, BMP or GIF (train/cat/notes.txt)"
    ] * 2
    assert (first.fingerprint, first.info) == (again.fingerprint, again.info)
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert sources.load_raw(str(folder)).files == sources.load_raw(str(folder), cache=cache).files


def test_the_cache_is_left_when_a_file_changes_and_made_again_when_it_is_damaged(folder, tmp_path, read_files, caplog):
    cache = tmp_path / "runs" / "images"
    before = load(folder, cache=cache)
    save(folder / "train" / "cat" / "3.png", 4321)
    changed = load(folder, cache=cache)
    assert len(read_files) == 120
    assert changed.fingerprint != before.fingerprint
    (stored,) = cache.iterdir()  # of the same folder, only the newest is kept
    load(folder, size=6, cache=cache)
    assert len(list(cache.iterdir())) == 2
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 0xFF
    for damaged in (bytes(content), stored.read_bytes()[:1000], b"", b"no archive"):
        stored.write_bytes(damaged)
        assert load(folder, cache=cache).fingerprint == changed.fingerprint
        assert "damaged; the images are read again" in caplog.text
        caplog.clear()
    count = len(read_files)
    load(folder, cache=cache)
    assert len(read_files) == count
    blocked = tmp_path / "file"
    blocked.touch()
    assert load(folder, cache=blocked).fingerprint == changed.fingerprint
    assert "read again the next time" in caplog.text
