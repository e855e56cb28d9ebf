"""The answers: what is committed is what the templates say of the twins, and what these do not bear out is refused."""

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from ex3.claims import Comparisons
from ex3.report import Node, render
from ex3.results import spread

TEMPLATE = ROOT / "docs" / "answers" / "Answers.md.jinja"
ANSWERS = ROOT / "Answers.md"
FIGURES = ROOT / "figures"


@pytest.fixture
def project(tmp_path) -> Path:
    """Return a folder with copies of the figures, the twins and the answers, which is the working directory."""
    shutil.copytree(FIGURES, tmp_path / "figures")
    shutil.copy(ANSWERS, tmp_path)
    return tmp_path


def change(file: Path, path: str, value: object) -> None:
    """Set one number of a twin; the path's keys are separated by dots."""
    twin = json.loads(file.read_text())
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    part = twin
    for key in keys:
        part = part[key]
    assert part[last] != value
    part[last] = value
    file.write_text(json.dumps(twin))


def assert_refused(result, code: int, *fragments: str) -> None:
    assert result.code == code, result.err
    assert result.err.startswith("ex3: error: ")
    assert result.err.count("\n") == 1, result.err
    for fragment in fragments:
        assert fragment in result.err
    assert Path("Answers.md").read_text() == ANSWERS.read_text()


def test_the_committed_answers_are_those_of_the_committed_twins(run_cli, project):
    Path("Answers.md").unlink()
    result = run_cli("report")
    assert result.code == 0, result.err
    assert "wrote Answers.md" in result.out
    assert Path("Answers.md").read_text() == ANSWERS.read_text()
    assert re.search(r"^(\d+) of \1 claims hold$", result.out.splitlines()[-1])


def test_nothing_of_the_template_is_left_in_the_answers():
    assert not re.search(
        r"\{\{|\}\}|\{%|\{#|\bUndefined\b|<ex3\.",
        re.sub(r"```math.*?```|\$[^$\n]*\$", "", ANSWERS.read_text(), flags=re.S),
    )


def test_the_answers_show_every_published_figure_and_no_other():
    cited = set(re.findall(r"!\[[^]]+\]\(figures/([^)]+)\)", ANSWERS.read_text()))
    assert cited == {picture.name for picture in FIGURES.glob("*.png")}


def test_the_answers_link_to_files_that_are_there():
    for link in re.findall(r"\]\(([^)]+)\)", ANSWERS.read_text()):
        assert (ROOT / link).is_file(), link


