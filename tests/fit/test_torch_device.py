"""Devices that are not there, fail or run out of memory, and the settings that all threads share."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from neuralviews.cli.main import main
from neuralviews.errors import EngineError
from neuralviews.fit import torch_engine
from neuralviews.fit.engine import Budget, FitResult
from neuralviews.fit.torch_device import out_of_memory, plain_float32
from neuralviews.fit.torch_engine import LEAST_SLOTS, PROBE_POINTS, TorchEngine
from neuralviews.fit.torch_step import FieldBatch
from neuralviews.store.reader import open_store

from .torch_cases import SPEC, problem, same_bits

BUDGET = Budget(5, 1e-3)
MANY = 64
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has none")


def large_engine() -> TorchEngine:
    engine = TorchEngine()
    engine.slots = engine._most_slots = MANY
    return engine


def fail_above(monkeypatch: pytest.MonkeyPatch, most: int, error: Exception) -> list[int]:
    """Batches of more slots raise; gives the slots of all that were asked for."""
    asked: list[int] = []

    class Failing(FieldBatch):
        def __init__(self, spec, coords, budget, slots, tile, device):  # type: ignore[no-untyped-def]
            asked.append(slots)
            if slots > most and len(coords) != PROBE_POINTS:  # that fit is small
                raise error
            super().__init__(spec, coords, budget, slots, tile, device)

    monkeypatch.setattr(torch_engine, "FieldBatch", Failing)
    return asked


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is present")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_that_is_absent_says_what_to_do(device: str) -> None:
    with pytest.raises(
        EngineError, match=r"CUDA was asked for, but this torch .* use --device cpu or --engine cpu"
    ):
        TorchEngine(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "meta", "hpu", "privateuseone"])
def test_devices_that_torch_lacks_are_one_line(device: str) -> None:
    with pytest.raises(EngineError, match=f"device.*{device}") as caught:
        TorchEngine(device)
    assert "\n" not in str(caught.value)


def test_out_of_memory_goes_on_with_half_the_slots(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inits, signals = problem(SPEC, 40, 70)
    engine = large_engine()
    expected, stated = engine.fit(SPEC, signals, inits, BUDGET), dict(engine.arithmetic)
    asked = fail_above(monkeypatch, 16, FULL)
    found = engine.fit(SPEC, signals, inits, BUDGET)
    assert asked == [64, 32, 32, 16, 16], "each half is probed, then tried"
    again = engine.fit(SPEC, signals, inits, BUDGET)
    assert asked[5:] == [16], "the device has no more memory the next time"
    assert same_bits(found, expected)
    assert same_bits(again, expected)
    assert dict(engine.arithmetic) == stated
    assert capsys.readouterr().err.splitlines() == [
        "device cpu is out of memory for 64 fields at a time: going on with 32",
        "device cpu is out of memory for 32 fields at a time: going on with 16",
    ]


def test_out_of_memory_with_the_fewest_slots_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    inits, signals = problem(SPEC, 40, 2)
    engine = large_engine()
    assert engine.arithmetic["probe"]
    fail_above(monkeypatch, 0, FULL)
    engine.slots = LEAST_SLOTS
    message = (
        "device cpu is out of memory for 16 fields at a time: finished shards are kept; "
        "free its memory and run the same command again"
    )
    with pytest.raises(EngineError, match=f"^{message}$"):
        engine.fit(SPEC, signals, inits, BUDGET)


def test_fewer_slots_that_give_other_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store would have fields of two arithmetics."""
    inits, signals = problem(SPEC, 40, 2)
    engine = large_engine()
    assert engine.arithmetic["probe"]
    fail_above(monkeypatch, 32, FULL)
    monkeypatch.setattr(engine, "_probe_with", lambda slots: f"of {slots}")
    with pytest.raises(EngineError, match="for 64 fields at a time, and gives other bytes with 32") as caught:
        engine.fit(SPEC, signals, inits, BUDGET)
    assert "\n" not in str(caught.value)
    assert engine.slots == 64


