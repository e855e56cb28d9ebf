"""Reading what the process of a student's file reported: every number may be missing or of another kind."""

from typing import Any

import numpy as np

from ex3.student import Finding
from ex3.student.sandbox import Parts


def read_numbers(value: Any, size: int | None = None) -> np.ndarray:
    """Return an array that ``child.numbers`` wrote.

    Raises:
        ValueError: It has another size.
    """
    array = np.array(value["values"], float).reshape(value["shape"])
    if size is not None and array.size != size:
        raise ValueError(f"{array.size} numbers instead of {size}")
    return array


def failure(check: str, parts: Parts, part: str, otherwise: int | None = None) -> Finding:
    """Say why a part is missing."""
    if part not in parts:
        return Finding(check, None, "not reached", otherwise)
    error = parts[part]["error"]
    return Finding(check, False, str(error["text"])[:300], int(error["line"]) or otherwise)