def test_no_measured_number_is_typed():
    """What the templates say by themselves holds no decimals and no percentages but the names of things."""
    for template in TEMPLATE.parent.glob("*.jinja"):
        text = re.sub(
            r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|```.*?```|`[^`]*`|\$[^$]*\$", "", template.read_text(), flags=re.S
        )
        text = re.sub(r"^\| R\d: [^|]*\|", "", text, flags=re.M)  # what a report claims is its own
        text = re.sub(r"\b2\.[456](\.\d)?\b|\(95 %, Wilson\)", "", text)  # the exercise's parts; a level
        text = re.sub(r"[Aa]t 0\.(25|5|2)\b|0 against 0\.25", "", text)  # values of a sweep
        assert re.findall(r"\d+\.\d+|\d+ %", text) == [], template.name


PLANTED = [
    ("compare", "result.convnet.metrics.test_accuracy.mean", 0.98, "the convnet beats the MLP", "above(convnet.test"),
    ("compare", "result.linear.metrics.test_accuracy.std", 0.1, "far better than the linear model", "± 0.1000"),
    ("sweep-dropout-summary", "result.values.2.loss_gap.mean", 0.05, "Dropout narrows the gap", "below(dropout_25"),
    ("sweep-lr-summary", "result.values.6.test_accuracy.mean", 0.5, "a rate of 1 diverges", "0.5000"),
    ("toy-curves", "result.fits.0.test_loss.3", 1.0, "The linear model learns it", "31 of 32 seeds"),
    ("toy-curves", "result.fits.1.test_loss.3", 0.0001, "The linear model learns $y_1$ only", "31 of 32 seeds"),
    ("autoencoder-scatter", "result.scores.pca.neighbour_accuracy.mean", 0.9, "Neighbours in its plane", "above(ours"),
    ("theory-relu", "result.findings.0.number", 0.1, "The numerical checks of this question", "hold(relu.findings)"),
]


@pytest.mark.parametrize(("name", "path", "value", "claim", "fragment"), PLANTED)
def test_a_contrary_number_is_refused(run_cli, project, name, path, value, claim, fragment):
    change(project / "figures" / f"{name}.json", path, value)
    result = run_cli("report")
    assert_refused(result, 5, claim, fragment, ".md.jinja: the claim")
    assert "FAILED" in result.out
    assert "wrote" not in result.out


def test_a_missing_twin_is_refused(run_cli, project):
    (project / "figures" / "toy-l2.json").unlink()
    assert_refused(run_cli("report"), 3, "figures/toy-l2.json: missing")


def test_a_missing_figure_is_refused(run_cli, project):
    (project / "figures" / "attack-examples.png").unlink()
    assert_refused(run_cli("report"), 3, "figures/attack-examples.png: missing")


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"name": "compare"}'])
def test_a_damaged_twin_is_refused(run_cli, project, content):
    (project / "figures" / "compare.json").write_text(content)
    assert_refused(run_cli("report"), 3, "figures/compare.json: damaged")


def test_a_twin_from_digits_is_refused(run_cli, project):
    file = project / "figures" / "sweep-lr.json"
    change(file, "dataset.name", "digits")
    change(file, "dataset.fingerprint", "0123456789abcdef")
    assert_refused(run_cli("report"), 3, "figures/sweep-lr.json: its key dataset is digits, not the original mnist")


def test_a_lost_key_is_refused(run_cli, project):
    twin = json.loads((project / "figures" / "compare.json").read_text())
    del twin["result"]["mlp"]
    (project / "figures" / "compare.json").write_text(json.dumps(twin))
    assert_refused(run_cli("report"), 3, "figures/compare.json: no key compare.result.mlp; there are linear, convnet")


TWIN = 'twin("sweep-lr-summary").result'


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        (
            "{{ " + TWIN + ".valeus }}",
            "figures/sweep-lr-summary.json: no key sweep-lr-summary.result.valeus; there are",
        ),
        ("{{ " + TWIN + ".values[99] }}", "no key sweep-lr-summary.result.values.99; there are 0 to"),
        (
            "{{ " + TWIN + ".values.where(value=7).test_loss }}",
            "0 entries of sweep-lr-summary.result.values, value = 7",
        ),
        ('{{ twin("sweep").result }}', "figures/sweep.json: missing"),
        ('{{ figure("sweep", "a sweep") }}', "figures/sweep.json: missing"),
        ("{{ result }}", "t.jinja, line 2: 'result' is undefined"),
        ("{{ 1 | pm(2) }}", "t.jinja, line 2: 'int' object has no attribute 'mean'"),
        ("{% if %}", "t.jinja, line 2: "),
        ('{% include "part" %}', "includes part, which is not in its folder"),
        ('{{ claim("true", "1 < 2") }}', "the claim 'true' compares nothing: 1 < 2"),
        ('{{ claim("true", "above(result, 2)") }}', "'result' is undefined"),
    ],
)
def test_a_wrong_template_is_refused(run_cli, project, line, fragment):
    (project / "t.jinja").write_text(f"# Answers\n{line}\n")
    assert_refused(run_cli("report", "--template", "t.jinja"), 3, fragment)


def test_a_missing_template_is_refused(run_cli, project):
    assert_refused(run_cli("report", "--template", "t.jinja"), 3, "t.jinja: no such template")


def test_the_readmes_example_works(project):
    (project / "t.jinja").write_text(re.search(r"```jinja\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1])
    text, (claim,) = render(project / "t.jinja", project / "figures", project)
    assert re.fullmatch(r"The convnet beats the MLP\nby \d\.\d %\.\n", text)
    assert claim.holds


def test_pictures_are_linked_from_where_the_answers_stand(project):
    (project / "t.jinja").write_text('{{ figure("compare", "All") }}')
    text, claims = render(project / "t.jinja", project / "figures", project / "deep" / "er")
    assert (text, claims) == ("![All](../../figures/compare.png)", [])


A, B, C = spread([0.9, 0.92, 0.94]), spread([0.95, 0.97, 0.99]), spread([0.93, 0.94, 0.95])
SEEDS = Node([3, 4, 5], Path("x.json"), "x")


@pytest.mark.parametrize(
    ("question", "arguments", "answer"),
    [
        ("above", (B, A), True),
        ("above", (A, B), False),
        ("above", (C, A), False),  # 0.93 to 0.95 and 0.90 to 0.94 touch
        ("above", (B, 0.94), True),
        ("above", (B, 0.96), False),
        ("below", (A, B), True),
        ("below", (A, C), False),
        ("alike", (A, C), True),
        ("alike", (A, B), False),
        ("at_least", (A, 0.89), True),
        ("at_least", (A, 0.91), False),
        ("at_least", (spread([0.91]), 0.91), True),
        ("at_most", (A, 0.95), True),
        ("at_most", (A, 0.93), False),
        ("at_most", (float("nan"), 1), False),
        ("above", (SEEDS, 2), True),
        ("above", (SEEDS, 3), False),
        ("always_above", ([2, 3], [1, 2]), True),
        ("always_above", ([2, 3], [1, 4]), False),
        ("always_above", ([2, 3], [1, 2], 2), False),
        ("always_below", ([1, 2], [2, 3]), True),
        ("always_below", ([1, 4], [2, 3]), False),
        ("always_below", ([1, 2], [2, 3], 0.5), False),
    ],
)
def test_comparisons_heed_the_spread(question, arguments, answer):
    comparisons = Comparisons()
    assert comparisons.functions()[question](*arguments) is answer
    assert len(comparisons.made) == 1


def test_lists_of_unequal_length_are_not_compared():
    with pytest.raises(ValueError, match="shorter"):
        Comparisons().always_above([1, 2], [1])
