"""Signals: each ends a command in one line, with the code that shells expect, and no process is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT, run_process
from promise import assert_one_line
from small_steps import THEORY, TINY_TOY, states

from ex3.commands._signals import follow
from ex3.experiments import OutcomeSummary, reproduce, theory

# signal -> exit code
CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
LONG = ("toy", "--iterations", str(200_000 + os.getpid() % 100_000), "--seeds", "187")  # unlike those of others


@pytest.fixture(autouse=True)
def heeded():
    """Nothing is ignored, as it would be with nohup or in the background of a shell."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number, _ in CODES}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_is_one_line(run_cli, monkeypatch, number, code, times):
    def experiment(*_, **__):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            if times == 2:  # while the command cleans up
                os.kill(os.getpid(), number)

    monkeypatch.setattr(theory, "run", experiment)
    before = [signal.getsignal(one) for one, _ in CODES]
    result = run_cli("theory")
    assert_one_line(result._replace(err=result.err.lstrip()), code, "interrupted; what was finished is saved")  # ^C
    assert [signal.getsignal(one) for one, _ in CODES] == before


def test_an_interrupted_import_is_one_line(run_cli, monkeypatch):
    """NumPy turns a Ctrl-C while it is imported into an ImportError."""

    def experiment(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt as error:
            raise ImportError("numpy.core failed") from error

    monkeypatch.setattr(theory, "run", experiment)
    assert run_cli("theory").code == 130


def test_a_signal_that_is_ignored_stays_so(run_cli, monkeypatch):
    """As with nohup."""
    monkeypatch.setattr(theory, "run", lambda *_, **__: os.kill(os.getpid(), signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert run_cli("theory").code == 0
    signal.signal(signal.SIGHUP, before)


def test_ctrl_c_in_the_first_tenth_of_a_second_is_one_line():
    Path("click.py").write_text("raise KeyboardInterrupt")
    result = run_process("theory", PYTHONPATH=str(Path.cwd()))
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "ex3: error: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_reproduce_leaves_no_experiment_running_of_two_at_a_time(number):
    Path("t.jinja").write_text("")
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from ex3 import commands
from ex3.commands import reproduce as command
from ex3.commands.reproduce import Step
from ex3.experiments import reproduce
reproduce.core_count = lambda: 2
command.all_steps = lambda: [Step({LONG!r}, 60), Step({(*LONG, "--model", "linear")!r}, 60)]
sys.exit(commands.main(["reproduce", "--template", "t.jinja"]))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    try:
        while len(running()) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    finally:
        process.kill()
    if number == signal.SIGTERM:
        assert "interrupted; 0 of 2 experiments are finished" in process.stderr.read()
    else:
        end = time.monotonic() + 60
        while running() and time.monotonic() < end:
            time.sleep(0.2)
    process.stderr.close()
    assert running() == []


def test_a_process_whose_parent_has_ended_before_it_looks_ends_as_well(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda code: ended.set() if code == 1 else None)
    follow(parent=os.getppid() + 1)
    assert ended.wait(10)


def running() -> list[str]:
    """Return the command lines of the experiments that are running."""
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if " ".join(LONG) in line]


def test_a_file_that_vanishes_fails_its_step_alone(run_steps, monkeypatch):
    others = reproduce.run_command

    def run_command(arguments, *options):
        if arguments[0] == "toy":
            return OutcomeSummary("headline", ["gone.png"])
        return others(arguments, *options)

    monkeypatch.setattr(reproduce, "run_command", run_command)
    outcome = run_steps(THEORY, TINY_TOY)
    assert states(outcome) == {"theory": "done", "toy": "failed"}
    assert "gone.png: written, but gone: No such file or directory" in str(outcome.problem)
