"""One field to bring many next to: their mean, after each was brought next to the mean before.

Once all fields are aligned to one reference, any two of them are near each other without being aligned
as a pair: O(n) alignments instead of O(n^2). Distances of pairs are somewhat above those of `align`.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from .align import align_weights
from .group import Group

__all__ = ["MeanReference", "mean_reference"]

ROUNDS = 10
LEAST_FALL = 1e-3


class MeanReference(NamedTuple):
    """What `mean_reference` found."""

    weights: NDArray[np.float32]
    """(P,): of the references tried, the one that the fields are nearest to."""
    history: tuple[float, ...]
    """Mean squared distance of the aligned fields to the reference of each round."""


def mean_reference(
    spec: FieldSpec, blocks: Callable[[], Iterable[NDArray[np.float32]]], group: Group = "phase"
) -> MeanReference:
    """Iterate the aligned mean, from the first field, until the mean squared distance falls by under 0.1 %.

    Sums are float64, field after field, so that the same fields in the same order give the same bytes
    however they are cut into blocks. Memory is that of a block.

    Args:
        blocks: gives all fields anew at every call, as arrays (k, P) float32; called at most 11 times.
    Raises:
        SpecError: no fields, or fields that `align_weights` refuses.
    """
    best = reference = _first_field(spec, blocks)
    history: list[float] = []
    while len(history) < ROUNDS:
        mean, distance = _round(spec, blocks, reference, group)
        history.append(distance)
        if len(history) == 1 or distance < min(history[:-1]):
            best = reference
        if len(history) > 1 and not distance < (1 - LEAST_FALL) * history[-2]:
            break
        reference = mean
    return MeanReference(best, tuple(history))


def _first_field(spec: FieldSpec, blocks: Callable[[], Iterable[NDArray[np.float32]]]) -> NDArray[np.float32]:
    for block in blocks():
        if len(block):
            return np.array(block[0])
    raise SpecError(f"mean reference: found no fields of dims {list(spec.dims)}, expected at least one")


def _round(
    spec: FieldSpec,
    blocks: Callable[[], Iterable[NDArray[np.float32]]],
    reference: NDArray[np.float32],
    group: Group,
) -> tuple[NDArray[np.float32], float]:
    """The mean of all fields brought next to ``reference``, and their mean squared distance to it."""
    total, squares, count = np.zeros(spec.parameters), 0.0, 0
    for block in blocks():
        aligned = align_weights(spec, reference, block, group=group)
        for weights, distance in zip(aligned.weights, aligned.after.tolist(), strict=True):
            total += weights
            squares += distance
        count += len(block)
    return (total / count).astype(np.float32), squares / count
