"""The parts of the README and of the configs' headers that ``report`` writes."""

from pathlib import Path

import pytest
from small_twins import README, change, write_project

COMPARE = Path("figures/compare.json")


@pytest.fixture
def report(run_cli, tmp_path):
    """Return a function that runs ``report`` with the small templates."""
    write_project(tmp_path)
    return lambda *words: run_cli("report", "--template", "t.jinja", *words)


def test_the_parts_of_the_readme_are_written_from_the_twins(report):
    change(COMPARE, "seconds", 41.7)
    stale = report("--check")
    assert (stale.code, "README.md is stale: its parts are not what the figures' twins give" in stale.err) == (3, True)
    result = report()
    assert (result.code, "wrote README.md" in result.out) == (0, True)
    assert Path("README.md").read_text("utf-8") == README.replace("0.0010 | 1 |", "0.0010 | 42 |")
    assert report("--check").code == 0


def test_the_result_in_a_configs_header_is_written_from_the_twins(report):
    Path("configs").mkdir()
    config = Path("configs/convnet.toml")
    config.write_text("# The convnet.\n# Result: old,\n# and longer\n#\n# Why.\n\nepochs = 1\n", "utf-8")
    stale = report("--check")
    assert (stale.code, "configs/convnet.toml is stale" in stale.err) == (3, True)
    assert report().code == 0
    lines = config.read_text("utf-8").splitlines()
    assert lines[1].startswith("# Result: 0.9910 ± 0.0010 in words in words")
    assert [lines[0], *lines[3:]] == ["# The convnet.", "#", "# Why.", "", "epochs = 1"]
    assert all(len(line) <= 120 for line in lines)
    assert report("--check").code == 0


@pytest.mark.parametrize(
    ("file", "text", "fragment"),
    [
        ("README.md", "<!-- written by report: news -->\n<!-- end -->\n", "its part news is not in README.md.jinja"),
        ("configs/convnet.toml", "# The convnet.\n", "no paragraph that begins with '# Result: '"),
    ],
)
def test_a_part_without_its_place_is_refused(report, file, text, fragment):
    Path("configs").mkdir()
    Path(file).write_text(text, "utf-8")
    result = report()
    assert (result.code, fragment in result.err) == (3, True)


def test_a_claim_that_does_not_hold_leaves_the_readme(report):
    change(COMPARE, "seconds", 41.7)
    change(COMPARE, "result.convnet.metrics.test_accuracy.mean", 0.98)
    assert report().code == 5
    assert Path("README.md").read_text("utf-8") == README
