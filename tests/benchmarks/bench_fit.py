"""Fields per second of every engine, beside the loop people write today and the machine's own limits.

One round measures everything once, in turn, so that a drift of the machine's speed hits all alike;
figures are medians over rounds of CPU time in one thread. The AVX2 path runs in a process of its own
(the instruction set is chosen when it starts) and is measured in the same rounds.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuralviews.draws import Draws
from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, Engine, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.registry import get_engine
from neuralviews.grids import axis_points, image_grid
from neuralviews.mesh.sampling import uniform
from neuralviews.recipe import load_recipe

from .naive import naive_fit
from .roofline import floor_seconds, measure_roofline

STEPS = 1000
LR = 5e-4


@dataclass(frozen=True)
class Shape:
    """A field, what is wanted of its fit, and how many of its steps each engine runs in a round.

    Attributes:
        coords: all points of a signal.
        target_fraction: of the roofline, wanted of `cpu`; None if nothing is.
        batch: how many of them are drawn for each step; None takes all.
        whole: the steps of a whole fit, to which rates are scaled.
    """

    name: str
    spec: FieldSpec
    coords: NDArray[np.float32]
    target_fraction: float | None
    steps: dict[str, int]
    batch: int | None = None
    whole: int = STEPS


def shapes() -> list[Shape]:
    axis = axis_points(16)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    pixels, finer = image_grid(28, 28, "xy"), image_grid(32, 32, "xy")
    grid = np.ascontiguousarray(cube)

    def steps(fast: int, factor: int) -> dict[str, int]:
        return {
            "cpu": fast,
            "haswell": fast,
            "naive": 40 * factor,
            "torch": 60 * factor,
            "reference": 40 * factor,
        }

    return [
        Shape("MNIST 2-32-32-1, 784 points", FieldSpec([2, 32, 32, 1]), pixels, 0.85, steps(1000, 3)),
        Shape("CIFAR-10 2-32-32-3, 1024 points", FieldSpec([2, 32, 32, 3]), finer, 0.80, steps(1000, 2)),
        Shape("CIFAR-10 2-64-64-3, 1024 points", FieldSpec([2, 64, 64, 3]), finer, 0.85, steps(500, 1)),
        Shape("3-D 3-32-32-32-1, 4096 points", FieldSpec([3, 32, 32, 32, 1]), grid, 0.90, steps(300, 1)),
        _modelnet40(),
    ]


def _modelnet40() -> Shape:
    """The fit that the recipe states, of points anywhere: what they belong to does not change its speed."""
    recipe = load_recipe("modelnet40")
    assert recipe.shape is not None
    pool = sum(count for _, count in recipe.shape.near) + recipe.shape.uniform
    spec, steps = recipe.spec, recipe.fit.steps
    dims = "-".join(map(str, spec.dims))
    name = f"`modelnet40` {dims}, {recipe.fit.points} of {pool} points a step, {steps} steps"
    coords = uniform(pool, Draws(np.zeros(1, np.uint64)))
    # Slices that take longer than measuring the pool, which is what they are told from.
    slices = {"cpu": steps, "haswell": steps, "naive": 300, "torch": 60, "reference": 150}
    return Shape(name, spec, coords, None, slices, recipe.fit.points, steps)


def blobs(shape: Shape, count: int) -> NDArray[np.float32]:
    """Smooth targets in [0, 1], (count, points, channels): speed does not depend on what is fitted."""
    draw = np.random.Generator(np.random.Philox(key=11))
    centres = draw.uniform(-0.5, 0.5, (count, 1, shape.spec.out_dim, shape.spec.in_dim))
    squares = ((shape.coords[None, :, None, :] - centres) ** 2).sum(-1)
    return np.ascontiguousarray(np.exp(-squares / 0.05), np.float32)


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


class Haswell:
    """The cpu engine without any AVX-512, in a process that answers with the CPU seconds of a fit."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bench_fit"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
        )

    def seconds(self, index: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(index, file=self._process.stdin, flush=True)
        return float(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve() -> None:
    """The other side of `Haswell`: read the number of a shape, fit it once, print the CPU seconds."""
    all_shapes = shapes()
    for line in sys.stdin:
        shape = all_shapes[int(line)]
        engine = get_engine("cpu", shape.spec, Budget(1, LR), None)
        print(json.dumps(_fit_seconds(engine, shape, "haswell")), flush=True)


def _fit_seconds(engine: Engine, shape: Shape, key: str) -> float:
    """CPU seconds of one field, fitted whole."""
    count = min(engine.batch, 32) if key == "torch" else 1
    signals = Signals(shape.coords, blobs(shape, count), 1.0, np.arange(count, dtype=np.uint64))
    inits = initial_weights(shape.spec, "siren", list(range(count)))

    def fit(steps: int) -> None:
        engine.fit(shape.spec, signals, inits, Budget(steps, LR, points=shape.batch))

    return whole_seconds(fit, shape.steps[key], shape.whole) / count


def whole_seconds(fit: Callable[[int], object], steps: int, whole: int) -> float:
    """CPU seconds of ``whole`` steps, worked out from ``steps`` of them, at least 2, and from a single one.

    So what a fit costs however many its steps, such as measuring it in the end, is counted once.
    """
    fit(2)  # compiles, and warms up
    single, several = cpu_seconds(lambda: fit(1)), cpu_seconds(lambda: fit(steps))
    return single + (several - single) * (whole - 1) / (steps - 1)


@dataclass
class Measured:
    """Medians of one shape: CPU seconds of a field for each way of fitting it, and the machine's limits."""

    shape: Shape
    seconds: dict[str, list[float]] = field(default_factory=dict)
    floors: list[float] = field(default_factory=list)
    fma: list[float] = field(default_factory=list)
    sincos: list[float] = field(default_factory=list)

    def rate(self, key: str) -> float:
        return 1 / statistics.median(self.seconds[key])

    def fraction(self, key: str) -> float:
        """Median over rounds of floor / time, each from the same round."""
        return statistics.median(f / s for f, s in zip(self.floors, self.seconds[key], strict=True))

    def speedup(self, key: str) -> float:
        """Median over rounds of naive time / time."""
        return statistics.median(n / s for n, s in zip(self.seconds["naive"], self.seconds[key], strict=True))


def measure(rounds: int) -> list[Measured]:
    """All shapes and engines, interleaved."""
    measured = [Measured(shape) for shape in shapes()]
    haswell = Haswell()
    for _ in range(rounds):
        for index, entry in enumerate(measured):
            shape = entry.shape
            points, roofline = shape.batch or len(shape.coords), measure_roofline()
            entry.fma.append(roofline.fma_gflops)
            entry.sincos.append(roofline.sincos_gpairs)
            entry.floors.append(floor_seconds(roofline, shape.spec, points, shape.whole))
            for name in ("cpu", "torch", "reference"):
                engine = get_engine(name, shape.spec, Budget(1, LR), None)
                entry.seconds.setdefault(name, []).append(_fit_seconds(engine, shape, name))
            entry.seconds.setdefault("haswell", []).append(haswell.seconds(index))
            entry.seconds.setdefault("naive", []).append(_naive_seconds(shape))
    haswell.close()
    return measured


def _naive_seconds(shape: Shape) -> float:
    values = blobs(shape, 1)[0]

    def fit(steps: int) -> None:
        naive_fit(shape.coords, values, shape.spec.dims, steps, LR, seed=0, points=shape.batch)

    return whole_seconds(fit, shape.steps["naive"], shape.whole)


if __name__ == "__main__":
    serve()
