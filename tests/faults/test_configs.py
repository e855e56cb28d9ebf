"""Configs of strangers: TOML files, and values of ``--set``."""

import os
import re
from pathlib import Path

import pytest
from promise import assert_one_line, files

from ex3.config_files import shipped

SHIPPED = shipped("mlp").read_text("utf-8")
REST = re.sub("^(model|dataset) = .*", "", SHIPPED, flags=re.MULTILINE)
LONG = "9" * 5000
DEEP = "[" * 3000 + "]" * 3000

# content of a config, or its beginning -> what the error says (exit code 2)
FILES = [
    (f"epochs = {LONG}", "c.toml: not valid TOML: Exceeds the limit (4300"),
    (f"epochs = 0x{LONG}", "c.toml: not valid TOML: an integer of more than 64 bits"),
    (f"epochs = {DEEP}", "c.toml: not valid TOML: tables and lists nested deeper than 16"),
    (f"a{'.a' * 20} = 1", "c.toml: not valid TOML: tables and lists nested deeper than 16"),
    (
        f'model = "mlp"\ndataset = "{"d" * 5000}"\n{REST}',
        "c.toml: dataset = 'ddd...(5,002 characters): File name too long",
    ),
    (f'model = "mlp"\ndataset = "a\\u0000b"\n{REST}', "c.toml: dataset = 'a\\x00b': neither a folder nor one of"),
    ("\ufeff\ufeffepochs = 1", "c.toml: not valid TOML: Invalid statement"),
    (b"\xff\xfee\0", "c.toml: not a text file in UTF-8"),
    (b"", "c.toml: holds no key at all"),
    (b"#" * 70_000, "c.toml: larger than 64 KiB"),
]
# value of --set epochs=... -> what the error says (exit code 2)
VALUES = [
    (LONG, "command line: epochs = '9999...characters)"),
    (f"0x{LONG}", "command line: epochs = '0x999...characters)"),
    (DEEP, "command line: epochs = '[[[["),
    ("nan", "command line: epochs = nan"),
    ("\n", "command line: epochs = ''"),
]


@pytest.mark.parametrize(("content", "line"), FILES, ids=range(len(FILES)))
def test_a_hostile_config_is_one_line(run_cli, content, line):
    Path("c.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files()
    assert_one_line(run_cli("train", "mlp", "--config", "c.toml"), 2, line)
    assert files() == before


@pytest.mark.parametrize(("value", "line"), VALUES, ids=range(len(VALUES)))
def test_a_hostile_value_is_one_line(run_cli, value, line):
    assert_one_line(run_cli("train", "mlp", "--set", f"epochs={value}"), 2, line)


def test_a_pipe_without_a_writer_is_not_waited_for(run_cli):
    os.mkfifo("pipe")
    assert_one_line(run_cli("train", "mlp", "--config", "pipe"), 2, "pipe: a pipe, not a file")


def test_a_byte_order_mark_is_welcome(run_cli):
    Path("c.toml").write_text(f"\ufeff{SHIPPED}", "utf-8")
    result = run_cli("train", "mlp", "--config", "c.toml", "--print-config")
    assert (result.code, result.err) == (0, "")
    assert result.out == run_cli("train", "mlp", "--print-config").out
