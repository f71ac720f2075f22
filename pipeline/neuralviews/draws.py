"""Random numbers by counting: a stream of its own for every row, drawn for many rows at once.

Word i of a stream is the output i of the splittable generator of Steele, Lea and Flood, "Fast splittable
pseudorandom number generators" (OOPSLA 2014): ``mix(seed + (i + 1) gamma)``, where gamma, odd, is made of
the seed too, so that no two streams are stretches of one sequence. It was chosen over Philox4x32-10 (Salmon
et al., SC 2011) because it needs a fifth of the operations: NumPy runs it at memory speed.

All is integer arithmetic modulo 2**64 or correctly rounded float64 (`portable`), so a row gets the same
bits on every machine and whatever rows stand beside it.
"""

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError
from .portable import exp, log, sincos

__all__ = ["MIX_END", "MIX_ROUNDS", "Draws", "gammas", "row_seeds"]

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: spreads indices
_BLOCK = 1 << 13  # words that are mixed together, to stay in a first-level cache

MIX_ROUNDS, MIX_END = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)), 31
"""SplitMix64's finaliser, Stafford's variant 13: ``x = (x ^ x >> shift) * factor``, then ``x ^ x >> end``."""


def row_seeds(base: int, ids: NDArray[np.integer[Any]]) -> Words:
    """One seed a row; for one base, distinct ids have distinct seeds.

    Args:
        base: a seed in [0, 2**64), from `derive_seed`.
        ids: (n,) integers, what identifies each row: the same id has the same seed in any batch.
    Returns:
        (n,) uint64.
    Raises:
        OptionError: a base out of range, or ids that are not a vector of integers from 0.
    """
    if not 0 <= operator.index(base) < 1 << 64:
        raise OptionError(f"base: found {base}, expected an integer from 0 to 2**64 - 1")
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise OptionError(f"ids: found {ids.dtype} {ids.shape}, expected integers (n,)")
    if len(ids) and ids.min() < 0:
        raise OptionError(f"ids: found {ids.min()}, expected integers from 0")
    return _derived(np.array([base], np.uint64), ids.astype(np.uint64))


