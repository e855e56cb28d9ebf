"""The answers: text from twins and templates, claims that have to hold, and a check that writes nothing.

The twins are small ones of ``small_twins.py``. Of what is published only the templates are read.
"""

import json
import re
from pathlib import Path

import jinja2
import pytest
from conftest import ROOT
from small_twins import ANSWERS, change, write_project

from ex3.answers import render as rendering
from ex3.answers.claims import Comparisons
from ex3.answers.render import build_environment, render

TEMPLATES = build_environment(ROOT / "ex3" / "answers" / "templates")
COMPARE, TOY = Path("figures/compare.json"), Path("figures/toy-curves.json")


@pytest.fixture(autouse=True)
def _project(tmp_path):
    write_project(tmp_path)


@pytest.fixture
def report(run_cli):
    """Return a function that runs ``report`` with the small template."""
    return lambda *words: run_cli("report", "--template", "t.jinja", *words)


def contents() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def assert_refused(result, code: int, *fragments: str) -> None:
    """Check for the exit code, for one line on stderr with the fragments, and that the answers are as they were."""
    assert result.code == code, result.err
    assert result.err.startswith("ex3: error: ")
    assert result.err.count("\n") == 1, result.err
    for fragment in fragments:
        assert fragment in result.err
    assert Path("Answers.md").read_text("utf-8") == ANSWERS


def test_the_answers_are_written_from_the_twins(report):
    Path("Answers.md").unlink()
    result = report()
    assert result.code == 0, result.err
    assert Path("Answers.md").read_text("utf-8") == ANSWERS
    assert "ok      The convnet beats the MLP\n        above(convnet, mlp)\n        0.9910" in result.out
    assert result.out.endswith("wrote Answers.md\n3 of 3 claims hold\n")


def test_a_check_of_sound_answers_passes_and_writes_nothing(report):
    before = contents()
    result = report("--check")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == "3 of 3 claims hold; 2 figures, Answers.md and the README are sound"
    assert contents() == before


@pytest.mark.parametrize("stale", [ANSWERS.replace("0.0045", "0.0046"), ANSWERS + "\n", None])
def test_a_check_refuses_stale_answers_and_leaves_them(report, stale):
    Path("Answers.md").write_text(stale, "utf-8") if stale else Path("Answers.md").unlink()
    before = contents()
    result = report("--check")
    assert result.code == 5
    assert re.fullmatch(r"ex3: error: Answers.md is stale: .*; python cli.py report writes it\n", result.err)
    assert contents() == before


PLANTED = [
    (COMPARE, "result.convnet.metrics.test_accuracy.mean", 0.98, "the claim 'The convnet beats", "0.9800 ± 0.0010 >"),
    (COMPARE, "result.mlp.metrics.test_accuracy.std", 0.1, "requires above(convnet, mlp)", "0.9830 ± 0.1000"),
    (COMPARE, "result.mlp.metrics.test_accuracy.mean", None, "requires above(convnet, mlp)", "> nan"),
    (TOY, "result.fits.0.test_loss.1", 1.0, "The linear model learns $y_1$", "with 1 of 2 seeds"),
    (TOY, "result.fits.0.test_loss.1", None, "The linear model learns $y_1$", "with 1 of 2 seeds"),
    (TOY, "result.findings.0.number", 0.1, "All checks pass", "0 of 1 findings"),
    (TOY, "result.checks", [], "All checks pass", "0 of 0 checks"),
]


@pytest.mark.parametrize("words", [(), ("--check",)])
@pytest.mark.parametrize(("file", "path", "value", "claim", "numbers"), PLANTED)
def test_a_claim_that_contradicts_a_number_is_refused(report, words, file, path, value, claim, numbers):
    change(file, path, value)
    result = report(*words)
    assert_refused(result, 5, "t.jinja: the claim", claim, numbers)
    assert "FAILED" in result.out
    assert "wrote" not in result.out


@pytest.mark.parametrize(
    ("file", "content", "fragment"),
    [
        ("compare.json", None, "figures/compare.json: missing; python cli.py reproduce makes it"),
        ("compare.png", None, "figures/compare.png: missing"),
        ("compare.json", "{", "figures/compare.json: damaged; python cli.py reproduce makes it anew"),
        ("compare.json", '{"name": "compare"}', "figures/compare.json: damaged"),
    ],
)
def test_a_missing_or_damaged_figure_is_refused(report, file, content, fragment):
    path = Path("figures") / file
    path.write_text(content) if content else path.unlink()
    assert_refused(report(), 3, fragment)


def test_a_twin_from_other_images_is_refused(report):
    change(COMPARE, "dataset.fingerprint", "0123456789abcdef")
    change(COMPARE, "dataset.name", "digits")
    assert_refused(report(), 3, "figures/compare.json: its key dataset is digits, not the original mnist")


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset.fingerprint": "51ad1968edfc3322"},
        {"dataset.fingerprint": "0123456789abcdef", "dataset.name": "cars-cats-trucks"},
    ],
)
def test_a_twin_from_three_digits_or_from_photographs_is_taken(report, changes):
    for path, value in changes.items():
        change(COMPARE, path, value)
    assert report().code == 0


