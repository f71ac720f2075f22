"""Where the fields of a store are rendered otherwise than those of a format are."""

from typing import TYPE_CHECKING

from .convention import Convention

if TYPE_CHECKING:
    from .taken import Taken

__all__ = ["departures"]

_WORDS = {
    "omega": "omega",
    "axis_order": "axis order",
    "output_offset": "output offset",
    "output_scale": "output scale",
}


def departures(taken: "Taken", convention: Convention) -> tuple[str, ...]:
    """A line for each convention that programs of a format would take for another, which our note
    alone states.

    Args:
        convention: of the format; what is None there, its files state.
    """
    spec = taken.store.spec
    lines = []
    for name, words in _WORDS.items():
        found, usual = getattr(spec, name), getattr(convention, name)
        values = {*found} if isinstance(found, tuple) else {found}
        if usual is not None and values != {usual}:
            lines.append(f"{words} is {_text(found)}, where programs for this format take {_text(usual)}")
    return tuple(lines)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in dict.fromkeys(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
