"""``check FILE``: toy networks that others wrote by hand, each run in a process of its own, and judged."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ex3.errors import CheckFailedError, DataError
from ex3.experiments import Outcome
from ex3.results import to_json
from ex3.student import Report, sandbox
from ex3.student.judge import judge
from ex3.student.places import MOST_BYTES


def run(files: Sequence[Path], seconds: float) -> tuple[Outcome, str]:
    """Run and judge each file.

    Args:
        files: Python files of the exercise's shape.
        seconds: Time limit of each.

    Returns:
        The findings of one file, or a row for each of several; and all findings as JSON. The outcome's problem names
        the files in which something is wrong.

    Raises:
        DataError: A file is missing, or too large to be one of these.
    """
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: no such file")
        if file.stat().st_size > MOST_BYTES:
            raise DataError(f"{file}: {file.stat().st_size} bytes; at most {MOST_BYTES} are read")
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(files))) as pool:
        reports = list(pool.map(lambda file: judge(file, sandbox.run(file, seconds)), files))
    wrong = [report.file for report in reports if not report.passed]
    network = "without a network" if sandbox.has_namespaces() else "with Python's sockets blocked"
    outcome = Outcome(
        table=_findings(reports[0]) if len(reports) == 1 else _rows(reports),
        headline=f"{len(files) - len(wrong)} of {len(files)} files are right; each was run {network}",
        problem=CheckFailedError(f"mistakes in {', '.join(wrong)}") if wrong else None,
    )
    return outcome, to_json(reports)


def _findings(report: Report) -> str:
    width = max(len(finding.check) for finding in report.findings)
    return "\n".join(
        f"{finding.check:{width}}  {finding.state:7}  {f'line {finding.line}: ' if finding.line else ''}{finding.text}"
        for finding in report.findings
    )


def _rows(reports: Sequence[Report]) -> str:
    """Write one row for each file: its state, how much is right, and what is wrong."""
    width = max(len(report.file) for report in reports)
    lines = []
    for report in reports:
        right = sum(bool(finding.passed) for finding in report.findings)
        wrong = "; ".join(f"{finding.check}: {_reason(finding.text)}" for finding in report.failed)
        state = "ok" if report.passed else "FAILED"
        lines.append(f"{report.file:{width}}  {state:6}  {right:2} of {len(report.findings):2}  {wrong}".rstrip())
    return "\n".join(lines)


def _reason(text: str) -> str:
    """Leave out the numbers before the reason of a gradient."""
    numbers, colon, reason = text.partition("samples: ")
    return reason if colon and numbers.startswith("relative error") else text
