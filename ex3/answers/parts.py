"""The parts of the README and of the configs' headers that ``report`` writes, so that no number in them can drift.

One template, ``README.md.jinja`` beside the answers', gives them all, from the figures' twins. A part of the README
stands between two comments, here as in the template::

    <!-- written by report: reached -->
    It reaches {{ twin("train-convnet").result.convnet.metrics.test_accuracy.mean | percent(1) }}.
    <!-- end -->

A part that is named after a config is its header's paragraph that begins with ``# Result: ``.
"""

import re
import textwrap
from pathlib import Path

from ex3.answers.render import render
from ex3.errors import DataError

TEMPLATE = "README.md.jinja"
PART = re.compile(r"<!-- written by report: (?P<name>\S+) -->\n(?P<text>.*?)<!-- end -->\n", re.DOTALL)
RESULT = re.compile(r"^# Result: .*\n(?:# .*\n)*", re.MULTILINE)
WIDTH = 120  # of a header


def find_stale(template: Path, figures: Path, folder: Path) -> dict[Path, str]:
    """Return the files whose parts are not those of the template, with the text that they should have.

    Args:
        template: Of the parts; nothing is stale where there is none.
        figures: Folder of the figures' twins.
        folder: The folder of the README and of ``configs``.

    Raises:
        DataError: The template or a twin is missing or wrong; a file has no place for a part.
    """
    if not template.is_file():
        return {}
    parts = {part["name"]: part for part in PART.finditer(render(template, figures, folder)[0])}
    headers = {name: part["text"] for name, part in parts.items() if name.endswith(".toml")}
    files = {folder / "README.md": _fill_readme, **{folder / "configs" / name: _fill_header for name in headers}}
    stale = {}
    for path, fill in files.items():
        if path.is_file():
            old = path.read_text("utf-8")
            new = fill(old, path, parts)
            if new != old:
                stale[path] = new
    return stale


def _fill_readme(text: str, path: Path, parts: dict[str, re.Match[str]]) -> str:
    if unknown := {part["name"] for part in PART.finditer(text)} - parts.keys():
        raise DataError(f"{path}: its part {min(unknown)} is not in {TEMPLATE}")
    return PART.sub(lambda part: parts[part["name"]][0], text)


def _fill_header(text: str, path: Path, parts: dict[str, re.Match[str]]) -> str:
    if not RESULT.search(text):
        raise DataError(f"{path}: its header has no paragraph that begins with '# Result: '")
    result = " ".join(f"Result: {parts[path.name]['text']}".split())
    lines = textwrap.wrap(result, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    return RESULT.sub(lambda _: "\n".join(lines) + "\n", text, count=1)
