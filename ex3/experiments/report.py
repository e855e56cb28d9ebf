"""``report``: ``Answers.md`` from its template and the figures' twins."""

from pathlib import Path

from ex3 import storage
from ex3.errors import ClaimError
from ex3.experiments import Outcome
from ex3.report import Claim, render


def run(template: Path, figures: Path, answers: Path) -> Outcome:
    """Render the template, and write it unless a claim does not hold.

    Args:
        template: Of the answers.
        figures: Folder of the figures and their twins.
        answers: The file to write.

    Returns:
        The claims with their numbers; the outcome's problem names those that do not hold.

    Raises:
        DataError: The template, a figure or a twin is missing or wrong.
        WriteError: The file cannot be written.
    """
    text, claims = render(template, figures, answers.parent)
    failed = [claim for claim in claims if not claim.holds]
    return Outcome(
        table="\n".join(map(_describe, claims)),
        headline=f"{len(claims) - len(failed)} of {len(claims)} claims hold",
        written=[] if failed else [storage.save_text(answers, text)],
        problem=_refusal(template, failed),
    )


def _describe(claim: Claim) -> str:
    state = "ok" if claim.holds else "FAILED"
    return f"{state:6}  {claim.text}\n        {claim.predicate}\n        {claim.numbers}"


def _refusal(template: Path, failed: list[Claim]) -> ClaimError | None:
    if not failed:
        return None
    return ClaimError(
        "; ".join(
            f"{template.parent / claim.place}: the claim {claim.text!r} asks for {claim.predicate}, "
            f"but found {claim.numbers}"
            for claim in failed
        )
    )
