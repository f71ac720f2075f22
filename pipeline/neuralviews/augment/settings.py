"""Checks of the settings of augmentations: errors name the augmentation, the setting and what was expected.

Numbers are stored as those of Python and lists as tuples, so that equal settings are described equally.
"""

from numbers import Integral, Real
from typing import Any

from ..errors import OptionError
from ..recipe_errors import shown

__all__ = ["check_choice", "check_choices", "check_flag", "check_integer", "check_interval", "check_number"]


def check_number(owner: object, name: str, low: float, high: float) -> None:
    """Raise OptionError unless the setting is a number from ``low`` to ``high``, both included."""
    value = getattr(owner, name)
    if not (_is_number(value) and low <= value <= high):
        raise _refused(owner, name, value, f"{low:g} to {high:g}")
    object.__setattr__(owner, name, float(value))


def check_integer(owner: object, name: str, low: int, high: int) -> None:
    """Raise OptionError unless the setting is an integer from ``low`` to ``high``, both included."""
    value = getattr(owner, name)
    if not (_is_number(value) and isinstance(value, Integral) and low <= int(value) <= high):
        raise _refused(owner, name, value, f"an integer from {low} to {high}")
    object.__setattr__(owner, name, int(value))


def check_interval(owner: object, name: str, low: float, high: float) -> None:
    """Raise OptionError unless the setting is two ascending numbers from ``low`` to ``high``."""
    value = getattr(owner, name)
    pair = isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_number, value))
    if not (pair and low <= value[0] <= value[1] <= high):
        raise _refused(owner, name, value, f"two ascending numbers from {low:g} to {high:g}")
    object.__setattr__(owner, name, (float(value[0]), float(value[1])))


def check_choice(owner: object, name: str, allowed: tuple[str, ...]) -> None:
    """Raise OptionError unless the setting is one of the names that are allowed."""
    value = getattr(owner, name)
    if value not in allowed:
        raise _refused(owner, name, value, f"one of {', '.join(allowed)}")


def check_choices(owner: object, name: str, allowed: tuple[str, ...]) -> None:
    """Raise OptionError unless the setting is some of the names that are allowed, each once."""
    value = getattr(owner, name)
    known = isinstance(value, tuple | list) and all(item in allowed for item in value)
    if not known or len(set(value)) < len(value):
        raise _refused(owner, name, value, f"some of {', '.join(allowed)}, each once")
    object.__setattr__(owner, name, tuple(value))


def check_flag(owner: object, name: str) -> None:
    """Raise OptionError unless the setting is true or false."""
    value = getattr(owner, name)
    if not isinstance(value, bool):
        raise _refused(owner, name, value, "True or False")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _refused(owner: object, name: str, value: object, expected: str) -> OptionError:
    return OptionError(f"{type(owner).__name__}: {name}: found {shown(value)}, expected {expected}")
