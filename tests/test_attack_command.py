"""``attack`` end to end, and how it refuses models and values that it cannot use."""

import pickle
import shutil
from pathlib import Path

import pytest
from conftest import run_process
from test_plots import assert_labelled

from ex3 import storage
from ex3.backend import keras
from ex3.experiments import Places
from ex3.experiments.trained import classifier
from ex3.plots import attack as plots
from ex3.results import Attack, Record, from_json

FAST = ["--dataset", "digits", "--samples", 60, "--epsilon", "0.1,0.4", "--steps", 5, "--set", "curve=[0.2]"]
FAST += ["--set", "epsilon_l2=[2.0]", "--set", "l1_steps=40"]


@pytest.fixture(scope="module")
def runs(dataset, tmp_path_factory):
    """Train the three classifiers on the digits, once."""
    folder = tmp_path_factory.mktemp("trained")
    for model in ("linear", "mlp", "convnet"):
        classifier(model, dataset, Places(folder, folder), 2, quiet=True)
    return folder


def refuse(run_cli, *words: object, code: int = 2) -> str:
    result = run_cli("attack", "--dataset", "digits", *words)
    assert (result.code, result.out) == (code, ""), result
    return result.err.splitlines()[-1]


def test_the_command_writes_figures_twins_and_its_own_check(runs):
    shutil.copytree(runs, "runs")
    result = run_process("attack", *FAST)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    methods = [line.split("  ")[0] for line in lines[1:10]]
    assert methods == [*["random noise"] * 2, *["FGSM"] * 2, *["PGD"] * 3, "DeepFool", "targeted, l1"]
    assert sum(line.startswith(("PASS  ", "WARN  ")) for line in lines) == 10
    assert "model convnet, data digits, seed 0, threads 2" in lines[-1]
    assert "convnet: fgsm linf 0.1: success" in result.stderr
    for part in ("examples", "epsilon", "targets"):
        record = from_json(Record, Path(f"figures/attack-{part}.json").read_bytes())
        assert record.config["model"] == "convnet"
        assert Path(f"figures/attack-{part}.png").stat().st_size < 300_000
    epsilon = from_json(Record, Path("figures/attack-epsilon.json").read_bytes())
    assert list(epsilon.result["curves"]) == ["linear", "mlp", "convnet"]
    assert len(epsilon.result["checks"]) == 10
    again = run_process("attack", *FAST, "-q")
    assert again.stderr == ""
    assert again.stdout.splitlines()[-1].split("; model")[0] == lines[-1].split("; model")[0]


def test_a_model_file_of_this_package_is_attacked_and_others_beside_it(runs):
    words = [*FAST, "--norm", "linf", "--target", 3, "-q", "--runs", runs]
    result = run_process("attack", *words, "--model", runs / "train-mlp" / "model.keras")
    assert result.returncode == 0, result.stderr
    assert "model train-mlp/model.keras" in result.stdout.splitlines()[-1]
    assert "images that show it already are left out" in result.stderr
    record = from_json(Record, Path("figures/attack-epsilon.json").read_bytes())
    assert list(record.result["curves"]) == ["linear", "mlp", "convnet", "train-mlp/model.keras"]


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--epsilon", "-0.1"], "epsilon = [-0.1]"),
        (["--epsilon", "nan"], "epsilon = [nan]"),
        (["--epsilon", ""], "epsilon = []"),
        (["--epsilon", "a"], "epsilon = '[a]'"),
        (["--steps", "0"], "steps = 0"),
        (["--step-size", "0"], "step_size = 0"),
        (["--restarts", "0"], "restarts = 0"),
        (["--norm", "l3"], "norm = 'l3'"),
        (["--loss", "hinge"], "loss = 'hinge'"),
        (["--target", "10"], "target = 10"),
        (["--samples", "0"], "samples = 0"),
        (["--set", "step=3"], "no key 'step'; did you mean 'steps'?"),
    ],
)
def test_bad_values_are_refused(run_cli, words, fragment):
    assert fragment in refuse(run_cli, *words)


