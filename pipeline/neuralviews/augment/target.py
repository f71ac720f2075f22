"""What a copy should render, as data: a sum of its parents, seen through maps of coordinates and of outputs.

``T(x) = sum over terms of gain @ f(matrix @ x + shift) + offset``, where f is what a parent renders. Such
sums are closed under everything that an augmentation promises: a change of coordinates, an affine change of
the output, and a weighted mean of two targets. All numbers are float64, and products are summed in a fixed
order with a rounding after each operation, so they are the same on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError

__all__ = ["Side", "Target", "Term", "matrix_product"]

Floats = NDArray[np.float64]
Side = Literal[0, 1]
"""Which parent: 0 is the first, 1 the second."""


@dataclass(frozen=True, eq=False)
class Term:
    """``gain @ f(matrix @ x + shift) + offset`` for each of n copies; d coordinates, c channels.

    Args:
        side: whose function f is.
        matrix, shift: (n, d, d) and (n, d) float64.
        gain, offset: (n, c, c) and (n, c) float64.
    """

    side: Side
    matrix: Floats
    shift: Floats
    gain: Floats
    offset: Floats

    @cached_property
    def moves(self) -> bool:
        """Whether some copy's coordinates differ from x; if none do, f at x itself serves all copies."""
        return not _is_identity(self.matrix, self.shift)

    @cached_property
    def changes(self) -> bool:
        """Whether some copy's output differs from what f gives."""
        return not _is_identity(self.gain, self.offset)


@dataclass(frozen=True, eq=False)
class Target:
    """What each of n copies should render: the sum of ``terms``."""

    terms: tuple[Term, ...]

    @classmethod
    def of_parent(cls, n: int, d: int, c: int, side: Side = 0) -> Self:
        """The parent itself, for n copies of fields with d coordinates and c channels."""
        matrix, gain = (np.repeat(np.eye(size)[None], n, axis=0) for size in (d, c))
        return cls((Term(side, matrix, np.zeros((n, d)), gain, np.zeros((n, c))),))

    def __len__(self) -> int:
        return len(self.terms[0].shift)

    def coords(self, matrix: Floats, shift: Floats) -> Self:
        """``T(matrix @ x + shift)``, for maps (n, d, d) and (n, d)."""
        self._check("coords", matrix, shift, self.terms[0].shift.shape)
        return self._mapped(
            lambda term: replace(
                term,
                matrix=matrix_product(term.matrix, matrix),
                shift=matrix_product(term.matrix, shift[..., None])[..., 0] + term.shift,
            )
        )

    def outputs(self, gain: Floats, offset: Floats) -> Self:
        """``gain @ T(x) + offset``, for maps (n, c, c) and (n, c)."""
        self._check("outputs", gain, offset, self.terms[0].offset.shape)
        mapped = self._mapped(
            lambda term: replace(
                term,
                gain=matrix_product(gain, term.gain),
                offset=matrix_product(gain, term.offset[..., None])[..., 0],
            )
        )
        first, *others = mapped.terms  # one term alone takes the offset, so that the sum has it once
        return replace(mapped, terms=(replace(first, offset=first.offset + offset), *others))

    def mixed(self, lam: Floats, other: "Target") -> Self:
        """``lam * T + (1 - lam) * other``, for lam (n,); terms keep their sides."""
        for name, size in (("lam", np.shape(lam)), ("the other target", (len(other),))):
            if size != (len(self),):
                raise SpecError(f"target: found {size} as shape of {name}, expected ({len(self)},)")
        mine, others = self._weighted(lam), other._weighted(1 - lam)
        return replace(self, terms=(*mine.terms, *others.terms))

    def _weighted(self, share: Floats) -> Self:
        return self._mapped(
            lambda term: replace(
                term, gain=term.gain * share[:, None, None], offset=term.offset * share[:, None]
            )
        )

    def _mapped(self, change: Callable[[Term], Term]) -> Self:
        return replace(self, terms=tuple(map(change, self.terms)))

    def _check(self, name: str, matrix: Floats, vector: Floats, expected: tuple[int, ...]) -> None:
        found = (np.shape(matrix), np.shape(vector))
        if found != ((*expected, expected[-1]), expected):
            raise SpecError(
                f"target: {name}: found shapes {found[0]} and {found[1]}, "
                f"expected {(*expected, expected[-1])} and {expected}"
            )


def _is_identity(matrix: Floats, vector: Floats) -> bool:
    return bool((matrix == np.eye(matrix.shape[-1])).all() and not vector.any())


def matrix_product(a: Floats, b: Floats) -> Floats:
    """a (n, i, k) @ b (n, k, j), summed over k ascending; BLAS would choose an order by the CPU."""
    total = a[:, :, 0, None] * b[:, None, 0, :]
    for k in range(1, a.shape[2]):
        total = total + a[:, :, k, None] * b[:, None, k, :]
    return total
