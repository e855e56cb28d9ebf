"""Progress on stderr: a live bar on a terminal, plain lines elsewhere; what takes seconds alone has no lines."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # heavy
    from ex3.cells import Cell, CellProgress, OnCellProgress
    from ex3.measured import OnProgress, Progress


@dataclass(frozen=True)
class StepProgress:
    """The current position of ``reproduce``.

    Attributes:
        number: Of the step under way, from 1, of ``total``.
        total: Number of steps.
        name: The step's name.
        share: Of the whole time that is over, in [0, 1].
        left: Seconds left, estimated from the usual duration of the steps and this machine's speed so far.
        line: The last line that the step wrote to stderr; empty when it has just begun.
    """

    number: int
    total: int
    name: str
    share: float
    left: float
    line: str


OnStepProgress: TypeAlias = Callable[[StepProgress], None]


def show_message(text: str) -> None:
    """Show a line, in one piece: other threads may show theirs."""
    print(f"{text}\n", end="", file=sys.stderr, flush=True)


def show_loading(what: str, quiet: bool = False) -> None:
    """Say on a terminal what is loaded, before seconds of imports."""
    if sys.stderr.isatty() and not quiet:
        show_message(f"loading {what} ...")


@contextmanager
def show_stages(count: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal, while the block runs, which stage of some seconds of work is under way.

    Args:
        count: Number of stages.

    Yields:
        A function to call at the beginning of each stage, with its name.
    """
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=count, completed=0)
        yield lambda name: bar.update(task, description=name, advance=1)


def show_training(title: str, epochs: int) -> "OnProgress":
    """Return a callback that shows one training run.

    Args:
        title: Name of the run, e.g. ``convnet, seed 0``.
        epochs: Number of epochs of the run.
    """
    has_colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")  # as Keras's bar has
    return _training_bar(title, epochs) if has_colour else _training_lines(title, epochs)


def show_shares(title: str, epochs: int) -> "OnProgress":
    """Return a callback that shows one training run as lines for another program: ``12 %``.

    Args:
        title: Name of the run, which that program knows.
        epochs: Number of epochs of the run.
    """

    def on_progress(now: "Progress") -> None:
        show_message(f"{100 * (now.epoch - 1 + now.step / now.steps) / epochs:.0f} %")

    return on_progress


@contextmanager
def show_cells(describe: Callable[[Any], str]) -> "Iterator[OnCellProgress]":
    """Show many runs while the block runs; yield the callback.

    Args:
        describe: The run of a finished cell -> its name.
    """
    yield from _cell_bar() if sys.stderr.isatty() else _cell_lines(describe)


@contextmanager
def show_steps() -> Iterator[OnStepProgress]:
    """Show the steps of ``reproduce`` while the block runs; yield the callback."""
    yield from _step_bar() if sys.stderr.isatty() else _step_lines()


def _training_lines(title: str, epochs: int) -> "OnProgress":
    def on_progress(now: "Progress") -> None:
        if now.point:
            show_message(f"{title}, epoch {now.epoch}/{epochs}: {_describe_point(now.point)}")

    return on_progress


def _training_bar(title: str, epochs: int) -> "OnProgress":
    from ex3.backend import keras

    bar = None

    def on_progress(now: "Progress") -> None:
        nonlocal bar
        with redirect_stdout(sys.stderr):  # Keras's bar knows only stdout
            if bar is None:
                print(f"{title}, epoch {now.epoch}/{epochs}")
                bar = keras.utils.Progbar(now.steps)
            bar.update(now.step, [("loss", now.loss)], finalize=now.step == now.steps)
            if now.point:
                print(f"  {_describe_point(now.point)}")
                bar = None

    return on_progress


def _describe_point(point: dict[str, float]) -> str:
    def numbers(split: str) -> str:
        accuracy = f", accuracy {point[f'{split}_accuracy']:.4f}" if f"{split}_accuracy" in point else ""
        return f"{split} loss {point[f'{split}_loss']:.4f}{accuracy}"

    return f"{numbers('train')}; {numbers('test')}; {point['seconds']:.1f} s"


def _cell_lines(describe: Callable[[Any], str]) -> "Iterator[OnCellProgress]":
    def on_progress(now: "CellProgress") -> None:
        if now.newest:
            show_message(f"{now.done}/{now.total} cells: {describe(now.newest.run)}: {_describe_end(now.newest)}")

    yield on_progress


def _describe_end(cell: "Cell") -> str:
    run = cell.run
    if run.diverged_at is None:
        split = "validation" if "validation_loss" in run.metrics else "train"
        end = f"{split} loss {run.metrics[f'{split}_loss']:.4f}"
    else:
        end = f"diverged at iteration {run.diverged_at}"
    return f"{end}; {cell.seconds:.1f} s"


def _cell_bar() -> "Iterator[OnCellProgress]":
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

        def on_progress(now: "CellProgress") -> None:
            nonlocal reused
            reused = now.done if reused is None else reused
            computed = now.done - reused
            seconds = (time.perf_counter() - start) / max(computed, 1) * (now.total - now.done)
            left = _format_left(seconds) if computed else ""
            bar.update(task, completed=now.done, total=now.total, running=now.running, diverged=now.diverged, left=left)

        yield on_progress


def _step_lines() -> Iterator[OnStepProgress]:
    def on_progress(now: StepProgress) -> None:
        line = f": {now.line}" if now.line else ""
        show_message(f"[{now.number}/{now.total}, {_format_left(now.left)}] {now.name}{line}")

    yield on_progress


def _step_bar() -> Iterator[OnStepProgress]:
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

        def on_progress(now: StepProgress) -> None:
            if now.line.startswith("ex3: "):  # warnings and errors stay on the screen
                bar.console.print(f"{now.name}: {now.line}", markup=False, highlight=False)
            title = f"{now.number}/{now.total} {now.name}"
            bar.update(task, description=title, completed=now.share, left=_format_left(now.left), line=now.line)

        yield on_progress


def _format_left(seconds: float) -> str:
    return f"about {time.strftime('%H:%M:%S', time.gmtime(seconds))} left"
