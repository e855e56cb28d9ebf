"""Jobs side by side: a thread for each, which waits for the job's process; Ctrl-C ends all processes."""

import subprocess
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from ex3.experiments._child import OnStart, end_processes

POLL = 0.5  # seconds: a signal that comes just before a wait does not end it

J = TypeVar("J")
R = TypeVar("R")


def run_side_by_side(
    jobs: Sequence[J], lanes: int, run: Callable[[J, OnStart], R]
) -> Generator[tuple[J, R], None, None]:
    """Run jobs, some at a time; yield each with its result as soon as it is there.

    An exception in the caller's thread, such as Ctrl-C, ends the processes of the running jobs and drops the others.

    Args:
        jobs: In the order in which they start.
        lanes: Jobs at a time.
        run: Called in a thread, with a job and with what it should tell of a process that it starts.
    """
    processes: list[subprocess.Popen[str]] = []
    is_over = Event()

    def on_start(process: "subprocess.Popen[str]") -> None:
        processes.append(process)
        if is_over.is_set():  # it was about to start
            process.terminate()

    pool = ThreadPoolExecutor(lanes)
    try:
        futures = {pool.submit(run, job, on_start): job for job in jobs}
        waiting = set(futures)
        while waiting:
            finished, waiting = wait(waiting, POLL, FIRST_COMPLETED)
            for future in finished:
                yield futures[future], future.result()
    except BaseException:
        is_over.set()
        pool.shutdown(wait=False, cancel_futures=True)
        end_processes([process for process in processes if process.poll() is None])
        raise
    finally:
        pool.shutdown()
