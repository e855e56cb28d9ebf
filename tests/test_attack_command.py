"""``attack`` end to end, and how it refuses models and values that it cannot use."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from figure_texts import read_setting
from test_plots import end_labels

from ex3 import commands
from ex3.adversarial.cases import Case
from ex3.adversarial.judging import Attack
from ex3.adversarial.summaries import AttackCurves, AttackExamples, Example, ExampleRow, Prediction, TargetPairs
from ex3.adversarial.victims import keras_victim
from ex3.experiments import attack as experiment
from ex3.plots import attack as plots
from ex3.plots.colours import RIGHT, WRONG
from ex3.plots.style import WIDTH
from ex3.results import DatasetInfo, Record, from_json, to_json

SAMPLES = 20
FAST = ["--dataset", "digits", "--samples", SAMPLES, "--epsilon", "0.1,0.4", "--steps", 5, "--set", "curve=[0.4]"]
FAST += ["--set", "epsilon_l2=[2.0]", "--set", "l1_steps=20"]
KINDS = {"examples": AttackExamples, "epsilon": AttackCurves, "targets": TargetPairs}
DIGITS = [str(digit) for digit in range(10)]


class Attacked(NamedTuple):
    """A finished command."""

    figures: Path
    lines: list[str]
    err: str
    twins: dict[str, Record]


def attack(figures: Path, runs: Path, *words: object) -> Attacked:
    out, err = io.StringIO(), io.StringIO()
    line = ["attack", *FAST, *words, "--out", figures, "--runs", runs]
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.delenv("EX3_DATA_DIR", raising=False)
        patch.setattr(experiment, "keras_victim", partial(keras_victim, batch_size=SAMPLES))  # quicker
        code = commands.main([str(word) for word in line])
    assert code == 0, err.getvalue()
    twins = {
        part: from_json(Record[kind], (figures / f"attack-{part}.json").read_bytes()) for part, kind in KINDS.items()
    }
    return Attacked(figures, out.getvalue().splitlines(), err.getvalue(), twins)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("attack")


@pytest.fixture(scope="module")
def first(folder) -> Attacked:
    """Attack where there is no model yet, so that the three classifiers are trained."""
    return attack(folder / "first", folder / "runs")


@pytest.fixture(scope="module")
def second(folder, first) -> Attacked:
    """Attack a copy of the MLP as a file, which claims to come from other images."""
    (stored,) = folder.glob("runs/models/mlp-*")
    shutil.copytree(stored, folder / "copy")
    file = folder / "copy" / "run.json"
    run = json.loads(file.read_text())
    run["dataset"]["fingerprint"] = "another"
    file.write_text(json.dumps(run))
    words = ["-q", "--norm", "linf", "--target", 3, "--model", file.with_name("model.keras")]
    return attack(folder / "second", folder / "runs", *words)


def without_speed(attacks: list[Attack]) -> list[Attack]:
    return [replace(attack, images_per_second=0, smallest_epsilon=None) for attack in attacks]


def test_the_command_prints_a_table_its_own_check_and_all_files(first, folder):
    methods = [line.split("  ")[0] for line in first.lines[1:10]]
    assert methods == [*["random noise"] * 2, *["FGSM"] * 2, *["PGD"] * 3, "DeepFool", "targeted, l1"]
    assert sum(line.startswith(("PASS  ", "WARN  ")) for line in first.lines) == 10
    assert "model convnet, data digits, seed 0, threads 2" in first.lines[-1]
    assert "convnet: fgsm linf 0.1: success" in first.err
    written = {Path(line.removeprefix("wrote ")) for line in first.lines if line.startswith("wrote ")}
    models = {path for path in folder.glob("runs/models/*/*") if path.is_file()}
    assert len(models) == 9  # the three classifiers, trained on the way
    assert written == models | set(first.figures.iterdir())
    assert sum(path.stat().st_size for path in first.figures.glob("*.json")) < 250_000
    assert max(path.stat().st_size for path in first.figures.glob("*.png")) < 300_000


def test_every_figure_can_be_drawn_again_from_its_twin(first):
    for part, record in first.twins.items():
        assert to_json(record) == (first.figures / f"attack-{part}.json").read_text()
    assert [len(row.examples) for row in first.twins["examples"].result.rows] == [2] * 6
    assert list(first.twins["epsilon"].result.curves) == ["linear", "mlp", "convnet"]
    draw = {"examples": plots.draw_examples, "epsilon": plots.draw_epsilon, "targets": plots.draw_targets}
    for part, record in first.twins.items():
        figure = draw[part](record)
        assert figure.get_figwidth() == WIDTH
        assert "scikit-learn's 8 x 8 digits" in read_setting(figure)


def test_twins_name_the_models_they_rest_on(first, folder):
    runs = [json.loads(file.read_text()) for file in folder.glob("runs/models/*/run.json")]
    for part, record in first.twins.items():
        assert record.name == f"attack-{part}"
        assert record.config["model"] == "convnet"
        assert record.models == {run["name"]: run["weights"] for run in runs}


def test_a_model_file_is_attacked_beside_the_stored_models_with_the_same_numbers(first, second):
    assert not any("run.json" in line for line in second.lines)  # no model is trained twice
    assert "model copy/model.keras" in second.lines[-1]
    name, mlp = "copy/model.keras", second.twins["epsilon"].models["mlp"]
    assert second.twins["epsilon"].models[name] == mlp
    curves, before = second.twins["epsilon"].result.curves, first.twins["epsilon"].result.curves
    assert list(curves) == ["linear", "mlp", "convnet", name]
    for label, attacks in curves.items():
        assert without_speed(attacks) == without_speed(before[label if label in before else "mlp"])
    assert {attack.norm for attack in second.twins["epsilon"].result.table} == {"linf", None}


def test_quiet_leaves_warnings_alone(second):
    warnings = second.err.splitlines()
    assert all(line.startswith("ex3: WARNING: ") for line in warnings)
    assert "model.keras: trained on other images (digits) than it is attacked on" in warnings[0]
    assert "target = 3: " in warnings[1]


@pytest.mark.parametrize(
    ("words", "fragment", "code"),
    [
        (["--epsilon", "-0.1"], "epsilon = [-0.1]", 2),
        (["--epsilon", "a"], "epsilon = '[a]'", 2),
        (["--set", "step=3"], "no key 'step'; did you mean 'steps'?", 2),
        (["--dataset", "digits", "--model", "lenet"], "lenet: no such file", 3),
    ],
)
def test_bad_values_are_refused(run_cli, words, fragment, code):
    result = run_cli("attack", *words)
    assert (result.code, result.out) == (code, "")
    assert fragment in result.err.splitlines()[-1]


def measured(method: str, epsilon: float, success: float) -> Attack:
    interval = (success - 0.1, success + 0.1)
    return Attack(method, "linf", epsilon, 100, success, interval, 1 - success, 1, 1, 1, 1, None, 1)


def record_of(result, names: list[str]) -> Record:
    info = DatasetInfo("mine", "folder", "0", {"test": 100}, names, (28, 28, 1))
    config = {"model": "mlp", "restarts": 2, "steps": 40, "l1_steps": 100}
    return Record("attack", "", config, info, [0], 2, "float32", 1.0, {}, {}, result)


def title_of(figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_success_over_epsilon_has_a_line_per_attack_and_a_panel_per_model():
    of_model = [measured(method, e, e) for method in ("noise", "fgsm", "pgd") for e in (0.15, 0.3)]
    result = AttackCurves({"linear": 0.9, "mlp": 0.95}, {"linear": of_model, "mlp": of_model}, [], [])
    figure = plots.draw_epsilon(record_of(result, ["a", "b"]))
    assert (
        title_of(figure)
        == "At ε = 0.15 PGD fools the mlp on 15.0 %, FGSM on 15.0 %, random noise on 15.0 % of the images"
    )
    assert [axes.get_title().split(",")[0] for axes in figure.axes] == ["linear", "MLP"]
    assert end_labels(figure.axes[0]) == ["noise", "FGSM", "PGD"]
    np.testing.assert_allclose(figure.axes[1].lines[1].get_xydata(), [[0, 0], [0.15, 15], [0.3, 30]])


def test_the_matrix_of_prices_has_the_class_names_on_its_axes():
    names = ["shirt", "bag", "boot"]
    success, l1 = np.full((3, 3), 0.5), np.full((3, 3), 7.0)
    l1[0] = np.nan, 3, 11
    result = TargetPairs(measured("targeted_l1", 0, 0.5), success.tolist(), l1.tolist(), np.ones((3, 3), int).tolist())
    figure = plots.draw_targets(record_of(result, names))
    axes, bar = figure.axes
    assert len(axes.texts) == 8
    assert [tick.get_text() for tick in axes.get_xticklabels()] == names
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("wanted class", "true class")
    assert "l1 norm" in bar.get_ylabel()
    assert title_of(figure) == (
        "The wanted class is reached with 50.0 % of 100 images, cheapest from shirt to bag (3.0), "
        "dearest from shirt to boot (11.0)"
    )


def test_examples_show_the_noise_on_one_scale_and_mark_what_is_wrong():
    image = np.zeros((28, 28))
    fooled = Example(image.tolist(), (image + 0.25).tolist(), Prediction(1, 0.9), Prediction(0, 0.6))
    kept = Example(image.tolist(), (image + 0.1).tolist(), Prediction(1, 0.9), Prediction(1, 0.7))
    rows = [
        ExampleRow(Case("noise", "linf", 0.1), [kept, kept]),
        ExampleRow(Case("fgsm", "linf", 0.25), [fooled, kept]),
    ]
    figure = plots.draw_examples(record_of(AttackExamples(rows), ["shirt", "bag"]))
    assert title_of(figure) == "Of these 2 images the mlp is fooled by random noise on 0, by FGSM on 1"
    original, noisy, attacked = figure.axes[:3]
    assert [axes.get_xlabel() for axes in (original, noisy, attacked)] == ["bag (90 %)", "bag (70 %)", "shirt (60 %)"]
    colours = [axes.xaxis.label.get_color() for axes in (original, noisy, attacked)]
    assert colours == [RIGHT, RIGHT, WRONG]
    assert attacked.get_title() == "FGSM\nlinf, 0.25"
    assert {axes.images[0].get_clim() for axes in (figure.axes[4], figure.axes[5], figure.axes[10])} == {(-0.5, 0.5)}
