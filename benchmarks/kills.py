"""Kills a sweep, a train, an autoencoder and a reproduce at random moments, resumes them, and counts what is lost.

    python benchmarks/kills.py --kills 100           # about 15 minutes on two quiet cores

Each command runs in a folder of its own. It is killed (SIGKILL) at a random moment, started again in the same folder,
and so on; when it comes to its end, its results are compared with those of a run that nothing disturbed, and the folder
is emptied. The moment is a line of progress, drawn at random, and some time after it, so that one kill in ten falls
into the imports, however fast the machine is. Linux only: it looks at /proc.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPRODUCE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from ex3 import commands
from ex3.commands import reproduce
from ex3.commands.reproduce import Step
toy = ("toy", "--model", "linear", "--iterations", "300", "--seeds", "3")
reproduce.all_steps = lambda: [Step(words, 2) for words in (toy, ("theory",))]
sys.exit(commands.main(["reproduce", "--template", "t.jinja"]))
"""
LONG = "--epochs 100 --set epochs_per_evaluation=20 --checkpoint-every 1"  # long enough for a checkpoint
COMMANDS = {
    "sweep": "sweep lr --model linear --values 0.01,0.1 --seeds 3 --jobs 2 --dataset digits --epochs 2",
    "train": f"train linear --seeds 3 --dataset digits {LONG}",
    "reproduce": "",
    "autoencoder": f"autoencoder --seeds 1 --samples 100 --dataset digits {LONG}",
}
IN_IMPORTS = 0.1  # of the kills
PATIENCE = 30  # seconds in which the processes of a killed command have to end
FINISHED = ("runs/cells/*.json", "runs/models/*/run.json", "runs/reproduce/toy*.json", "runs/reproduce/theory*.json")


@dataclass
class Killed:
    """A command that is killed and resumed in its folder.

    Attributes:
        name: In ``COMMANDS``.
        folder: Where it runs.
        pauses: In a run that nothing disturbed, the seconds before each line on stderr, and after the last.
        expected: The results of that run.
        process: Of the command, once it was started.
    """

    name: str
    folder: Path
    pauses: list[float] = field(default_factory=list)
    expected: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> subprocess.Popen:
        """Start or resume the command in a session of its own."""
        (self.folder / "t.jinja").write_text("")
        words = shlex.split(COMMANDS[self.name])
        program = [str(ROOT / "cli.py"), *words] if words else ["-c", REPRODUCE]
        with self._lines().open("w") as lines:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=self.folder,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=lines,
            )
        return self.process

    def wait_for_line(self, number: int) -> bool:
        """Wait until so many lines are on stderr; tell whether the command still runs then."""
        while self.lines().count("\n") < number and self.process.poll() is None:
            time.sleep(0.02)
        return self.process.poll() is None

    def lines(self) -> str:
        """Return what the command wrote on stderr."""
        return self._lines().read_text()

    def _lines(self) -> Path:
        return self.folder.with_suffix(".err")

    def run_undisturbed(self) -> int:
        """Run the command once, to know its results and its pace; return its exit code."""
        self.start()
        times = [time.monotonic()]
        while self.wait_for_line(len(times)):
            times.append(time.monotonic())
        times.append(time.monotonic())
        self.pauses = [after - before for before, after in itertools.pairwise(times)]
        self.expected = self.results()
        return self.process.returncode

    def end(self) -> None:
        """End the command and all its processes, if it runs."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def finished(self) -> dict[str, Any]:
        """Return the finished parts, by file."""
        paths = [path.relative_to(self.folder) for pattern in FINISHED for path in self.folder.glob(pattern)]
        published = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
        return {str(path): timeless(json.loads((self.folder / path).read_text())) for path in published}

    def results(self) -> dict[str, Any]:
        """Return the finished parts and the twins."""
        twins = (self.folder / "figures").glob("*.json")
        return self.finished() | {path.name: timeless(json.loads(path.read_text())) for path in twins}

    def left_over(self) -> list[Path]:
        """Return temporary files and locks."""
        return [path for path in self.folder.rglob(".*") if path.is_file()]

    def empty(self) -> None:
        """Start from nothing."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


def timeless(part: Any) -> Any:
    """Return JSON without durations, and without the digests of what holds durations."""
    if isinstance(part, dict):
        skipped = ("seal", "files", "headline")
        return {key: timeless(value) for key, value in part.items() if "second" not in key and key not in skipped}
    return [timeless(value) for value in part] if isinstance(part, list) else part


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder and (process / "stat").read_text().rsplit(")")[1].split()[
                0
            ] != "Z":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def kill_once(command: Killed, generator: random.Random, counts: Counter[str]) -> None:
    """Start or resume a command, kill it at a random moment, and count what is wrong."""
    before = command.finished()
    is_early = generator.random() < IN_IMPORTS
    line = 0 if is_early else generator.randrange(1, max(2, len(command.pauses)))
    moment = generator.uniform(0, command.pauses[line])
    process = command.start()
    if command.wait_for_line(line):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
    counts["trainings taken up"] += command.lines().count("goes on after step")
    if process.poll() is not None:
        print(f"end: {command.name}", flush=True)
        finish(command, process.returncode, counts)
        return
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    counts["kills"] += 1
    end = time.monotonic() + PATIENCE
    while processes_in(command.folder) and time.monotonic() < end:
        time.sleep(0.1)
    counts["processes left"] += len(processes_in(command.folder))
    after = command.finished()
    lost = [name for name, part in before.items() if after.get(name) != part]
    counts["finished work lost"] += len(lost)
    kept = len(list(command.folder.glob("runs/c*/**/step-*.npz")))
    print(
        f"kill {counts['kills']}: {command.name}, {moment:.1f} s after line {line}; {len(after)} parts finished, "
        f"{kept} checkpoints{f'; lost: {lost}' if lost else ''}",
        flush=True,
    )


def finish(command: Killed, code: int, counts: Counter[str]) -> None:
    """Compare the results of a command that came to its end, and start from nothing."""
    counts["failed ends"] += code != 0
    found = command.results()
    wrong = [name for name in found | command.expected if found.get(name) != command.expected.get(name)]
    counts["results that differ"] += len(wrong)
    left = command.left_over()
    counts["temporary files left"] += len(left)
    counts["ends"] += 1
    if code or wrong or left:
        print(f"{command.name}: exit code {code}, {wrong} differ, {left} left\n{command.lines()}", flush=True)
    command.empty()


def kill_all(commands: list[Killed], options: argparse.Namespace, counts: Counter[str]) -> None:
    """Kill the commands in turn, then let each come to its end."""
    generator, deadline = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    for command in commands:
        command.folder.mkdir()
        code = command.run_undisturbed()
        print(f"{command.name}: {sum(command.pauses):.1f} s undisturbed, exit code {code}", flush=True)
        command.empty()
    while counts["kills"] < options.kills and time.monotonic() < deadline:
        kill_once(commands[counts["kills"] % len(commands)], generator, counts)
    for command in commands:
        finish(command, command.start().wait(), counts)


def main() -> None:
    """Kill, resume, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="No more kills after so many.")
    options = parser.parse_args()
    counts = Counter[str]()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as top:
        commands = [Killed(name, Path(top).resolve() / name) for name in COMMANDS]
        try:
            kill_all(commands, options, counts)
        finally:
            for command in commands:
                command.end()
    print(f"{counts['kills']} kills, {counts['trainings taken up']} trainings taken up, {counts['ends']} ends")
    for name in ("finished work lost", "results that differ", "processes left", "temporary files left", "failed ends"):
        print(f"{counts[name]:5}  {name}")


if __name__ == "__main__":
    main()
