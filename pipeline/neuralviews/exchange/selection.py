"""Records as a command line names them: numbers and slices with Python's meaning."""

import re

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError

__all__ = ["select"]

_NUMBER = r"(-?\d{1,18})"
_PART = re.compile(rf"{_NUMBER}|{_NUMBER}?:{_NUMBER}?(?::{_NUMBER}?)?", re.ASCII)


def select(text: str, count: int) -> NDArray[np.int64]:
    """Records such as ``7``, ``0:5``, ``-3:`` or ``0:100:10,7``, in the order named, each once.

    Args:
        count: how many records there are.
    Returns:
        (k,) int64, k at least 1.
    Raises:
        OptionError: text that is none of these, a number that no record has, or a slice of no records.
    """
    rows: dict[int, None] = {}
    for part in text.split(","):
        rows |= dict.fromkeys(_part(part.strip(), count))
    return np.fromiter(rows, np.int64, len(rows))


def _part(text: str, count: int) -> range:
    found = _PART.fullmatch(text)
    if found is None:
        raise OptionError(
            f"records: found {text!r}, expected numbers and slices such as 7, 0:5, 0:100:10 or -3:, "
            "separated by commas"
        )
    number, *bounds = (None if group is None else int(group) for group in found.groups())
    if number is not None:
        if not -count <= number < count:
            raise OptionError(f"records: found {number}, expected a record from 0 to {count - 1}")
        return range(number % count, number % count + 1)
    if bounds[2] == 0:
        raise OptionError(f"records: found {text!r}, expected a step other than 0")
    chosen = range(count)[slice(*bounds)]
    if not chosen:
        raise OptionError(f"records: {text!r} is none of the {count} records, expected some")
    return chosen
