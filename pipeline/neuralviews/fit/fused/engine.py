"""The ``cuda`` engine: the bytes of the ``cpu`` engine, thousands of fields at a time."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from ...field import FieldSpec
from ..engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from ..ordered import VERSION, Constants, fit_ordered, stored_loss
from ..probe import spread
from .device import CudaDevice
from .kernel import Fitted, Kernel, OutOfMemory, Processor, Task
from .shape import KernelShape

__all__ = ["CudaEngine"]

_MOST_FIELDS, _LEAST_FIELDS = 1 << 14, 64
"""A launch should be many times what a GPU has at work at once, or its end is long."""
_PROOF_POINTS, _PROOF_BUDGET = 40, Budget(2, 1e-3)
"""A whole and a broken tile of points."""


class CudaEngine:
    """Fits fields by arithmetic v1 (docs/arithmetic.md) on one GPU, with the bytes of the ``cpu`` engine.

    A kernel is compiled for each spec on first use. It then fits a small signal, and the result must have the
    bytes of the oracle. `fit` may be called by several threads at once: what they queue runs side by side.

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

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        """An output scale is beyond arithmetic v1; wide or deep fields are beyond a block's shared memory."""
        if spec.output_scale != 1:
            return f"fits fields with output_scale 1 only, found {spec.output_scale}: use --engine torch"
        shape, most = KernelShape.of(spec, budget.loss == "bce"), self._processor.shared_bytes
        if shape.shared_bytes > most:
            return (
                f"needs {shape.shared_bytes} bytes of shared memory for fields of dims {list(spec.dims)}, "
                f"found {most} on {self._processor.name}: use --engine torch"
            )
        return None

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        """Fit row i of ``signals.values`` from ``inits[i]``; see `Engine.fit`."""
        if (reason := self.refuses(spec, budget)) is not None:
            raise EngineError(f"engine '{self.name}' {reason}")
        check_inputs(spec, signals, inits, budget)
        kernel, constants = self._kernel(spec, budget), Constants.of(spec, signals, budget)
        parts: list[Fitted] = []
        done, count = 0, len(inits)
        while done < count:
            fields = self._fields
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
            if self._fields == fields:
                self._fields = fields // 2
                sys.stderr.write(
                    f"{name}: out of memory; fitting {self._fields} fields at a time from now on\n"
                )

    def _kernel(self, spec: FieldSpec, budget: Budget) -> Kernel:
        """The kernel of a spec, compiled and proven once."""
        shape = KernelShape.of(spec, budget.loss == "bce")
        with self._lock:
            if shape not in self._kernels:
                self._kernels[shape] = self._proven(shape, spec, replace(_PROOF_BUDGET, loss=budget.loss))
            return self._kernels[shape]

    def _proven(self, shape: KernelShape, spec: FieldSpec, budget: Budget) -> Kernel:
        coords = spread(-1, 1, _PROOF_POINTS, spec.in_dim)
        signals = Signals(coords, spread(0, 1, 1, _PROOF_POINTS, spec.out_dim), 1.0)
        inits = spread(-1 / 16, 1 / 16, 1, spec.parameters)
        constants = Constants.of(spec, signals, budget)
        kernel = self._processor.load(shape, shape.macros(constants))
        found = kernel.run(Task.of(constants, signals, inits, budget, slice(None)))
        if found.weights.tobytes() != fit_ordered(spec, signals, inits, budget).weights.tobytes():
            raise EngineError(
                f"engine 'cuda': a first fit on {self._processor.name} does not give the bytes of arithmetic "
                "v1, so fields would not be those of other machines; update the driver, or use --engine torch"
            )
        return kernel
