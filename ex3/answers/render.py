"""The answers' text, from a template and the figures' JSON twins.

A template (Jinja, Markdown) takes every number from a twin, and has every comparison checked::

    {% set convnet = twin("compare").result.convnet.metrics %}
    {% set mlp = twin("compare").result.mlp.metrics %}
    {{ claim("The convnet beats the MLP", "above(convnet.test_accuracy, mlp.test_accuracy)") }}:
    {{ convnet.test_accuracy | pm(4) }} against {{ mlp.test_accuracy | pm(4) }}. {{ figure("compare", "Three models") }}

``figure`` gives the picture, and below it its number and caption: how it is read, in at most 40 words; what it shows
is its title. ``claims.Comparisons`` has the functions that a claim's predicate may call, ``filters.py`` the filters.
"""

import os
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import jinja2

from ex3.answers.claims import Claim, Comparisons
from ex3.answers.filters import FILTERS
from ex3.answers.sandbox import TemplateEnvironment
from ex3.answers.twins import read_twin
from ex3.errors import DataError

MATH_OR_CODE = re.compile(r"```.*?```|\$[^$\n]*\$|`[^`\n]*`", re.DOTALL)


def render(template: Path, figures: Path, folder: Path) -> tuple[str, list[Claim]]:
    """Fill a template with the numbers of the figures' twins.

    Args:
        template: A Jinja template; it may include others of its folder.
        figures: Folder of the PNGs and their twins.
        folder: Folder of the text, from which it links to the pictures.

    Returns:
        The text, and all its claims, those that do not hold included.

    Raises:
        DataError: The template is missing or wrong; a figure or its twin is missing, damaged, or not made from MNIST; a
            twin has no such key.
    """
    if not template.is_file():
        raise DataError(f"{template}: no such template")
    claims: list[Claim] = []
    environment = build_environment(template.parent)
    twin = cache(partial(read_twin, figures))

    shown: list[str] = []

    def figure(name: str, caption: str) -> str:
        twin(name)  # a picture without its numbers is refused
        shown.append(name)
        path = Path(os.path.relpath(figures / f"{name}.png", folder)).as_posix()
        return f"![Figure {len(shown)}]({path})\n\n**Figure {len(shown)}:** {caption}"

    environment.globals |= {"twin": twin, "figure": figure, "claim": _claim_function(environment, claims)}
    try:
        text = environment.get_template(template.name).render()
    except jinja2.TemplateSyntaxError as error:
        raise DataError(f"{error.filename or template}, line {error.lineno}: {error.message}") from error
    except jinja2.TemplateNotFound as error:
        reason = f"includes {error.name}, which is not in its folder"
        raise DataError(f"{_position(template, error)}: {reason}") from error
    except Exception as error:  # a template is a program, and may raise anything
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise DataError(f"{_position(template, error)}: {reason}") from error
    return text, claims


def build_environment(folder: Path) -> TemplateEnvironment:
    """Return the Jinja environment of a folder of templates, with the filters.

    An expression has to give text or a number: an undefined name or a twin's list is an error. A template
    executes nothing but what ``sandbox.py`` allows.
    """
    environment = TemplateEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=_require_text,
    )
    environment.filters |= FILTERS
    return environment


def _require_text(value: object) -> object:
    """Refuse an expression's value that should not stand in a text."""
    if isinstance(value, str) and (leftover := re.search(r"\{\{|\{%|\{#", MATH_OR_CODE.sub("", value))):
        raise ValueError(f"{leftover[0]!r} is left in the text; an expression inside a string is not filled in")
    if isinstance(value, str | int | float | jinja2.Undefined):
        return value
    raise TypeError(f"a {type(value).__name__} is neither text nor a number")


def _claim_function(environment: jinja2.Environment, claims: list[Claim]) -> Callable[..., str]:
    """Return the templates' function ``claim``, which appends to ``claims``."""

    @jinja2.pass_context
    def claim(context: jinja2.runtime.Context, text: str, predicate: str) -> str:
        """Check a predicate over the template's variables, and return the claim's text."""
        text, predicate = " ".join(text.split()), " ".join(predicate.split())
        comparisons = Comparisons()
        try:
            compiled = environment.compile_expression(predicate, undefined_to_none=False)
        except jinja2.TemplateSyntaxError as error:  # its own line is one of the predicate
            raise ValueError(f"{predicate}: {error.message}") from error
        holds = compiled({**context.get_all(), **comparisons.functions()})
        if not comparisons.made:
            raise DataError(f"the claim {text!r} compares nothing: {predicate}")
        holds = bool(holds) and comparisons.valid
        claims.append(Claim(str(context.name), text, predicate, "; ".join(comparisons.made), holds))
        return text

    return claim


def _position(template: Path, error: Exception) -> str:
    """Return the file and line of the template that an error comes from."""
    trace = error.__traceback__
    position = str(template)
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if Path(file).parent == template.parent and Path(file).is_file():
            position = f"{file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return position
