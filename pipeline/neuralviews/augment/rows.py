"""From row numbers to augmented records: parents, draws, the pipeline, what it measures, and second tries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws, row_seeds
from ..errors import IntegrityError
from ..records import AUGMENTED_COLUMNS, COLUMNS, NO_PARENT, Records, Status
from ..seeds import derive_seed
from .base import Parameter
from .batch import Batch, Context
from .measure import in_domain, measure, render_target
from .parents import Copies, parents_of
from .plan import Pipeline, Plan
from .probes import probe_points
from .supply import Supply

if TYPE_CHECKING:
    from ..store.reader import Store
    from ..work.worker import Progress

__all__ = ["CopyMaker", "maker_of"]

_BLOCK = 512
"""Copies made together, of one pipeline: enough for compiled code, few enough for a second-level cache."""


class _Made(NamedTuple):
    """What an attempt gives, one row a copy; `columns` of the record that do not follow from its parents."""

    weights: NDArray[np.float32]
    columns: dict[str, NDArray[Any]]
    accepted: NDArray[np.bool_]

    def put(self, where: NDArray[np.intp], other: "_Made") -> None:
        """Take over the rows of a later attempt."""
        self.weights[where] = other.weights
        self.accepted[where] = other.accepted
        for name, column in self.columns.items():
            column[where] = other.columns[name]


@dataclass(frozen=True, eq=False)
class CopyMaker:
    """Makes the records of an augmented store.

    A record's bytes depend on the plan, its parents and its place alone, so any rows can be made
    anywhere, in any order and grouping.

    Args:
        slots, params: widths of the columns of classes and of parameters.
    """

    supply: Supply
    plan: Plan
    copies: Copies
    slots: int
    params: int

    @classmethod
    def of(cls, store: "Store", plan: Plan, columns: dict[str, int]) -> Self:
        """For the parents in ``store`` that a plan takes; ``columns`` are those of the job."""
        parents = parents_of(store, plan)
        copies = Copies(parents, len(plan.pipelines), plan.copies)
        return cls(Supply(store, parents), plan, copies, columns["classes"], columns["params"])

    @property
    def context(self) -> Context:
        """What is known of all fields."""
        return self.supply.context

    @cached_property
    def points(self) -> NDArray[np.float32]:
        """Where copies are compared with what they should render, (p, d)."""
        return probe_points(self.context.spec, self.context.image_shape)

    def make(self, rows: "Sequence[int] | NDArray[np.int64]", progress: "Progress | None" = None) -> Records:
        """Make the given rows; ``progress`` hears the PSNRs of each block as it is done."""
        chosen, made = np.asarray(rows, np.int64), self._unfilled(len(rows))
        parents, pipelines = self.copies.parent(chosen), self.copies.pipeline(chosen)
        self._number(made.columns, chosen, parents, pipelines)
        for number in np.unique(pipelines):
            found = np.flatnonzero(pipelines == number)
            for start in range(0, len(found), _BLOCK):
                here = found[start : start + _BLOCK]
                block = self._made(self.plan.pipelines[number], chosen[here], parents[here])
                side_by_side = here[-1] - here[0] < len(here)
                where = slice(here[0], here[-1] + 1) if side_by_side else here  # a slice copies faster
                made.weights[where] = block.weights
                for name, column in block.columns.items():
                    made.columns[name][where] = column
                if progress is not None:
                    progress(block.columns["psnr"])
        return made

    def _unfilled(self, count: int) -> Records:
        widths = {"classes": self.slots, "shares": self.slots, "params": self.params}
        types = {**COLUMNS, **AUGMENTED_COLUMNS}
        columns = {
            name: np.empty((count, widths[name]) if name in widths else count, dtype)
            for name, dtype in types.items()
        }
        return Records(
            self.context.spec, np.empty((count, self.context.spec.parameters), np.float32), columns
        )

    def _number(
        self,
        columns: Mapping[str, NDArray[Any]],
        rows: NDArray[np.int64],
        parents: NDArray[np.int64],
        pipelines: NDArray[np.int64],
    ) -> None:
        """Fill in the columns that follow from a copy's place alone."""
        store = self.supply.store
        columns["record_id"][:] = rows
        columns["object_id"][:] = store.column_at("object_id", parents)
        columns["split"][:] = store.column_at("split", parents)
        columns["view"][:] = self.copies.view(rows, store.column_at("view", parents))
        columns["parent_a"][:] = parents
        columns["pipeline"][:] = pipelines

    def _made(self, pipeline: Pipeline, rows: NDArray[np.int64], parents: NDArray[np.int64]) -> _Made:
        """Copies of one pipeline, drawn anew while the plan rejects them; the last attempt stays."""
        made = self._attempt(pipeline, rows, parents, 0)
        for attempt in range(1, self.plan.reject.attempts):
            again = np.flatnonzero(~made.accepted)
            if not len(again):
                break
            made.put(again, self._attempt(pipeline, rows[again], parents[again], attempt))
        return made

    def _attempt(
        self, pipeline: Pipeline, rows: NDArray[np.int64], parents: NDArray[np.int64], attempt: int
    ) -> _Made:
        seeds = self._seeds(pipeline, rows, parents, attempt)
        draws, steps = Draws(seeds), pipeline.steps
        partners = None if steps.partner is None else self.supply.partners(parents, draws, steps.partner)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is rejected
            batch, params = steps.run(self.supply.batch(parents, partners), draws, track=True)
        accepted = self._shares_suffice(steps.parameters(self.context), params)
        columns = {"seed": seeds} | self._measured(batch, parents)
        accepted &= self._renders(columns["psnr"]) & (columns["loss"] < np.finfo(np.float32).max)
        labels = batch.labels.padded(self.slots)
        columns |= {
            "label": labels.hard(),
            "classes": labels.classes,
            "shares": labels.shares,
            "params": np.pad(params, ((0, 0), (0, self.params - params.shape[1]))),
            "parent_b": np.full(len(rows), NO_PARENT) if partners is None else partners.astype(np.uint64),
            "status": np.where(accepted, Status.converged, Status.diverged),
        }
        return _Made(self.finite_weights(batch, parents), columns, accepted)

    def finite_weights(self, batch: Batch, parents: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Weights as they are stored, (n, P): in place of those of a copy that overflowed, its parent's.

        Args:
            parents: record_id of each copy's parent.
        Raises:
            IntegrityError: a parent's own weights are not finite.
        """
        lost = np.flatnonzero(~np.isfinite(batch.weights).all(axis=1))
        if not len(lost):
            return batch.weights
        sound = np.isfinite(batch.source[lost]).all(axis=1)
        if not sound.all():
            raise IntegrityError(
                f"{self.supply.store.root}: weights of record {parents[lost[int(np.argmin(sound))]]} are not "
                "finite; make the store again"
            )
        weights = batch.weights.copy()
        weights[lost] = batch.source[lost]
        return weights

    def _seeds(
        self, pipeline: Pipeline, rows: NDArray[np.int64], parents: NDArray[np.int64], attempt: int
    ) -> NDArray[np.uint64]:
        """Seeds of rows, by parent, pipeline and copy: more parents or copies change no other."""
        copy, seeds = self.copies.copy(rows), np.empty(len(rows), np.uint64)
        for number in np.unique(copy):
            path = (self.supply.store.dataset_id, "augment", pipeline.name, int(number), attempt)
            here = np.flatnonzero(copy == number)
            seeds[here] = row_seeds(derive_seed(self.plan.seed, *path), parents[here])
        return seeds

    def _measured(self, batch: Batch, parents: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """How well the copies render what they should, at the probe points."""
        assert batch.target is not None
        spec, points = self.context.spec, self.points
        second = None if batch.partner is None else batch.partner.weights
        _, first, row = np.unique(parents, return_index=True, return_inverse=True)
        if len(first) == len(parents):
            values = render_target(spec, batch.target, batch.source, second, points)
        else:  # copies of one parent stand side by side: it is rendered once for all of them
            values = render_target(spec, batch.target, batch.source[first], second, points, row)
        found = measure(spec, batch.weights, points, values, self.context.span)
        steps = np.zeros(len(batch), np.uint32) if batch.refit_steps is None else batch.refit_steps
        return {
            "psnr": found.psnr,
            "loss": found.loss,
            "psnr_before": found.psnr if batch.psnr_before is None else batch.psnr_before,
            "in_domain": in_domain(batch.target, self.points),
            "steps": steps,
        }

    def _renders(self, psnr: NDArray[np.float32]) -> NDArray[np.bool_]:
        floor = self.plan.reject.min_psnr
        return np.ones(len(psnr), bool) if floor is None else psnr >= np.float32(floor)

    def _shares_suffice(
        self, parameters: tuple[Parameter, ...], params: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Whether both parents have the share that the plan asks for, wherever a pipeline mixes."""
        suffices = np.ones(len(params), bool)
        for column in _columns_of(parameters, "lam"):
            lam = params[:, column].astype(np.float64)
            suffices &= np.minimum(lam, 1 - lam) >= self.plan.reject.min_share
        return suffices


def maker_of(job: Mapping[str, Any], parent: "Store") -> CopyMaker:
    """What makes the records of an augmented store's job.

    Raises:
        IntegrityError: the parents are others than the job names.
        PlanError: the job's plan is none.
    """
    stated = job["parent"]["dataset_id"]
    if parent.dataset_id != stated:
        raise IntegrityError(
            f"{parent.root}: found dataset {parent.dataset_id}, expected {stated}; "
            "give the store that was augmented"
        )
    return CopyMaker.of(parent, Plan.checked(job["plan"], "plan in job"), job["columns"])


def _columns_of(parameters: tuple[Parameter, ...], name: str) -> Iterator[int]:
    """The first column of every parameter with this name, whatever its step."""
    start = 0
    for parameter in parameters:
        if parameter.name.rpartition(".")[2] == name:
            yield start
        start += parameter.count
