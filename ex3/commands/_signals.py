"""Ctrl-C, SIGTERM and SIGHUP: all of them end a command in the same way, by ``KeyboardInterrupt``."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # those that the system has


@contextmanager
def as_interrupts(is_last: bool) -> Iterator[list[int]]:
    """Raise ``KeyboardInterrupt`` at each of these signals while the block runs; yield a list of those that came.

    One that is ignored stays so, as with nohup.

    Args:
        is_last: The process ends after the block; nothing should interrupt that.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        before = {
            number: signal.signal(number, stop) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
        }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if is_last else handler)


def exit_code(received: list[int]) -> int:
    """Return what shells expect of a process that a signal ended; 130 for Ctrl-C."""
    return 128 + (received[-1] if received else signal.SIGINT)


def follow(parent: int) -> None:
    """End this process when its parent has ended, however that happens.

    Args:
        parent: The process that started this one; it may have ended before this one got here.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
