"""What stands in the way of a file is named before anything is computed; what a kill leaves is cleaned up."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from promise import assert_one_line, files
from small_twins import write_project

from ex3 import storage
from ex3.errors import WriteError

TRAIN = ["train", "mlp", "--dataset", "digits"]

# folder or file (its name ends in /: a folder), command line -> exit code, what the error says
FAULTS = [
    ("figures/train-mlp.png/", TRAIN, 4, "figures/train-mlp.png: a folder, where a file will be written"),
    ("figures/train-mlp.json/", TRAIN, 4, "figures/train-mlp.json: a folder, where a file will be written"),
    ("figures/toy-fit.png/", ["toy"], 4, "figures/toy-fit.png: a folder, where a file will be written"),
    ("figures", TRAIN, 4, "figures: not a folder that can be written to: File exists"),
    ("runs/models", TRAIN, 4, "runs/models: a file, where this package has a folder"),
    ("runs/cells", ["sweep", "lr", "--dataset", "digits"], 4, "runs/cells: not a folder that can be written to"),
    ("x", [*TRAIN, "--out", "x/y"], 4, "x/y: not a folder that can be written to: Not a directory"),
    ("x", [*TRAIN, "--out", "n" * 300], 4, "not a folder that can be written to: File name too long"),
    ("x", [*TRAIN, "--out", "fig\udcff"], 2, "'fig\\udcff': not a text in UTF-8"),
    ("x", ["report", "--answers", ""], 4, ".: a folder, where a file will be written"),
    ("x", ["report", "--answers", "."], 4, ".: a folder, where a file will be written"),
    ("x", ["report", "--answers", "/"], 4, "/: a folder, where a file will be written"),
    ("x", ["reproduce", "--answers", "/", "-q"], 4, "/: a folder, where a file will be written"),
    ("x", [*TRAIN, "--dataset", "d" * 300], 2, "command line: dataset = 'ddd...File name too long"),
]


@pytest.mark.parametrize(("place", "words", "code", "line"), FAULTS)
def test_what_is_in_the_way_is_found_out_before_anything_is_computed(run_cli, tmp_path, place, words, code, line):
    write_project(tmp_path) if words[0] == "report" else None
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if place.endswith("/") else path.touch()
    before = files()
    assert_one_line(run_cli(*words), code, line)
    assert files() == before


def fail(*_, **__):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_clean_up_does_not_hide_the_error(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "unlink", fail)
    with pytest.raises(WriteError, match=r"a\.txt: cannot be written: No space left on device"):
        storage.save_with(tmp_path / "a.txt", full)


def test_files_that_belong_together_are_all_new_or_all_old(tmp_path):
    old, new = storage.filler(b"old"), storage.filler(b"new")
    paths = [tmp_path / name for name in ("a.png", "b.json")]
    storage.save_together(dict.fromkeys(paths, old))
    with pytest.raises(WriteError, match=r"b\.json: cannot be written: Read-only"):
        storage.save_together({paths[0]: new, paths[1]: fail})
    assert [path.read_bytes() for path in paths] == [b"old", b"old"]
    assert sorted(tmp_path.iterdir()) == paths


def test_what_a_killed_process_left_is_removed_at_the_next_write(tmp_path):
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from ex3 import storage
def write(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
storage.save_with(Path({str(tmp_path / "a.json")!r}), write)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a-")
    living = left.with_name(f".b-{storage.HOST}-{os.getppid()}.json")
    living.touch()
    storage.save_text(tmp_path / "c.txt", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [living.name, "c.txt"]
