"""The ``torch`` engine on a GPU: speed by the size of batches and tiles, bits, cost of lower precisions.

Targets are drawn, so no dataset is needed, and nothing but NumPy and torch.
"""

import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit import torch_engine
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.grids import image_grid
from neuralviews.records import Status

SPEC = FieldSpec([2, 32, 32, 1], output_offset=0.5)
SIDE, STEPS, LR = 28, 1000, 5e-4
WHOLE = 832
TILES = {1: WHOLE, 2: 448, 4: 256, 7: 128, 13: 64}
"""How many tiles 784 points make: by at most how many points a tile, in multiples of 64."""
SIZES = [(128, 1), (512, 1), (512, 4), (256, 7), (512, 7), (1024, 7), (2048, 7)]
SIZES += [(512, 13), (1024, 13), (2048, 13), (4096, 13)]
"""(slots, tiles)."""
BUDGETS = {
    "all points": Budget(60, LR),
    "target, best": Budget(200, 2e-3, target_psnr=24.0, keep_best=True),
    "minibatches, logits": Budget(60, LR, points=100, loss="bce"),
}
TIMED_STEPS = (50, 250)
"""What capturing costs once per fit is told from what a step costs."""


@functools.cache
def strokes(count: int) -> Signals:
    """Smooth curves of ink on paper, antialiased, like handwritten digits: (count, 784, 1) in [0, 1]."""
    draw = np.random.Generator(np.random.Philox(key=7))
    coords = image_grid(SIDE, SIDE, "xy")
    values = np.empty((count, SIDE * SIDE, 1), np.float32)
    along = np.linspace(0, 1, 40)[:, None]
    for value in values:
        ends, bends = draw.uniform(-0.6, 0.6, (2, 2)), draw.uniform(-0.8, 0.8, (2, 2))
        line = (1 - along) ** 3 * ends[0] + 3 * (1 - along) ** 2 * along * bends[0]
        line += 3 * (1 - along) * along**2 * bends[1] + along**3 * ends[1]
        distance = np.sqrt(((coords[:, None] - line) ** 2).sum(-1)).min(1)
        value[:, 0] = 1 / (1 + np.exp((distance - 0.09) / 0.025))
    return Signals(coords, values, 1.0)


def sized_engine(device: str, slots: int, tile: int, look: int) -> TorchEngine:
    engine = TorchEngine(device)
    engine.slots = engine._most_slots = slots
    engine._tile_elements, engine._look = slots * max(SPEC.dims) * tile, look
    return engine


def fit(engine: TorchEngine, count: int, steps: int) -> FitResult:
    inits = initial_weights(SPEC, "siren", range(count))
    return engine.fit(SPEC, strokes(count), inits, Budget(steps, LR))


def step_seconds(engine: TorchEngine, count: int) -> tuple[float, float]:
    """Seconds of a step of all slots, and of all that a fit needs beside its steps."""
    inits, signals = initial_weights(SPEC, "siren", range(count)), strokes(count)

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        engine.fit(SPEC, signals, inits, Budget(steps, LR))
        return time.perf_counter() - began

    seconds(2)
    few, many = (min(seconds(steps) for _ in range(3)) for steps in TIMED_STEPS)
    step = (many - few) / (TIMED_STEPS[1] - TIMED_STEPS[0])
    return step, few - step * TIMED_STEPS[0]


def sizes(device: str) -> list[str]:
    """A table of speeds."""
    lines = [f"| slots | tiles | us a step | fields/s at {STEPS} steps | ms once a fit | MiB at most |"]
    lines += ["|---|---|---|---|---|---|"]
    for slots, tiles in SIZES:
        torch.cuda.reset_peak_memory_stats()
        step, once = step_seconds(sized_engine(device, slots, TILES[tiles], 32), slots)
        rate, memory = slots / (step * STEPS), torch.cuda.max_memory_allocated() >> 20
        figures = f"{step * 1e6:.0f} | {rate:.0f} | {once * 1e3:.0f} | {memory}"
        lines.append(f"| {slots} | {tiles} | {figures} |")
    return lines


@contextmanager
def _precision(name: str) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.set_num_threads(threads)


@contextmanager
def allowed(name: str) -> Iterator[None]:
    """Products in the precision that `torch.set_float32_matmul_precision` calls so."""
    with mock.patch.object(torch_engine, "plain_float32", functools.partial(_precision, name)):
        yield


