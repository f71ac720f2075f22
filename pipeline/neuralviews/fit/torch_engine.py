"""The ``torch`` engine: many fields at a time, backward written out, on any device torch has.

A fixed number of slots is worked on together, whatever the number of fields: a field that stops hands
its slot to the next in line, and empty slots idle. So every kernel always sees the same shapes, and a
field's result does not depend on its neighbours. Torch promises nothing across its versions, CPU types
or GPUs, and the libraries below it choose kernels by the CPU's maker and by variables such as
``MKL_CBWR``: `arithmetic` names what can be named, and has the hash of a small fit for the rest.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import EngineError
from ..field import FieldSpec
from ..records import Status
from ..store.environment import describe_environment
from .engine import Budget, FitResult, Signals, check_inputs, psnr_from_loss
from .schedule import adam_schedule
from .torch_step import FieldBatch

__all__ = ["TorchEngine"]

CPU_SLOTS, CPU_TILE_ELEMENTS = 8, 1 << 18
"""Enough fields to hide the cost of calling kernels, few enough that padding a small job is cheap;
and how many numbers a layer's buffer holds at most."""
OTHER_SLOTS, OTHER_TILE_ELEMENTS = 512, 1 << 26
LARGEST = float(np.finfo(np.float32).max)
PROBE_SPEC, PROBE_POINTS, PROBE_BUDGET = FieldSpec([2, 64, 48, 3]), 200, Budget(2, 1e-3)
"""A fit of a few milliseconds: whole and broken blocks of vectors, in all products and sums."""


