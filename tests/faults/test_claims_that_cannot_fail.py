"""Comparisons of nothing, or with what is no finite number: the claim fails, whatever else the twin says."""

from pathlib import Path

import numpy as np
import pytest
from promise import assert_one_line
from small_twins import change, write_project

from ex3.adversarial import self_check

COMPARE, TOY = Path("figures/compare.json"), Path("figures/toy-curves.json")

# twin, key, planted value -> what the error says (exit code 5)
FAULTS = [
    (TOY, "result.checks", [], "0 of 0 checks"),
    (TOY, "result.checks.0.passed", "no", "0 of 1 checks"),
    (TOY, "result.findings", [], "0 of 0 findings"),
    (TOY, "result.findings.0.bound", float("inf"), "1 of 1 findings"),
    (TOY, "result.findings.0.bound", None, "0 of 1 findings"),
    (TOY, "result.findings.0.relation", "==", "requires hold(toy.findings)"),
    (TOY, "result.fits.0.test_loss", [], "with 0 of 0 seeds"),
    (COMPARE, "result.convnet.metrics.test_accuracy.count", 0, "requires above(convnet, mlp)"),
    (COMPARE, "result.convnet.metrics.test_accuracy.mean", float("inf"), "requires above(convnet, mlp)"),
    (COMPARE, "result.mlp.metrics.test_accuracy", False, "requires above(convnet, mlp)"),
]


TEMPLATE = """
{% set models, toy = twin("compare").result, twin("toy-curves").result %}
{% set convnet, mlp, y1 = models.convnet.metrics.test_accuracy, models.mlp.metrics.test_accuracy, toy.fits[0] %}
{{ claim("The convnet beats the MLP", "above(convnet, mlp)") }}
{{ claim("It learns", "always_below(y1.test_loss, y1.noise_floor, 2)") }}
{{ claim("All checks pass", "hold(toy.findings) and passed(toy.checks)") }}
"""


@pytest.mark.parametrize(("twin", "key", "value", "line"), FAULTS)
def test_a_claim_about_nothing_fails(run_cli, tmp_path, twin, key, value, line):
    write_project(tmp_path)
    if key == "result.fits.0.test_loss":
        change(twin, "result.fits.0.noise_floor", [])
    Path("t.jinja").write_text(TEMPLATE)
    change(twin, key, value)
    assert_one_line(run_cli("report", "--template", "t.jinja"), 5, line)


def test_a_pixel_that_is_nan_is_beyond_every_bound():
    images = np.full((2, 28, 28, 1), 0.5)
    assert self_check._check_constraints(images, [(0.1, images)]).passed
    assert not self_check._check_constraints(images, [(0.1, images), (0.1, images * np.nan)]).passed
