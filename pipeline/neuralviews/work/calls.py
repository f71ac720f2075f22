"""What callers and pools agree on: calls by number, and what stands in the place of a lost result."""

from dataclasses import dataclass

__all__ = ["Died", "Lost"]


@dataclass(frozen=True)
class Lost:
    """In the place of a result: the call was not ended, through no fault of its own; make it again."""


@dataclass(frozen=True)
class Died(Lost):
    """In the place of a result: a worker died, or had no memory left, while this call was at work in it.

    Attributes:
        alone: no other call was at work in that process, so it is this one or chance that killed it.
    """

    alone: bool
