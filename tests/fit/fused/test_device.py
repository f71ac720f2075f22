"""What a GPU reports, in a line each; on a GPU, threads, streams and sizes of launches change no byte."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from neuralviews.errors import EngineError
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.fused.device import CudaDevice
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.fused.kernel import OutOfMemory

from .cases import SPECS, assert_same, problem

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture
def device() -> CudaDevice:
    """As far as a GPU is not needed."""
    made = object.__new__(CudaDevice)
    made.name = "cuda:1"
    return made


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA error 719 CUDA_ERROR_LAUNCH_FAILED"), "CUDA error 719 CUDA_ERROR_LAUNCH_FAILED"),
        (
            torch.AcceleratorError("CUDA error: device-side assert triggered. Compile with this\nand that"),
            "CUDA error: device-side assert triggered",
        ),
        (RuntimeError("no such thing\nat all"), "no such thing"),
    ],
)
def test_a_gpu_that_fails_is_a_line(device: CudaDevice, error: RuntimeError, reason: str) -> None:
    with pytest.raises(EngineError) as caught, device._failures():
        raise error
    told = f"device cuda:1 failed ({reason}): finished shards are kept; run the same command again"
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error 2 CUDA_ERROR_OUT_OF_MEMORY"),
    ],
)
def test_want_of_memory_is_told_apart(device: CudaDevice, error: RuntimeError) -> None:
    with pytest.raises(OutOfMemory), device._failures():
        raise error


@needs_cuda
def test_threads_and_launches_of_any_size_change_no_byte() -> None:
    spec, budget = SPECS["a recipe of images"], Budget(20, 1e-3, points=40)
    signals, inits = problem(spec, 60, 700)
    expected = CpuEngine().fit(spec, signals, inits, budget)
    engine = CudaEngine()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: engine.fit(spec, signals, inits, budget), range(8)):
            assert_same(found, expected)
    assert signals.keys is not None
    for rows in (slice(1), slice(1, 300)):
        some = Signals(signals.coords, np.ascontiguousarray(signals.values[rows]), 1.0, signals.keys[rows])
        found = engine.fit(spec, some, inits[rows], budget)
        assert found.weights.tobytes() == expected.weights[rows].tobytes()


@needs_cuda
def test_want_of_memory_on_a_gpu_changes_no_byte(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, budget = SPECS["a recipe of images"], Budget(2, 1e-3)
    signals, inits = problem(spec, 60, 300)
    engine = CudaEngine()
    engine.fit(spec, signals, inits, budget)
    monkeypatch.setattr(engine, "_fields", 256)
    empty = torch.empty

    def scarce(size: object, **options: object) -> torch.Tensor:
        if isinstance(size, tuple) and size[0] > 128:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return empty(size, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch, "empty", scarce)
    assert_same(engine.fit(spec, signals, inits, budget), CpuEngine().fit(spec, signals, inits, budget))
    assert capsys.readouterr().err == "cuda:0: out of memory; fitting 128 fields at a time from now on\n"
