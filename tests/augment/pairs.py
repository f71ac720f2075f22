"""Batches of fields with second parents, for tests of what mixes them."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.augment.batch import Batch, Context, SoftLabels
from neuralviews.augment.target import Target
from neuralviews.draws import Draws, row_seeds
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit.init import initial_weights

SPEC = FieldSpec([2, 8, 5, 3], omega=[30.0, 20.0], output_offset=0.5)
CLASSES = 4


def pairs(
    spec: FieldSpec = SPEC, n: int = 6, first: int = 0, partner: NDArray[np.float32] | None = None
) -> Batch:
    """Fields and partners that differ in weights and in labels; their arrays cannot be written to."""
    context = Context(spec, 1.0, None, CLASSES)
    rows = np.arange(first, first + n)
    a = initial_weights(spec, "siren", [int(row) for row in rows])
    b = initial_weights(spec, "siren", [int(row) for row in 1000 + rows]) if partner is None else partner
    labels = [SoftLabels.of(np.array((rows + shift) % CLASSES)) for shift in (0, 1)]
    for array in (a, b, *(x for label in labels for x in (label.classes, label.shares))):
        array.flags.writeable = False
    return replace(Batch.of(context, a, labels[0]), partner=Batch.of(context, b, labels[1]))


def partner_weights(batch: Batch) -> NDArray[np.float32]:
    assert batch.partner is not None
    return batch.partner.weights


def draws_for(batch: Batch, first: int = 0, base: int = 11) -> Draws:
    """The streams of rows ``first`` and on."""
    return Draws(row_seeds(base, np.arange(first, first + len(batch))))


def lams(batch: Batch, *values: float) -> NDArray[np.float32]:
    """Parameters of a mixture: the values in turn."""
    return np.resize(np.array(values, np.float32), (len(batch), 1))


def values_of(target: Target, spec: FieldSpec, parents: list[NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
    """A target at points (p, d) by its definition, in float64, (n, p, c)."""
    total = np.zeros((len(target), len(x), spec.out_dim))
    for term in target.terms:
        for i in range(len(target)):
            there = x @ term.matrix[i].T + term.shift[i]
            f = evaluate(spec, parents[term.side][i], there)
            total[i] += f @ term.gain[i].T + term.offset[i]
    return total
