"""Files in which others wrote the toy networks by hand: run with few rights, judged, and their mistakes named.

``sandbox`` runs ``child`` in a process of its own; ``child`` calls the file's functions on the inputs of ``problem``
and reports what they return, as JSON. Nothing that comes back is believed: ``judge`` compares it with ``reference``,
the same network by formulas, which can also make each known mistake on purpose; ``learning`` judges what SGD does.
``places`` finds the lines that a finding is about. NumPy alone, so that a file takes a second or two.
"""

from dataclasses import dataclass

STATES = {True: "ok", False: "FAILED", None: "unknown"}


@dataclass(frozen=True)
class Finding:
    """One line about a file.

    Attributes:
        check: What was looked at.
        passed: Whether it is right; ``None`` where it cannot be told.
        text: The numbers, and the reason in words where there is one.
        line: Line of the file, from 1; ``None`` where no single line is to blame.
    """

    check: str
    passed: bool | None
    text: str
    line: int | None = None

    @property
    def state(self) -> str:
        """``ok``, ``FAILED`` or ``unknown``."""
        return STATES[self.passed]


@dataclass(frozen=True)
class Report:
    """All findings about a file, in the order of the checks.

    Attributes:
        file: Its path, as it was given.
        findings: At least one.
    """

    file: str
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, and at least one thing is right."""
        return not self.failed and any(finding.passed for finding in self.findings)

    @property
    def failed(self) -> list[Finding]:
        """The findings of what is wrong."""
        return [finding for finding in self.findings if finding.passed is False]
