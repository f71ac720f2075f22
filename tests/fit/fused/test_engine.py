"""What the engine does around its kernels: it proves them, takes fewer fields, and refuses."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget
from neuralviews.fit.fused import engine as engine_module
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.fused.kernel import Fitted, OutOfMemory, Task
from neuralviews.fit.fused.shape import KernelShape

from .cases import SPECS, assert_same, problem
from .host_processor import HostKernel, HostProcessor

SPEC, BUDGET = SPECS["one hidden layer"], Budget(2, 1e-3)


class Small(HostProcessor):
    """Has no memory for more than some fields at a time."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.tried = most, []

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> "SmallKernel":  # type: ignore[override]
        return SmallKernel(self, super().load(shape, macros))


class SmallKernel:
    def __init__(self, processor: Small, kernel: HostKernel) -> None:
        self._processor, self._kernel = processor, kernel

    def run(self, task: Task) -> Fitted:
        self._processor.tried.append(len(task.inits))
        if len(task.inits) > self._processor.most:
            raise OutOfMemory
        return self._kernel.run(task)


class Wrong(HostProcessor):
    """Computes all but right."""

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> HostKernel:
        return super().load(shape, {**macros, "SLOPES": macros["SLOPES"].replace("p+4f", "p+3f")})


def test_the_arithmetic_is_that_of_the_cpu_engine() -> None:
    assert CudaEngine(HostProcessor()).arithmetic == CpuEngine().arithmetic


def test_want_of_memory_halves_the_fields_at_a_time_and_changes_no_byte(
    capsys: pytest.CaptureFixture[str],
) -> None:
    processor = Small(300)
    engine = CudaEngine(processor)
    signals, inits = problem(SPEC, 5, 700)
    expected = CpuEngine().fit(SPEC, signals, inits, BUDGET)
    assert_same(engine.fit(SPEC, signals, inits, BUDGET), expected)
    assert processor.tried[-6:] == [700, 350, 175, 175, 175, 175]
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("host: out of memory; fitting ")
    assert told[-1] == "host: out of memory; fitting 175 fields at a time from now on"
    assert_same(engine.fit(SPEC, signals, inits, BUDGET), expected)
    assert capsys.readouterr().err == "", "it should be said once"


def test_threads_that_want_memory_at_once_halve_it_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_MOST_FIELDS", 256)
    engine = CudaEngine(Small(200))
    signals, inits = problem(SPEC, 1, 300)
    expected = CpuEngine().fit(SPEC, signals, inits, Budget(1, 1e-3))
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: engine.fit(SPEC, signals, inits, Budget(1, 1e-3)), range(3)))
    for result in found:
        assert_same(result, expected)
    assert capsys.readouterr().err == "host: out of memory; fitting 128 fields at a time from now on\n"


def test_no_memory_for_the_least_is_an_error() -> None:
    processor = Small(3)
    signals, inits = problem(SPEC, 5, 9)
    with pytest.raises(
        EngineError, match=r"^device host: out of memory with 9 fields at a time; free memory on it, or use"
    ):
        CudaEngine(processor).fit(SPEC, signals, inits, BUDGET)
    assert processor.tried[-1] == 9


class Full(HostProcessor):
    """Has no memory at all: other processes have it."""

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> HostKernel:
        raise OutOfMemory


@pytest.mark.parametrize("processor", [Full, lambda: Small(0)])
def test_no_memory_for_a_kernel_is_an_error(processor: Callable[[], HostProcessor]) -> None:
    signals, inits = problem(SPEC, 5, 9)
    with pytest.raises(
        EngineError, match=r"^device host: out of memory before the first fit; free memory on"
    ):
        CudaEngine(processor()).fit(SPEC, signals, inits, BUDGET)


class Lossy(HostProcessor):
    """Gives the right weights, and wrong sums of squares for minibatches."""

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> "LossyKernel":  # type: ignore[override]
        return LossyKernel(super().load(shape, macros))


class LossyKernel:
    def __init__(self, kernel: HostKernel) -> None:
        self._kernel = kernel

    def run(self, task: Task) -> Fitted:
        found = self._kernel.run(task)
        if task.streams is not None:
            found.squares[1] = np.nextafter(found.squares[1], np.float32(9))
        return found


def test_all_that_a_kernel_gives_is_proven() -> None:
    signals, inits = problem(SPEC, 5)
    with pytest.raises(EngineError, match="a first fit on host does not give the bytes of arithmetic v1"):
        CudaEngine(Lossy()).fit(SPEC, signals, inits, BUDGET)


def test_a_kernel_that_computes_otherwise_fits_nothing() -> None:
    signals, inits = problem(SPEC, 5)
    with pytest.raises(
        EngineError, match=r"a first fit on host does not give the bytes of arithmetic v1, .*--engine torch"
    ):
        CudaEngine(Wrong()).fit(SPEC, signals, inits, BUDGET)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            FieldSpec([2, 16, 1], output_scale=0.5),
            "fits fields with output_scale 1 only, found 0.5: use --eng",
        ),
        (FieldSpec([2, 1056, 1]), r"at most 1024 units, .* found dims \[2, 1056, 1\]: use --engine torch"),
        (
            FieldSpec([2, 16, 33]),
            r"no more channels than the widest has, rounded up to 32; found dims \[2, 16, 33\]",
        ),
        (
            FieldSpec([2, 256, 256, 1]),
            r"of shared memory for fields of dims \[2, 256, 256, 1\], found 232448 on",
        ),
        (
            FieldSpec([3, 128, 128, 128, 1]),
            r"of dims \[3, 128, 128, 128, 1\], found 232448 on host: use --engine t",
        ),
    ],
)
def test_what_is_refused_is_said(spec: FieldSpec, reason: str) -> None:
    engine = CudaEngine(HostProcessor())
    signals, inits = problem(spec, 3, 1)
    with pytest.raises(EngineError, match=reason):
        engine.fit(spec, signals, inits, BUDGET)


@pytest.mark.parametrize(
    "dims", [[2, 128, 128, 3], [3, 128, 128, 1], [2, 64, 64, 64, 3], [3, 96, 96, 96, 1], [2, 1024, 1]]
)
def test_wide_and_deep_fields_are_not_refused(dims: list[int]) -> None:
    assert CudaEngine(HostProcessor()).refuses(FieldSpec(dims), BUDGET) is None


def test_kernels_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = HostProcessor()
    loaded: list[KernelShape] = []
    load = processor.load
    monkeypatch.setattr(processor, "load", lambda shape, macros: loaded.append(shape) or load(shape, macros))
    engine = CudaEngine(processor)
    signals, inits = problem(SPEC, 5)
    for budget in (BUDGET, Budget(3, 1e-2), Budget(1, 1e-3, loss="bce")):
        engine.fit(SPEC, signals, inits, budget)
    assert [shape.logits for shape in loaded] == [False, True]
    assert np.isfinite(inits).all()
