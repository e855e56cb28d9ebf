"""A stored run is found by all that its numbers depend on, and by nothing else."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from ex3 import config, model_store, provenance
from ex3.adversarial.attack_config import AttackConfig
from ex3.experiments import Paths
from ex3.experiments.trained import classifier_config, trained_classifier

FAST = ["--dataset", "digits", "--epochs", 1, "-q"]


@pytest.fixture
def copied_code(tmp_path, monkeypatch):
    """Let digests be computed from a copy of the package, which a test may change."""
    copy = tmp_path / "ex3"
    shutil.copytree(ROOT / "ex3", copy, ignore=shutil.ignore_patterns("*.gz", "__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    provenance.code_digest.cache_clear()
    yield copy
    provenance.code_digest.cache_clear()


def change_code(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    provenance.code_digest.cache_clear()


def test_every_input_of_a_run_is_part_of_its_identity(tiny_mlp, monkeypatch):
    def identity(settings=tiny_mlp, fingerprint="0123"):
        return provenance.run_identity(settings, fingerprint)

    identities = {identity(), identity(fingerprint="4567")}
    identities |= {identity(tiny_mlp.model_copy(update={key: 1})) for key in ("seed", "threads", "limit")}
    installed = provenance.version
    for package in ("numpy", "keras", "tensorflow", "scikit-learn"):
        monkeypatch.setattr(provenance, "version", lambda name, other=package: installed(name) + "x" * (name == other))
        identities.add(identity())
    assert len(identities) == 9


def test_a_change_of_the_code_is_another_identity_and_a_new_version_or_docstring_is_not(copied_code, tiny_mlp):
    before = provenance.run_identity(tiny_mlp, "0123")
    change_code(copied_code / "__init__.py", '__version__ = "', '__version__ = "9')
    change_code(copied_code / "training.py", '"""Optimises', '"""Really optimises')
    change_code(copied_code / "plots" / "style.py", "SMOOTHING = 0.9", "SMOOTHING = 0.8")  # no number depends on it
    assert provenance.run_identity(tiny_mlp, "0123") == before
    change_code(copied_code / "data" / "files.py", "MAX_ITEMS = 1_000_000", "MAX_ITEMS = 1_000_001")  # indirectly
    assert provenance.run_identity(tiny_mlp, "0123") != before


def test_weights_are_told_apart_by_their_values_and_shapes():
    digests = {
        provenance.weights_digest(arrays)
        for arrays in ([np.zeros(4)], [np.zeros((2, 2))], [np.zeros(4, np.float32)], [np.array([0, 0, 0, 1e-9])])
    }
    assert len(digests) == 4


def test_a_consumers_seed_and_limit_are_those_of_the_classifier_it_asks_for():
    autoencoder = config.AutoencoderConfig(
        dataset="digits", limit=150, seed=3, threads=1, hidden_units=(8,), epochs=1, batch_size=64, optimizer="adam",
        learning_rate=0.01, momentum=0.9,
    )  # fmt: skip
    asked = classifier_config("convnet", like=autoencoder)
    assert (asked.dataset, asked.limit, asked.seed, asked.threads) == ("digits", 150, 3, 1)
    attack = AttackConfig(dataset="digits", seed=2)
    asked = classifier_config("mlp", like=attack)
    assert (asked.dataset, asked.limit, asked.seed, asked.threads) == ("digits", None, 2, 2)


def test_a_limited_model_is_stored_under_its_own_identity_and_never_taken_for_the_whole_one(run_cli):
    """Else ``attack`` would take the convnet of a command with ``--limit`` for one of all images."""
    result = run_cli("evaluate", "convnet", "--dataset", "digits", "--limit", 150, "-q")
    assert result.code == 0, result.err
    (limited,) = Path("runs/models").glob("convnet-*")
    for file in limited.iterdir():
        assert f"wrote {file}" in result.out
    run = json.loads((limited / "run.json").read_text())
    assert (run["config"]["limit"], run["dataset"]["sizes"]["train"]) == (150, 150)
    twin = json.loads(Path("figures/evaluate-confusion.json").read_text())
    assert twin["models"]["convnet"] == run["weights"]
    asked = classifier_config("convnet", like=AttackConfig(dataset="digits"))
    whole = trained_classifier(asked, Paths(Path(), Path("runs")), quiet=True)
    assert whole.run.dataset.sizes["train"] > 1000
    assert whole.run.weights != run["weights"]
    assert {Path("runs/models") / path.parent.name for path in whole.written} == {
        path for path in Path("runs/models").glob("convnet-*") if path != limited
    }


def test_runs_with_another_config_do_not_overwrite_each_other(run_cli):
    for words in ([], ["--limit", 200], ["--set", "label_smoothing=0.2"]):
        result = run_cli("train", "linear", *FAST, *words)
        assert result.code == 0, result.err
    folders = list(Path("runs/models").iterdir())
    assert len(folders) == 3
    for folder in folders:
        _, run = model_store.load_classifier(folder / "model.keras")
        assert folder == model_store.model_folder(Path("runs"), run.config, run.dataset.fingerprint)
