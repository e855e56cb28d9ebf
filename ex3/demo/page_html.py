"""Pieces of the page as HTML: pictures of arrays, and tables of what the models answer."""

import base64
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from PIL import Image

TITLES = {  # as a column is headed -> as a sentence names it
    "linear": ("linear", "linear model"), "mlp": ("MLP", "MLP"), "convnet": ("convnet", "convnet"),
    "robust": ("robust", "robust convnet"), "by hand": ("by hand", "network by hand"),
}  # fmt: skip
MORE_INK, LESS_INK = np.array([213, 94, 0]), np.array([0, 114, 178])  # Okabe and Ito's vermilion and blue

LEAST_WRITTEN = 0.01  # a smaller probability is a bar without a number


def address(pixels: np.ndarray) -> str:
    """Return uint8 pixels ``(H, W)`` or ``(H, W, 3)`` as the address of a picture that holds all of it, as a PNG."""
    return "data:image/png;base64," + base64.b64encode(Image.fromarray(pixels)._repr_png_() or b"").decode()


def as_ink(image: np.ndarray) -> np.ndarray:
    """Return black ink on white paper, uint8 ``(H, W)``, of an image ``(H, W)`` or ``(H, W, 1)`` in [0, 1]."""
    return np.rint(255 * (1 - np.clip(image.reshape(image.shape[:2]), 0, 1))).astype(np.uint8)


def signed(values: np.ndarray, bound: float) -> np.ndarray:
    """Return uint8 ``(H, W, 3)``: values ``(H, W)`` from ``-bound`` (blue) over 0 (white) to ``bound`` (vermilion)."""
    share = np.clip(values / max(bound, 1e-9), -1, 1)[:, :, np.newaxis]
    colour = np.where(share > 0, MORE_INK, LESS_INK)
    return np.rint(255 + np.abs(share) * (colour - 255)).astype(np.uint8)


def picture(pixels: np.ndarray, words: str) -> str:
    """Return a picture of uint8 pixels, which ``words`` describe to those who do not see it."""
    return f'<img class="digit" src="{address(pixels)}" alt="{escape(words)}">'


def figure(pixels: np.ndarray, words: str, caption: str) -> str:
    """Return a picture over its caption."""
    return f"<figure>{picture(pixels, words)}<figcaption>{caption}</figcaption></figure>"


def code_words(code: np.ndarray) -> str:
    """Write a code ``(2,)``."""
    return f"({code[0]:.1f}, {code[1]:.1f})".replace("-", "−")


def percent(share: float) -> str:
    """Write a probability in whole percent."""
    return "&lt; 1 %" if 0 < share < LEAST_WRITTEN / 2 else f"{100 * share:.0f} %"


def title(name: str) -> str:
    """Return the name of a model over a column."""
    return TITLES[name][0]


def noun(name: str) -> str:
    """Return the name of a model in a sentence."""
    return f"the {TITLES[name][1]}"


def in_words(answers: Mapping[str, np.ndarray]) -> str:
    """Say in one sentence what the models read, e.g. ``All 5 models read 7``."""
    if not answers:
        return "The models are not there yet"
    reads = {name: int(shares.argmax()) for name, shares in answers.items()}
    ranked = sorted(set(reads.values()), key=lambda digit: -list(reads.values()).count(digit))
    if len(ranked) == 1:
        return f"All {len(reads)} models read {ranked[0]}"
    parts = [f"{digit} ({_listed(title(name) for name in reads if reads[name] == digit)})" for digit in ranked]
    return f"The models read {_listed(parts)}"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def answers_table(answers: Mapping[str, np.ndarray], caption: str, label: int | None = None) -> str:
    """Return a table: a column per model, what it reads and how sure it is of each digit, as bars.

    Args:
        answers: Of each model, ``(classes,)`` probabilities, or zeros where there is no answer.
        caption: For those who do not see the table.
        label: The right one, if there is one; who reads another is marked as fooled.
    """
    reads = {name: int(shares.argmax()) if shares.any() else None for name, shares in answers.items()}
    tones = {name: ' class="fooled"' if label is not None and reads[name] != label else "" for name in answers}
    names = "".join(f'<th scope="col">{escape(title(name))}</th>' for name in answers)
    heads = "".join(
        f"<td{tones[name]}><b>{reads[name]}</b> <span>{percent(shares.max())}</span></td>"
        if shares.any()
        else "<td><b>–</b></td>"
        for name, shares in answers.items()
    )
    count = len(next(iter(answers.values()), ()))
    rows = "".join(
        f'<tr><th scope="row" class="digit-name{" truth" if digit == label else ""}">{digit}</th>'
        + "".join(_cell(shares[digit], digit == reads[name], bool(tones[name])) for name, shares in answers.items())
        + "</tr>"
        for digit in range(count)
    )
    return (
        f'<table class="answers"><caption class="unseen">{escape(caption)}</caption><thead><tr class="names">'
        f'<td class="digit-name"></td>{names}</tr><tr class="reads"><th scope="row" class="digit-name">'
        f'<span class="unseen">reads</span></th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _cell(share: float, is_winner: bool, is_fooled: bool) -> str:
    classes = " ".join(["cell", *["winner"] * is_winner, *["fooled"] * is_fooled])
    seen = "share" if share >= LEAST_WRITTEN else "share unseen"
    return (
        f'<td><span class="{classes}"><span class="track" aria-hidden="true"><span class="bar" '
        f'style="width:{100 * share:.1f}%"></span></span><span class="{seen}">{percent(share)}</span></span></td>'
    )


def least_table(least: Mapping[str, float | None], bound: float, epsilon: float) -> str:
    """Return bars of the least epsilon that fools each model, in [0, bound], with a line at the epsilon of now."""
    place = f"{100 * epsilon / bound:.1f}%"
    rows = []
    for name, value in least.items():
        width = 100 if value is None else 100 * value / bound
        words = f"above {bound:g}" if value is None else f"{value:.3g}"
        tone = ' class="passed"' if value is not None and value <= epsilon else ""
        rows.append(
            f'<span>{escape(title(name))}</span><span{tone}><span class="track" style="display:block">'
            f'<span class="bar" style="width:{width:.1f}%"></span><span class="now" style="left:{place}"></span></span>'
            f"</span><span>{words}</span>"
        )
    return f'<div class="least">{"".join(rows)}</div>'
