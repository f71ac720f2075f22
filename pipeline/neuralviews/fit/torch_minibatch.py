"""The points of a step, drawn where the fields are; `minibatch.drawn_points` is the oracle."""

from torch import Tensor, arange

from ..draws import MIX_END, MIX_ROUNDS

__all__ = ["drawn_on_device", "shifted", "words_on_device"]


def drawn_on_device(seeds: Tensor, increments: Tensor, step: Tensor, points: int, pool: int) -> Tensor:
    """Which points of a signal the steps of some fields work on.

    Torch has no products of unsigned numbers, but those of int64 wrap to the same bits.

    Args:
        seeds, increments: (slots, 1) int64, the bits of keys and of the `gammas` of their streams.
        step: (slots, 1) int64, from 0.
    Returns:
        (slots, points) int64, from 0 to ``pool - 1``.
    """
    words = words_on_device(seeds, increments, step * points, points)
    return shifted(shifted(words, 32) * pool, 32)


def words_on_device(seeds: Tensor, increments: Tensor, start: Tensor, count: int) -> Tensor:
    """Words of streams from ``start``, (slots, 1), on: (slots, count) int64 with the bits of `Draws.bits`."""
    x = seeds + (start + arange(1, count + 1, device=start.device)) * increments
    for shift, factor in MIX_ROUNDS:
        x = (x ^ shifted(x, shift)) * (factor - (1 << 64))  # int64 with the bits of a factor over 2**63
    x ^= shifted(x, MIX_END)
    return x


def shifted(x: Tensor, places: int) -> Tensor:
    """The bits of int64 shifted right, zeros coming in from the left."""
    return (x >> places) & ((1 << (64 - places)) - 1)
