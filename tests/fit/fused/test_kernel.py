"""The kernel's source has the bytes of arithmetic v1: run on the host, and on a GPU where there is one."""

import ctypes
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.fused.kernel import Task
from neuralviews.fit.fused.shape import KernelShape
from neuralviews.fit.init import initial_weights
from neuralviews.fit.ordered import Constants

from ...contract.engine_cases import mnist_digits
from . import host_processor
from .cases import BUDGETS, SPECS, assert_same, problem
from .host_processor import SOURCES, HostKernel, HostProcessor

BARRIER = re.compile(r"^ +together\(\);", re.MULTILINE)
BARRIERS = [
    (name, place.start())
    for name in ("tile.cuh", "fit.cu")
    for place in BARRIER.finditer((SOURCES / name).read_text())
]


@pytest.fixture(params=["host", "cuda"], scope="module")
def engine(request: pytest.FixtureRequest) -> CudaEngine:
    if request.param == "host":
        return CudaEngine(HostProcessor())
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return CudaEngine("cuda")


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("spec", SPECS)
def test_fits_have_the_bytes_of_the_cpu_engine(engine: CudaEngine, spec: str, budget: str) -> None:
    points, limits = BUDGETS[budget]
    signals, inits = problem(SPECS[spec], points)
    found = engine.fit(SPECS[spec], signals, inits, limits)
    assert_same(found, CpuEngine().fit(SPECS[spec], signals, inits, limits))


def test_mnist_fields_have_the_bytes_of_the_cpu_engine(engine: CudaEngine) -> None:
    fields, steps = (2, 60) if engine._processor.name == "host" else (64, 1000)
    spec, signals, budget = SPECS["a recipe of images"], mnist_digits(fields), Budget(steps, 5e-4)
    inits = initial_weights(spec, "siren", range(fields))
    assert_same(engine.fit(spec, signals, inits, budget), CpuEngine().fit(spec, signals, inits, budget))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_initial_weights_that_are_lost_come_back(engine: CudaEngine, bad: float) -> None:
    spec, budget = SPECS["a recipe of images"], Budget(3, 1e-3)
    signals, inits = problem(spec, 40)
    inits[1, 70] = bad
    expected = CpuEngine().fit(spec, signals, inits, budget)
    assert_same(engine.fit(spec, signals, inits, budget), expected)


def outcomes(spec: FieldSpec, sources: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether fits have the right bytes, for some orders of the threads between barriers."""
    signals, inits = problem(spec, 70, 2)
    budget = Budget(3, 1e-3)
    constants, shape = Constants.of(spec, signals, budget), KernelShape.of(spec, False)
    monkeypatch.setattr(host_processor, "SOURCES", sources)
    library = ctypes.CDLL(str(host_processor._library(shape.macros(constants))))
    task = Task.of(constants, signals, inits, budget, slice(None))
    expected = CpuEngine().fit(spec, signals, inits, budget).weights.tobytes()
    return [HostKernel(library, seed).run(task).weights.tobytes() == expected for seed in range(1, 5)]


def test_threads_may_run_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    HostProcessor()
    assert all(outcomes(SPECS["two warps, three layers"], SOURCES, monkeypatch))


@pytest.mark.parametrize(("name", "place"), BARRIERS)
def test_every_barrier_is_needed(
    name: str, place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the host tells when one is missing: without any one of them, some order of threads is wrong."""
    HostProcessor()
    for path in SOURCES.glob("*.cu*"):
        shutil.copy(path, tmp_path)
    text = (SOURCES / name).read_text()
    (tmp_path / name).write_text(text[:place] + BARRIER.sub("", text[place:], count=1))
    assert not all(outcomes(SPECS["two warps, three layers"], tmp_path, monkeypatch))


@pytest.mark.parametrize("spec", SPECS)
def test_memory_is_what_the_source_lays_out(spec: str) -> None:
    shape = KernelShape.of(SPECS[spec], False)
    signals, _ = problem(SPECS[spec], 3)
    kernel = HostProcessor().load(shape, shape.macros(Constants.of(SPECS[spec], signals, Budget(1, 1.0))))
    assert shape.shared_bytes == kernel.library.shared_bytes()
    assert shape.slab_floats == kernel.library.slab_floats()


def test_keys_do_not_matter_without_minibatches(engine: CudaEngine) -> None:
    spec, budget = SPECS["a recipe of images"], Budget(2, 1e-3)
    signals, inits = problem(spec, 40)
    without = Signals(signals.coords, signals.values, 1.0)
    assert_same(engine.fit(spec, without, inits, budget), engine.fit(spec, signals, inits, budget))
