"""``reproduce``: every experiment with its default config, then the answers that rest on them.

Each experiment is a command in a process of its own, so that a failure stops no other, and each sets its own number of
TensorFlow's threads. Those that need all cores come first, one after the other. The others, which are many runs of one
thread each, share the machine: as many at a time as there are cores, with one core each. A completed experiment leaves
a note with the digest of everything its result depends on and with the files that it wrote; it is not repeated while
both are unchanged.
"""

import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from ex3 import locks, provenance, storage
from ex3.cells import core_count
from ex3.data.sources import MNIST_FINGERPRINT, load_raw
from ex3.errors import DataError, Ex3Error, ExperimentError, StoppedError
from ex3.experiments import Outcome, Paths, report
from ex3.experiments._child import OnStart, run_command
from ex3.experiments._clock import Clock
from ex3.experiments._jobs import Job, identify, in_order
from ex3.experiments._lanes import run_side_by_side
from ex3.experiments._notes import CompletedStep, is_valid, load_note
from ex3.memory import limit_jobs
from ex3.progress import OnStepProgress, StepProgress, show_steps


def run(
    jobs: Sequence[Job],
    paths: Paths,
    template: Path,
    answers: Path,
    fresh: bool = False,
    quiet: bool = False,
    left_out: Sequence[Job] = (),
) -> Outcome:
    """Run every step that is not completed, and write the answers.

    Args:
        jobs: The steps, in any order.
        paths: Where to read and write.
        template: Of the answers.
        answers: The file to write them to.
        fresh: Repeat the completed steps.
        quiet: Show no progress.
        left_out: Steps whose published figures stay as they are; the table says so.

    Returns:
        A line per step; the outcome's problem names the failed steps, or the claims that do not hold.

    Raises:
        DataError: The images are not MNIST.
        WriteError: A folder cannot be written to, or another ``reproduce`` computes in it.
        StoppedError: Ctrl-C. The completed steps are kept.
    """
    start = time.perf_counter()
    storage.check_file(answers)
    jobs = in_order(jobs)
    identities = identify(jobs, _fingerprints(jobs, paths))
    folder = paths.runs / "reproduce"
    notes = {job.name: folder / f"{_file_name(job)}.json" for job in jobs}
    storage.check_writable(paths.figures, folder, answers.parent)
    with locks.locked(folder):
        known = {name: step for name, note in notes.items() if (step := load_note(note))}
        if fresh:
            storage.remove_files(notes.values())
        reused = {name: step for name, step in known.items() if not fresh and is_valid(step, identities[name])}
        done: dict[str, CompletedStep] = dict(reused)
        failed: dict[str, ExperimentError] = {}
        try:
            with (
                nullcontext() if quiet else show_steps() as on_progress,
                closing(_run_others(jobs, reused, identities, known, folder, on_progress)) as results,
            ):
                for job, result in results:
                    if isinstance(result, CompletedStep):
                        done[job.name] = result
                        storage.save_json(notes[job.name], result)
                    else:
                        failed[job.name] = result
        except KeyboardInterrupt:
            raise StoppedError(
                f"interrupted; {len(done)} of {len(jobs)} experiments are finished; "
                "python cli.py reproduce goes on from there"
            ) from None
    lines = [_describe(job.name, done.get(job.name), job.name in reused, failed) for job in jobs]
    table = "\n".join(lines + [f"{'left':6} {'-':>5}    {job.name}: --photographs does it" for job in left_out])
    count = f"{len(done)} of {len(jobs)} experiments done ({len(reused)} reused), {time.perf_counter() - start:.0f} s"
    return _conclude(table, count, failed, template, paths.figures, answers)


def _fingerprints(jobs: Sequence[Job], paths: Paths) -> dict[str, str]:
    """Return the fingerprint of each data set that the steps read.

    Raises:
        DataError: The images of MNIST's steps are not MNIST, or images cannot be read.
    """
    folder, names = str(paths.data) if paths.data else None, {job.dataset for job in jobs if job.dataset}
    found = {name: load_raw(name, folder, None, paths.image_cache).fingerprint for name in names}
    if found.get("mnist", MNIST_FINGERPRINT) != MNIST_FINGERPRINT:
        raise DataError(f"{paths.data}: not the original MNIST, which the answers rest on")
    return found


def _file_name(job: Job) -> str:
    return "-".join(job.name.replace("-", " ").split())


def _run_others(
    jobs: Sequence[Job],
    reused: Collection[str],
    identities: Mapping[str, str],
    known: Mapping[str, CompletedStep],
    folder: Path,
    on_progress: OnStepProgress | None,
) -> Generator[tuple[Job, CompletedStep | ExperimentError], None, None]:
    """Run the steps that are not reused, and yield the result of each, or its error."""
    missing = [job for job in jobs if job.name not in reused]
    clock = Clock({job.name: known[job.name].seconds if job.name in known else job.seconds for job in missing})
    numbers = {job.name: number for number, job in enumerate(jobs, 1)}

    def run_job(job: Job, on_start: OnStart, lanes: int) -> CompletedStep | ExperimentError:
        on_line = partial(_show, on_progress, clock, numbers[job.name], len(jobs), job.name)
        clock.begin(job.name, lanes)
        on_line("")
        return _run_job(job, identities[job.name], folder / f"{_file_name(job)}.outcome", on_line, on_start, lanes)

    alone, others = ([job for job in missing if job.alone is is_alone] for is_alone in (True, False))
    for group, lanes in ((alone, 1), (others, limit_jobs(core_count(), len(others)))):
        with closing(run_side_by_side(group, lanes, partial(run_job, lanes=lanes))) as results:
            for job, result in results:
                clock.end(job.name)
                yield job, result


def _show(on_progress: OnStepProgress | None, clock: Clock, number: int, total: int, name: str, line: str) -> None:
    if on_progress:
        on_progress(StepProgress(number, total, name, *clock.read(), line))


def _run_job(
    job: Job, identity: str, outcome_file: Path, on_line: Callable[[str], None], on_start: OnStart, lanes: int
) -> CompletedStep | ExperimentError:
    """Run a step, one of several at a time, with its share of the cores."""
    start = time.perf_counter()
    try:
        outcome = run_command(job.arguments, outcome_file, on_line, on_start, core_count() // lanes)
        files = {path: provenance.file_digest(Path(path)) for path in outcome.written}
    except ExperimentError as error:
        return error
    except OSError as error:
        return ExperimentError(f"{error.filename}: written, but gone: {error.strerror}")
    return CompletedStep(identity, (time.perf_counter() - start) / lanes, outcome.headline, files)


def _describe(name: str, step: CompletedStep | None, is_reused: bool, failed: Mapping[str, ExperimentError]) -> str:
    if step is None:
        return f"{'failed':6} {'-':>5}    {name}: {failed[name]}"
    return f"{'reused' if is_reused else 'done':6} {step.seconds:5.0f} s  {name}: {step.headline}"


def _conclude(
    table: str,
    count: str,
    failed: Mapping[str, ExperimentError],
    template: Path,
    figures: Path,
    answers: Path,
) -> Outcome:
    """Write the answers, unless a step failed."""
    if failed:
        reasons = "; ".join(f"{name}: {error}" for name, error in failed.items())
        problem = ExperimentError(f"{answers} is left as it was, since experiments failed: {reasons}")
        return Outcome(table, count, [], problem)
    try:
        answered = report.run(template, figures, answers)
    except Ex3Error as error:
        return Outcome(table, count, [], error)
    return Outcome(table, f"{count}; {answered.headline}", answered.written, answered.problem)
