"""The points of a step, drawn where the fields are; `minibatch.drawn_points` is the oracle."""

from torch import Tensor, arange

from ..draws import MIX_END, MIX_ROUNDS

__all__ = ["drawn_on_device"]


def drawn_on_device(seeds: Tensor, increments: Tensor, step: Tensor, points: int, pool: int) -> Tensor:
    """Which points of a signal the steps of some fields work on.

    Torch has no products of unsigned numbers, but those of int64 wrap to the same bits.

    Args:
        seeds, increments: (slots, 1) int64, the bits of keys and of the `gammas` of their streams.
        step: (slots, 1) int64, from 0.
    Returns:
        (slots, points) int64, from 0 to ``pool - 1``.
    """
    x = seeds + (step * points + arange(1, points + 1, device=step.device)) * increments
    for shift, factor in MIX_ROUNDS:
        x = (x ^ _shifted(x, shift)) * (factor - (1 << 64))  # int64 with the bits of a factor over 2**63
    x ^= _shifted(x, MIX_END)
    return _shifted(_shifted(x, 32) * pool, 32)


def _shifted(x: Tensor, places: int) -> Tensor:
    """The bits of int64 shifted right, zeros coming in from the left."""
    return (x >> places) & ((1 << (64 - places)) - 1)
