"""The ``cuda`` engine on a GPU: speed, and its bytes against the ``cpu`` engine.

Targets are drawn, so no dataset is needed, and nothing but NumPy, torch, numba and cuda-bindings.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Engine, FitResult, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.grids import image_grid

from .gpu_torch import LR, SPEC, STEPS, strokes

MNIST = ("MNIST", SPEC, 784, None, 8712, STEPS)
SHAPES = (
    MNIST,
    ("CIFAR-10, width 32", FieldSpec([2, 32, 32, 3], output_offset=0.5), 1024, None, 8712, 200),
    ("CIFAR-10, width 64", FieldSpec([2, 64, 64, 3], output_offset=0.5), 1024, None, 4224, 100),
    ("width 128", FieldSpec([2, 128, 128, 3], output_offset=0.5), 1024, None, 1056, 50),
    ("width 16", FieldSpec([2, 16, 16, 1], output_offset=0.5), 784, None, 8712, 200),
    ("a shape, ten views, points of 65,536", FieldSpec([3, 32, 32, 32, 1]), 65536, 4096, 10, 20),
    ("shapes, points of 8,192", FieldSpec([3, 32, 32, 32, 1]), 8192, 4096, 2640, 20),
)
"""(name, spec, points of a signal and of a step, fields, steps that are timed)."""


def signals(spec: FieldSpec, points: int, fields: int) -> Signals:
    """Targets of any number of fields, of which some are drawn and all others are like these."""
    keys = np.arange(fields, dtype=np.uint64)
    if (spec.in_dim, spec.out_dim, points) == (2, 1, 784):
        drawn = strokes(64)
        coords, values = drawn.coords, drawn.values
    else:
        generator = np.random.Generator(np.random.Philox(key=3))
        side = round(points**0.5)
        coords = image_grid(side, side, "xy")
        if spec.in_dim == 3:
            coords = generator.uniform(-1, 1, (points, 3)).astype(np.float32)
        waves = generator.uniform(-4, 4, (16, spec.in_dim, spec.out_dim))
        values = (0.5 + 0.5 * np.sin(np.einsum("pd,fdc->fpc", coords, waves))).astype(np.float32)
    return Signals(coords, np.resize(values, (fields, *values.shape[1:])), 1.0, keys)


def inits(spec: FieldSpec, fields: int) -> NDArray[np.float32]:
    """Initial weights, of which 512 are drawn."""
    return np.resize(initial_weights(spec, "siren", range(512)), (fields, spec.parameters))


def rate(
    engine: Engine, spec: FieldSpec, given: Signals, budget: Budget, rounds: int, threads: int = 1
) -> float:
    """Fields a second, with all copies from and to the host, after a fit that compiles; the median.

    With several threads, each fits all fields twice as often as rounds, beside the others.
    """
    started = inits(spec, len(given.values))
    few = Signals(given.coords, given.values[:1], 1.0, None if given.keys is None else given.keys[:1])
    engine.fit(spec, few, started[:1], budget)

    def once(_: int = 0) -> float:
        begun = time.perf_counter()
        engine.fit(spec, given, started, budget)
        return time.perf_counter() - begun

    if threads == 1:
        return len(started) / statistics.median(once() for _ in range(rounds))
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(once, range(2 * threads)))
    return 2 * threads * len(started) / (time.perf_counter() - begun)


def speeds(engine: Engine, rounds: int, threads: int) -> list[str]:
    """A table of fields a second."""
    lines = ["| fields | dims | points a step | at a time | fields/s at 1000 steps | TFLOP/s |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, spec, points, batch, fields, steps in SHAPES:
        given = signals(spec, points, fields)
        found = rate(engine, spec, given, Budget(steps, LR, points=batch), rounds) * steps / STEPS
        dims, seen = "-".join(map(str, spec.dims)), batch or points
        flops = found * STEPS * seen * flop_of_a_point(spec)
        lines.append(f"| {name} | {dims} | {seen} | {fields:,} | {found:,.0f} | {flops / 1e12:.1f} |")
    name, spec, points, _, fields, steps = MNIST
    found = rate(engine, spec, signals(spec, points, fields), Budget(steps, LR), rounds, threads)
    flops = found * steps * points * flop_of_a_point(spec)
    row = f"| {name}, from {threads} threads | 2-32-32-1 | {points} | {threads} x {fields:,} |"
    return [*lines, f"{row} {found:,.0f} | {flops / 1e12:.1f} |"]


def flop_of_a_point(spec: FieldSpec) -> int:
    """Multiplications and additions of the matrix products, both ways; none of sines, biases or Adam."""
    pairs = [one * other for one, other in zip(spec.dims, spec.dims[1:], strict=False)]
    return 2 * (3 * sum(pairs) - pairs[0])


def compared(engine: Engine, other: Engine, fields: int) -> list[str]:
    """What the engines of a GPU give, beside what the ``cpu`` engine gives."""
    given, started = signals(SPEC, 784, fields), inits(SPEC, fields)
    expected = CpuEngine().fit(SPEC, given, started, Budget(STEPS, LR))
    lines = [f"| engine | of {fields} fields equal to the byte | median, largest difference of PSNR, dB |"]
    lines += ["|---|---|---|"]
    for name, one in (("`cuda`", engine), ("`torch`", other)):
        found = one.fit(SPEC, given, started, Budget(STEPS, LR))
        apart = np.abs(found.psnr - expected.psnr)
        lines.append(f"| {name} | {_equal(found, expected)} | {np.median(apart):.4f}, {apart.max():.4f} |")
    return lines


def _equal(found: FitResult, expected: FitResult) -> int:
    same = (found.weights.view(np.uint32) == expected.weights.view(np.uint32)).all(axis=1)
    return int((same & (found.loss == expected.loss) & (found.steps == expected.steps)).sum())
