"""The tab "Attack": noise within a bound that fools a model, and how much each model needs."""

from typing import Any, cast

import numpy as np
from nicegui import background_tasks, ui

from ex3.adversarial.attacks import Norm
from ex3.demo.lab import LARGEST, Attacked, Lab
from ex3.demo.page_html import answers_table, as_ink, figure, least_table, noun, signed, title
from ex3.demo.page_parts import Newest, Slider, Subject, ask

ANY = "any other digit"
NORMS: dict[str, str] = {"linf": "each pixel (l∞)", "l2": "the length (l2)"}
START: dict[str, float] = {"linf": 0.2, "l2": 2.5}


class AttackPanel:
    """The panel of one visitor."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._subject: Subject | None = None
        self._least: dict[str, float | None] = {}
        self._attack, self._search = Newest(self._show_attack), Newest(self._show_least)
        with ui.element("div").classes("controls"):
            self.model = ui.select({}, label="Attacked model", on_change=self._ask)
            self.target = ui.select([ANY, *range(10)], value=ANY, label="It should read", on_change=self._ask_all)
            self.norm = ui.select(NORMS, value="linf", label="ε bounds", on_change=self._change_norm)
        with ui.element("div").classes("epsilon"):
            ui.label("ε")
            self.epsilon = Slider("Epsilon, the bound of the noise", LARGEST["linf"], START["linf"], self._ask)
            self.number = ui.label()
        self.finding = ui.html(sanitize=False).classes("finding").props('aria-live="polite"')
        self.pictures = ui.html(sanitize=False)
        ui.html('<h3 class="part">The least ε that fools each model, when it is attacked itself</h3>', sanitize=False)
        self.least = ui.html(sanitize=False).classes("least-place")
        self.answers = ui.html(sanitize=False).classes("part")

    async def show(self, subject: Subject | None) -> None:
        """Attack an image."""
        names = {name: title(name) for name in self._lab.classifiers}
        if names != self.model.options:
            start = self.model.value or ("convnet" if "convnet" in names else next(iter(names), None))
            self.model.set_options(names, value=start)
        self._subject = subject
        await self._ask_all()

    async def _ask_all(self) -> None:
        self._least = {}
        await self._ask()
        background_tasks.create(self._search(), name="least epsilons")  # seconds, for which nobody waits

    async def _ask(self) -> None:
        await self._attack()

    async def _change_norm(self) -> None:
        norm = self._norm
        self.epsilon.set_range(LARGEST[norm], START[norm])
        await self._ask_all()

    @property
    def _norm(self) -> Norm:
        return cast("Norm", self.norm.value)

    @property
    def _target(self) -> int | None:
        return None if self.target.value == ANY else int(self.target.value)

    async def _show_attack(self) -> None:
        subject, name = self._subject, self.model.value
        epsilon = self.epsilon.value
        self.number.text = f"{epsilon:.3g}"
        if subject is None or name not in self._lab.classifiers:
            self.finding.content = "<h2>Draw a digit, or take a test image, and it is attacked</h2>"
            self.pictures.content = self.answers.content = self.least.content = ""
            return
        attacked, label = await ask(self._compute, subject, name, epsilon, self._norm, self._target)
        self.finding.content = f"<h2>{_finding(attacked, name, label)}</h2>"
        self.pictures.content = _pictures(attacked, epsilon, self._norm)
        self.answers.content = (
            f'<div class="two"><div><h3>With the noise against {noun(name)}</h3>'
            + answers_table(attacked.answers, "Answers to the attacked image", label)
            + "</div><div><h3>With random noise</h3>"
            + answers_table(attacked.random_answers, "Answers to the image with random noise", label)
            + "</div></div>"
        )
        self._draw_least(epsilon)

    def _compute(
        self, subject: Subject, name: str, epsilon: float, norm: Norm, target: int | None
    ) -> tuple[Attacked, int]:
        label = self._label(subject, name)
        return self._lab.attack(subject.image, label, name, epsilon, norm, target), label

    def _label(self, subject: Subject, name: str) -> int:
        """Return the image's label; for a drawing, what the attacked model reads in it."""
        if subject.label is not None:
            return subject.label
        return int(self._lab.classifiers[name].read(subject.image[np.newaxis])[0].argmax())

    async def _show_least(self) -> None:
        subject, name = self._subject, self.model.value
        if subject is None or name not in self._lab.classifiers:
            return
        self.least.content = '<p class="quiet">Searching …</p>'
        label = self._label(subject, name)
        least = await ask(self._lab.least_epsilons, subject.image, label, self._norm, self._target)
        if subject is self._subject:
            self._least = least
            self._draw_least(self.epsilon.value)

    def _draw_least(self, epsilon: float) -> None:
        if self._least:
            self.least.content = least_table(self._least, LARGEST[self._norm], epsilon)


def _finding(attacked: Attacked, name: str, label: int) -> str:
    read, random = int(attacked.answers[name].argmax()), int(attacked.random_answers[name].argmax())
    with_noise = f"reads {read} instead of {label}" if read != label else f"still reads {label}"
    with_random = f"it reads {random}, too" if random == read else f"it reads {random}"
    return f"Attacked, {noun(name)} {with_noise}; with random noise of the same size {with_random}"


def _pictures(attacked: Attacked, epsilon: float, norm: Norm) -> str:
    bound = epsilon if norm == "linf" else max(float(np.abs(attacked.noise).max()), 1e-9)
    parts: list[tuple[Any, str, str]] = [
        (as_ink(attacked.original), "The original", "original"),
        (signed(attacked.noise, bound), "The noise of the attack", "noise: vermilion is more ink, blue is less"),
        (as_ink(attacked.result), "The attacked image", "original + noise"),
        (as_ink(attacked.random), "The image with random noise", "original + random noise"),
    ]
    return f'<div class="pictures">{"".join(figure(*part) for part in parts)}</div>'
