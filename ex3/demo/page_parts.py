"""What the library lacks: a pad, a point in a plane, a slider for all, and asking for the newest answer alone."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from nicegui import run, ui

SIDE = 140  # of a drawing, in pixels; pad.js has the same
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Subject:
    """What all models look at.

    Attributes:
        image: float32 ``(28, 28, 1)`` in [0, 1].
        name: e.g. ``your drawing``.
        label: Of a test image.
    """

    image: np.ndarray
    name: str
    label: int | None = None


class Stopped(Exception):  # noqa: N818 (no error)
    """The page is being closed, and nobody waits for the answer."""


async def ask(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a function in another thread, so that the other visitors go on.

    Raises:
        Stopped: The server ends.
    """
    answer = await run.io_bound(function, *args)
    if answer is None:
        raise Stopped
    return answer


class Newest:
    """Answers one question at a time: the newest; what was asked in the meantime is dropped."""

    def __init__(self, answer: Callable[..., Awaitable[None]]) -> None:
        self._answer = answer
        self._waiting: tuple[Any, ...] | None = None
        self._is_busy = False

    async def __call__(self, *question: Any) -> None:
        """Ask; returns when this or a newer question is answered, at once if another is being answered."""
        self._waiting = question
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._waiting is not None:
                asked, self._waiting = self._waiting, None
                await self._answer(*asked)
        except Stopped:
            pass
        finally:
            self._is_busy = False


class Pad(ui.element, component="pad.js"):  # type: ignore[call-arg]
    """A square to draw on with mouse, pen or finger, or to open a picture in."""

    def __init__(self, on_ink: Callable[[np.ndarray], Awaitable[None]]) -> None:
        """Build the pad.

        Args:
            on_ink: Called while one draws, with uint8 ``(SIDE, SIDE)``, 255 for ink.
        """
        super().__init__()
        self._props["label"] = "Drawing area: draw a digit with mouse, pen or finger, or choose a test image below"
        self._on_ink = on_ink
        self.on("ink", lambda event: self._receive(event.args))
        self.on("unreadable", lambda: ui.notify("This file is no picture that the browser can read."))

    async def _receive(self, sent: object) -> None:
        try:
            content = base64.b64decode(str(sent), validate=True)
        except (binascii.Error, ValueError):
            return
        if len(content) == SIDE * SIDE:  # a browser could send anything
            await self._on_ink(np.frombuffer(content, np.uint8).reshape(SIDE, SIDE))

    def clear_ink(self) -> None:
        """Wipe the pad, which then tells that it is empty."""
        self.run_method("clear")

    def show(self, picture: str) -> None:
        """Show a picture, by its address, to be drawn on; the pad tells nothing before that."""
        self.run_method("show", picture)


class PlaneView(ui.element, component="plane.js"):  # type: ignore[call-arg]
    """A picture of a plane with one point, which can be dragged or moved by arrow keys."""

    def __init__(self, label: str, on_move: Callable[[float, float], Awaitable[None]]) -> None:
        """Build the view.

        Args:
            label: For those who do not see it.
            on_move: Called while the point is moved, with its fractions of the width, from the left, and of the height,
                from the top.
        """
        super().__init__()
        self._props["label"] = label
        self._on_move = on_move
        self.on("move", lambda event: self._receive(event.args))

    async def _receive(self, sent: object) -> None:
        try:
            x, y = (float(value) for value in sent)  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            return
        if 0 <= x <= 1 and 0 <= y <= 1:  # which nan is not
            await self._on_move(x, y)

    def show(self, picture: str) -> None:
        """Show the plane, by the address of its picture."""
        if self._props.get("source") != picture:
            self._props["source"] = picture
            self.update()

    def put(self, x: float, y: float) -> None:
        """Put the point to fractions of the sides."""
        self.run_method("put", min(1.0, max(0.0, x)), min(1.0, max(0.0, y)))

    def hide(self) -> None:
        """Show no point."""
        self.run_method("hide")


class Slider(ui.element, component="slider.js"):  # type: ignore[call-arg]
    """The browser's own slider, which screen readers and keys know; from 0 to a bound."""

    def __init__(self, label: str, bound: float, start: float, on_slide: Callable[[], Awaitable[None]]) -> None:
        """Build the slider.

        Args:
            label: For those who do not see it.
            bound: The largest value.
            start: The first value.
            on_slide: Called while it is moved, when ``value`` has changed.
        """
        super().__init__()
        self._props["label"] = label
        self._on_slide = on_slide
        self.on("slide", lambda event: self._receive(event.args))
        self.set_range(bound, start)

    def set_range(self, bound: float, start: float) -> None:
        """Let it run to another bound, and start again."""
        self._props["bound"], self._props["start"] = bound, start
        self.bound, self.value = bound, start
        self.update()

    async def _receive(self, sent: object) -> None:
        if isinstance(sent, int | float) and 0 <= sent <= self.bound:
            self.value = float(sent)
            await self._on_slide()
