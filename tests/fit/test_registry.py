"""Which engine a name and a device give, and what is said when none fits."""

import subprocess
import sys

import pytest
import torch

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget
from neuralviews.fit.registry import ENGINES, get_engine

SPEC = FieldSpec([2, 32, 32, 1], output_offset=0.5)
SCALED = FieldSpec([2, 32, 32, 1], output_scale=2.0)
BUDGET = Budget(10, 1e-3)


@pytest.mark.parametrize("name", ENGINES)
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
@pytest.mark.parametrize("name", ["auto", "torch"])
def test_other_devices_need_torch(name: str) -> None:
    with pytest.raises(EngineError, match="CUDA was asked for, but this torch"):
        get_engine(name, SPEC, BUDGET, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_auto_takes_torch_for_cuda() -> None:
    assert get_engine("auto", SPEC, BUDGET, "cuda").name == "torch"


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_engines_of_the_cpu_refuse_other_devices(name: str) -> None:
    expected = f"engine '{name}' runs on the CPU only, found device 'cuda'; use --engine torch"
    with pytest.raises(EngineError, match=expected):
        get_engine(name, SPEC, BUDGET, "cuda")


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(EngineError, match="engine: found 'gpu', expected one of auto, cpu, torch, reference"):
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
