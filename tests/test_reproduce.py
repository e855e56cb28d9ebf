"""All experiments by one command: which steps are repeated, which are not, and what a failure or Ctrl-C leaves.

Most tests replace the child process by a function that writes one file; one starts a real one.
"""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from small_steps import ANSWERS, DIVERGING, PATHS, TEMPLATE, THEORY, TINY_TOY, states

import ex3
from ex3 import commands, provenance
from ex3.commands.report import all_steps
from ex3.commands.reproduce import Step, job
from ex3.errors import DataError
from ex3.experiments import Outcome, Paths, reproduce
from ex3.provenance import code_digest


def test_a_completed_step_is_repeated_only_when_its_files_or_its_configs_change(run_steps, monkeypatch):
    assert states(run_steps(THEORY, TINY_TOY)) == {"theory": "done", "toy": "done"}
    outcome = run_steps(THEORY, TINY_TOY)
    assert states(outcome) == {"theory": "reused", "toy": "reused"}
    assert (outcome.problem, outcome.written, ANSWERS.read_text()) == (None, [ANSWERS], "The answers.\n")
    Path("theory.txt").write_text("changed")
    assert states(run_steps(THEORY, TINY_TOY)) == {"theory": "done", "toy": "reused"}
    Path("toy.txt").unlink()
    assert states(run_steps(THEORY, TINY_TOY)) == {"theory": "reused", "toy": "done"}
    assert states(run_steps(TINY_TOY, fresh=True)) == {"toy": "done"}
    known = commands.config_of(TINY_TOY.words)
    monkeypatch.setattr(
        "ex3.commands.reproduce.config_of", lambda _: [config.model_copy(update={"seed": 1}) for config in known]
    )
    assert states(run_steps(TINY_TOY)) == {"toy": "done"}


def test_a_step_is_repeated_after_a_change_of_its_code_and_not_after_a_new_version(run_steps, monkeypatch):
    run_steps(THEORY, TINY_TOY)
    monkeypatch.setattr(ex3, "__version__", "99.0")
    assert states(run_steps(THEORY, TINY_TOY)) == {"theory": "reused", "toy": "reused"}
    monkeypatch.setattr(
        provenance, "code_digest", lambda module: "changed" if module == "ex3.commands.toy" else code_digest(module)
    )
    assert states(run_steps(THEORY, TINY_TOY)) == {"theory": "reused", "toy": "done"}