def test_a_lost_key_is_refused(report):
    twin = json.loads(COMPARE.read_text())
    del twin["result"]["mlp"]
    COMPARE.write_text(json.dumps(twin))
    assert_refused(report(), 3, "figures/compare.json: no key compare.result.mlp; there are convnet")


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("{{ twin('compare').result.covnet }}", "no key compare.result.covnet; there are mlp, convnet"),
        ("{{ twin('toy-curves').result.fits[9] }}", "no key toy-curves.result.fits.9; there are 0 to 1"),
        (
            "{{ twin('toy-curves').result.fits.where(target='y7') }}",
            "0 entries of toy-curves.result.fits, target = 'y7'",
        ),
        ("{{ twin('sweep').result }}", "figures/sweep.json: missing"),
        ("{{ figure('sweep', 'a sweep') }}", "figures/sweep.json: missing"),
        ("{{ twin('compare').result }}", "t.jinja, line 2: a Node is neither text nor a number"),
        ("{{ result }}", "t.jinja, line 2: 'result' is undefined"),
        ("{{ 1 | pm(2) }}", "t.jinja, line 2: 'int' object has no attribute 'mean'"),
        ("{% if %}", "t.jinja, line 2: "),
        ('{% include "part" %}', "includes part, which is not in its folder"),
        ('{{ claim("{{ 1 }} is less than 2", "at_most(1, 2)") }}', "'{{' is left in the text"),
        ('{{ claim("true", "1 < 2") }}', "the claim 'true' compares nothing: 1 < 2"),
        ('{{ claim("true", "above(result, 2)") }}', "'result' is undefined"),
        ('{{ claim("true", "always_above([1, 2], [1])") }}', "shorter"),
    ],
)
def test_a_wrong_template_is_refused(report, line, fragment):
    Path("t.jinja").write_text(f"# Answers\n{line}\n")
    assert_refused(report(), 3, fragment)


def test_a_missing_template_is_refused(report):
    Path("t.jinja").unlink()
    assert_refused(report(), 3, "t.jinja: no such template")


def test_the_docstrings_example_works(tmp_path):
    example = re.search(r"::\n\n((?:    .*\n)+)", rendering.__doc__)[1].replace("    ", "")
    (tmp_path / "t.jinja").write_text(example)
    text, (claim,) = render(tmp_path / "t.jinja", tmp_path / "figures", tmp_path)
    assert text.splitlines() == [
        "The convnet beats the MLP:",
        "0.9910 ± 0.0010 against 0.9830 ± 0.0020. ![Figure 1](figures/compare.png)",
        "",
        "**Figure 1:** Three models",
    ]
    assert claim.holds


@pytest.mark.parametrize("page", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda page: page.name)
def test_the_examples_in_the_documentation_work(tmp_path, page):
    for example in re.findall(r"```jinja\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        (tmp_path / "t.jinja").write_text(example)
        _, claims = render(tmp_path / "t.jinja", tmp_path / "figures", tmp_path)
        assert [claim.holds for claim in claims] == [True]


def test_pictures_are_linked_from_the_folder_of_the_answers(tmp_path):
    (tmp_path / "t.jinja").write_text('{{ figure("compare", "All") }}')
    text, claims = render(tmp_path / "t.jinja", tmp_path / "figures", tmp_path / "deep" / "er")
    assert (text, claims) == ("![Figure 1](../../figures/compare.png)\n\n**Figure 1:** All", [])


def test_captions_are_numbered_through_and_short():
    captions = re.findall(
        r"^\*\*Figure (\d+):\*\* (.*(?:\n.+)*)", (ROOT / "Answers.md").read_text("utf-8"), re.MULTILINE
    )
    assert [int(number) for number, _ in captions] == list(range(1, len(captions) + 1))
    assert {number: text for number, text in captions if len(text.split()) > 40 or "$" in text} == {}
    assert len(captions) > 40


def test_the_templates_and_their_predicates_parse():
    calls = []
    for name in TEMPLATES.list_templates():
        TEMPLATES.get_template(name)  # compiles it: an unknown filter is an error
        source = TEMPLATES.loader.get_source(TEMPLATES, name)[0]
        calls += TEMPLATES.parse(source).find_all(jinja2.nodes.Call)
    predicates = [call.args[1].value for call in calls if getattr(call.node, "name", "") == "claim"]
    assert len(predicates) > 50
    for predicate in predicates:
        TEMPLATES.compile_expression(predicate)
        assert re.search(rf"\b({'|'.join(Comparisons().functions())})\(", predicate)


def test_no_measured_number_is_typed():
    """The templates' own text holds no decimals and no percentages, except in names."""
    for name in TEMPLATES.list_templates():
        source = TEMPLATES.loader.get_source(TEMPLATES, name)[0]
        source = re.sub(r"^.*--config.*$", "", source, flags=re.MULTILINE)  # of what is not published
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|```.*?```|`[^`]*`|\$[^$]*\$", "", source, flags=re.DOTALL)
        text = re.sub(r"^\| R\d: [^|]*\|", "", text, flags=re.MULTILINE)  # the claims of the hand-in reports
        text = re.sub(r"\b2\.[456](\.\d)?\b|\(95 %, Wilson\)|95 % t interval", "", text)  # the exercise's parts; levels
        text = re.sub(r"[Aa]t 0\.(25|5|2)\b|, 0\.25 \||ε = 0\.2\b", "", text)  # values of a sweep
        assert re.findall(r"\d+\.\d+|\d+ %", text) == [], name


@pytest.mark.parametrize(("command", "code"), [("train convnet", 3), ("train convnet --config other.toml", 0)])
def test_a_number_in_a_configs_header_that_no_twin_has_is_refused(report, command, code):
    Path("configs").mkdir()
    Path("configs/mlp.toml").write_text(f"# python cli.py {command}\n# 0.9910 ± 0.0010\n# and 0.5 ±\n# 0.1\n", "utf-8")
    result = report("--check")
    assert result.code == code
    assert ("0.5 ± 0.1 is in no twin" in result.err) == (code != 0)
