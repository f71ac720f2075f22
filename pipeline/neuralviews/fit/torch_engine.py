"""The ``torch`` engine: many fields at a time, backward written out, on any device torch has.

A fixed number of slots is worked on together, whatever the number of fields: a field that stops hands
its slot to the next in line, and empty slots idle. So every kernel always sees the same shapes, and a
field's result does not depend on its neighbours. Torch promises nothing across its versions, CPU types
or GPUs, and the libraries below it choose kernels by the CPU's maker and by variables such as
``MKL_CBWR``: `arithmetic` names what can be named, and has the hash of a small fit for the rest.
"""

import sys
import threading
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import EngineError
from ..field import FieldSpec
from ..store.environment import describe_environment
from .engine import Budget, FitResult, Signals, check_inputs
from .probe import spread
from .torch_device import device_failed, failure, find_device, out_of_memory, plain_float32
from .torch_fits import fit_in_slots
from .torch_graph import own_stream
from .torch_step import FieldBatch

__all__ = ["TorchEngine"]

CPU_SLOTS, CPU_TILE_ELEMENTS, CPU_LOOK = 8, 1 << 18, 4
"""Enough fields to hide the cost of calling kernels, few enough that padding a small job is cheap; how
many numbers a layer's buffer holds at most; and after how many steps the host looks what has ended."""
OTHER_SLOTS, OTHER_TILE_ELEMENTS, OTHER_LOOK = 512, 1 << 22, 32
"""The same for GPUs: the buffers of a network of two hidden layers about fill a second-level cache."""
LEAST_SLOTS = 16
"""How few slots a GPU that is out of memory is tried with."""
PROBE_SPEC, PROBE_POINTS, PROBE_BUDGET = FieldSpec([2, 64, 48, 3]), 200, Budget(2, 1e-3)
"""A fit of a few milliseconds: whole and broken blocks of vectors, in all products and sums."""


class _OutOfMemory(EngineError):
    """A GPU has not enough memory for so many slots."""


class TorchEngine:
    """Fits any spec with any budget in float32, one CPU thread or one other device.

    A GPU that runs out of memory is worked on with half as many slots, and so on; one line on stderr says
    so. A library may choose another kernel for fewer slots, so the small fit behind `arithmetic` is done
    again with them: if its bits differ, fitting stops rather than mix two arithmetics in one store. The
    points of a tile stay as many as they were, so only such a choice could change bits.

    Args:
        device: what `torch.device` takes, for example ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    Attributes:
        slots: fields that are worked on at a time.
    Raises:
        EngineError: torch does not find this device.
    """

    name = "torch"

    def __init__(self, device: str = "cpu") -> None:
        self.device = find_device(device)
        on_cpu = self.device.type == "cpu"
        self.slots = self._most_slots = CPU_SLOTS if on_cpu else OTHER_SLOTS
        self._tile_elements = CPU_TILE_ELEMENTS if on_cpu else OTHER_TILE_ELEMENTS
        self._look = CPU_LOOK if on_cpu else OTHER_LOOK
        self._fewer = threading.Lock()
        self.batch = 4 * self.slots

    @property
    def place(self) -> str:
        return str(self.device)

    @property
    def arithmetic(self) -> Mapping[str, str | int]:
        if self.device.type == "cuda":
            model = torch.cuda.get_device_name(self.device)
        else:
            model = f"{describe_environment()['processor']} {torch.backends.cpu.get_cpu_capability()}"
        return {
            "engine": self.name,
            "version": 2,
            "torch": str(torch.__version__),
            "device": f"{self.device.type} {model}",
            "probe": self._probe,
        }

    @cached_property
    def _probe(self) -> str:
        return self._probe_with(self._most_slots)

    def _probe_with(self, slots: int) -> str:
        """Hash of a fixed fit on this device, from numbers that are the same wherever float64 is."""
        coords = spread(-1, 1, PROBE_POINTS, PROBE_SPEC.in_dim)
        signals = Signals(coords, spread(0, 1, 1, PROBE_POINTS, PROBE_SPEC.out_dim), 1.0)
        inits = spread(-1 / 16, 1 / 16, 1, PROBE_SPEC.parameters)
        found = self._fit(PROBE_SPEC, signals, inits, PROBE_BUDGET, slots)
        return sha256(found.weights.tobytes() + found.loss.tobytes()).hexdigest()[:16]

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        """On GPUs, layers of one unit: cuBLAS multiplies vectors in an order that depends on their slot."""
        if self.device.type == "cuda" and min(spec.dims[1:-1]) < 2:
            return (
                f"fits hidden layers of 2 units or more on a GPU, found dims {list(spec.dims)}: use the CPU"
            )
        return None

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        """Fit row i of ``signals.values`` from ``inits[i]``; see `Engine.fit`. Threads may call at once.

        Raises:
            EngineError: the device failed, or has no memory even for `LEAST_SLOTS`; or see `Engine.fit`.
        """
        if (reason := self.refuses(spec, budget)) is not None:
            raise EngineError(f"engine '{self.name}' {reason}")
        check_inputs(spec, signals, inits, budget)
        while True:
            slots = self.slots
            try:
                return self._fit(spec, signals, inits, budget, slots)
            except _OutOfMemory:
                if slots // 2 < LEAST_SLOTS:
                    raise
            self._use_fewer(slots)  # only here: the error held what filled the memory

    def _use_fewer(self, slots: int) -> None:
        """Halve the slots, unless another thread has: ``slots`` were too many."""
        with self._fewer:
            if self.slots != slots:
                return
            if self._probe_with(slots // 2) != self._probe:
                raise EngineError(
                    f"device {self.device} is out of memory for {slots} fields at a time, and gives other "
                    f"bytes with {slots // 2}: finished shards are kept; free its memory and run the same "
                    "command again"
                )
            sys.stderr.write(
                f"device {self.device} is out of memory for {slots} fields at a time: "
                f"going on with {slots // 2}\n"
            )
            self.slots = slots // 2

    def _fit(
        self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget, slots: int
    ) -> FitResult:
        tile = max(64, self._tile_elements // (self._most_slots * max(spec.dims)) // 64 * 64)
        try:
            with own_stream(self.device), plain_float32(), torch.no_grad():
                batch = FieldBatch(spec, signals.coords, budget, slots, tile, self.device)
                return fit_in_slots(batch, signals, inits, budget, self._look)
        except RuntimeError as error:
            if out_of_memory(error):
                raise _OutOfMemory(
                    f"device {self.device} is out of memory for {slots} fields at a time: finished shards "
                    "are kept; free its memory and run the same command again"
                ) from None
            if (reason := failure(error)) is None:
                raise
            raise device_failed(self.device, reason) from None
