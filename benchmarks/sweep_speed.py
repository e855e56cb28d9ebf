"""A sweep in parallel against the same sweep one run after the other, on all cores of this machine.

    python benchmarks/sweep_speed.py              # about four minutes on two cores
    python benchmarks/sweep_speed.py --repeats 1  # a first look

Both sides are the command line as a user starts it, with 8 runs of the default convnet: 4 learning rates, 2 seeds. The
sequential side gives its one process all cores; the parallel side runs a process with one thread on each core. The
overhead is the wall time minus the runs' own seconds (data, training, evaluations) divided by the number of processes.
It prints the table that ``benchmarks/README.md`` shows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ex3.cells import core_count
from ex3.results import spread
from ex3.tables import with_spread

ROOT = Path(__file__).parent.parent
SWEEP = 'parameter = "learning_rate"\nvalues = [0.001, 0.003, 0.01, 0.03]\nseeds = 2\n'


@dataclass(frozen=True)
class Timing:
    """The wall time and the overhead of one sweep, in seconds."""

    wall: float
    overhead: float


def sweep(jobs: int) -> Timing:
    """Run the sweep in a fresh folder, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "sweep.toml")
        config.write_text(SWEEP)
        words = ["sweep", "lr", "--config", config, "--jobs", str(jobs), "--quiet"]
        start = time.perf_counter()
        subprocess.run([sys.executable, ROOT / "cli.py", *words], cwd=folder, check=True, capture_output=True)
        wall = time.perf_counter() - start
        cells = [json.loads(path.read_text()) for path in Path(folder, "runs", "cells").iterdir()]
    return Timing(wall, wall - sum(cell["seconds"] for cell in cells) / jobs)


def main() -> None:
    """Time both sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    cores = core_count()
    timings: dict[int, list[Timing]] = {1: [], cores: []}
    for _ in range(arguments.repeats):  # in turn: a machine's speed varies
        for jobs, done in timings.items():
            done.append(sweep(jobs))
            print(jobs, done[-1], file=sys.stderr, flush=True)
    print("| processes x threads | seconds | of which overhead |")
    print("| --- | --- | --- |")
    for jobs, done in timings.items():
        wall, overhead = (with_spread(spread([getattr(one, name) for one in done]), 1) for name in ("wall", "overhead"))
        print(f"| {jobs} x {cores // jobs} | {wall} | {overhead} |")
    sequential, parallel = (sum(one.wall for one in timings[jobs]) for jobs in (1, cores))
    print(f"\nparallel / sequential: {parallel / sequential:.2f}")


if __name__ == "__main__":
    main()
