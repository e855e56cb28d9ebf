"""Small real images in MNIST's own file format, and the command line as a function.

The images are scikit-learn's digits, so that a tiny fit learns something. Sockets are blocked (see ``pyproject.toml``);
processes that the tests start get a proxy that refuses.
"""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # idle threads that spin slow small computations down
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import fake_runs
import numpy as np
import pytest
from small_steps import ANSWERS, PATHS, TEMPLATE
from small_sweeps import CELLS, LINEAR

from ex3 import cells, commands, config, data, provenance, storage
from ex3.commands.reproduce import job
from ex3.data import files, sources
from ex3.errors import ExperimentError
from ex3.experiments import OutcomeSummary, reproduce
from ex3.results import Record

ROOT = Path(__file__).parent.parent
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


class Result(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("EX3_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    sources._load_raw.cache_clear()


def write_idx(path: Path, array: np.ndarray) -> Path:
    """Write a uint8 array as an IDX file."""
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())
    return path


@pytest.fixture(scope="session")
def digit_arrays() -> dict[str, np.ndarray]:
    """Return 600 training and 200 test images of 28 x 28 pixels, uint8, with their labels."""
    arrays = sources.load_raw("digits").arrays
    return {key: array[: 600 if key.endswith("train") else 200].astype(np.uint8) for key, array in arrays.items()}


@pytest.fixture
def idx_folder(tmp_path, digit_arrays) -> Path:
    """Return a folder that holds them as four IDX files."""
    folder = tmp_path / "data"
    folder.mkdir()
    for key, stem in files.IDX_NAMES.items():
        write_idx(folder / stem, digit_arrays[key])
    return folder


@pytest.fixture(scope="session")
def dataset() -> data.Dataset:
    return data.load_dataset("digits")


@pytest.fixture
def quick_scores(monkeypatch) -> None:
    """Let the scores of planes rest on few images, which takes a tenth of the time."""
    from ex3.embedding import comparison, scores
    from ex3.experiments import _plane_study

    monkeypatch.setattr(comparison, "STRUCTURE_SAMPLES", 100)
    monkeypatch.setattr(_plane_study, "STRUCTURE_SAMPLES", 100)
    monkeypatch.setattr(scores, "PAIRS", 2_000)


@pytest.fixture
def tiny_mlp() -> config.MlpConfig:
    return config.MlpConfig(
        model="mlp",
        hidden_units=(16,),
        epochs=2,
        batch_size=64,
        optimizer="adam",
        learning_rate=0.01,
        momentum=0.9,
        evaluations_per_epoch=2,
    )


@pytest.fixture
def run_cli(capfd):
    """Return a function that runs the command line in this process."""

    def run(*words: object) -> Result:
        capfd.readouterr()
        code = commands.main([str(word) for word in words])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def trained_configs(monkeypatch) -> list[config.TrainConfig]:
    """Make up the runs of this process instead of training; return the list of the configs that were trained."""
    configs = []

    def train(settings, dataset):
        configs.append(settings)
        return fake_runs.train(settings, dataset)

    monkeypatch.setitem(sys.modules, "ex3.runs", type("FakeRuns", (), {"train": staticmethod(train)}))
    return configs


@pytest.fixture
def compute_cells(dataset, trained_configs):
    """Return a function that computes the cells of some learning rates in this process."""

    def run(*rates: float, seeds: int = 1, **options) -> cells.CellResults:
        changes = [{"learning_rate": rate, "seed": seed} for rate in rates for seed in range(seeds)]
        configs = [LINEAR.model_copy(update=change) for change in changes]
        CELLS.mkdir(parents=True, exist_ok=True)
        return cells.run_cells(configs, dataset.info, CELLS, cells.Workers(1), provenance.TRAINING, **options)

    return run


@pytest.fixture
def run_steps(monkeypatch):
    """Return a function that runs steps; a step's child process is a function that writes one file, or fails."""

    def run_command(arguments, file, on_line, on_start, cores):
        on_line("under way")
        if "1e30" in arguments:
            raise ExperimentError("exit code 5: the loss is not finite")
        written = Path(f"{arguments[0]}.txt")
        written.write_text(" ".join(arguments))
        return OutcomeSummary(f"headline of {arguments[0]}", [str(written)])

    def run(*steps, **options):
        return reproduce.run([job(step, PATHS) for step in steps], PATHS, TEMPLATE, ANSWERS, **options)

    monkeypatch.setattr(reproduce, "run_command", run_command)
    TEMPLATE.write_text("The answers.\n")
    return run


@pytest.fixture
def save_no_figures(monkeypatch):
    """Return a function after whose call no figure is saved; it returns the list of the twins that would have been."""
    twins: list[Record] = []

    def note(folder, figure, record) -> list[Path]:
        twins.append(record)
        return []

    def start() -> list[Record]:
        monkeypatch.setattr(storage, "save_figure", note)
        return twins

    return start


def run_process(*words: object, **environment: str) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, ROOT / "cli.py", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def start_process(*words: object, root: Path = ROOT) -> subprocess.Popen:
    """Start the command line as a terminal does: in a session of its own, and open to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here is ignored by children
    try:
        return subprocess.Popen(
            [sys.executable, root / "cli.py", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
