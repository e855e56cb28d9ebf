"""``report``: the answers, from their template and the figures' twins."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ex3 import storage
from ex3.answers import parts, published
from ex3.answers.claims import Claim
from ex3.answers.render import render
from ex3.errors import ClaimError, DataError, Ex3Error
from ex3.experiments import Outcome


def run(template: Path, figures: Path, answers: Path) -> Outcome:
    """Render the template; unless a claim does not hold, write the answers, and the parts that rest on the same twins.

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
    storage.check_file(answers)
    text, claims = render(template, figures, answers.parent)
    refusals = _refusals(template, claims)
    files = {} if refusals else {answers: text, **_stale_parts(template, figures, answers)}
    return Outcome(
        table=_table(claims),
        headline=_headline(claims),
        written=[storage.save_text(path, content) for path, content in files.items()],
        problem=ClaimError("; ".join(refusals)) if refusals else None,
    )


def check(template: Path, figures: Path, answers: Path, commands: Collection[str]) -> Outcome:
    """Check that everything published is sound and agrees, and write nothing.

    The claims hold; the answers are those of the figures' twins, and so are, in the README beside them and in the
    configs' headers, the parts that ``run`` writes and all numbers with a spread. Each figure is one that ``reproduce``
    makes.

    Args:
        template: Of the answers.
        figures: Folder of the figures and their twins.
        answers: The written answers.
        commands: The command lines that ``reproduce`` runs.

    Returns:
        The claims with their numbers; the outcome's problem names whatever is wrong.

    Raises:
        DataError: The template, or a figure or a twin that it needs, is missing or wrong.
    """
    text, claims = render(template, figures, answers.parent)
    contradictions = _refusals(template, claims) or _staleness(answers, text)
    defects = [
        *published.check_figures(figures, commands),
        *published.check_answers(text, answers.parent, figures),
        *published.check_readme(answers.parent / "README.md", figures),
        *published.check_headers(answers.parent / "configs", figures),
        *(
            f"{path} is stale: its parts are not what the figures' twins give; python cli.py report writes them"
            for path in _stale_parts(template, figures, answers)
        ),
    ]
    problem = _problem(contradictions, defects)
    count = len(published.figure_names(figures))
    return Outcome(
        table="\n".join([_table(claims), *(f"{'FAILED':6}  {line}" for line in contradictions + defects)]),
        headline=f"{_headline(claims)}; {count} figures, {answers} and the README "
        + ("have defects" if problem else "are sound"),
        problem=problem,
    )


def _stale_parts(template: Path, figures: Path, answers: Path) -> dict[Path, str]:
    return parts.find_stale(template.with_name(parts.TEMPLATE), figures, answers.parent)


def _staleness(answers: Path, text: str) -> list[str]:
    if answers.is_file() and answers.read_bytes() == text.encode():
        return []
    return [f"{answers} is stale: it is not what the figures' twins give; python cli.py report writes it"]


def _problem(contradictions: list[str], defects: list[str]) -> Ex3Error | None:
    message = "; ".join(contradictions + defects)
    if contradictions:
        return ClaimError(message)
    return DataError(message) if defects else None


def _refusals(template: Path, claims: Sequence[Claim]) -> list[str]:
    return [
        f"{template.parent / claim.template}: the claim {claim.text!r} requires {claim.predicate}, "
        f"but found {claim.numbers}"
        for claim in claims
        if not claim.holds
    ]


def _headline(claims: Sequence[Claim]) -> str:
    return f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold"


def _table(claims: Sequence[Claim]) -> str:
    return "\n".join(map(_describe, claims))


def _describe(claim: Claim) -> str:
    state = "ok" if claim.holds else "FAILED"
    return f"{state:6}  {claim.text}\n        {claim.predicate}\n        {claim.numbers}"
