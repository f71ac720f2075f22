"""Proof that an augmented store is what its plan makes of its parents, to the byte."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError, IntegrityError
from ..records import NO_PARENT, Records
from ..store.job import differences
from .base import column_count
from .job import AUGMENTER, plan_augment
from .rows import CopyMaker, maker_of
from .stated import stated_copies

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["replay_copies", "same_maker"]


def replay_copies(store: "Store", parent: "Store", rows: NDArray[np.int64]) -> int:
    """Make records again, from their stored parameters and from their seeds, and compare every byte.

    Returns:
        How many records were made.
    Raises:
        EngineError, IntegrityError: as `same_maker`; IntegrityError also if a record came out different.
    """
    maker, kept = same_maker(store, parent), store.read(rows)
    made = maker.make(
        maker.copies.rows_of(*(kept.columns[name] for name in ("parent_a", "pipeline", "view")))
    )
    # A subset numbers its records anew; those of a whole store were compared when it was published.
    again = Records(made.spec, made.weights, {**made.columns, "record_id": kept.columns["record_id"]})
    _compare(store, kept, again, "made again from their seeds")
    for number in np.unique(kept.columns["pipeline"]):
        chosen = np.flatnonzero(kept.columns["pipeline"] == number)
        _replay(store, maker, kept.take(chosen), int(number))
    return len(rows)


def same_maker(store: "Store", parent: "Store") -> CopyMaker:
    """What made an augmented store, if this neuralviews still has it.

    Raises:
        EngineError: this neuralviews has other versions of the operations than what made the store.
        FormatError: the store was not made by `augment`.
        IntegrityError: the parents are others.
    """
    stated = stated_copies(store)
    if stated.augmenter != AUGMENTER:
        raise EngineError(
            f"{store.root}: made by augmenter {stated.augmenter}, this neuralviews has {AUGMENTER}; "
            "replay it with the neuralviews that made it"
        )
    maker = maker_of(store.made_by, parent)
    expected = plan_augment(parent, maker.plan, maker.context, maker.copies)
    for key in ("operations", "pipelines", "columns", "rows", "arithmetic", "arch"):
        for difference in differences(store.made_by[key], expected[key], key):
            raise EngineError(
                f"{store.root}: its plan and its parents come to another job than it states "
                f"({difference}); replay it with the neuralviews that made it"
            )
    return maker


def _replay(store: "Store", maker: CopyMaker, kept: Records, number: int) -> None:
    """Apply stored parameters to the stored parents, without any draw."""
    steps = maker.plan.pipelines[number].steps
    parents, partners = (kept.columns[name] for name in ("parent_a", "parent_b"))
    second = None if (partners == NO_PARENT).all() else partners.astype(np.int64)
    width = column_count(steps.parameters(maker.context))
    batch = maker.supply.batch(parents.astype(np.int64), second)
    with np.errstate(over="ignore", invalid="ignore"):  # as when they were made
        replayed = steps.replay(batch, kept.columns["params"][:, :width])
    weights = maker.finite_weights(replayed, parents)
    _compare(store, kept, Records(kept.spec, weights, kept.columns), "replayed from their parameters")


def _compare(store: "Store", kept: Records, made: Records, how: str) -> None:
    differs = {"weights": (kept.weights.view(np.uint32) != made.weights.view(np.uint32)).any(axis=1)}
    for name, column in kept.columns.items():
        unequal = column != made.columns[name]
        differs[name] = unequal.reshape(len(kept), -1).any(axis=1)
    wrong = np.flatnonzero(np.any(list(differs.values()), axis=0))
    if len(wrong):
        names = ", ".join(name for name, unequal in differs.items() if unequal[wrong[0]])
        raise IntegrityError(
            f"{store.root}: record {kept.columns['record_id'][wrong[0]]} came out different, {how} "
            f"({names}): the store is not what its plan makes of these parents"
        )
