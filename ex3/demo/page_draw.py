"""The tab "Draw": what each model reads, and where the digit lands in the plane."""

import numpy as np
from nicegui import ui

from ex3.demo.lab import Lab, Place
from ex3.demo.page_ground import Ground, Grounds
from ex3.demo.page_html import answers_table, as_ink, code_words, figure, in_words
from ex3.demo.page_parts import PlaneView, Subject, ask

NO_PLANE = "The plane appears here when its autoencoder is trained."


class DrawPanel:
    """The panel of one visitor."""

    def __init__(self, lab: Lab, grounds: Grounds) -> None:
        self._lab, self._grounds = lab, grounds
        self.finding = ui.html(sanitize=False).props('aria-live="polite"')
        self.answers = ui.html(sanitize=False)
        with ui.element("section").classes("part"):
            ui.html("<h3>In the autoencoder's plane</h3>", sanitize=False)
            self.no_plane = ui.html(f'<p class="quiet">{NO_PLANE}</p>', sanitize=False)
            with ui.element("div").classes("landing") as self.landing:
                self.view = PlaneView("Where the digit lands in the plane of the autoencoder", self._ignore)
                self.view.props("fixed")
                self.reconstruction = ui.html(sanitize=False)
        self._show_nothing()  # part of the page as it is loaded

    async def show(self, subject: Subject | None) -> None:
        """Show what the models say of an image, or that there is none."""
        if subject is None:
            self._show_nothing()
            self.view.hide()
            await self._show_ground()
            return
        answers, place, ground = await ask(self._compute, subject.image)
        true = "" if subject.label is None else f", whose label is {subject.label}"
        self.finding.content = _heading(in_words(answers), f"The answers to {subject.name}{true}.")
        self.answers.content = answers_table(answers, f"Answers to {subject.name}", subject.label)
        await self._show_ground()
        if place and ground:
            self.view.put(*ground.to_place(place.code))
            self.reconstruction.content = figure(
                as_ink(place.reconstruction), "The digit as the autoencoder decodes it from two numbers",
                f"decoded again from {code_words(place.code)}",
            )  # fmt: skip

    def _show_nothing(self) -> None:
        empty = dict.fromkeys(self._lab.classifiers, np.zeros(10))
        self.finding.content = _heading("Draw a digit, or take a test image", "Each model answers while you draw.")
        self.answers.content = answers_table(empty, "No answers yet")
        self.reconstruction.content = ""

    def _compute(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], Place | None, Ground | None]:
        answers = self._lab.read(image)
        return (answers, self._lab.place(image), self._grounds.get()) if self._lab.plane else (answers, None, None)

    async def _show_ground(self) -> None:
        has_plane = self._lab.plane is not None
        self.no_plane.set_visibility(not has_plane)
        self.landing.set_visibility(has_plane)
        if has_plane:
            self.view.show((await ask(self._grounds.get)).picture)

    async def _ignore(self, x: float, y: float) -> None:
        """The point shows where the digit lands; nobody moves it."""


def _heading(finding: str, setting: str) -> str:
    return f'<h2>{finding}</h2><p class="quiet">{setting}</p>'
