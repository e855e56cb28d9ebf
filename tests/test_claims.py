"""Comparisons of the answers: with the spread in mind, and false where there is nothing to compare."""

from pathlib import Path

import pytest
from small_twins import change, write_project

from ex3.answers.claims import Comparisons
from ex3.answers.render import render
from ex3.answers.twins import Node
from ex3.results import spread

COMPARE, TOY = Path("figures/compare.json"), Path("figures/toy-curves.json")


@pytest.fixture(autouse=True)
def _project(tmp_path):
    write_project(tmp_path)


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
def test_comparisons_take_the_spread_into_account(question, arguments, answer):
    comparisons = Comparisons()
    assert comparisons.functions()[question](*arguments) is answer
    assert comparisons.valid
    assert len(comparisons.made) == 1


@pytest.mark.parametrize(
    "predicate",
    [
        "at_most(nan, 1)", "at_least(infinite, 1)", "at_least(1, -infinite)", "above([2, none], 1)", "below([], 1)",
        "alike(one_seed_failed, 1)", "always_above([infinite, 2], [1, 1])", "always_below([], [])",
        "paired_above([], [])", "paired_alike([1], [0])", "paired_below([2, none], [1, 1])", "passed([])", "hold([])",
        "hold(findings)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("negation", ["", "not "])
def test_a_claim_about_nothing_or_about_no_finite_number_fails_even_when_negated(tmp_path, predicate, negation):
    change(tmp_path / COMPARE, "result.mlp.metrics.test_accuracy.std", None)
    change(tmp_path / TOY, "result.findings.0.number", None)
    (tmp_path / "t.jinja").write_text(
        "{% set infinite = twin('compare').seconds * 1e308 * 10 %}{% set nan = infinite - infinite %}"
        "{% set one_seed_failed = twin('compare').result.mlp.metrics.test_accuracy %}"
        "{% set findings = twin('toy-curves').result.findings %}"
        f"{{{{ claim('It holds', '{negation}{predicate}') }}}}"
    )
    assert [claim.holds for claim in render(tmp_path / "t.jinja", tmp_path / "figures", tmp_path)[1]] == [False]
