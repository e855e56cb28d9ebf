"""Templates as data: they may come from strangers, so they run in Jinja's sandbox, and end.

The sandbox keeps names with underscores and all that changes an object from them. Besides, each round of a loop, each
call and each include is counted, and no product or power becomes huge.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

MOST_STEPS = 20_000  # rounds of loops, calls and includes; the answers take 600
MOST_CHARACTERS = 1_000_000  # of a repeated text, or items of a repeated list
MOST_DIGITS = 1_000  # of a power, about


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which no template runs for ever."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any):
        super().__init__(**options)
        for name in ("cycler", "joiner", "lipsum"):
            del self.globals[name]
        self.filters["_counted"] = self._counted
        self.steps = 0

    def call(self, context: jinja2.runtime.Context, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function or a macro, and count it."""
        self._count()
        return super().call(context, called, *args, **kwargs)

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply, or raise to a power, what stays small."""
        if operator == "**" and abs(right) * len(str(left)) > MOST_DIGITS:
            raise SecurityError(f"the power {right} is too large")
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | list | tuple) and isinstance(other, int) and len(one) * other > MOST_CHARACTERS:
                raise SecurityError(f"{other} repetitions are too many")
        return super().call_binop(context, operator, left, right)

    def get_template(self, *args: Any, **kwargs: Any) -> jinja2.Template:
        """Load a template, and count it."""
        self._count()
        return super().get_template(*args, **kwargs)

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja2.nodes.Template:
        """Parse a template, and let each of its loops count its rounds."""
        template = super()._parse(source, name, filename)
        for loop in template.find_all(jinja2.nodes.For):
            loop.iter = jinja2.nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
        return template

    def _counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self._count()
            yield value

    def _count(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise SecurityError(f"more than {MOST_STEPS:,} rounds of loops, calls and includes; is there an end?")
