"""Sums of float32 numbers and of their squares, exact, in one pass and any order.

A float32 is an integer of 24 bits times a power of two. Integers of like powers are added up in bins of
64 bits, which can neither round nor overflow before they are emptied into integers without bounds. Source:
Kulisch, "Computer Arithmetic and Validity" (2008), chapter 8, with the long register cut into bins as in
Neal, "Fast exact summation using small and large superaccumulators" (arXiv 1505.05571), section 2.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from ..vector.compiled import compile_cached, sources_digest

__all__ = ["ExactSums"]

_BINS = 32
_POWERS = 8  # of two, that share a bin
_PART = 24  # bits; squares have twice as many and are added in two parts
_MOST_ROWS = 1 << (63 - _PART - 2 * (_POWERS - 1))  # what a bin takes before it may overflow


class ExactSums:
    """Running sums of P columns. Adding takes no more memory however many rows there are.

    Attributes:
        rows: how many were added.
    """

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self._bins = np.zeros((3, _BINS, columns), np.int64)  # pages that nobody touches are not in memory
        self._in_bins = 0
        self._sums = np.zeros(columns, object)
        self._squares = np.zeros(columns, object)

    def add(self, rows: NDArray[np.float32]) -> int | None:
        """Add rows (n, P).

        Returns:
            The first row that is not finite, with which the sums are spoilt; None if all are.
        """
        if self._in_bins + len(rows) > _MOST_ROWS:
            self._empty_bins()
        wrong = _compiled()(np.ascontiguousarray(rows).view(np.uint32), self._bins)
        self._in_bins += len(rows)
        self.rows += len(rows)
        return None if wrong < 0 else int(wrong)

    def totals(self) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        """Sums in units of 2**-149 and sums of squares in units of 2**-298, (P,) Python integers each."""
        self._empty_bins()
        return self._sums, self._squares

    def _empty_bins(self) -> None:
        for k in np.flatnonzero(self._bins.any(axis=(0, 2))).tolist():  # reading makes no page
            plain, low, high = self._bins[:, k].astype(object)
            self._sums = self._sums + (plain << _POWERS * k)
            self._squares = self._squares + ((low + (high << _PART)) << 2 * _POWERS * k)
            self._bins[:, k] = 0
        self._in_bins = 0


def _define(sources: str) -> Callable[..., Any]:
    """Adding in Python; ``sources`` is in its closure, which numba's cache key holds, unlike imports."""

    def add(rows, bins):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        for row in range(rows.shape[0]):
            for column in range(rows.shape[1]):
                bits = np.int64(rows[row, column])
                exponent, mantissa = bits >> 23 & 0xFF, bits & 0x7FFFFF
                if exponent == 0xFF:
                    return row
                if exponent > 0:  # else a subnormal number: no leading 1, and the power of exponent 1
                    mantissa |= 0x800000
                    exponent -= 1
                k, shift = exponent // _POWERS, exponent % _POWERS
                square = mantissa * mantissa
                bins[0, k, column] += (-mantissa if bits >> 31 else mantissa) << shift
                bins[1, k, column] += (square & 0xFFFFFF) << 2 * shift
                bins[2, k, column] += square >> _PART << 2 * shift
        return -1

    return add


@cache
def _compiled() -> Callable[..., int]:
    signature = types.int64(
        types.Array(types.uint32, 2, "C", readonly=True), types.Array(types.int64, 3, "C")
    )
    return cast(Callable[..., int], compile_cached(_define(sources_digest(Path(__file__))), signature))
