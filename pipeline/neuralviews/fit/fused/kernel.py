"""What a kernel takes and gives, wherever it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...draws import gammas
from ..engine import Budget, Signals
from ..ordered import Constants
from .shape import KernelShape

__all__ = ["Fitted", "Kernel", "OutOfMemory", "Processor", "Task"]


class OutOfMemory(Exception):
    """A processor has no room for so many fields at a time."""


@dataclass(frozen=True)
class Task:
    """Fields of a signal's kind that one launch fits; the arguments of `fit.cu`, in order.

    Args:
        coords: (p, d) float32; ``values``: (n, p, c) float32; ``inits``: (n, P) float32.
        streams: (n, 2) int64, bits of keys and of the increments of their streams; None to take all points.
        sizes, corrections: (steps,) float32.
        scalars: (8,) float32, offset, error scale, target, and `Constants.adam`.
        count, batch: points of the signal, and of a step.
    """

    coords: NDArray[np.float32]
    values: NDArray[np.float32]
    inits: NDArray[np.float32]
    streams: NDArray[np.int64] | None
    sizes: NDArray[np.float32]
    corrections: NDArray[np.float32]
    scalars: NDArray[np.float32]
    count: int
    batch: int
    steps: int
    keep_best: bool

    @classmethod
    def of(
        cls,
        constants: Constants,
        signals: Signals,
        inits: NDArray[np.float32],
        budget: Budget,
        rows: slice,
    ) -> "Task":
        """The task of some of the fields."""
        streams = None
        if budget.points is not None:
            assert signals.keys is not None
            keys = signals.keys[rows]
            streams = np.stack([keys, gammas(keys)], axis=1).view(np.int64)
        scalars = [constants.offset, constants.error_scale, constants.target, *constants.adam]
        count = len(signals.coords)
        return cls(
            signals.coords,
            signals.values[rows],
            inits[rows],
            streams,
            constants.size,
            constants.correction,
            np.array(scalars, np.float32),
            count,
            budget.points or count,
            budget.steps,
            budget.keep_best,
        )


@dataclass(frozen=True)
class Fitted:
    """Of n fields: weights (n, P) and sums of squares (n,), float32; steps and status (n,), uint32."""

    weights: NDArray[np.float32]
    squares: NDArray[np.float32]
    steps: NDArray[np.uint32]
    status: NDArray[np.uint32]


class Kernel(Protocol):
    """A kernel that is ready to run; several threads may use it at once."""

    def run(self, task: Task) -> Fitted:
        """Fit the fields of a task.

        Raises:
            OutOfMemory: there is no room for so many.
        """
        ...


class Processor(Protocol):
    """Something that runs kernels.

    Attributes:
        name: what messages call it.
        shared_bytes: how much shared memory a block may have.
    """

    name: str
    shared_bytes: int

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> Kernel:
        """The kernel of a shape."""
        ...
