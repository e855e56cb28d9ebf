"""``reproduce``: every experiment with its default config, one after the other, and the answers that rest on them.

Each experiment is a command in a process of its own: what goes wrong in one does not stop the others, and each sets its
own number of TensorFlow's threads. A finished one leaves a note of what it depended on and of the files that it wrote;
it is not repeated as long as both still are what they were.
"""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from ex3 import data, storage
from ex3.errors import DataError, Ex3Error, ExperimentError, StoppedError
from ex3.experiments import Outcome, Places, versions
from ex3.experiments import report as reporting
from ex3.progress import StepReport, show_steps
from ex3.results import Finished

log = logging.getLogger("ex3")

COMMAND_LINE = Path(__file__).parents[2] / "cli.py"
PATIENCE = 20  # seconds that an interrupted experiment gets to save what it has


@dataclass(frozen=True)
class Step:
    """A command line to run.

    Attributes:
        words: After ``python cli.py``.
        seconds: What it takes on two cores; for the time left.
        has_images: Whether it reads the images, and trains models.
        has_cells: Whether it keeps each of its runs, and has ``--fresh``.
        after: Earlier steps whose models it uses.
    """

    words: tuple[str, ...]
    seconds: float
    has_images: bool = True
    has_cells: bool = False
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The words, in one."""
        return " ".join(self.words)


STEPS = [
    Step(("check",), 5, has_images=False),
    Step(("theory",), 9, has_images=False),
    Step(("toy",), 17, has_images=False),
    Step(("train", "all"), 70),
    Step(("sweep", "lr"), 190, has_cells=True),
    Step(("sweep", "dropout"), 210, has_cells=True),
    Step(("sweep", "batch-size"), 200, has_cells=True),
    Step(("autoencoder",), 240, after=("train all",)),
    Step(("autoencoder", "--bottlenecks", "--epochs", "5", "--threads", "1"), 130, has_cells=True),
    Step(("attack",), 105, after=("train all",)),
]


def run(
    steps: Sequence[Step],
    print_config: Callable[[Sequence[str]], str],
    places: Places,
    template: Path,
    answers: Path,
    fresh: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Run every step that is not finished, and write the answers.

    Args:
        steps: What to run, in this order.
        print_config: Returns the config, as text, that a command line leads to; empty where it has none.
        places: Where to read and write.
        template: Of the answers.
        answers: The file to write them to.
        fresh: Do the finished ones again.
        quiet: Show no progress.

    Returns:
        A line per step; the outcome's problem names the steps that failed, or what is wrong with the answers.

    Raises:
        DataError: MNIST cannot be had.
        WriteError: A folder cannot be written to.
        StoppedError: Ctrl-C. What was finished is kept.
    """
    start = time.perf_counter()
    folder = places.runs / "reproduce"
    identities = _identities(steps, print_config, _fingerprint(places))
    storage.check_writable(places.figures, folder, answers.parent)
    notes = {step.name: folder / f"{step.name.replace(' --', '-').replace(' ', '-')}.json" for step in steps}
    known = {name: finished for name, note in notes.items() if (finished := storage.load_finished(note))}
    if fresh:
        storage.remove_files(notes.values())
    done = {} if fresh else {name: old for name, old in known.items() if _is_valid(old, identities[name])}
    reused, failed = set(done), {}
    missing = [(number, step) for number, step in enumerate(steps, 1) if step.name not in done]
    clock = _Clock([known[step.name].seconds if step.name in known else step.seconds for _, step in missing])
    try:
        with nullcontext() if quiet else show_steps() as report:
            for number, step in missing:
                command = [sys.executable, str(COMMAND_LINE), *step.words, *_options(step, places, fresh)]
                tell = partial(_tell, report, clock, number, len(steps), step.name)
                try:
                    done[step.name] = _run(command, identities[step.name], tell)
                    storage.save_finished(notes[step.name], done[step.name])
                except ExperimentError as error:
                    failed[step.name] = str(error)
                clock.next()
    except KeyboardInterrupt:
        raise StoppedError(
            f"interrupted; {len(done)} of {len(steps)} experiments are finished; "
            "python cli.py reproduce goes on from there"
        ) from None
    seconds = time.perf_counter() - start
    return _conclude(steps, done, reused, failed, seconds, template, places.figures, answers)


