"""What files claim of their own sizes, judged before anything is set aside for it."""

from typing import Literal

__all__ = ["Content", "is_bomb"]

Content = Literal["weights", "lists of paths"]

_MOST_RATIO: dict[Content, int] = {"weights": 8, "lists of paths": 100}
"""Of sizes unpacked and packed: weights shrink to nine tenths, labels beside them further, lists of
alike paths most."""
_HARMLESS = 1 << 24
"""Bytes that any file may unpack to, however small it is."""


def is_bomb(claimed: int, held: int, content: Content = "weights") -> bool:
    """Whether a file claims to hold more than the bytes that there are could be unpacked to, by far.

    Args:
        claimed, held: sizes in bytes, unpacked and packed.
    """
    return claimed > max(_HARMLESS, _MOST_RATIO[content] * held)