def test_a_change_of_code_reaches_the_steps_that_use_it_and_a_comment_reaches_none(tmp_path, monkeypatch, request):
    request.addfinalizer(code_digest.cache_clear)
    shutil.copytree(ROOT / "ex3", tmp_path / "ex3", ignore=shutil.ignore_patterns("mnist", "__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "ex3")
    threshold = tmp_path / "ex3" / "scratch" / "threshold.py"
    steps = {step.name: job(step, PATHS) for step in (THEORY, TINY_TOY)}

    def identities(code):
        threshold.write_text(code)
        code_digest.cache_clear()
        return reproduce.identify(list(steps.values()), dict.fromkeys(["mnist", "cars-cats-trucks"], ""))

    code = threshold.read_text()
    before, commented = identities(code), identities(f"{code}\n# a comment")
    changed = identities(f"{code}\nSPOILT = True")
    assert commented == before
    assert {name for name in steps if changed[name] != before[name]} == {THEORY.name}


def test_a_step_is_repeated_after_a_new_version_of_a_package(run_steps, monkeypatch):
    run_steps(TINY_TOY)
    versions = provenance.versions
    monkeypatch.setattr(provenance, "versions", lambda *names: versions(*names) | {"numpy": "99.0"})
    assert states(run_steps(TINY_TOY)) == {"toy": "done"}


def test_a_step_depends_on_the_steps_before_it_and_on_its_images():
    first, second = (
        job(step, PATHS) for step in (Step(("train", "linear"), 1), Step(("train", "mlp"), 1, after=("train linear",)))
    )
    other_first = job(Step(("train", "linear", "--epochs", "1"), 1), PATHS)
    before = reproduce.identify([first, second], {"mnist": "0123"})
    assert before == reproduce.identify([first, second], {"mnist": "0123"})
    for after in (
        reproduce.identify([first, second], {"mnist": "4567"}),
        reproduce.identify([replace(other_first, name=first.name), second], {"mnist": "0123"}),
    ):
        assert before["train linear"] != after["train linear"]
        assert before["train mlp"] != after["train mlp"]


def test_every_step_passes_only_options_that_its_command_has():
    where = Paths(Path("F"), Path("R"), Path("D"))
    for step in all_steps():
        module = commands.command_module(step.words[0])
        module.command.make_context(step.words[0], list(job(step, where, fresh=True).arguments[1:]))
    assert job(Step(("check",), 1), where).arguments == ("check",)
    assert job(TINY_TOY, where).arguments == (*TINY_TOY.words, "--out", "F")
    assert job(Step(("train", "all"), 1), where).arguments == (
        "train", "all", "--out", "F", "--runs", "R", "--data-dir", "D",
    )  # fmt: skip


def test_a_failure_stops_no_other_step_and_leaves_the_answers(run_steps, capfd):
    ANSWERS.write_text("as it was")
    outcome = run_steps(DIVERGING, THEORY)
    assert states(outcome) == {"theory": "done", "toy": "failed"}
    assert outcome.problem.exit_code == 5
    assert "Answers.md is left as it was" in str(outcome.problem)
    assert f"{DIVERGING.name}: exit code 5: the loss is not finite" in str(outcome.problem)
    assert (outcome.written, ANSWERS.read_text()) == ([], "as it was")
    assert set(re.sub(r"about [\d:]+ left", "TIME", capfd.readouterr().err).splitlines()) == {
        f"[1/2, TIME] {DIVERGING.name}", f"[1/2, TIME] {DIVERGING.name}: under way",
        "[2/2, TIME] theory", "[2/2, TIME] theory: under way",
    }  # fmt: skip


def test_wrong_answers_are_reported_after_the_experiments(run_steps):
    TEMPLATE.write_text('{{ claim("x", "at_least(1, 2)") }}')
    outcome = run_steps(THEORY)
    assert (states(outcome), outcome.problem.exit_code, outcome.written) == ({"theory": "done"}, 5, [])
    TEMPLATE.write_text("{{ nothing }}")
    assert run_steps(THEORY).problem.exit_code == 3


def test_a_damaged_note_is_replaced(run_steps, caplog):
    run_steps(THEORY)
    (note,) = Path("runs/reproduce").iterdir()
    note.write_text("{")
    assert states(run_steps(THEORY)) == {"theory": "done"}
    assert f"{note}: damaged; its experiment is done again" in caplog.text


def test_other_images_are_refused_at_once(run_steps, idx_folder):
    with pytest.raises(DataError, match="not the original MNIST, which the answers rest on"):
        reproduce.run(
            [job(Step(("train", "all"), 1), PATHS)], Paths(Path("f"), Path("r"), idx_folder), TEMPLATE, ANSWERS
        )
    assert not Path("f").exists()


def test_real_steps_leave_their_files_their_headline_and_their_error(monkeypatch):
    """From a folder that holds modules of the same names as those that are imported."""
    for name in ("ex3.py", "json.py", "click.py"):
        Path(name).write_text("raise SystemExit('the wrong module')")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    TEMPLATE.write_text('{{ twin("toy-curves").command }}')
    outcome = reproduce.run([job(TINY_TOY, PATHS)], PATHS, TEMPLATE, ANSWERS, quiet=True)
    assert re.search(rf"^done +\d+ s  {TINY_TOY.name}: within twice the noise floor: linear y1", outcome.table, re.M)
    assert ANSWERS.read_text() == f"python cli.py {TINY_TOY.name}"
    (note,) = Path("runs/reproduce").iterdir()
    files = json.loads(note.read_text())["files"]
    assert files["figures/toy-curves.json"] == provenance.file_digest(Path("figures/toy-curves.json"))
    assert set(files) == {str(path) for path in Path("figures").iterdir()}
    others = Paths(Path("other/figures"), Path("other/runs"))
    outcome = reproduce.run([job(DIVERGING, others)], others, TEMPLATE, ANSWERS, quiet=True)
    assert "exit code 5: linear on y1, seed 0: the loss is not finite from iteration" in str(outcome.problem)
    assert list(others.runs.rglob("*.json")) == []


def test_experiments_on_photographs_are_left_out_unless_they_are_asked_for(monkeypatch):
    asked = {}

    def run(jobs, where, template, answers, fresh, quiet, left_out):
        asked["done"], asked["left out"] = ([job.name for job in some] for some in (jobs, left_out))
        return Outcome("", "")

    monkeypatch.setattr(reproduce, "run", run)
    assert commands.main(["reproduce"]) == 0
    assert asked["left out"] == ["imbalance", "inspect"]
    assert "imbalance --dataset mnist --classes 4,7,9" in asked["done"]
    assert commands.main(["reproduce", "--photographs"]) == 0
    assert asked["left out"] == []
    assert {"imbalance", "inspect"} <= set(asked["done"])


def test_a_step_that_is_left_out_has_its_line(run_steps):
    outcome = run_steps(THEORY, left_out=[job(Step(("imbalance",), 9), PATHS)])
    assert outcome.table.splitlines()[-1].split() == ["left", "-", "imbalance:", "--photographs", "does", "it"]
    assert "1 of 1 experiments done" in outcome.headline