@dataclass(frozen=True, eq=False)
class Draws:
    """Independent streams, one a row. Every method is pure: called twice, it gives the same numbers.

    For further numbers take a `child`. Of numbers drawn k a row, the first are those of a smaller k.

    Args:
        seeds: (n,) uint64, from `row_seeds`; equal seeds have equal streams.
    """

    seeds: Words

    def __post_init__(self) -> None:
        if self.seeds.ndim != 1 or self.seeds.dtype != np.uint64:
            raise OptionError(f"seeds: found {self.seeds.dtype} {self.seeds.shape}, expected uint64 (n,)")

    def __len__(self) -> int:
        return len(self.seeds)

    def take(self, rows: NDArray[np.integer[Any]]) -> "Draws":
        """The streams of some rows."""
        return Draws(self.seeds[rows])

    def child(self, index: int) -> "Draws":
        """Streams independent of these, and of those of any other index or path of indices."""
        if not 0 <= operator.index(index) < 1 << 64:
            raise OptionError(f"child: found index {index}, expected an integer from 0 to 2**64 - 1")
        return Draws(_derived(self.seeds, np.array([index], np.uint64)))

    def bits(self, k: int, start: int = 0) -> Words:
        """(n, k) uint64, uniform: the words from ``start`` on of each stream."""
        words = np.empty((len(self), _count("bits", k)), np.uint64)
        counters = np.arange(start + 1, start + k + 1, dtype=np.uint64)
        for rows in self._blocks(k):
            seeds = self.seeds[rows]
            block = np.multiply(gammas(seeds)[:, None], counters, out=words[rows])
            block += seeds[:, None]
            _mix(block)
        return words

    def uniform(self, k: int) -> NDArray[np.float64]:
        """(n, k) float64 in [0, 1), multiples of 2**-53."""
        return (self.bits(k) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def centred(self, k: int) -> NDArray[np.float64]:
        """(n, k) float64 in [-1, 1), uniform, multiples of 2**-52."""
        return 2 * self.uniform(k) - 1

    def integers(self, low: int, high: int, k: int) -> NDArray[np.int64]:
        """(n, k) int64 from ``low`` to ``high``, both included, at most 2**32 values.

        Probabilities are equal but for a relative error below 2**-32 (Lemire, "Fast random integer
        generation in an interval", 2019, section 4, without the rejection).
        """
        span = operator.index(high) - operator.index(low) + 1
        if not (1 <= span <= 1 << 32 and low >= -(1 << 63) and high < 1 << 63):
            raise OptionError(
                f"integers: found bounds {low} and {high}, expected 1 to 2**32 integers of 64 bits"
            )
        words, half, width = self.bits(k), np.uint64(32), np.uint64(span)
        below = (words & np.uint64(0xFFFFFFFF)) * width >> half
        words >>= half
        words *= width
        words += below
        words >>= half
        return words.view(np.int64) + np.int64(low)

    def normal(self, k: int, start: int = 0) -> NDArray[np.float64]:
        """(n, k) float64, standard normal, at most 8.6 either way, from the words from ``start`` on.

        Pairs are those of Box and Muller, "A note on the generation of random normal deviates" (1958).
        """
        numbers = np.empty((len(self), _count("normal", k)))
        for rows in self._blocks(k):
            words = Draws(self.seeds[rows]).bits(k + k % 2, start)
            radius = np.sqrt(-log(_positive(words[:, 0::2])))
            x, y = _directions(words[:, 1::2])
            numbers[rows, 0::2] = radius * x
            numbers[rows, 1::2] = (radius * y)[:, : k // 2]
        return numbers

    def beta(self, alpha: float) -> NDArray[np.float64]:
        """(n,) float64 in [0, 1], of the law Beta(alpha, alpha), without rejection; uniform for alpha 1.

        A coordinate of a point uniform on a sphere gives Beta(alpha + 1, alpha + 1) for a sphere in
        2 alpha + 3 dimensions, and is drawn as the radius and the direction of two coordinates. That is
        a ratio of gamma variates, ``g / (g + h)``; times U^(1/alpha), their shape falls from alpha + 1
        to alpha (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000).

        Args:
            alpha: from 0.001 to 1e6, beyond which the law is all but a coin or the constant 1/2.
        """
        if not 1e-3 <= alpha <= 1e6:
            raise OptionError(f"beta: found alpha {alpha!r}, expected a number from 0.001 to 1000000")
        words = self.bits(4)
        logs = log(_positive(words[:, :3]))
        radius = np.sqrt((1 - exp(logs[:, 0] * (2 / (2 * alpha + 1)))) / 2)  # over sqrt(2)
        coordinate = np.clip(radius * _directions(words[:, 3])[0], -1 + 2.0**-53, 1 - 2.0**-53)
        falls = (logs[:, 1:] - logs[:, 1:].max(axis=1, keepdims=True)) / alpha
        g, h = (1 + coordinate, 1 - coordinate) * exp(np.maximum(falls, -745)).T
        return g / (g + h)

    def permutations(self, m: int) -> NDArray[np.int32]:
        """(n, m) int32: in each row a permutation of 0 ... m-1, uniform."""
        m = _count("permutations", m)
        low = np.uint64((1 << max(m - 1, 0).bit_length()) - 1)
        keys = self.bits(m)
        keys &= ~low
        keys |= np.arange(m, dtype=np.uint64)  # no two are equal: every way of sorting gives one order
        keys.sort(axis=1)
        return (keys & low).astype(np.int32)

    def choose(self, p: float, k: int) -> NDArray[np.bool_]:
        """(n, k) bool, each true with probability ``p``."""
        if not 0 <= p <= 1:
            raise OptionError(f"choose: found probability {p!r}, expected a number from 0 to 1")
        return self.uniform(k) < p

    def _blocks(self, k: int) -> Iterator[slice]:
        """Rows to draw together, for ``k`` words each to stay in a cache."""
        step = max(1, _BLOCK // max(k, 1))
        return (slice(start, start + step) for start in range(0, len(self), step))


def _count(name: str, k: int) -> int:
    if operator.index(k) < 0:
        raise OptionError(f"{name}: found {k} numbers a row, expected none or more")
    return operator.index(k)


def _positive(words: Words) -> NDArray[np.float64]:
    """Uniform in (0, 1], multiples of 2**-53."""
    return ((words >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53


def _directions(words: Words) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (x, y) uniform on the circle of radius sqrt(2).

    A quarter of it is ``(cos t - sin t, cos t + sin t)`` for |t| < pi/4, whose series are short; two
    bits choose the quarter.
    """
    fraction = (words >> np.uint64(11) & np.uint64((1 << 51) - 1)).astype(np.float64)
    sine, cosine = sincos((fraction - (2.0**50 - 0.5)) * (0.25 * math.pi * 2.0**-50))
    left, below = (1 - 2 * (words >> np.uint64(bit) & np.uint64(1)).astype(np.float64) for bit in (63, 62))
    return left * (cosine - sine), below * (cosine + sine)


def _derived(seeds: Words, index: Words) -> Words:
    """Seeds of further streams: no outputs of these, and for one seed distinct where the indices are."""
    return _mix(_mix(seeds.copy()) + (index + np.uint64(1)) * _GOLDEN)


def _mix(words: Words) -> Words:
    """Mix every word by the finaliser of SplitMix64, in place: a bijection."""
    for shift, factor in MIX_ROUNDS:
        words ^= words >> np.uint64(shift)
        words *= np.uint64(factor)
    words ^= words >> np.uint64(MIX_END)
    return words


def gammas(seeds: Words) -> Words:
    """The increments of streams, (n,) uint64: ``mixGamma`` of Steele et al.

    They are odd, and none has few changes from bit to bit.
    """
    words = seeds ^ (seeds >> np.uint64(33))
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        words *= np.uint64(factor)
        words ^= words >> np.uint64(33)
    words |= np.uint64(1)
    changes = _ones(words ^ (words >> np.uint64(1)))
    return np.where(changes < 24, words ^ np.uint64(0xAAAAAAAAAAAAAAAA), words)


def _ones(words: Words) -> Words:
    """How many bits are set, by adding neighbours (NumPy 1 has no function for it)."""
    words = words - (words >> np.uint64(1) & np.uint64(0x5555555555555555))
    pairs = np.uint64(0x3333333333333333)
    words = (words & pairs) + (words >> np.uint64(2) & pairs)
    words = (words + (words >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return words * np.uint64(0x0101010101010101) >> np.uint64(56)