def test_threads_that_run_out_of_memory_at_once_halve_the_slots_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inits, signals = problem(SPEC, 40, 9)
    engine = large_engine()
    expected = engine.fit(SPEC, signals, inits, BUDGET)
    assert engine.arithmetic["probe"]
    together = threading.Barrier(3)

    class Full(FieldBatch):
        def __init__(self, spec, coords, budget, slots, tile, device):  # type: ignore[no-untyped-def]
            if slots == MANY:
                together.wait(60)
                raise FULL
            super().__init__(spec, coords, budget, slots, tile, device)

    monkeypatch.setattr(torch_engine, "FieldBatch", Full)
    found = in_threads(3, lambda: engine.fit(SPEC, signals, inits, BUDGET))
    assert all(same_bits(one, expected) for one in found)
    assert engine.slots == MANY // 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def in_threads(count: int, work: Callable[[], FitResult]) -> list[FitResult]:
    found: list[FitResult] = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count
    return found


def test_memory_that_runs_out_in_a_capture_is_told_by_what_broke_it() -> None:
    broken = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    assert not out_of_memory(broken)
    broken.__context__ = FULL
    assert out_of_memory(broken)
    assert out_of_memory(torch.AcceleratorError("CUDA error: out of memory\nCompile with"))
    assert out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"))
    assert not out_of_memory(torch.AcceleratorError("CUDA error: unspecified launch failure"))


@pytest.mark.parametrize("kind", [torch.AcceleratorError, RuntimeError])
def test_a_device_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    inits, signals = problem(SPEC, 40, 2)
    text = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nSearch for `cudaErrorDevices`"
    fail_above(monkeypatch, 0, kind(text))
    message = (
        r"^device cpu failed \(CUDA error: CUDA-capable device\(s\) is/are busy or unavailable\): "
        "finished shards are kept; run the same command again$"
    )
    with pytest.raises(EngineError, match=message):
        TorchEngine().fit(SPEC, signals, inits, BUDGET)


def test_a_defect_is_no_failure_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    inits, signals = problem(SPEC, 40, 2)
    fail_above(monkeypatch, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        TorchEngine().fit(SPEC, signals, inits, BUDGET)


RECIPE = """
name = "tiny"
title = "A few real digits"
seed = 3
views = 2
[source]
kind = "digits"
[field]
dims = [2, 16, 16, 1]
[fit]
steps = 5
lr = 1e-3
[split]
rule = "random"
val = 200
test = 300
[store]
rows_per_shard = 16
"""


def test_a_run_whose_device_fails_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = tmp_path / "tiny.toml", tmp_path / "store"
    recipe.write_text(RECIPE)
    command = [
        "generate",
        str(recipe),
        "--out",
        str(out),
        "--engine",
        "torch",
        "--limit",
        "30",
        "--workers",
        "1",
    ]
    made = []

    class Lost(FieldBatch):
        def __init__(self, *arguments):  # type: ignore[no-untyped-def]
            made.append(1)
            if len(made) > 4:
                raise torch.AcceleratorError("CUDA error: unspecified launch failure\nCompile with")
            super().__init__(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(torch_engine, "FieldBatch", Lost)
        with pytest.raises(SystemExit) as end:
            main(command)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "device cpu failed (CUDA error: unspecified launch failure): finished shards are kept" in said
    assert "Traceback" not in said
    kept = {path: path.stat().st_mtime_ns for path in (out / "shards").glob("*.h5")}
    assert 0 < len(kept) < 4
    with pytest.raises(SystemExit) as end:
        main(command)
    assert not end.value.code
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())
    assert len(open_store(out)) == 60


def test_threads_leave_the_precision_as_they_found_it() -> None:
    """The first that leaves does not let TF32 into the products of the other."""
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        first, second = plain_float32(), plain_float32()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_float32_matmul_precision() == "highest"
        second.__exit__(None, None, None)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_the_engine_needs_numpy_and_torch_alone() -> None:
    program = (
        "import sys\nimport numpy, torch\nbefore = set(sys.modules)\n"
        "import neuralviews.fit.torch_engine\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names) - {'numpy', 'torch'}))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert loaded.split() == ["neuralviews"]
