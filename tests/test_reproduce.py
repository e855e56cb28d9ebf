"""All experiments by one command, here a few tiny ones: reused, redone, failing, interrupted."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import cli
from ex3 import data, report
from ex3.experiments import Places, reproduce
from ex3.experiments.reproduce import Step

FAST = ("--epochs", "1", "--limit", "200", "--seeds", "1")
LINEAR = Step(("train", "linear", *FAST), 5)
TOY = Step(("toy", "--iterations", "5", "--seeds", "1"), 3, has_images=False)
MLP = Step(("train", "mlp", *FAST), 5, after=(LINEAR.name,))
WRONG = Step(("train", "mlp", "--epochs", "1", "--learning-rate", "1e30", "--limit", "200", "--batch-size", "20"), 5)


@pytest.fixture
def run(idx_folder, monkeypatch, capfd):
    """Return a function that runs steps on tiny images, and gives the outcome and what was shown."""
    fingerprint = data.load_dataset("mnist", idx_folder).fingerprint
    for module in (data, report):
        monkeypatch.setattr(module, "MNIST_FINGERPRINT", fingerprint)
    Path("t.jinja").write_text('{{ twin("train-linear").result.linear.metrics.test_accuracy | pm(4) }}')

    def run(*steps, fresh=False, quiet=False):
        places = Places(Path("figures"), Path("runs"), idx_folder)
        capfd.readouterr()
        outcome = reproduce.run(
            steps, cli._printed_config, places, Path("t.jinja"), Path("Answers.md"), fresh=fresh, quiet=quiet
        )
        return outcome, capfd.readouterr().err

    return run


def states(outcome) -> list[str]:
    return [line.split()[0] for line in outcome.table.splitlines()]


def test_steps_run_in_order_and_the_answers_are_written(run):
    outcome, shown = run(LINEAR, MLP)
    assert states(outcome) == ["done", "done"]
    assert outcome.problem is None
    assert outcome.headline.startswith("2 of 2 experiments done (0 reused), ")
    assert outcome.written == [Path("Answers.md")]
    accuracy = json.loads(Path("figures/train-linear.json").read_text())["result"]["linear"]["metrics"]["test_accuracy"]
    assert Path("Answers.md").read_text() == f"{accuracy['mean']:.4f}"
    lines = shown.splitlines()
    assert re.match(r"\[1/2, about 00:00:(09|10) left\] train linear", lines[0])
    assert any(line.startswith("[2/2, about 00:00:") and "mlp, seed 0, epoch 1/1" in line for line in lines)


def test_what_is_finished_is_done_again_only_when_something_has_changed(run, monkeypatch):
    run(TOY, LINEAR)
    before = Path("figures/toy-fit.png").stat().st_mtime_ns
    outcome, shown = run(TOY, LINEAR)
    assert states(outcome) == ["reused", "reused"]
    assert (shown, outcome.problem) == ("", None)
    assert Path("figures/toy-fit.png").stat().st_mtime_ns == before
    Path("figures/toy-fit.png").write_bytes(b"")
    assert states(run(TOY, LINEAR)[0]) == ["done", "reused"]
    Path("runs/train-linear/model.keras").unlink()
    assert states(run(TOY, LINEAR)[0]) == ["reused", "done"]
    assert states(run(TOY, fresh=True)[0]) == ["done"]
    printed = cli._printed_config
    monkeypatch.setattr(cli, "_printed_config", lambda words: printed(words).replace("seed = 0", "seed = 1"))
    assert states(run(TOY)[0]) == ["done"]


def test_a_step_depends_on_the_steps_whose_models_it_uses():
    def config_of(linear):
        return lambda words: linear if words == LINEAR.words else "the same"

    before, after = (reproduce._identities([LINEAR, MLP], config_of(text), "0123") for text in ("a", "b"))
    assert before[MLP.name] != after[MLP.name]
    other_images = reproduce._identities([LINEAR, MLP], config_of("a"), "4567")
    assert other_images[LINEAR.name] != before[LINEAR.name]


def test_a_failure_does_not_stop_the_others_and_leaves_the_answers(run):
    Path("Answers.md").write_text("as it was")
    outcome, _ = run(WRONG, LINEAR)
    assert states(outcome) == ["failed", "done"]
    assert outcome.problem.exit_code == 5
    assert "Answers.md is left as it was" in str(outcome.problem)
    assert "exit code 5: mlp, seed 0: the loss is not finite" in str(outcome.problem)
    assert (outcome.written, Path("Answers.md").read_text()) == ([], "as it was")


def test_wrong_answers_are_reported_after_the_experiments(run):
    Path("t.jinja").write_text('{{ claim("x", "at_least(twin(\'train-linear\').seconds, 1e9)") }}')
    outcome, _ = run(LINEAR)
    assert (states(outcome), outcome.problem.exit_code) == (["done"], 5)
    Path("t.jinja").write_text("{{ nothing }}")
    assert run(LINEAR)[0].problem.exit_code == 3


def test_a_damaged_note_is_done_again(run, caplog):
    run(TOY)
    (note,) = Path("runs/reproduce").iterdir()
    note.write_text("{")
    assert states(run(TOY)[0]) == ["done"]
    assert "damaged" in caplog.text


def test_other_images_are_refused_at_once(run_cli, idx_folder):
    result = run_cli("reproduce", "--data-dir", idx_folder)
    assert result.code == 3
    assert "not the original MNIST, which the answers rest on" in result.err
    assert not Path("figures").exists()


def test_every_step_is_a_command_that_prints_its_config_where_it_has_one():
    for step in reproduce.STEPS:
        assert (cli._printed_config(step.words) == "") == (step.name in ("check", "theory"))


def test_ctrl_c_keeps_what_is_finished_and_stops_the_experiment(run, idx_folder):
    long = ("train", "linear", "--epochs", "5000", "--limit", "200", "--seeds", "1")
    program = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
import cli
from ex3 import data
from ex3.experiments import Places, reproduce
from ex3.experiments.reproduce import Step
data.MNIST_FINGERPRINT = {data.MNIST_FINGERPRINT!r}
steps = [Step({MLP.words!r}, 5), Step({long!r}, 60)]
def reproduce_these(*_, **__):
    places = Places(Path("figures"), Path("runs"), Path({str(idx_folder)!r}))
    return reproduce.run(steps, cli._printed_config, places, Path("t.jinja"), Path("Answers.md"))
cli.cli.commands["check"].callback = reproduce_these
sys.argv = ["cli.py", "check"]
sys.exit(cli.main())
"""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here is ignored by children
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    for line in process.stderr:
        if "[2/2" in line and "epoch 3/" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(30) == 130
    assert "interrupted; 1 of 2 experiments are finished; python cli.py reproduce goes on from there" in rest
    running = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "--epochs 5000" not in running
    assert states(run(MLP, LINEAR)[0]) == ["reused", "done"]