@contextmanager
def rounded(to: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Operands of products are rounded first; sums and all else stay float32, as on tensor cores."""
    bmm = torch.bmm

    def product(one: torch.Tensor, other: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        return bmm(to(one), to(other), out=out)

    with mock.patch.object(torch, "bmm", product):
        yield


def to_bfloat16(x: torch.Tensor) -> torch.Tensor:
    return x.bfloat16().float()


def to_tf32(x: torch.Tensor) -> torch.Tensor:
    """To 10 bits of mantissa, to nearest even."""
    bits = x.contiguous().view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


def precisions(device: str, count: int, steps: int) -> list[str]:
    """A table of qualities, as fits measure them and as float64 evaluates the same weights."""
    # One tile, so that all products are `bmm`.
    engine = sized_engine(device, 128 if device != "cpu" else 8, WHOLE, 32)
    ways = {
        "float32": allowed("highest"),
        "as torch's `high` lets them be, TF32 where cuBLAS likes": allowed("high"),
        "operands rounded to TF32, sums in float32": rounded(to_tf32),
        "operands rounded to bfloat16, sums in float32": rounded(to_bfloat16),
    }
    lines = ["| products | median dB | least dB | in float64: median dB | least dB | diverged |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, way in ways.items():
        with way:
            found = fit(engine, count, steps)
        lost = int((found.status == Status.diverged).sum())
        figures = [f"{value:.2f}" for psnr in (found.psnr, true_psnr(found)) for value in spread(psnr)]
        lines.append(f"| {name} | {' | '.join(figures)} | {lost} |")
    return lines


def spread(psnr: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Median and least."""
    return float(np.median(psnr)), float(psnr.min())


def true_psnr(found: FitResult) -> NDArray[np.float64]:
    """What users of the weights get, who do not round as the fit did."""
    signals = strokes(len(found.weights))
    error = evaluate(SPEC, found.weights, signals.coords) - signals.values
    return -10 * np.log10(np.mean(error**2, axis=(1, 2)))


def bits(device: str) -> list[str]:
    """A table of comparisons: bytes depend on no neighbour, graph or thread; and how far the oracle is."""
    probes = {sized_engine(device, slots, WHOLE, 32)._probe for slots in (16, 32, 64, 128, 256, 512)}
    lines = [f"Probes of 16, 32, ... 512 slots: {len(probes)} different.", ""]
    lines += ["| fits | neighbours | single calls | threads | from the oracle, of the way |"]
    lines += ["|---|---|---|---|---|"]
    count, engine = 40, sized_engine(device, 16, TILES[2], 32)
    inits, drawn = initial_weights(SPEC, "siren", range(count)), strokes(count)
    signals = replace(drawn, keys=np.arange(count, dtype=np.uint64))
    for name, budget in BUDGETS.items():

        def work(rows: slice, budget: Budget = budget) -> bytes:
            assert signals.keys is not None
            some = replace(signals, values=signals.values[rows], keys=signals.keys[rows])
            found = engine.fit(SPEC, some, inits[rows], budget)
            return found.weights.tobytes() + found.steps.tobytes()

        found = engine.fit(SPEC, signals, inits, budget)
        every = found.weights.tobytes() + found.steps.tobytes()
        few = work(slice(3))
        alike = found.weights[:3].tobytes() + found.steps[:3].tobytes() == few
        with mock.patch.object(torch_engine, "fit_in_slots", eager):
            called = work(slice(None)) == every
        with ThreadPoolExecutor(4) as pool:
            threaded = set(pool.map(work, [slice(None)] * 8)) == {every}
        three = replace(signals, values=signals.values[:3], keys=np.arange(3, dtype=np.uint64))
        expected = ReferenceEngine().fit(SPEC, three, inits[:3], budget)
        moved = np.linalg.norm(expected.weights - inits[:3], axis=1)
        drift = np.linalg.norm(found.weights[:3] - expected.weights, axis=1) / moved
        same = " | ".join("same" if ok else "DIFFERENT" for ok in (alike, called, threaded))
        lines.append(f"| {name} | {same} | {drift.max():.1e} |")
    return lines


def eager(*arguments: object) -> FitResult:
    from neuralviews.fit import torch_fits

    def calls(work: Callable[[], None], device: torch.device) -> Callable[[int], None]:
        def call(count: int) -> None:
            for _ in range(count):
                work()

        return call

    with mock.patch.object(torch_fits, "repeated", calls):
        return torch_fits.fit_in_slots(*arguments)  # type: ignore[arg-type]
