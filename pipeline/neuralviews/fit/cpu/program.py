"""The fit of one field, from its initial weights to its end, as compiled code without Python."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numba import types

from ... import draws
from ...errors import EngineError
from ...records import Status
from ...vector.compiled import compile_cached, compiler_is_off, sources_digest
from .. import ordered
from .minibatch import gather
from .step import Buffers, Points, Problem, gradients, update

__all__ = ["compiled_fit"]

CONVERGED, BUDGET, DIVERGED = (int(x) for x in (Status.converged, Status.budget, Status.diverged))

Fit = Callable[[Problem, Buffers], tuple[int, int, np.float32]]


def _define(sources: str) -> Callable[..., Any]:
    """The fit in Python; ``sources`` is in its closure, which numba's cache key holds, unlike imports."""

    def fit(problem, buffers):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        buffers.first[:] = 0
        buffers.second[:] = 0
        steps, target = problem.size.size, problem.scalars[2]
        best_step, best_squares = 0, np.float32(np.inf)
        for step in range(steps + 1):
            batch = problem.batch if step < steps else problem.signal
            if problem.stream.size and step < steps:
                gather(problem, step)
            squares = gradients(problem, buffers, batch, step < steps)
            if not np.isfinite(squares):
                return DIVERGED, step, squares
            if squares <= target:
                buffers.best[:] = buffers.parameters
                return CONVERGED, step, squares
            if squares < best_squares if problem.keep_best else step == steps:
                buffers.best[:] = buffers.parameters
                best_step, best_squares = step, squares
            if step < steps:
                update(problem, buffers, step)
        return BUDGET, best_step, best_squares

    return fit


@cache
def compiled_fit() -> Fit:
    """Compile the fit of one field, or load it from numba's cache.

    It takes a `Problem` and `Buffers` that begin with packed initial weights, and returns the status,
    the steps and the sum of squared errors, which is not finite if it diverged. Unless it did, the weights
    found are in ``best``.

    Raises:
        EngineError: the environment turns numba's compiler off.
    """
    if compiler_is_off():
        raise EngineError(
            "engine 'cpu': NUMBA_DISABLE_JIT is set, with which numba compiles nothing: "
            "unset it, or use --engine torch"
        )
    define = _define(sources_digest(Path(__file__).parent, Path(ordered.__file__), Path(draws.__file__)))
    floats, table = types.Array(types.float32, 1, "C"), types.Array(types.int64, 2, "C")
    points = types.NamedTuple((floats, floats, types.int64, types.int64), Points)
    stream = types.Array(types.uint64, 1, "C")
    drawn = types.Array(types.int64, 1, "C")
    problem = (points, points, stream, drawn, table, *[floats] * 6, *[types.int64] * 4, *[types.boolean] * 2)
    signature = types.Tuple((types.int64, types.int64, types.float32))(
        types.NamedTuple(problem, Problem), types.NamedUniTuple(floats, len(Buffers._fields), Buffers)
    )
    return cast(Fit, compile_cached(define, signature))
