"""Templates of strangers: nothing in them is executed, none runs for ever, and each error has its file and line."""

from pathlib import Path

import pytest
from promise import assert_one_line, files
from small_twins import write_project

# line 2 of a template -> what the error says (exit code 3)
FAULTS = [
    ("{{ cycler.__init__.__globals__.os.popen('touch executed') }}", "t.jinja, line 2: ...__init__... is unsafe"),
    ("{{ claim.__globals__ }}", "t.jinja, line 2: ...__globals__... is unsafe"),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "t.jinja, line 2: ...__class__... is unsafe"),
    ("{{ ('{0.__class__}').format(1) }}", "t.jinja, line 2: ...__class__... is unsafe"),
    ("{{ twin('compare')._value.clear() }}", "t.jinja, line 2: ..._value... is unsafe"),
    ("{% set a = [] %}{% set b = a.append(1) %}", "t.jinja, line 2: ...append... is unsafe"),
    ("{{ claim('x', \"above(1, 0) and ''.__class__\") }}", "t.jinja, line 2: ...__class__"),
    (
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "t.jinja, line 2: more than",
    ),
    ("{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "t.jinja, line 2: maximum recursion depth exceeded"),
    (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "line 2: more",
    ),
    ("{% include 't.jinja' %}", "t.jinja, line 2: maximum recursion depth exceeded"),
    ("{% for i in [[1]] recursive %}{{ loop(i) }}{% endfor %}", "t.jinja, line 2: "),
    ("{{ range(10 ** 6) | length }}", "t.jinja, line 2: Range too big"),
    ("{{ 9 ** (9 ** 9) }}", "t.jinja, line 2: the power 387420489 is too large"),
    ("{{ 'x' * 1000000000 }}", "t.jinja, line 2: 1000000000 repetitions are too many"),
    ("{{ lipsum(1000000000) }}", "t.jinja, line 2: 'lipsum' is undefined"),
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "t.jinja"),
    ("{% for i in [1] %}" * 30 + "{% endfor %}" * 30, "t.jinja"),
    ("{{ [1][5] }}", "t.jinja, line 2: "),
    ("{{ 1 / 0 }}", "t.jinja, line 2: division by zero"),
    ("{{ 1 | no_filter }}", "t.jinja, line 2: No filter named 'no_filter'"),
    ("{% endif %}", "t.jinja, line 2: "),
    ("{{ twin('compare').result.covnet }}", "t.jinja, line 2: figures/compare.json: no key compare.result.covnet"),
    ("{{ twin('../x') }}", "t.jinja, line 2: figures/../x.json: missing"),
    ("{% include '../secret' %}", "t.jinja, line 2: includes ../secret, which is not in its folder"),
    ("{% include 'part' %}", "t.jinja, line 2: includes part, which is not in its folder"),
    ("{{ claim('{{ 1 }} is less than 2', 'at_most(1, 2)') }}", "t.jinja, line 2: '{{' is left in the text"),
    ("{{ claim('true', '1 < 2') }}", "t.jinja, line 2: the claim 'true' compares nothing: 1 < 2"),
    ("{{ claim('true', 'above(') }}", "t.jinja, line 2: "),
]


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_a_hostile_or_wrong_template_is_one_line_with_its_place(run_cli, tmp_path, line, message):
    write_project(tmp_path)
    Path("t.jinja").write_text(f"# Answers\n{line}\n")
    Path("../secret").write_text("secret")
    before = files()
    assert_one_line(run_cli("report", "--template", "t.jinja"), 3, message)
    assert files() == before


def test_a_template_that_is_no_text_is_one_line(run_cli, tmp_path):
    write_project(tmp_path)
    Path("t.jinja").write_bytes(b"\xff\xfe\x00")
    assert_one_line(run_cli("report", "--template", "t.jinja"), 3, "t.jinja: 'utf-8' codec can't decode")
