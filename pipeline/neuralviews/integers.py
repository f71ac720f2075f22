"""Whole numbers as callers write them: Python's, and those of NumPy and its like."""

import operator
from typing import Any

__all__ = ["whole_number"]


def whole_number(value: Any) -> int | None:
    """The integer that a value is; None of all else, such as 2.0, ``"2"`` and truth values."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
