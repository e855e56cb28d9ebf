"""Tables as aligned text and in a terminal, and the command line in a pseudo-terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading

import pytest
from rich.console import Console

from ex3 import commands
from ex3.experiments import toy
from ex3.tables import Table, fit_widths, for_terminal, plain

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
TOY = ["toy", "--iterations", 3, "--seeds", 2]

SPREAD = "0.9234 ± 0.0008"
WIDE = Table(
    ["model", "validation accuracy", "test accuracy", "test loss", "seconds", "epochs", "parameters"],
    [["linear", SPREAD, SPREAD, SPREAD, "0.9 ± 0.1", "5", "7,850"], ["mlp", SPREAD, SPREAD, SPREAD, "1.5", "3", "1"]],
    best=1,
    best_by="validation accuracy",
)


def render(text, width: int, **options) -> list[str]:
    """Return the lines that a terminal of some width shows."""
    console = Console(width=width, force_terminal=True, highlight=False, markup=False, **options)
    with console.capture() as capture:
        for part in for_terminal(text, width):
            console.print(part)
    return capture.get().splitlines()


@pytest.fixture(autouse=True)
def few_restarts(monkeypatch):
    """Fit the toy convnet's capacity in a moment."""
    monkeypatch.setattr(toy, "RESTARTS", 1)


@pytest.fixture
def run_in_terminal(monkeypatch):
    """Return a function that runs a command in a pseudo-terminal, and returns what stands there in the end."""

    def run(width: int, *words: object) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        shown = bytearray()
        reader = threading.Thread(target=lambda: read_all(ours, shown))
        reader.start()
        with monkeypatch.context() as patch, os.fdopen(theirs, "w") as terminal:
            patch.setattr(sys, "stdout", terminal)
            patch.setattr(sys, "stderr", terminal)
            assert commands.main([str(word) for word in words]) == 0
        reader.join()
        os.close(ours)
        return shown.decode().replace("\r\n", "\n")

    return run


def read_all(descriptor: int, shown: bytearray) -> None:
    try:
        while block := os.read(descriptor, 4096):
            shown.extend(block)
    except OSError:  # Linux's way to say that the other side is closed
        pass


def test_columns_shrink_to_their_words_and_the_last_ones_are_left_out():
    lines = [["model", "test accuracy", "seconds"], ["convnet", "0.9918 ±0.0005", "3.2 ±0.1"]]
    assert fit_widths(lines, 80) == [7, 14, 8]
    assert fit_widths(lines, 28) == [7, 11, 8]
    assert fit_widths(lines, 24) == [7, 8, 7]
    assert fit_widths(lines, 23) == [7, 14]
    assert fit_widths(lines, 5) == [7]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_fits_and_keeps_its_words_whole(width):
    lines = render(WIDE, width, no_color=True)
    shown = [ESCAPES.sub("", line).rstrip() for line in lines]
    assert max(map(len, shown)) <= width
    words = set(" ".join(shown).split())
    assert {"0.9234", "±0.0008", "validation", "accuracy", "linear", "mlp*"} <= words
    assert ("parameters" in shown[1 if width == 80 else 0]) == (width > 40)
    assert any(line.startswith("no room for: ") for line in shown) == (width == 40)
    assert "* best by validation accuracy" in shown
    (best,) = (line for line in lines if "mlp*" in line)
    assert "\x1b[1m" in best


def test_verdicts_have_colours_in_tables_and_lines_and_none_where_they_are_unwanted(monkeypatch):
    text = [Table(["gradient", ""], [["relu", "ok"], ["gelu", "FAILED"]]), "WARN  one of them\nok but not a verdict"]
    coloured = "\n".join(render(text, 80))
    assert re.findall(r"\x1b\[([0-9;]+)m *(ok|FAILED|WARN)", coloured)[:3] == [
        ("32", "ok"), ("1;31", "FAILED"), ("33", "WARN"),
    ]  # fmt: skip
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOURS.search("\n".join(render(text, 80)))
    assert plain(text).splitlines()[1:] == ["relu          ok", "gelu      FAILED", "", *text[1].splitlines()]


def test_a_command_fits_the_terminal_and_says_what_goes_on_and_what_is_next(run_in_terminal):
    shown = ESCAPES.sub("", run_in_terminal(80, *TOY))
    lines = shown.splitlines()
    assert lines[0] == "loading NumPy and matplotlib ..."
    assert "4/4" in shown
    start = next(number for number, line in enumerate(lines) if line.startswith("target "))
    table = lines[start : lines.index("", start)]
    assert len(table) >= 7
    assert max(map(len, table)) <= 80
    assert lines[-2].startswith("within twice the noise floor: ")
    assert lines[-1] == "next: open figures/toy-curves.png"


def test_a_pipe_gets_plain_aligned_text_and_the_headline_last(run_cli):
    result = run_cli(*TOY)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "\x1b" not in result.out
    assert len({len(line) for line in lines[: lines.index("")]}) == 1
    assert lines[-1].startswith("within twice the noise floor: ")


def test_help_lists_each_command_once_in_groups_and_cuts_no_line(run_cli):
    lines = run_cli("--help").out.splitlines()
    titles = [
        line.rstrip(":") for line in lines if line.endswith(":") and not line.startswith((" ", "Usage", "Options"))
    ]
    assert titles == list(commands.GROUPS)
    listed = [line.split(maxsplit=1) for line in lines[lines.index(f"{titles[0]}:") :] if line.startswith("  ")]
    assert sorted(name for name, _ in listed) == commands.command_names()
    assert all(len(text) <= 55 and "..." not in text for _, text in listed)
