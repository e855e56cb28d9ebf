"""The command ``demo``: a taken port and a missing library are one line each, and Ctrl-C ends the page."""

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from importlib import util

import numpy as np
import pytest
from conftest import ROOT

PROGRAM = f"""
import sys
from contextlib import contextmanager
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
from ex3 import commands
from ex3.data import Split
from ex3.demo.lab import Lab
from ex3.experiments import demo

@contextmanager
def open_lab(*_):
    yield Lab(Split(np.zeros((3, 28, 28, 1), np.float32), np.zeros(3, np.int64), np.arange(3)))

demo.open_lab = open_lab
commands.run_program()
"""


def test_a_taken_port_is_one_line(run_cli):
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run_cli("demo", "--no-browser", "--port", port)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert f"--port {port}: Address already in use; give another, or 0 for any free one" in result.err


def test_a_missing_library_is_one_line(run_cli, monkeypatch):
    find = util.find_spec
    monkeypatch.setattr("ex3.experiments.demo.find_spec", lambda name: None if name == "nicegui" else find(name))
    result = run_cli("demo", "--no-browser")
    assert (result.code, result.out) == (3, "")
    assert result.err == "ex3: error: demo: needs 'pip install -r requirements-demo.txt' (nicegui is missing)\n"


@pytest.mark.page
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_page_in_one_line(number, code):
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    words = [sys.executable, "-c", PROGRAM, "demo", "--no-browser", "--port", "0"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here is ignored by children
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        host = re.search(r"http://(127\.0\.0\.1:\d+)", process.stderr.readline())[1]
        connection = HTTPConnection(host, timeout=20)  # stays open
        connection.request("GET", "/")
        assert b"What do networks see" in connection.getresponse().read()
        os.kill(process.pid, number)
        assert process.wait(20) == code
        assert process.stderr.read().lstrip() == "ex3: error: interrupted; what was finished is saved\n"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_only_the_newest_question_is_answered():
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    from ex3.demo.page_parts import Newest

    asked = []

    async def answer(number: int) -> None:
        asked.append(number)
        await asyncio.sleep(0.02)

    async def ask_many() -> None:
        newest = Newest(answer)
        await asyncio.gather(*(newest(number) for number in range(9)))

    asyncio.run(ask_many())
    assert asked == [0, 8]


def test_pictures_of_the_page_show_the_array():
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    from ex3.demo.page_html import as_ink, signed

    assert as_ink(np.array([[0, 0.5, 1, 7]])).tolist() == [[255, 128, 0, 0]]
    coloured = signed(np.array([[-2.0, 0, 1]]), bound=2)
    assert coloured.tolist() == [[[0, 114, 178], [255, 255, 255], [234, 174, 128]]]


def test_an_error_in_the_page_is_one_line_of_the_log(caplog):
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    from ex3.demo.page import in_one_line

    log = logging.getLogger("a library's")
    log.addFilter(in_one_line)
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        log.exception(error)
    assert [record.getMessage() for record in caplog.records] == ["ex3: WARNING: the page: two lines"]
    assert "Traceback" not in caplog.text
