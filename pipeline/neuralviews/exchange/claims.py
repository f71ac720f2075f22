"""What files claim of their own sizes, judged before anything is set aside for it."""

__all__ = ["is_bomb"]

_MOST_RATIO = 8
"""Of sizes unpacked and packed: weights shrink to nine tenths, labels beside them further."""
_HARMLESS = 1 << 24
"""Bytes that any file may unpack to, however small it is."""


def is_bomb(claimed: int, held: int) -> bool:
    """Whether a file claims to hold more than the bytes that there are could be unpacked to, by far.

    Args:
        claimed, held: sizes in bytes, unpacked and packed.
    """
    return claimed > max(_HARMLESS, _MOST_RATIO * held)
