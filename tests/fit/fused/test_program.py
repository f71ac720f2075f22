"""The kernel compiles for GPUs, old and new; what is missing for that is said in a line."""

from importlib import import_module
from typing import Any

import pytest

from neuralviews.errors import EngineError
from neuralviews.fit.engine import Budget
from neuralviews.fit.fused import program
from neuralviews.fit.fused.program import compiled, require_bindings
from neuralviews.fit.fused.shape import KernelShape
from neuralviews.fit.ordered import Constants

from .cases import SPECS, problem


def macros(name: str, logits: bool = False) -> dict[str, str]:
    signals, _ = problem(SPECS[name], 3)
    constants = Constants.of(SPECS[name], signals, Budget(1, 1.0))
    return dict(KernelShape.of(SPECS[name], logits).macros(constants))


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0), (12, 0)])
@pytest.mark.parametrize("name", ["a recipe of images", "a recipe of shapes"])
def test_it_compiles_without_a_gpu(name: str, capability: tuple[int, int]) -> None:
    assert compiled(macros(name), capability).startswith(b"\x7fELF")


@pytest.mark.parametrize("name", ["four warps", "one coordinate"])
def test_it_compiles_for_other_shapes(name: str) -> None:
    assert compiled(macros(name, logits=True), (9, 0)).startswith(b"\x7fELF")


def test_a_gpu_that_nvrtc_does_not_know_is_a_line() -> None:
    with pytest.raises(
        EngineError,
        match=r"engine 'cuda': NVRTC \d+\.\d+ cannot compile for sm_999 \(.*\); use a newer NVRTC, or --eng",
    ) as caught:
        compiled(macros("one coordinate"), (99, 9))
    assert "\n" not in str(caught.value)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(program, "import_module", absent)
    expected = r"needs the package cuda-bindings: pip install 'neuralviews\[cuda\]', or use --engine torch"
    with pytest.raises(EngineError, match=expected):
        require_bindings()


def test_an_nvrtc_that_does_not_load_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    nvrtc = import_module("cuda.bindings.nvrtc")

    def fails(*given: object) -> Any:
        raise RuntimeError("Failure finding libnvrtc.so: no such file\nin any of these places")

    monkeypatch.setattr(nvrtc, "nvrtcCreateProgram", fails)
    with pytest.raises(
        EngineError, match=r"NVRTC does not load \(Failure finding libnvrtc.so: no such file\); pip"
    ):
        compiled(macros("one coordinate"), (9, 0))
