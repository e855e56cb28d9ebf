"""How long ``python cli.py demo`` makes one wait: to start, after a stroke, and after a move of the attack's slider.

    python benchmarks/demo_latency.py

A start lasts from the start of Python until the page could answer, once in an empty folder of runs, and once with all
models in it; the page itself and the browser are left out. A stroke is a drawing of 280 x 280 pixels that becomes a
digit, is read by all classifiers, and is placed in the plane. An attack is PGD in linf on one image, with the answers
of all classifiers to the result and to random noise. Each is asked for 100 different test images. What is missing in
the folder of runs is trained first, in about five minutes. It prints the table that ``benchmarks/README.md`` shows.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from ex3.demo.config import DemoConfig
from ex3.demo.drawing import to_digit
from ex3.demo.lab import Lab
from ex3.experiments import Paths
from ex3.experiments.demo import open_lab

IMAGES = 100
SCALE = 10  # pixels of a drawing for each of a digit's
FEWER = 10  # for what takes seconds
ATTACKS = [("convnet", 0.05), ("convnet", 0.2), ("robust", 0.2), ("by hand", 0.2)]  # classifier, epsilon


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="runs", type=Path)
    parser.add_argument("--start", action="store_true", help="Start, and end at once.")
    options = parser.parse_args()
    paths = Paths(options.runs, options.runs)
    if options.start:
        with open_lab(DemoConfig(), paths, lambda status: None, quiet=True):
            print("started", flush=True)
        return
    with open_lab(DemoConfig(), paths, lambda status: None, quiet=True) as lab:
        while lab.status:
            time.sleep(1)
        rows = measure(lab)
    with tempfile.TemporaryDirectory() as empty:
        starts = {"with no model": time_start(Path(empty)), "with all models": time_start(options.runs)}
    print("| answer | median, ms | 95 % are within, ms |\n| --- | --- | --- |")
    for name, milliseconds in rows.items():
        print(f"| {name} | {np.median(milliseconds):.0f} | {np.percentile(milliseconds, 95):.0f} |")
    print("\n| start | seconds |\n| --- | --- |")
    for name, seconds in starts.items():
        print(f"| {name} | {seconds:.1f} |")


def time_start(runs: Path) -> float:
    """Return the seconds from the start of Python until the lab is there."""
    began = time.perf_counter()
    words = [sys.executable, __file__, "--start", "--runs", str(runs)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
    if line != "started\n" or process.returncode:
        raise SystemExit(f"{runs}: no start")
    return seconds


def measure(lab: Lab) -> dict[str, list[float]]:
    """Return the milliseconds of each question, over the test images."""

    def stroke(row: int) -> None:
        image = to_digit(np.kron(lab.test.x[row, :, :, 0], np.ones((SCALE, SCALE), np.float32)))
        assert image is not None
        lab.read(image)
        lab.place(image)

    def attack(name: str, epsilon: float) -> Callable[[int], object]:
        return lambda row: lab.attack(lab.test.x[row], int(lab.test.y[row]), name, epsilon, "linf")

    def least(row: int) -> None:
        lab.least_epsilons(lab.test.x[row], int(lab.test.y[row]), "linf")

    def walk(row: int) -> None:
        lab.decode(lab.codes[row])
        lab.nearest(lab.codes[row])

    asked: dict[str, Callable[[int], object]] = {"stroke": stroke, "point of the plane": walk}
    asked |= {f"attack on {name}, epsilon {epsilon}": attack(name, epsilon) for name, epsilon in ATTACKS}
    times = {name: time_each(ask, IMAGES) for name, ask in asked.items()}
    return times | {f"least epsilons of all classifiers ({FEWER} images)": time_each(least, FEWER)}


def time_each(ask: Callable[[int], object], count: int) -> list[float]:
    """Return the milliseconds of each answer, for the first ``count`` test images."""
    milliseconds = []
    for row in range(count):
        began = time.perf_counter()
        ask(row)
        milliseconds.append(1000 * (time.perf_counter() - began))
    return milliseconds


if __name__ == "__main__":
    main()
