"""When ``reproduce`` runs which step, several at a time, and what Ctrl-C leaves."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from small_steps import AFTER_TOY, PATHS, THEORY, TINY_TOY, states

from ex3.commands.report import all_steps
from ex3.commands.reproduce import Step, job
from ex3.experiments import reproduce
from ex3.experiments._clock import Clock
from ex3.experiments._jobs import in_order


def test_steps_that_need_all_cores_come_first_in_their_order_then_the_others_the_longest_first():
    jobs = in_order([job(step, PATHS) for step in all_steps()])
    ordered = [one.name for one in jobs]
    assert ordered.index("train all") < min(ordered.index("attack"), ordered.index("autoencoder"))
    assert ordered.index("theory") < ordered.index("toy") < ordered.index("train all") < ordered.index("defend")
    assert sorted(ordered) == sorted(step.name for step in all_steps())
    others = [one for one in jobs if not one.alone]
    assert jobs[-len(others) :] == others == sorted(others, key=lambda one: -one.seconds)
    toy, after_toy = in_order([job(step, PATHS) for step in (AFTER_TOY, TINY_TOY)])
    assert (toy.alone, after_toy.alone) == (True, False)
    with pytest.raises(ValueError, match="toy --iterations 6: comes after toy"):
        in_order([job(AFTER_TOY, PATHS)])


def test_others_share_the_cores_and_one_that_needs_all_runs_alone(run_steps, monkeypatch):
    both = threading.Barrier(2, timeout=30)
    seen = []
    run_command = reproduce.run_command

    def run_with(arguments, file, on_line, on_start, cores):
        seen.append((arguments[0], cores))
        if arguments[0] != "check":
            both.wait()
        return run_command(arguments, file, on_line, on_start, cores)

    monkeypatch.setattr(reproduce, "run_command", run_with)
    monkeypatch.setattr(reproduce, "core_count", lambda: 6)
    outcome = run_steps(THEORY, TINY_TOY, Step(("check",), 3, alone=True))
    assert states(outcome) == {"check": "done", "toy": "done", "theory": "done"}
    assert seen[0] == ("check", 6)
    assert sorted(seen[1:]) == [("theory", 3), ("toy", 3)]


def test_the_time_left_counts_steps_that_share_the_machine_as_parts_of_it(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = Clock({"alone": 10, "a": 20, "b": 20})
    assert clock.read() == (0, 50)
    clock.begin("alone", 1)
    now[0] = 20.0
    clock.end("alone")
    assert clock.read() == (pytest.approx(0.2), pytest.approx(80))  # twice as slow as expected
    clock.begin("a", 2)
    clock.begin("b", 2)
    now[0] = 60.0
    assert clock.read() == (pytest.approx(0.6), pytest.approx(40))
    clock.end("a")
    assert clock.over == 30


def test_ctrl_c_keeps_completed_steps_and_stops_the_running_one(run_steps):
    epochs = str(5_000 + os.getpid() % 10_000)  # unlike those of other processes
    long = Step(("train", "linear", "--epochs", epochs, "--limit", "200", "--dataset", "digits"), 60)
    short = replace(THEORY, alone=True)  # and so the first
    program = f"""
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from ex3 import commands
from ex3.commands import reproduce as command
from ex3.commands.reproduce import Step
from ex3.experiments import OutcomeSummary, reproduce

def run_command(arguments, *others):
    if arguments[0] == "train":
        return started(arguments, *others)
    Path("theory.txt").write_text("made")
    return OutcomeSummary("headline", ["theory.txt"])

started, reproduce.run_command = reproduce.run_command, run_command
command.all_steps = lambda: [{long!r}, {short!r}]
sys.exit(commands.main(["reproduce", "--template", "t.jinja"]))
"""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child ignores what is ignored here
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    shown = next((line for line in process.stderr if "epoch 3/" in line), "")
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(30) == 130
    assert re.match(rf"\[2/2, about [\d:]+ left\] {long.name}: linear, seed 0, epoch 3/{epochs}: ", shown), rest
    assert "interrupted; 1 of 2 experiments are finished; python cli.py reproduce goes on from there" in rest
    running = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert f"--epochs {epochs}" not in running
    assert [path.name for path in Path("runs/reproduce").iterdir()] == ["theory.json"]
    assert states(run_steps(THEORY)) == {"theory": "reused"}
