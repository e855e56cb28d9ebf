"""What a person sees on stderr while models train: a live bar on a terminal, else plain lines."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ex3.cells import CellReport
    from ex3.training import Progress


def show_training(title: str, epochs: int) -> Callable[["Progress"], None]:
    """Return a reporter for one training run.

    Args:
        title: What is trained, e.g. ``convnet, seed 0``.
        epochs: How many epochs it will take.
    """
    return _bar(title, epochs) if sys.stderr.isatty() else _lines(title, epochs)


def say(text: str) -> None:
    """Tell which part of an experiment is done."""
    print(text, file=sys.stderr, flush=True)


def _lines(title: str, epochs: int) -> Callable[["Progress"], None]:
    def report(progress: "Progress") -> None:
        if progress.point:
            print(f"{title}, epoch {progress.epoch}/{epochs}: {_describe(progress.point)}", file=sys.stderr, flush=True)

    return report


def _bar(title: str, epochs: int) -> Callable[["Progress"], None]:
    from ex3.backend import keras

    bar = None

    def report(progress: "Progress") -> None:
        nonlocal bar
        with redirect_stdout(sys.stderr):  # Keras's bar knows only stdout
            if bar is None:
                print(f"{title}, epoch {progress.epoch}/{epochs}")
                bar = keras.utils.Progbar(progress.steps)
            bar.update(progress.step, [("loss", progress.loss)], finalize=progress.step == progress.steps)
            if progress.point:
                print(f"  {_describe(progress.point)}")
                bar = None

    return report


def _describe(point: dict[str, float]) -> str:
    def numbers(split: str) -> str:
        accuracy = f", accuracy {point[f'{split}_accuracy']:.4f}" if f"{split}_accuracy" in point else ""
        return f"{split} loss {point[f'{split}_loss']:.4f}{accuracy}"

    return f"{numbers('train')}; {numbers('test')}; {point['seconds']:.1f} s"


@contextmanager
def show_cells(parameter: str) -> Iterator[Callable[["CellReport"], None]]:
    """Show how far a sweep is while the block runs; gives the reporter.

    Args:
        parameter: The field of the config that varies, to name a finished cell by.
    """
    yield from _live_cells() if sys.stderr.isatty() else _cell_lines(parameter)


def _cell_lines(parameter: str) -> Iterator[Callable[["CellReport"], None]]:
    def report(now: "CellReport") -> None:
        if now.newest:
            print(f"{now.done}/{now.total} cells: {_describe_cell(now, parameter)}", file=sys.stderr, flush=True)

    yield report


def _describe_cell(now: "CellReport", parameter: str) -> str:
    run, seconds = now.newest.run, now.newest.seconds
    if run.diverged_at is None:
        end = f"validation loss {run.metrics['validation_loss']:.4f}"
    else:
        end = f"diverged at iteration {run.diverged_at}"
    return f"{run.name}, {parameter} {run.config[parameter]}, seed {run.config['seed']}: {end}; {seconds:.1f} s"


def _live_cells() -> Iterator[Callable[["CellReport"], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells, {task.fields[running]} running, {task.fields[diverged]} diverged"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    ]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, running=0, diverged=0, left="")
        start, reused = time.perf_counter(), None

        def report(now: "CellReport") -> None:
            nonlocal reused
            reused = now.done if reused is None else reused
            computed = now.done - reused
            seconds = (time.perf_counter() - start) / max(computed, 1) * (now.total - now.done)
            left = _left(seconds) if computed else ""
            bar.update(task, completed=now.done, total=now.total, running=now.running, diverged=now.diverged, left=left)

        yield report


@dataclass(frozen=True)
class StepReport:
    """How far all of it is, for whoever watches.

    Attributes:
        number: Of the step under way, from 1, of ``total``.
        name: Its name.
        share: Of the whole time that is over, in [0, 1].
        left: Seconds left, by what such steps take and how fast this machine was so far.
        line: What the step said last; empty when it has just begun.
    """

    number: int
    total: int
    name: str
    share: float
    left: float
    line: str


@contextmanager
def show_steps() -> Iterator[Callable[[StepReport], None]]:
    """Show how far many experiments are while the block runs; gives the reporter."""
    yield from _live_steps() if sys.stderr.isatty() else _step_lines()


def _step_lines() -> Iterator[Callable[[StepReport], None]]:
    def report(now: StepReport) -> None:
        print(
            f"[{now.number}/{now.total}, {_left(now.left)}] {now.name}{now.line and ': '}{now.line}",
            file=sys.stderr,
            flush=True,
        )

    yield report


def _live_steps() -> Iterator[Callable[[StepReport], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[line]}", style="dim", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    ]
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task("", total=1, left="", line="")

        def report(now: StepReport) -> None:
            if now.line.startswith("ex3: "):  # warnings and errors stay on the screen
                bar.console.print(f"{now.name}: {now.line}", markup=False, highlight=False)
            title = f"{now.number}/{now.total} {now.name}"
            bar.update(task, description=title, completed=now.share, left=_left(now.left), line=now.line)

        yield report


def _left(seconds: float) -> str:
    return f"about {time.strftime('%H:%M:%S', time.gmtime(seconds))} left"
