"""The page of ``python cli.py demo``: one subject for all tabs, drawn or a test image; each visitor has their own.

NiceGUI builds the page and carries the events; heavy work runs in threads, and only the newest question is answered.
The server listens on this machine alone and asks nothing of others.
"""

import logging
import os
import random
import socket
import threading
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from nicegui import ui

from ex3.demo.drawing import to_digit
from ex3.demo.lab import Lab
from ex3.demo.page_attack import AttackPanel
from ex3.demo.page_draw import DrawPanel
from ex3.demo.page_ground import Grounds
from ex3.demo.page_html import address, as_ink, figure
from ex3.demo.page_inside import InsidePanel
from ex3.demo.page_parts import Newest, Pad, Subject, ask
from ex3.demo.page_walk import WalkPanel
from ex3.errors import ConfigError

Panel = DrawPanel | WalkPanel | AttackPanel | InsidePanel

FOLDER = Path(__file__).parent
TABS = ("Draw", "Walk", "Attack", "Look inside")
PATIENCE = 2  # seconds that open pages have, when the server ends
RECONNECT = 60.0  # seconds for which a page that lost its connection keeps its drawing
LOOK = 1.0  # seconds between two looks at which models are there
ICON = (
    '<svg viewBox="0 0 32 32" xmlns="http://www.w3.org/2000/svg"><rect width="32" height="32" rx="7" fill="#0072b2"/>'
    '<path d="M9 8h14l-8 17" fill="none" stroke="white" stroke-width="4" stroke-linecap="round"/></svg>'
)


def open_door(port: int) -> socket.socket:
    """Return a socket that listens on this machine alone, so that nobody else takes the port.

    Args:
        port: 0 takes a free one.

    Raises:
        ConfigError: The port is taken, or not allowed.
    """
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise ConfigError(
            f"--port {port}: {os.strerror(error.errno or 0)}; give another, or 0 for any free one"
        ) from error


def serve(lab: Lab, door: socket.socket, on_ready: Callable[[str], None], show: bool) -> None:
    """Serve the page until the process is told to end.

    Args:
        lab: The models, to which some may be added meanwhile.
        door: The socket to listen on.
        on_ready: Called with the page's address.
        show: Open the browser.
    """
    host, port = door.getsockname()
    url = f"http://{host}:{port}"
    server = make_server(lab)
    on_ready(url)
    if show:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server.run(sockets=[door])


def make_server(lab: Lab) -> uvicorn.Server:
    """Return a server of the page, once per process; ``run(sockets=...)`` starts it."""
    logging.getLogger("nicegui").addFilter(in_one_line)
    app = FastAPI(openapi_url=None)
    ui.run_with(
        app, root=partial(Page, lab, Grounds(lab)), title="Look into networks", language="en-US", favicon=ICON,
        tailwind=False, show_welcome_message=False, reconnect_timeout=RECONNECT,
    )  # fmt: skip
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=PATIENCE, ws="wsproto"))


def in_one_line(record: logging.LogRecord) -> bool:
    """Let a record of the library's log be one line, without the traceback of a handler's error."""
    record.msg, record.args = f"ex3: WARNING: the page: {' '.join(record.getMessage().split())}", None
    record.exc_info = record.exc_text = None
    return True


class Page:
    """The page of one visitor."""

    def __init__(self, lab: Lab, grounds: Grounds) -> None:
        self._lab = lab
        self._subject: Subject | None = None
        self._seen: tuple[object, ...] = ()
        self._read_ink, self._refresh = Newest(self._take_ink), Newest(self._show)
        ui.colors(primary="#0072b2")
        ui.add_head_html(f"<style>{(FOLDER / 'page.css').read_text('utf-8')}</style>")
        with ui.element("header"):
            ui.html("<h1>What do networks see in a digit?</h1>", sanitize=False)
            self._status = ui.html(sanitize=False).classes("quiet").props('role="status"')
        with ui.tabs(on_change=self._change_tab).props("align=left no-caps outside-arrows mobile-arrows") as self._tabs:
            for name in TABS:
                ui.tab(name)
        with ui.element("main").classes("bench") as self._bench:
            self._build_subject()
            with ui.tab_panels(self._tabs, value=TABS[0], animated=False):
                self._panels = self._build_panels(lab, grounds)
        ui.timer(LOOK, self._look)

    def _build_subject(self) -> None:
        with ui.element("section").classes("subject").props('aria-label="Image"'):
            self._pad = Pad(self._read_ink)
            with ui.element("div").classes("choice"):
                ui.button("Clear", on_click=self._pad.clear_ink).props("outline color=primary")
                ui.button("Random test image", on_click=self._take_random).props("outline color=primary")
                last = len(self._lab.test.y) - 1
                self._number = ui.number(f"Test image, 0–{last}", min=0, max=last, on_change=self._take_number)
            self._given = ui.html(sanitize=False).classes("given")

    @staticmethod
    def _build_panels(lab: Lab, grounds: Grounds) -> dict[str, Panel]:
        builders: dict[str, Callable[[], Panel]] = {
            "Draw": partial(DrawPanel, lab, grounds), "Walk": partial(WalkPanel, lab, grounds),
            "Attack": partial(AttackPanel, lab), "Look inside": partial(InsidePanel, lab),
        }  # fmt: skip
        panels = {}
        for name, build in builders.items():
            with ui.tab_panel(name):
                panels[name] = build()
        return panels

    async def _take_ink(self, ink: np.ndarray) -> None:
        (digit,) = await ask(lambda: (to_digit(ink),))
        self._subject = None if digit is None else Subject(digit, "your drawing")
        self._number.value = None
        await self._refresh()

    async def _take_random(self) -> None:
        self._number.value = random.randrange(len(self._lab.test.y))

    async def _take_number(self) -> None:
        number = self._number.value
        if number is None or not 0 <= number < len(self._lab.test.y) or number != int(number):
            return
        image = self._lab.test.x[int(number)]
        self._subject = Subject(image, f"test image {int(number)}", int(self._lab.test.y[int(number)]))
        self._pad.show(address(as_ink(image)))
        await self._refresh()

    async def _change_tab(self) -> None:
        self._bench.classes(replace=f"bench on-{TABS.index(str(self._tabs.value))}")
        await self._refresh()

    async def _look(self) -> None:
        """Show models that have come since the last look."""
        seen = (self._lab.status, *self._lab.classifiers, self._lab.plane is not None)
        if seen != self._seen:
            has_new = seen[1:] != self._seen[1:]
            self._seen = seen
            self._status.content = self._lab.status and f"In the background: {self._lab.status}"
            if has_new:
                await self._refresh()

    async def _show(self) -> None:
        await self._panels[str(self._tabs.value)].show(self._subject)
        shown = self._subject
        self._given.content = "" if shown is None or self._tabs.value == "Walk" else _given(shown)


def _given(subject: Subject) -> str:
    words = "as the networks get it: 28 × 28 pixels, centred like MNIST's"
    return figure(as_ink(subject.image), "The digit as the networks get it", words)
