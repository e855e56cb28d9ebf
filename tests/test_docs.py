"""The documents: their links and pictures exist, and each figure stands with the command that makes it."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

from ex3.answers.published import LINK
from ex3.commands.report import all_steps

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LECTURE, MISTAKES = ROOT / "docs" / "lecture.md", ROOT / "docs" / "mistakes.md"
PICTURE = re.compile(r"!\[[^\]]+\]\(\.\./(figures/[a-z0-9-]+)\.png\)")


def sections(page: Path) -> list[str]:
    """Return the parts of a page, each from its heading of the second level on."""
    return re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_all_links_and_pictures_of_a_document_exist(page):
    links = {link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link}
    assert [link for link in sorted(links) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [LECTURE, MISTAKES], ids=lambda page: page.name)
def test_each_section_has_one_figure_and_the_command_that_makes_it(page):
    steps = {step.name for step in all_steps()}
    for section in sections(page):
        (figure,) = PICTURE.findall(section)
        found = re.search(r"^`python cli\.py ([^`]+)`[,;]", section, re.MULTILINE)
        assert found, section
        assert found[1] in steps, section
        kind = found[1].replace("train all", "compare").split()[0]
        assert figure.startswith(f"figures/{kind}"), section


def test_the_lecture_has_six_figures_with_a_question_and_a_folded_answer_each():
    folded = r"\*\*Question\.\*\* .*\?.*\n\n<details>\n<summary>Answer</summary>\n\n.+\n\n</details>\n\n`python"
    assert len(sections(LECTURE)) == 6
    assert [section for section in sections(LECTURE) if not re.search(folded, section, re.DOTALL)] == []


@pytest.mark.parametrize("page", [LECTURE, MISTAKES], ids=lambda page: page.name)
def test_the_documents_formulas_are_in_the_form_that_github_shows(page):
    text = page.read_text("utf-8")
    assert "$" not in re.sub(r"\$`[^`$\n]+`\$", "", text)
    emphasised = re.findall(r"(?<!\w)\*{1,2}(?=\S)([^*]+)(?<=\S)\*{1,2}(?!\w)", text)
    assert emphasised
    assert [words for words in emphasised if "$" in words] == []
