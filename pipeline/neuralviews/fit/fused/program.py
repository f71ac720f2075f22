"""The kernel of a shape, compiled for a device and loaded there."""

from collections.abc import Mapping, Sequence
from ctypes import c_int, c_void_p
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import EngineError

__all__ = ["Program", "compiled", "require_bindings"]

_SOURCES = Path(__file__).parent
_OPTIONS = ("-std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")
"""Every operation rounds by itself, keeps subnormal numbers, and is correctly rounded."""


def compiled(macros: Mapping[str, str], capability: tuple[int, int]) -> bytes:
    """The machine code of `fit.cu` for devices of a compute capability, by NVRTC; it needs no device.

    Raises:
        EngineError: cuda-bindings or NVRTC is missing, or knows no such devices.
    """
    nvrtc = _bindings("nvrtc")
    architecture = f"sm_{capability[0]}{capability[1]}"
    options = [f"--gpu-architecture={architecture}", f"--include-path={_SOURCES}", *_OPTIONS]
    options += [f"--define-macro={name}={text}" for name, text in macros.items()]
    text = (_SOURCES / "fit.cu").read_bytes()
    try:
        program = _checked(nvrtc.nvrtcCreateProgram(text, b"fit.cu", 0, None, None))
    except RuntimeError as error:  # how cuda-bindings says that it finds no library
        raise EngineError(f"engine 'cuda': NVRTC does not load ({_line(error)}); {_INSTALL}") from None
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    if status:
        log = bytearray(_checked(nvrtc.nvrtcGetProgramLogSize(program)))
        _checked(nvrtc.nvrtcGetProgramLog(program, log))
        _checked(nvrtc.nvrtcDestroyProgram(program))
        version = ".".join(map(str, _checked(nvrtc.nvrtcVersion())))
        raise EngineError(
            f"engine 'cuda': NVRTC {version} cannot compile for {architecture} "
            f"({_line(log.decode(errors='replace'))}); use a newer NVRTC, or --engine torch"
        )
    code = bytearray(_checked(nvrtc.nvrtcGetCUBINSize(program)))
    _checked(nvrtc.nvrtcGetCUBIN(program, code))
    _checked(nvrtc.nvrtcDestroyProgram(program))
    return bytes(code)


class Program:
    """A kernel loaded on the current device.

    Args:
        code: from `compiled`.
        shared_bytes: shared memory of a block.
    """

    def __init__(self, code: bytes, shared_bytes: int) -> None:
        self._driver = _bindings("driver")
        self._module = _checked(self._driver.cuModuleLoadData(code))
        self._kernel = _checked(self._driver.cuModuleGetFunction(self._module, b"fit"))
        self._shared_bytes = shared_bytes
        attribute = self._driver.CUfunction_attribute
        for name, value in (
            (attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_bytes),
            (attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 100),
        ):
            _checked(self._driver.cuFuncSetAttribute(self._kernel, name, value))

    def launch(
        self,
        blocks: int,
        threads: int,
        stream: int,
        inputs: Sequence[int],
        numbers: Sequence[int],
        outputs: Sequence[int],
    ) -> None:
        """Queue the kernel.

        Args:
            stream: its handle.
            inputs, numbers, outputs: the arguments of `fit.cu` in order: pointers, integers, and pointers.
        """
        arguments = (*inputs, *numbers, *outputs)
        kinds = (c_void_p,) * len(inputs) + (c_int,) * len(numbers) + (c_void_p,) * len(outputs)
        size = (blocks, 1, 1, threads, 1, 1, self._shared_bytes)
        _checked(self._driver.cuLaunchKernel(self._kernel, *size, stream, (arguments, kinds), 0))


def require_bindings() -> None:
    """Raise EngineError unless NVRTC and the driver can be called."""
    for name in ("driver", "nvrtc"):
        _bindings(name)


_INSTALL = "pip install 'neuralviews[cuda]', or use --engine torch"


def _bindings(name: str) -> Any:
    try:
        return import_module(f"cuda.bindings.{name}")
    except ImportError:
        raise EngineError(f"engine 'cuda' needs the package cuda-bindings: {_INSTALL}") from None


def _checked(found: tuple[Any, ...]) -> Any:
    """What a call returned beside its status, which must be success."""
    status, *values = found
    if status:
        raise RuntimeError(f"CUDA error {int(status)} {status.name}")
    return values[0] if len(values) == 1 else tuple(values)


def _line(error: object) -> str:
    """The first line of a text."""
    return next(iter(str(error).strip().splitlines()), "no reason given")[:200]
