"""The ``cpu`` engine: one field at a time on one core, the same bytes on every machine."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...draws import gammas
from ...errors import EngineError
from ...field import FieldSpec
from ...records import Status
from ...vector.memory import aligned_arrays
from ...vector.subnormals import require_subnormals
from ..engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from ..method import plain_only
from ..ordered import VERSION, Constants, stored_loss
from .layout import Column, Layout, padded

if TYPE_CHECKING:
    from .step import Buffers, Points, Problem

__all__ = ["CpuEngine"]

TILE_BYTES = 512 << 10
"""Sines and cosines of a tile. Larger tiles start and end fewer sums; these fit a second-level cache."""
LEAST_TILE = 128
"""Points of a tile at least: wide fields overflow any cache, and short tiles cost them more than that."""


class CpuEngine:
    """Fits fields by arithmetic v1 (docs/arithmetic.md); compiled on first use, and fits without the GIL.

    Args:
        tile: points that are worked on together, rounded up to whole blocks; the cache decides if
            None. It changes no bit.
    """

    name = "cpu"
    batch = 16
    place = "cpu"
    arithmetic: Mapping[str, str | int] = MappingProxyType({"engine": "cpu", "arithmetic": VERSION})

    def __init__(self, tile: int | None = None) -> None:
        self._tile = tile

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        """An output scale, and whatever is not plain fitting, are beyond arithmetic v1."""
        if spec.output_scale != 1:
            return f"fits fields with output_scale 1 only, found {spec.output_scale}: use --engine torch"
        return plain_only(budget.method)

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        """Fit row i of ``signals.values`` from ``inits[i]``; see `Engine.fit`."""
        from .program import compiled_fit

        if (reason := self.refuses(spec, budget)) is not None:
            raise EngineError(f"engine '{self.name}' {reason}")
        check_inputs(spec, signals, inits, budget)
        require_subnormals("engine 'cpu'", ", or use --engine torch")
        run, layout = compiled_fit(), Layout.of(spec)
        problem = _problem(layout, signals, budget, self._tile)
        only_measured = problem._replace(size=problem.size[:0])
        buffers = _buffers(layout, problem.tile)
        count = len(inits)
        weights = np.array(inits, np.float32)
        squares = np.empty(count, np.float32)
        steps, status = np.empty(count, np.uint32), np.empty(count, np.uint8)
        for i, values in enumerate(signals.values):
            problem.signal.targets.reshape(spec.out_dim, -1)[:, : len(values)] = values.T
            if budget.points is not None:
                assert signals.keys is not None
                key = signals.keys[i : i + 1]
                problem.stream[:] = *key, *gammas(key)
            layout.pack(inits[i], buffers.parameters)
            status[i], steps[i], squares[i] = run(problem, buffers)
            if status[i] != Status.diverged:
                layout.unpack(buffers.best, weights[i])
                continue
            layout.pack(inits[i], buffers.parameters)
            *_, squares[i] = run(only_measured, buffers)
        loss = stored_loss(squares, len(signals.coords) * spec.out_dim)
        return FitResult(weights, psnr_from_loss(loss, signals.span), loss, steps, status)


def _problem(layout: Layout, signals: Signals, budget: Budget, tile: int | None) -> "Problem":
    from .step import Problem

    spec, constants = layout.spec, Constants.of(layout.spec, signals, budget)
    signal = _points(layout, len(signals.coords))
    rows = int(layout.table[0, Column.rows])
    signal.coords.reshape(-1, rows)[: signal.length, : spec.in_dim] = signals.coords
    batch = signal if budget.points is None else _points(layout, budget.points)
    tiles = -(-batch.length // (tile or max(TILE_BYTES // (8 * layout.units), LEAST_TILE)))
    return Problem(
        signal=signal,
        batch=batch,
        stream=np.zeros(0 if batch is signal else 2, np.uint64),
        drawn=np.zeros(0 if batch is signal else batch.length, np.int64),
        table=layout.table,
        phase=constants.phase,
        slope=constants.slope,
        size=constants.size,
        correction=constants.correction,
        adam=constants.adam,
        scalars=np.array([constants.offset, constants.error_scale, constants.target], np.float32),
        tile=padded(-(-batch.length // tiles)),
        channels=spec.out_dim,
        channel_rows=layout.channel_rows,
        head=layout.head,
        logits=constants.logits,
        keep_best=budget.keep_best,
    )


def _points(layout: Layout, length: int) -> "Points":
    """Room for points and their targets, each aligned to a cache line."""
    from .step import Points

    stride, rows = padded(length), int(layout.table[0, Column.rows])
    arrays = aligned_arrays({"coords": stride * rows, "targets": stride * layout.channels})
    return Points(**arrays, length=length, stride=stride)


def _buffers(layout: Layout, tile: int) -> "Buffers":
    """All arrays of a fit, each aligned to a cache line."""
    from .step import Buffers

    units, errors = layout.units * tile, layout.channel_rows * tile
    lengths = dict.fromkeys(("parameters", "best", "gradient", "first", "second"), layout.parameters)
    lengths |= {"hidden": layout.head, "slopes": layout.slopes, "units": units, "cosines": units}
    lengths |= {"errors": errors, "deltas": errors, "squares": 1}
    return Buffers(**aligned_arrays(lengths))