def test_files_that_are_no_model_of_this_package_are_refused(run_cli, runs, tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path("executed").touch, ())

    good = (runs / "train-linear" / "model.keras").read_bytes()
    contents = {
        "empty.keras": b"",
        "page.keras": b"<html></html>",
        "pickle.keras": pickle.dumps(Evil()),
        "old.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "truncated.keras": good[: len(good) // 2],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert f"{name}: not a .keras file" in refuse(run_cli, "--model", tmp_path / name, code=3)
    assert "absent.keras: no such file" in refuse(run_cli, "--model", "absent.keras", code=3)
    assert "lenet: no such file" in refuse(run_cli, "--model", "lenet", code=3)
    (tmp_path / "alone.keras").write_bytes(good)
    assert "no config.toml beside it" in refuse(run_cli, "--model", tmp_path / "alone.keras", code=3)
    assert not Path("executed").exists()


def test_a_foreign_model_beside_a_config_is_refused_and_never_executed(run_cli, runs, tmp_path):
    folder = tmp_path / "train-linear"
    shutil.copytree(runs / "train-linear", folder)
    inputs = keras.Input((28, 28, 1))
    trap = keras.layers.Lambda(lambda x: Path("executed").touch() or keras.layers.Flatten()(x))
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs))).save(folder / "model.keras")
    assert keras.Sequential([keras.Input((28, 28, 1)), trap])  # the trap works, when the model is built
    Path("executed").unlink()
    keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]).save(
        folder / "other.keras"
    )
    error = refuse(run_cli, "--model", folder / "other.keras", code=3)
    assert "other.keras: not the weights of the model in its config.toml" in error
    assert not Path("executed").exists()


def test_no_correct_image_and_no_other_image_are_said(run_cli, runs, tmp_path, monkeypatch):
    from ex3 import robustness

    monkeypatch.setattr(robustness, "correct_ones", lambda victim, x, y: robustness.Attacked(x[:0], y[:0], len(x)))
    assert "classifies none of 60 test images correctly" in refuse(run_cli, *FAST, "--runs", runs, code=3)
    monkeypatch.setattr(robustness, "correct_ones", lambda victim, x, y: robustness.Attacked(x[y == 3], y[y == 3], 60))
    assert "target = 3: all images show this digit" in refuse(run_cli, *FAST, "--runs", runs, "--target", 3)


def test_a_saved_classifier_has_its_numbers_in_the_file_alone(runs, dataset):
    trained, config, run = storage.load_classifier(runs / "train-linear" / "model.keras")
    assert config.model == run.name == "linear"
    assert trained.predict(dataset.test.x[:3], verbose=0).shape == (3, 10)


def make_attack(method: str, epsilon: float, success: float) -> Attack:
    return Attack(
        method, "linf", epsilon, 100, success, (success - 0.1, success + 0.1), 1 - success, 1, 1, 1, 1, None, 1
    )


def test_figures_show_what_they_are_given():
    import numpy as np

    of_model = [make_attack(method, e, e) for method in ("noise", "fgsm", "pgd") for e in (0.1, 0.3)]
    figure = plots.over_epsilon({"linear": of_model, "mlp": of_model}, {"linear": 0.9, "mlp": 0.95}, "NOT MNIST")
    assert_labelled(figure, 4)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["random noise", "FGSM", "PGD"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.9, 0.9, 0.7])
    np.testing.assert_allclose(figure.axes[2].lines[1].get_xydata(), [[0, 0], [0.1, 0.1], [0.3, 0.3]])

    pairs = {"success": np.full((10, 10), 0.5), "l1": np.full((10, 10), 7.0), "count": np.ones((10, 10), int)}
    pairs["success"][0, 0] = np.nan
    figure = plots.targets(pairs, "NOT MNIST")
    assert_labelled(figure, 2)
    assert len(figure.axes[0].texts) == 99

    x = np.zeros((28, 28))
    example = plots.Example(x, x + 0.25, "1 (90 %)", "7 (60 %)")
    figure = plots.examples({"FGSM": [example, example]}, "title")
    assert [axes.get_title() for axes in figure.axes[:3]] == ["1 (90 %)", "noise, ±0.25", "7 (60 %)"]
    assert figure.axes[1].images[0].get_clim() == (-0.25, 0.25)
