"""The ``cuda`` engine: the bytes of the ``cpu`` engine, thousands of fields at a time."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from ...field import FieldSpec
from ..engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from ..method import plain_only
from ..ordered import VERSION, Constants, fit_ordered, stored_loss
from ..probe import spread
from .device import CudaDevice
from .kernel import Fitted, Kernel, OutOfMemory, Processor, Task
from .shape import KernelShape

__all__ = ["CudaEngine", "reason_against"]

_MOST_FIELDS, _LEAST_FIELDS = 1 << 14, 64
"""A launch should be many times what a GPU has at work at once, or its end is long."""
_MOST_THREADS = 1024
_PROOF_POINTS, _PROOF_BUDGETS = (
    40,
    (Budget(2, 1e-3), Budget(3, 0.05, keep_best=True), Budget(2, 1e-3, points=37)),
)
"""A whole and a broken tile of points; the last but one keeps what is not the last."""


def reason_against(spec: FieldSpec, budget: Budget, shared_bytes: int, place: str) -> str | None:
    """Why a GPU with so much shared memory for a block cannot fit such fields; see `Engine.refuses`."""
    if spec.output_scale != 1:
        return f"fits fields with output_scale 1 only, found {spec.output_scale}: use --engine torch"
    if reason := plain_only(budget.method):
        return reason
    shape, dims = KernelShape.of(spec, budget.loss == "bce"), list(spec.dims)
    if spec.out_dim > shape.threads or shape.threads > _MOST_THREADS:
        return (
            f"fits hidden layers of at most {_MOST_THREADS} units, and no more channels than the widest has, "
            f"rounded up to 32; found dims {dims}: use --engine torch"
        )
    if shape.shared_bytes > shared_bytes:
        return (
            f"needs {shape.shared_bytes} bytes of shared memory for fields of dims {dims}, "
            f"found {shared_bytes} on {place}: use --engine torch"
        )
    return None


class CudaEngine:
    """Fits fields by arithmetic v1 (docs/arithmetic.md) on one GPU, with the bytes of the ``cpu`` engine.

    A kernel is compiled for each spec on first use. It then fits small signals, and what comes out must
    have the bytes of the oracle. Several threads may call `fit` at once: what they queue runs side by side.

    Args:
        processor: what runs the kernels, or the name of a CUDA device of torch.
    Raises:
        EngineError: torch does not find this device.
    """

    name = "cuda"
    batch = _MOST_FIELDS
    arithmetic: Mapping[str, str | int] = MappingProxyType({"engine": "cpu", "arithmetic": VERSION})

    def __init__(self, processor: Processor | str = "cuda") -> None:
        self._processor = CudaDevice(processor) if isinstance(processor, str) else processor
        self._kernels: dict[KernelShape, Kernel] = {}
        self._lock = threading.Lock()
        self._fields = _MOST_FIELDS

    @property
    def place(self) -> str:
        """The device."""
        return self._processor.name

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        """An output scale or a method is beyond arithmetic v1; wide or deep fields beyond a block."""
        return reason_against(spec, budget, self._processor.shared_bytes, self.place)

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        """Fit row i of ``signals.values`` from ``inits[i]``; see `Engine.fit`."""
        if (reason := self.refuses(spec, budget)) is not None:
            raise EngineError(f"engine '{self.name}' {reason}")
        check_inputs(spec, signals, inits, budget)
        kernel, constants = self._kernel(spec, budget), Constants.of(spec, signals, budget)
        parts: list[Fitted] = []
        done, count = 0, len(inits)
        while done < count:
            fields = min(self._fields, count - done)
            try:
                part = kernel.run(Task.of(constants, signals, inits, budget, slice(done, done + fields)))
            except OutOfMemory:
                self._take_fewer(fields)
                continue
            parts.append(part)
            done += len(part.weights)
        weights = np.concatenate([inits[:0], *(part.weights for part in parts)])
        squares = np.concatenate([np.empty(0, np.float32), *(part.squares for part in parts)])
        steps, status = (
            np.concatenate([np.empty(0, np.uint32), *(getattr(part, name) for part in parts)])
            for name in ("steps", "status")
        )
        loss = stored_loss(squares, len(signals.coords) * spec.out_dim)
        return FitResult(weights, psnr_from_loss(loss, signals.span), loss, steps, status.astype(np.uint8))

    def _take_fewer(self, fields: int) -> None:
        """After there was no memory for so many fields: half of them at a time, to the same bytes."""
        name = self._processor.name
        if fields <= _LEAST_FIELDS:
            raise EngineError(
                f"device {name}: out of memory with {fields} fields at a time; free memory on it, "
                "or use --device cpu"
            )
        with self._lock:
            if self._fields >= fields:  # else another thread was faster
                self._fields = fields // 2
                sys.stderr.write(
                    f"{name}: out of memory; fitting {self._fields} fields at a time from now on\n"
                )

    def _kernel(self, spec: FieldSpec, budget: Budget) -> Kernel:
        """The kernel of a spec, compiled and proven once."""
        shape = KernelShape.of(spec, budget.loss == "bce")
        with self._lock:
            if shape not in self._kernels:
                try:
                    self._kernels[shape] = self._proven(shape, spec, budget)
                except OutOfMemory:
                    raise EngineError(
                        f"device {self.place}: out of memory before the first fit; free memory on it, "
                        "or use --device cpu"
                    ) from None
            return self._kernels[shape]

    def _proven(self, shape: KernelShape, spec: FieldSpec, budget: Budget) -> Kernel:
        """A kernel whose small fits have the bytes of the oracle, in every part of their results."""
        coords = spread(-1, 1, _PROOF_POINTS, spec.in_dim)
        values = spread(0, 1, 2, _PROOF_POINTS, spec.out_dim)
        signals = Signals(coords, values, 1.0, np.array([3, 1 << 63], np.uint64))
        inits = spread(-1 / 16, 1 / 16, 2, spec.parameters)
        kernel: Kernel | None = None
        for one in _PROOF_BUDGETS:
            tried = replace(one, loss=budget.loss)
            constants = Constants.of(spec, signals, tried)
            kernel = kernel or self._processor.load(shape, shape.macros(constants))
            found = kernel.run(Task.of(constants, signals, inits, tried, slice(None)))
            expected = fit_ordered(spec, signals, inits, tried)
            loss = stored_loss(found.squares, len(coords) * spec.out_dim)
            given: list[NDArray[Any]] = [found.weights, loss, found.steps, found.status.astype(np.uint8)]
            wanted: list[NDArray[Any]] = [expected.weights, expected.loss, expected.steps, expected.status]
            if [array.tobytes() for array in given] != [array.tobytes() for array in wanted]:
                raise EngineError(
                    f"engine 'cuda': a first fit on {self.place} does not give the bytes of arithmetic v1, "
                    "so fields would not be those of other machines; update the driver, or use --engine torch"
                )
        assert kernel is not None
        return kernel