def _conclude(
    steps: Sequence[Step],
    done: dict[str, Finished],
    reused: set[str],
    failed: dict[str, str],
    seconds: float,
    template: Path,
    figures: Path,
    answers: Path,
) -> Outcome:
    """Write the answers if all went well, and say what happened."""
    lines = []
    for step in steps:
        if step.name in failed:
            lines.append(f"{'failed':6} {'-':>5}    {step.name}: {failed[step.name]}")
        else:
            state, finished = "reused" if step.name in reused else "done", done[step.name]
            lines.append(f"{state:6} {finished.seconds:5.0f} s  {step.name}: {finished.headline}")
    table = "\n".join(lines)
    count = f"{len(done)} of {len(steps)} experiments done ({len(reused)} reused), {seconds:.0f} s"
    if failed:
        names = "; ".join(f"{name}: {why}" for name, why in failed.items())
        problem = ExperimentError(f"{answers} is left as it was, since experiments failed: {names}")
        return Outcome(table, count, [], problem)
    try:
        answered = reporting.run(template, figures, answers)
    except Ex3Error as error:
        return Outcome(table, count, [], error)
    return Outcome(table, f"{count}; {answered.headline}", answered.written, answered.problem)


def _fingerprint(places: Places) -> str:
    info = data.load_dataset("mnist", places.data).info
    if info.fingerprint != data.MNIST_FINGERPRINT:
        raise DataError(f"{places.data}: not the original MNIST, which the answers rest on")
    return info.fingerprint


def _identities(steps: Sequence[Step], print_config: Callable, fingerprint: str) -> dict[str, str]:
    """Return, by step, a digest of all that its result depends on."""
    packages = versions("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib")
    del packages["python"]
    identities: dict[str, str] = {}
    for step in steps:
        images = fingerprint if step.has_images else ""
        parts = [
            step.words,
            print_config(step.words),
            images,
            packages,
            [identities[name] for name in step.after if name in identities],
        ]
        identities[step.name] = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return identities


def _is_valid(finished: Finished, identity: str) -> bool:
    """Whether nothing has changed: neither what the step depends on, nor what it wrote."""
    return finished.identity == identity and all(
        Path(path).is_file() and storage.digest(Path(path)) == digest for path, digest in finished.files.items()
    )


def _options(step: Step, places: Places, fresh: bool) -> Iterator[str]:
    yield from ("--out", str(places.figures)) if step.name != "check" else ()
    if step.has_images:
        yield from ("--runs", str(places.runs))
        yield from ("--data-dir", str(places.data)) if places.data else ()
        yield from ("--verbose",) if log.isEnabledFor(logging.INFO) else ()
    if fresh and step.has_cells:
        yield "--fresh"


def _run(command: list[str], identity: str, tell: Callable[[str], None]) -> Finished:
    """Run one command to its end.

    Raises:
        ExperimentError: It failed; the message is what it said.
    """
    start = time.perf_counter()
    tell("")
    said = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as results:
        with _process(command, results) as process:
            for line in process.stderr:
                said = line.strip() or said
                tell(said)
        results.seek(0)
        lines = results.read().splitlines()
    if process.returncode:
        raise ExperimentError(f"exit code {process.returncode}: {said.removeprefix('ex3: error: ')}")
    written = [Path(line.removeprefix("wrote ")) for line in lines if line.startswith("wrote ")]
    files = {str(path): storage.digest(path) for path in written}
    return Finished(identity, time.perf_counter() - start, lines[-1] if lines else "", files)


@contextmanager
def _process(command: list[str], results: IO[str]) -> Iterator[subprocess.Popen]:
    """Start a process out of reach of the terminal's Ctrl-C; when interrupted, hand that on, and wait."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        command, stdout=results, stderr=subprocess.PIPE, encoding="utf-8", env=environment, start_new_session=True
    )
    try:
        with process.stderr:
            yield process
        process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT) if os.name == "posix" else process.terminate()
        try:
            process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise


def _tell(
    report: Callable[[StepReport], None] | None, clock: "_Clock", number: int, total: int, name: str, line: str
) -> None:
    if report:
        report(StepReport(number, total, name, *clock.look(), line))


class _Clock:
    """Tells how much of the whole time is over.

    Args:
        expected: Seconds that each of the steps is expected to take.
    """

    def __init__(self, expected: list[float]):
        self.waiting = expected
        self.total = sum(self.waiting)
        self.over = 0.0  # expected seconds of the finished steps
        self.start = self.began = time.perf_counter()

    def look(self) -> tuple[float, float]:
        """Return the share that is over, and the seconds left."""
        now = time.perf_counter()
        pace = (self.began - self.start) / self.over if self.over else 1.0
        current = min((now - self.began) / pace, self.waiting[0])
        return (self.over + current) / self.total, (self.total - self.over - current) * pace

    def next(self) -> None:
        """Take note that a step is over."""
        self.over += self.waiting.pop(0)
        self.began = time.perf_counter()
