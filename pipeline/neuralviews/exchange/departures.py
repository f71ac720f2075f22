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
        convention: of the format; what is None there, its files or their names state.
    """
    spec = taken.store.spec
    lines = []
    for name, words in _WORDS.items():
        found, usual = getattr(spec, name), getattr(convention, name)
        values = {*found} if isinstance(found, tuple) else {found}
        if usual is not None and values != {usual}:
            lines.append(f"{words} is {_text(found)}, where programs for this format take {_text(usual)}")
    if convention.target_range is not None:
        mean, std = taken.facts.channels or (None, None)
        ours = _targets(taken.facts.target_range, mean, std)
        theirs = _targets(convention.target_range, convention.mean, convention.std)
        if ours != theirs:
            lines.append(f"targets are {ours}, where programs for this format take {theirs}")
    return tuple(lines)


def _targets(ends: tuple[float, float], mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> str:
    low, high = ends
    texts = [", ".join(f"{part:g}" for part in numbers) for numbers in (mean, std) if numbers is not None]
    return f"{low:g} to {high:g}" + (f" less {texts[0]}, over {texts[1]}" if texts else "")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in dict.fromkeys(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
