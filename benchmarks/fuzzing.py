"""Damages configs, images, models, cells and twins at random, and counts the tracebacks: there should be none.

    python benchmarks/fuzzing.py --inputs 1000

Each damaged input goes through the function or the command that reads it. An error of this package is an answer; any
other exception is a traceback, and is printed with the number that repeats it.
"""

import argparse
import contextlib
import io
import logging
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ex3 import commands, data, model_store, storage
from ex3.cells.stored import cell_path, load_cells, seal_cell
from ex3.config import LinearConfig
from ex3.config_files import shipped
from ex3.data.files import read_npz
from ex3.errors import Ex3Error
from ex3.provenance import TRAINING
from ex3.runs import train_classifier

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = """{% set models = twin("compare").result %}
{{ claim("more", "above(models.convnet.metrics.test_accuracy, models.mlp.metrics.test_accuracy)") }}
{{ models.mlp.metrics.test_accuracy | pm(4) }} {{ models.linear.runs | metric("test_loss") | pm(3) }}"""
LINEAR = LinearConfig(
    model="linear", dataset="digits", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
)
TOKENS = [b"[", b"]", b"{", b"}", b"null", b"nan", b"1e999", b"-1", b"9" * 5000, b'""', b"\xff", b"\0", b"[" * 3000]


def damage(content: bytes, generator: random.Random) -> bytes:
    """Flip, cut, repeat or insert bytes at one to three places."""
    changed = bytearray(content)
    for _ in range(generator.randint(1, 3)):
        place = generator.randrange(len(changed) + 1)
        stop = place + generator.randrange(1, 40)
        match generator.choice(["flip", "cut", "end", "repeat", "insert"]):
            case "flip" if place < len(changed):
                changed[place] ^= generator.randrange(1, 256)
            case "cut":
                del changed[place:stop]
            case "end":
                del changed[place:]
            case "repeat":
                changed[place:place] = changed[place:stop]
            case _:
                changed[place:place] = generator.choice(TOKENS)
    return bytes(changed)


def run(*words: object) -> None:
    """Run a command; raise its error, or what it says about a defect."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = commands.main([str(word) for word in words])
    if code == 1 or (code and err.getvalue().count("\n") != 1):
        raise RuntimeError(err.getvalue())
    if code:
        raise Ex3Error(err.getvalue())


def prepare() -> dict[str, tuple[Path, Callable[[], object]]]:
    """Write one sound input of each kind; return its file and the function that reads it."""
    dataset = data.load_dataset("digits")
    model, trained = train_classifier(LINEAR, dataset)
    file = model_store.save_models(Path("runs"), {"model": model}, trained)[0]
    cell = cell_path(Path(), LINEAR, dataset.info, TRAINING)
    storage.save_json(cell, seal_cell(cell, 1.0, trained))
    images = {"x_train": np.zeros((20, 28, 28), np.uint8), "x_test": np.zeros((9, 28, 28), np.uint8)}
    labels = {"y_train": np.zeros(20, np.uint8), "y_test": np.zeros(9, np.uint8)}
    np.savez_compressed("images.npz", **images, **labels)
    Path("t.jinja").write_text(TEMPLATE)
    shutil.copytree(ROOT / "figures", "figures", ignore=lambda _, names: [n for n in names if "compare" not in n])
    shutil.copy(shipped("convnet"), "config.toml")
    return {
        "config": (Path("config.toml"), lambda: run("train", "convnet", "--config", "config.toml", "--print-config")),
        "images": (Path("images.npz"), lambda: read_npz(Path("images.npz"))),
        "model": (file, lambda: model_store.load_classifier(file)),
        "run": (file.with_name("run.json"), lambda: model_store.load_classifier(file)),
        "cell": (cell, lambda: load_cells({cell: LINEAR}, TRAINING)),
        "twin": (Path("figures/compare.json"), lambda: run("report", "--template", "t.jinja", "--answers", "A.md")),
        "template": (Path("t.jinja"), lambda: run("report", "--template", "t.jinja", "--answers", "A.md")),
    }


def main() -> None:
    """Damage, read, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1000)
    inputs = parser.parse_args().inputs
    logging.getLogger("ex3").setLevel(logging.ERROR)
    answers: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        readers = prepare()
        for _, read in readers.values():
            read()  # sound inputs are read
        sound = {kind: file.read_bytes() for kind, (file, _) in readers.items()}
        for number in range(inputs):
            kind = list(readers)[number % len(readers)]
            file, read = readers[kind]
            file.write_bytes(damage(sound[kind], random.Random(number)))
            try:
                read()
                answers[f"{kind}: read"] += 1
            except Ex3Error:
                answers[f"{kind}: refused"] += 1
            except BaseException as error:
                answers["tracebacks"] += 1
                print(f"{kind} {number}: {type(error).__name__}: {str(error)[:300]}")
            file.write_bytes(sound[kind])
        os.chdir(ROOT)
    for answer, count in sorted(answers.items()):
        print(f"{count:5}  {answer}")
    print(f"{answers['tracebacks']} tracebacks of {inputs}")


if __name__ == "__main__":
    main()
