"""Kills a sweep, a train, an autoencoder and a reproduce at random moments, resumes them, and counts what is lost.

    python benchmarks/kills.py --kills 100           # bounded: about 10 s per kill

Each command runs in a folder of its own. It is killed (SIGKILL) at a random moment, started again in the same folder,
and so on; when it comes to its end, its results are compared with those of a run that nothing disturbed, and the folder
is emptied. Linux only: it looks at /proc.
"""

import argparse
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
from dataclasses import dataclass
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
DIGITS = "--dataset digits --epochs 2 -q"
COMMANDS = {
    "sweep": f"sweep lr --model linear --values 0.01,0.1 --seeds 3 --jobs 2 {DIGITS}",
    "train": f"train linear --seeds 3 {DIGITS}",
    "reproduce": "",
    "autoencoder": f"autoencoder --seeds 1 --samples 100 {DIGITS}",
}
PATIENCE = 10  # seconds in which the processes of a killed command have to end
FINISHED = ("runs/cells/*.json", "runs/models/*/run.json", "runs/reproduce/toy*.json", "runs/reproduce/theory*.json")


@dataclass
class Killed:
    """A command that is killed and resumed in its folder.

    Attributes:
        name: In ``COMMANDS``.
        folder: Where it runs.
        seconds: Of a run that nothing disturbed.
        expected: The results of that run.
    """

    name: str
    folder: Path
    seconds: float = 0.0
    expected: dict[str, Any] | None = None

    def start(self) -> subprocess.Popen:
        """Start or resume the command in a session of its own."""
        (self.folder / "t.jinja").write_text("")
        words = shlex.split(COMMANDS[self.name])
        program = [str(ROOT / "cli.py"), *words] if words else ["-c", REPRODUCE]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, *program], cwd=self.folder, start_new_session=True, **quiet)

    def finished(self) -> dict[str, Any]:
        """Return the finished parts, by file."""
        paths = [path for pattern in FINISHED for path in self.folder.glob(pattern)]
        return {str(path.relative_to(self.folder)): timeless(json.loads(path.read_text())) for path in paths}

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
    process = command.start()
    try:
        code = process.wait(generator.uniform(0, command.seconds))
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts["kills"] += 1
        end = time.monotonic() + PATIENCE
        while processes_in(command.folder) and time.monotonic() < end:
            time.sleep(0.1)
        counts["processes left"] += len(processes_in(command.folder))
        after = command.finished()
        counts["finished work lost"] += sum(after.get(name) != part for name, part in before.items())
        print(f"kill {counts['kills']}: {command.name}, {len(after)} parts finished", flush=True)
        return
    finish(command, code, counts)


def finish(command: Killed, code: int, counts: Counter[str]) -> None:
    """Compare the results of a command that came to its end, and start from nothing."""
    counts["failed ends"] += code != 0
    found, expected = command.results(), command.expected or {}
    counts["results that differ"] += sum(found.get(name) != expected.get(name) for name in found | expected)
    counts["temporary files left"] += len(command.left_over())
    counts["ends"] += 1
    command.empty()


def main() -> None:
    """Kill, resume, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator, counts = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as top:
        commands = [Killed(name, Path(top).resolve() / name) for name in COMMANDS]
        for command in commands:
            command.folder.mkdir()
            start = time.perf_counter()
            code = command.start().wait()
            command.seconds, command.expected = time.perf_counter() - start, command.results()
            print(f"{command.name}: {command.seconds:.1f} s undisturbed, exit code {code}", flush=True)
            command.empty()
        while counts["kills"] < options.kills:
            kill_once(commands[counts["kills"] % len(commands)], generator, counts)
        for command in commands:
            finish(command, command.start().wait(), counts)
    print(f"{counts['kills']} kills, {counts['ends']} ends")
    for name in ("finished work lost", "results that differ", "processes left", "temporary files left", "failed ends"):
        print(f"{counts[name]:5}  {name}")


if __name__ == "__main__":
    main()