class TorchEngine:
    """Fits any spec with any budget in float32, one CPU thread or one other device.

    Args:
        device: what `torch.device` takes, for example ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    Raises:
        EngineError: torch does not find this device.
    """

    name = "torch"

    def __init__(self, device: str = "cpu") -> None:
        self.device = _find_device(device)
        on_cpu = self.device.type == "cpu"
        self.slots = CPU_SLOTS if on_cpu else OTHER_SLOTS
        self._tile_elements = CPU_TILE_ELEMENTS if on_cpu else OTHER_TILE_ELEMENTS
        self.batch = 4 * self.slots

    @property
    def arithmetic(self) -> Mapping[str, str | int]:
        if self.device.type == "cuda":
            model = torch.cuda.get_device_name(self.device)
        else:
            model = f"{describe_environment()['processor']} {torch.backends.cpu.get_cpu_capability()}"
        return {
            "engine": self.name,
            "version": 1,
            "torch": str(torch.__version__),
            "device": f"{self.device.type} {model}",
            "probe": self._probe,
        }

    @cached_property
    def _probe(self) -> str:
        """Hash of a fixed fit on this device, from numbers that are the same wherever float64 is."""
        coords = _spread(-1, 1, PROBE_POINTS, PROBE_SPEC.in_dim)
        signals = Signals(coords, _spread(0, 1, 1, PROBE_POINTS, PROBE_SPEC.out_dim), 1.0)
        inits = _spread(-1 / 16, 1 / 16, 1, PROBE_SPEC.parameters)
        found = self.fit(PROBE_SPEC, signals, inits, PROBE_BUDGET)
        return sha256(found.weights.tobytes() + found.loss.tobytes()).hexdigest()[:16]

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        return None

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        check_inputs(spec, signals, inits, budget)
        tile = max(64, self._tile_elements // (self.slots * max(spec.dims)) // 64 * 64)
        with _plain_float32(), torch.no_grad():
            batch = FieldBatch(spec, signals.coords, budget, self.slots, tile, self.device)
            return _Fits(batch, signals, inits, budget).run()


class _Fits:
    """Which field is in which slot, how far it is, and what has come out so far."""

    def __init__(
        self, batch: FieldBatch, signals: Signals, inits: NDArray[np.float32], budget: Budget
    ) -> None:
        fields, slots = len(inits), len(batch.weights)
        self._batch, self._signals, self._inits, self._budget = batch, signals, inits, budget
        self._waiting = iter(range(fields))
        self._field = np.full(slots, -1)  # -1: the slot is empty
        self._step = np.zeros(slots, np.int64)
        self._kept = batch.weights.clone() if budget.keep_best else batch.weights
        self._kept_loss = np.full(slots, np.inf)
        self._kept_step = np.zeros(slots, np.int64)
        self._weights = np.empty_like(inits)
        self._loss = np.empty(fields, np.float32)
        self._steps = np.empty(fields, np.uint32)
        self._status = np.empty(fields, np.uint8)

    def run(self) -> FitResult:
        device, target = self._batch.weights.device, self._budget.target_loss(self._signals.span)
        schedule = adam_schedule(self._budget)
        size, correction = (
            torch.tensor(factor, dtype=torch.float32, device=device).unsqueeze(1)
            for factor in (schedule.size, schedule.correction)
        )
        self._fill(np.arange(len(self._field)))
        while (occupied := self._field >= 0).any():
            step = torch.tensor(np.minimum(self._step, self._budget.steps - 1), device=device)
            self._batch.draw(step.unsqueeze(1))
            loss = _on_host(self._batch.measure())
            last = self._step == self._budget.steps
            if self._budget.points is not None and (occupied & last).any():
                loss = np.where(last, _on_host(self._batch.measure_all()), loss)
            sound = loss <= LARGEST
            self._note(loss, sound)
            status = np.where(
                sound, np.where(loss <= target, Status.converged, Status.budget), Status.diverged
            )
            ended = np.flatnonzero(occupied & ((status != Status.budget) | last))
            self._harvest(ended, status)
            self._batch.update(size[step], correction[step])
            self._step += 1
            self._fill(ended)
        self._measure_initial(np.flatnonzero(self._status == Status.diverged))
        return FitResult(
            self._weights,
            psnr_from_loss(self._loss, self._signals.span),
            self._loss,
            self._steps,
            self._status,
        )

    def _measure_initial(self, lost: NDArray[np.int64]) -> None:
        """Record the loss of the initial weights of some fields, which end with these."""
        slots = len(self._field)
        for start in range(0, len(lost), slots):
            fields = lost[start : start + slots]
            self._load(np.arange(len(fields)), fields)
            loss = _on_host(self._batch.measure_all())[: len(fields)]
            self._loss[fields] = np.where(loss <= LARGEST, loss, LARGEST)

    def _note(self, loss: NDArray[np.float64], sound: NDArray[np.bool_]) -> None:
        """Keep the weights to return should the fit stop now."""
        better = sound & (loss < self._kept_loss) if self._budget.keep_best else sound
        self._kept_loss[better], self._kept_step[better] = loss[better], self._step[better]
        if self._budget.keep_best:
            mask = torch.tensor(better, device=self._kept.device).unsqueeze(1)
            self._kept = torch.where(mask, self._batch.weights, self._kept)

    def _harvest(self, slots: NDArray[np.int64], status: NDArray[np.int64]) -> None:
        """Take results out of slots whose fields have stopped."""
        if not len(slots):
            return
        fields = self._field[slots]
        lost = status[slots] == Status.diverged
        self._status[fields] = status[slots]
        self._steps[fields] = np.where(lost, self._step[slots], self._kept_step[slots])
        self._loss[fields] = self._kept_loss[slots]
        found = self._kept[torch.tensor(slots, device=self._kept.device)].cpu().numpy()
        self._weights[fields] = np.where(lost[:, None], self._inits[fields], found)
        self._field[slots] = -1

    def _fill(self, slots: NDArray[np.int64]) -> None:
        """Start the next fields in line in free slots."""
        fields = np.array([field for _, field in zip(slots, self._waiting, strict=False)], np.int64)
        taken = slots[: len(fields)]
        if not len(taken):
            return
        self._field[taken], self._step[taken], self._kept_loss[taken] = fields, 0, np.inf
        self._load(taken, fields)

    def _load(self, slots: NDArray[np.int64], fields: NDArray[np.int64]) -> None:
        keys = None if self._signals.keys is None else self._signals.keys[fields]
        self._batch.load(slots.tolist(), self._inits[fields], self._signals.values[fields], keys)


def _on_host(losses: torch.Tensor) -> NDArray[np.float64]:
    return losses.cpu().numpy().astype(np.float64)


def _spread(low: float, high: float, *shape: int) -> NDArray[np.float32]:
    """Numbers spread evenly from ``low`` to ``high``, by multiples of the golden ratio modulo 1."""
    parts = np.arange(math.prod(shape)) * 0.6180339887498949 % 1
    return (low + (high - low) * parts).reshape(shape).astype(np.float32)


@contextmanager
def _plain_float32() -> Iterator[None]:
    """One CPU thread and no TF32 or bfloat16 in products; what was set before is restored."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def _find_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise EngineError(
            f"device: found {name!r}, expected a torch device such as 'cpu' or 'cuda'"
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(
            f"device {name!r}: CUDA was asked for, but this torch ({torch.__version__}) finds no CUDA "
            "device: install a CUDA build of torch and its driver, or use --device cpu or --engine cpu"
        )
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise EngineError(f"device {name!r}: torch cannot use it ({reason}); use --device cpu") from None
    return device
