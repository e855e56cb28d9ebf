"""A small sweep: its command line, its cells and their numbers, and its processes."""

import json
import subprocess
import time
from pathlib import Path

from ex3 import config

CELLS = Path("runs/cells")
SWEEP = ["sweep", "lr", "--model", "linear", "--dataset", "digits", "--values", "0.01,0.1", "--seeds", "2"]
LINEAR = config.LinearConfig(
    model="linear", dataset="digits", epochs=1, batch_size=64, optimizer="sgd", learning_rate=0.1, momentum=0.0
)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def numbers(folder: Path = CELLS) -> dict[tuple[float, int], dict]:
    """Read the stored runs, without their seconds."""
    runs = {}
    for path in folder.iterdir():
        run = json.loads(path.read_text())["run"]
        del run["seconds"], run["epochs"]["series"]["seconds"]
        runs[run["config"]["learning_rate"], run["config"]["seed"]] = run
    return runs


def processes_of_session(session: int) -> list[int]:
    """Return the processes of a session that are alive."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if not line.split()[1].startswith("Z")]


def started(control: Path) -> set[int]:
    """Return the workers that have begun a run with learning rate 0.1."""
    return {int(file.name.split("-")[-1]) for file in control.glob("started-0.1-*")}
