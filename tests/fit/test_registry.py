"""Which engine a name and a device give, and what is said when none fits."""

import subprocess
import sys

import pytest
import torch

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit import registry
from neuralviews.fit.engine import Budget, Engine
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.fit.registry import ENGINES, engine_of_job, get_engine, why_torch
from neuralviews.fit.torch_engine import TorchEngine

SPEC = FieldSpec([2, 32, 32, 1], output_offset=0.5)
SCALED = FieldSpec([2, 32, 32, 1], output_scale=2.0)
WIDE = FieldSpec([2, 512, 512, 1])
BUDGET = Budget(10, 1e-3)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "cuda"])
def test_names_give_their_engines(name: str) -> None:
    engine = get_engine(name, SPEC, BUDGET)
    assert engine.name == name
    assert get_engine(name, SPEC, BUDGET, device="cpu").name == name


@pytest.mark.parametrize(
    ("spec", "device", "expected"), [(SPEC, None, "cpu"), (SPEC, "cpu", "cpu"), (SCALED, None, "torch")]
)
def test_auto_takes_the_fastest_that_can(spec: FieldSpec, device: str | None, expected: str) -> None:
    assert get_engine("auto", spec, BUDGET, device).name == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is present")
@pytest.mark.parametrize("name", ["auto", "cuda", "torch"])
def test_gpus_need_a_torch_that_finds_them(name: str) -> None:
    with pytest.raises(EngineError, match="CUDA was asked for, but this torch"):
        get_engine(name, SPEC, BUDGET, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize(("spec", "expected"), [(SPEC, "cuda"), (SCALED, "torch"), (WIDE, "torch")])
def test_auto_takes_the_fastest_of_a_gpu(spec: FieldSpec, expected: str) -> None:
    engine = get_engine("auto", spec, BUDGET, "cuda")
    assert engine.name == expected
    notice = why_torch(engine, spec, BUDGET, "cuda")
    assert (notice is None) == (expected == "cuda")


def test_a_gpu_stands_for_the_cpu_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def load(name: str, device: str | None) -> Engine:
        asked.append((name, device))
        return ReferenceEngine()

    monkeypatch.setattr(registry, "_load", load)
    for device in (None, "cpu", "cuda", "cuda:1"):
        engine_of_job("cpu", SPEC, BUDGET, device)
    engine_of_job("torch", SPEC, BUDGET, "cuda")
    assert asked == [("cpu", None), ("cpu", "cpu"), ("cuda", "cuda"), ("cuda", "cuda:1"), ("torch", "cuda")]


def test_a_gpu_that_torch_must_serve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fused(ReferenceEngine):
        def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
            return "is too small: use --engine torch" if spec == SCALED else None

    monkeypatch.setattr(registry, "_load", lambda name, _: Fused() if name == "cuda" else TorchEngine("cpu"))
    engine = get_engine("auto", SCALED, BUDGET, "cuda:1")
    assert engine.name == "torch"
    assert why_torch(engine, SCALED, BUDGET, "cuda:1") == (
        "device 'cuda:1': the engine torch fits these fields, as cuda is too small: use --engine torch"
    )
    assert why_torch(engine, SCALED, BUDGET, None) is None
    assert why_torch(get_engine("auto", SPEC, BUDGET, "cuda"), SPEC, BUDGET, "cuda") is None


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_engines_of_the_cpu_refuse_other_devices(name: str) -> None:
    expected = f"engine '{name}' runs on the CPU only, found device 'cuda'; use --engine auto or torch"
    with pytest.raises(EngineError, match=expected):
        get_engine(name, SPEC, BUDGET, "cuda")


def test_the_engine_of_gpus_refuses_the_cpu() -> None:
    with pytest.raises(
        EngineError, match="engine 'cuda' runs on GPUs only, found device 'cpu'; use --engine auto"
    ):
        get_engine("cuda", SPEC, BUDGET, "cpu")


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(
        EngineError, match="engine: found 'gpu', expected one of auto, cpu, cuda, torch, reference"
    ):
        get_engine("gpu", SPEC, BUDGET)


def test_an_engine_that_cannot_names_one_that_can() -> None:
    with pytest.raises(EngineError, match=r"engine 'cpu' .*output_scale.*torch"):
        get_engine("cpu", SCALED, BUDGET)


def test_libraries_are_imported_only_when_used() -> None:
    program = (
        "import sys\n"
        "from neuralviews.fit.registry import get_engine\n"
        "assert not {'torch', 'numba'} & set(sys.modules)\n"
        "from neuralviews.field import FieldSpec\n"
        "from neuralviews.fit.engine import Budget\n"
        "get_engine('reference', FieldSpec([2, 8, 1]), Budget(1, 1e-3))\n"
        "assert not {'torch', 'numba'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
