"""The answers as a PDF: Markdown to Typst by pandoc, and Typst's own pages, with its own fonts alone.

The same text gives the same bytes: there is no date in the file, and no font of the machine is looked at.
"""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ex3.errors import DataError

STYLE = Path(__file__).with_name("answers.typ")
MARKDOWN = "gfm+implicit_figures+tex_math_dollars"
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#{2,3}) (?:(\d+(?:\.\d+)+) |\d+\. )?(.+)$", re.MULTILINE)
PICTURE = re.compile(
    r"^!\[(?P<words>(?:[^\]\\]|\\.)*)\]\((?P<path>[^)\s]+)\)[ ]*$"
    r"(?:\n\n[*_]*Figure \d+[.:][*_]*\s*(?P<caption>(?:.+\n)*.+?)[*_]*$(?=\n\n|\n?\Z))?",
    re.MULTILINE,
)
MATH = re.compile(r"\$(?:[^$\\]|\\.)*\$")  # in Typst, where bare bars would be relations
NORM, ABSOLUTE = re.compile(r"\\\| \\\| (.+?) \\\| \\\|"), re.compile(r"\\\| (.+?) \\\|")
LOCAL_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?://|#)([^)]+)\)")


def build_pdf(text: str, folder: Path, name: str, identity: str) -> bytes:
    """Set the answers.

    Args:
        text: The answers, in Markdown.
        folder: The folder that their pictures' paths start from.
        name: Of the author; may be empty.
        identity: The author's ID.

    Raises:
        DataError: pandoc or Typst is missing, or the text cannot be set.
    """
    pandoc, typst = _require("pypandoc"), _require("typst")
    title = re.match(r"# (.*)", text)
    try:
        body = pandoc.convert_text(prepare(text), "typst", format=MARKDOWN, extra_args=["--wrap=preserve"])
        body = MATH.sub(lambda math: ABSOLUTE.sub(r"abs(\1)", NORM.sub(r"norm(\1)", math[0])), body)
        source = STYLE.read_text("utf-8") + body
        inputs = {"title": title[1] if title else "Answers", "name": name, "identity": identity}
        return typst.compile(source.encode(), root=folder, ignore_system_fonts=True, sys_inputs=inputs, timestamp=0)
    except (RuntimeError, OSError) as error:  # pandoc's and Typst's, whose first line tells what is wrong
        raise DataError(f"the answers cannot be set: {str(error).strip().splitlines()[0]}") from error


def prepare(text: str) -> str:
    """Number the headings, take numbered captions into the pictures, and turn links to files into their names.

    A heading that has a number like 2.4 keeps it; others count on from their part's number. Typst numbers the pictures.
    """
    blocks = CODE_BLOCK.findall(text)
    text = CODE_BLOCK.sub("\0", text)
    text = re.sub(r"\A# .*\n", "", text)  # the title, which the first page has
    text = PICTURE.sub(_caption, text)
    text = LOCAL_LINK.sub(r"`\1`", text)
    counts = {"##": 0, "###": 0}

    def number(match: re.Match[str]) -> str:
        level, own, words = match.groups()
        counts[level] += 1
        if level == "##":
            counts["###"] = 0
        numbered = own or (f"{counts['##']}" if level == "##" else f"{counts['##']}.{counts['###']}")
        return f"{level[1:]} {numbered} {words}"

    text = HEADING.sub(number, text)
    return re.sub("\0", lambda _: blocks.pop(0), text)


def _caption(match: re.Match[str]) -> str:
    words = re.sub(r"\AFigure \d+[.:]\s*", "", match["caption"] or match["words"])
    return f"![{' '.join(words.split())}]({match['path']})"


def _require(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(f"handin: needs 'pip install -r requirements-pdf.txt' ({module} is missing)") from error
