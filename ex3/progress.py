"""What a person sees on stderr while a model trains: Keras's bar on a terminal, else one line per epoch."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout

from ex3.backend import keras
from ex3.training import Progress


def show_training(title: str, epochs: int) -> Callable[[Progress], None]:
    """Return a reporter for one training run.

    Args:
        title: What is trained, e.g. ``convnet, seed 0``.
        epochs: How many epochs it will take.
    """
    return _bar(title, epochs) if sys.stderr.isatty() else _lines(title, epochs)


def _lines(title: str, epochs: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.point:
            print(f"{title}, epoch {progress.epoch}/{epochs}: {_describe(progress.point)}", file=sys.stderr, flush=True)

    return report


def _bar(title: str, epochs: int) -> Callable[[Progress], None]:
    bar = None

    def report(progress: Progress) -> None:
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
    return (
        f"train loss {point['train_loss']:.4f}, accuracy {point['train_accuracy']:.4f}; "
        f"test loss {point['test_loss']:.4f}, accuracy {point['test_accuracy']:.4f}; {point['seconds']:.1f} s"
    )
