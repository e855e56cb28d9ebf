"""What ``report --check`` finds wrong with the figures, the answers' links and the README's numbers."""

from pathlib import Path

import pytest
from small_twins import MNIST, PNG, README, change, write_figure, write_project

from ex3.answers import published

FIGURES = Path("figures")
PICTURE, TWIN = FIGURES / "compare.png", FIGURES / "compare.json"


@pytest.fixture(autouse=True)
def _project(tmp_path):
    write_project(tmp_path)


@pytest.fixture
def check(run_cli):
    """Return a function that checks the project."""
    return lambda: run_cli("report", "--check", "--template", "t.jinja")


DEFECTS = [
    (lambda: PICTURE.write_bytes(PNG + bytes(300_000)), "figures/compare.png: 300 kB; at most 300 kB are published"),
    (lambda: PICTURE.write_bytes(b"<svg/>"), "figures/compare.png: not a PNG"),
    (lambda: change(TWIN, "name", "compared"), "figures/compare.json: its name is compared"),
    (
        lambda: change(TWIN, "command", "python cli.py train all --limit 1000"),
        "figures/compare.json: its command is 'python cli.py train all --limit 1000', which reproduce does not run",
    ),
    (lambda: (FIGURES / "lonely.png").write_bytes(PNG), "figures/lonely.json: missing"),
    (lambda: (FIGURES / "lonely.json").write_bytes(TWIN.read_bytes()), "figures/lonely.png: missing"),
    (
        lambda: write_figure(FIGURES, "new", "python cli.py toy", MNIST, {}),
        "figures/new.png: the answers do not show it",
    ),
    (lambda: Path("LICENSE").unlink(), "LICENSE: linked from the answers, but missing"),
    (
        lambda: Path("README.md").write_text(README.replace("` | 0.9910", "` | 0.9911"), "utf-8"),
        "README.md: 0.9911 ± 0.0010 is in no twin of figures",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), DEFECTS)
def test_a_defect_is_named(check, spoil, message):
    spoil()
    result = check()
    assert result.code == 3, result.err
    assert result.err.startswith(f"ex3: error: {message}")
    assert result.err.count("\n") == 1
    assert f"FAILED  {message}" in result.out
    assert result.out.splitlines()[-1].endswith("Answers.md and the README have defects")


def test_all_defects_are_named_in_one_line(check):
    PICTURE.write_bytes(b"<svg/>")
    change(TWIN, "result.convnet.metrics.test_accuracy.mean", 0.98)
    result = check()
    assert result.code == 5
    assert result.err.count("\n") == 1
    assert "t.jinja: the claim 'The convnet beats the MLP' requires" in result.err
    assert "; figures/compare.png: not a PNG; README.md: 0.9910 ± 0.0010 is in no twin of figures" in result.err


def test_a_readme_is_not_needed():
    assert published.check_readme(Path("other/README.md"), FIGURES) == []
