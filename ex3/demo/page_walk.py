"""The tab "Walk": a point moves over the plane, and the decoder's image with it."""

import numpy as np
from nicegui import ui

from ex3.demo.lab import Lab
from ex3.demo.page_draw import NO_PLANE
from ex3.demo.page_ground import Ground, Grounds
from ex3.demo.page_html import as_ink, code_words, figure, in_words
from ex3.demo.page_parts import Newest, PlaneView, Subject, ask

MIDDLE = (0.5, 0.5)
HELP = (
    "Each dot is a test image, placed by the encoder. Drag the ring, or move it with the arrow keys (with Shift in "
    "larger steps)."
)


class WalkPanel:
    """The panel of one visitor."""

    def __init__(self, lab: Lab, grounds: Grounds) -> None:
        self._lab, self._grounds = lab, grounds
        self._place = MIDDLE
        self._newest = Newest(self._move)
        self.no_plane = ui.html(f'<p class="quiet">{NO_PLANE}</p>', sanitize=False)
        with ui.element("div").classes("walk") as self.body:
            self.view = PlaneView("Point in the plane: drag it, or move it with the arrow keys", self._newest)
            with ui.element("div").classes("found"):
                self.decoded = ui.html(sanitize=False).classes("decoded")
                self.finding = ui.html(sanitize=False).props('aria-live="polite"')
                with ui.element("div").classes("whole"):
                    ui.html("<h3>The ten nearest test images</h3>", sanitize=False)
                    self.nearest = ui.html(sanitize=False)
            ui.html(f'<p class="quiet">{HELP}</p>', sanitize=False)

    async def show(self, subject: Subject | None) -> None:
        """Show the plane, if it is there; the point stays where it is."""
        has_plane = self._lab.plane is not None
        self.no_plane.set_visibility(not has_plane)
        self.body.set_visibility(has_plane)
        if has_plane:
            self.view.show((await ask(self._grounds.get)).picture)
            self.view.put(*self._place)
            await self._newest(*self._place)

    async def _move(self, x: float, y: float) -> None:
        self._place = (x, y)
        ground: Ground = await ask(self._grounds.get)
        code = ground.to_code(x, y)
        image, answers, near = await ask(self._compute, code)
        self.finding.content = f'<h2>{in_words(answers)}</h2><p class="quiet">Their answers to the decoded image.</p>'
        words = f"decoded from {code_words(code)}"
        self.decoded.content = figure(as_ink(image), "The image that the decoder makes of the point", words)
        test = self._lab.test
        pictures = [figure(as_ink(test.x[i]), f"Test image {i}, a {test.y[i]}", f"{test.y[i]}") for i in near]
        self.nearest.content = f'<div class="nearest">{"".join(pictures)}</div>'

    def _compute(self, code: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
        image = self._lab.decode(code)
        return image, self._lab.read(image[:, :, np.newaxis]), self._lab.nearest(code)
