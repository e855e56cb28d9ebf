"""The tab "Look inside": the convnet's first filters, and what each finds in the image."""

import numpy as np
from nicegui import ui

from ex3.demo.lab import Inside, Lab
from ex3.demo.page_html import as_ink, picture, signed
from ex3.demo.page_parts import Subject, ask


class InsidePanel:
    """The panel of one visitor."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.finding = ui.html(sanitize=False).props('aria-live="polite"')
        self.layer = ui.html(sanitize=False).classes("part")

    async def show(self, subject: Subject | None) -> None:
        """Show the filters and the maps of an image; without one, of an empty image."""
        image = np.zeros((28, 28, 1), np.float32) if subject is None else subject.image
        inside = await ask(self._lab.inside, image)
        size, count = inside.filters.shape[0], inside.filters.shape[2]
        where = "nothing: draw a digit, or take a test image" if subject is None else subject.name
        self.finding.content = (
            f"<h2>{count} filters of {size} × {size} pixels look at {where}</h2>"
            '<p class="quiet">Beside each filter of the convnet\'s first layer stands its map: dark where there is ink '
            "under the filter's vermilion weights, and none under its blue ones.</p>"
        )
        self.layer.content = _tiles(inside)


def _tiles(inside: Inside) -> str:
    bound, highest = float(np.abs(inside.filters).max()), max(float(inside.maps.max()), 1e-9)
    pairs = [
        f'<div class="pair">{picture(signed(inside.filters[:, :, i], bound), f"Filter {i + 1}")}'
        f"{picture(as_ink(inside.maps[:, :, i] / highest), f'Map of filter {i + 1}')}</div>"
        for i in range(inside.filters.shape[2])
    ]
    return f'<div class="layer">{"".join(pairs)}</div>'
