"""Formulas on GitHub: each inline one is whole after CommonMark has read the text, and none is in bold or italics."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from markdown_it import MarkdownIt

TEMPLATES = sorted((ROOT / "ex3" / "answers" / "templates").glob("*.jinja"))
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
CLAIM = re.compile(r'\{\{\s*claim\(\s*"((?:[^"\\]|\\.)*)".*?\}\}', re.DOTALL)
JINJA = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def read_text(file: Path) -> str:
    """Read a document; of a template what its text would be, with 1 for every number."""
    text = file.read_text("utf-8")
    if file.suffix == ".jinja":
        text = CLAIM.sub(lambda claim: claim[1].replace("\\\\", "\\"), text)
        text = re.sub(r"\{\{.*?\}\}", "1", JINJA.sub("", text), flags=re.DOTALL)
    return text


def find_defects(text: str) -> list[str]:
    """Return what is wrong with a text's inline formulas: dollars outside of them, and formulas in emphasis."""
    defects = []
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        depth, plain = 0, ""
        for token in block.children or []:
            depth += token.nesting * (token.type in ("strong_open", "strong_close", "em_open", "em_close"))
            if token.type == "code_inline" and plain.endswith("$"):
                plain += "`formula`"
                defects += [f"in emphasis: {token.content}"] * (depth > 0)
            elif token.type == "text":
                plain += token.content
            else:
                plain += " "
        rest = plain.replace("$`formula`$", "")
        defects += [f"not whole: {plain}"] * ("$" in rest)
    return defects


@pytest.mark.parametrize("file", TEMPLATES + DOCUMENTS, ids=lambda file: file.name)
def test_every_formula_is_whole(file):
    assert find_defects(read_text(file)) == []


@pytest.mark.parametrize(
    "text",
    ["$x_1$ and $y_1$", "**bold $`x`$**", "*$`x`$ in italics*", "|a|b|\n|-|-|\n|$`a|b`$|1|", "$`x`", "`x`$"],
)
def test_a_formula_that_github_breaks_is_found(text):
    assert find_defects(text) != []


def test_formulas_in_text_tables_and_blocks_are_sound():
    text = "Let $`x_1`$ and *not* $`y_1`$.\n\n| $`a`$ | `code` |\n| --- | --- |\n| $`b`$ | 1 |\n\n```math\n$x$\n```\n"
    assert find_defects(text) == []
