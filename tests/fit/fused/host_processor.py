"""Runs kernels on the host: their source, compiled by g++, with the threads of a block as fibres."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neuralviews.fit.fused as fused
from neuralviews.fit.fused.kernel import Fitted, Task
from neuralviews.fit.fused.shape import KernelShape

SOURCES, HERE = Path(fused.__file__).parent, Path(__file__).parent
COMPILER = ("g++", "-std=c++17", "-O1", "-ffp-contract=off", "-w", "-shared", "-fPIC")
CPU = ("-mfma",) if os.uname().machine == "x86_64" else ()
POINTERS = ("coords", "values", "inits", "streams", "sizes", "corrections", "scalars")
NUMBERS = ("count", "batch", "steps", "keep_best")
_one_block = threading.Lock()
"""A library has the memory and the fibres of one block."""
OUTPUTS = ("slabs", "weights", "squares", "updates", "status")


class Arguments(ctypes.Structure):
    """Those of `fit.cu`, as `host.cpp` has them."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in POINTERS),
        *((name, ctypes.c_int) for name in NUMBERS),
        *((name, ctypes.c_void_p) for name in OUTPUTS),
    )


class HostKernel:
    """A kernel as a library of the host.

    Args:
        seed: of the order in which threads run between barriers.
    """

    def __init__(self, library: ctypes.CDLL, seed: int) -> None:
        self.library, self._seed = library, seed

    def run(self, task: Task) -> Fitted:
        fields = len(task.inits)
        slabs = np.full((fields, self.library.slab_floats()), np.nan, np.float32)
        found = Fitted(
            np.full(task.inits.shape, np.nan, np.float32),
            np.full(fields, np.nan, np.float32),
            np.full(fields, 99, np.uint32),
            np.full(fields, 99, np.uint32),
        )
        kept = [getattr(task, name) for name in POINTERS]
        kept = [None if array is None else np.ascontiguousarray(array) for array in kept]
        outputs = (slabs, found.weights, found.squares, found.steps, found.status)
        numbers = [int(getattr(task, name)) for name in NUMBERS]
        arguments = Arguments(*map(_address, kept), *numbers, *map(_address, outputs))
        with _one_block:
            self.library.run(ctypes.byref(arguments), fields, ctypes.c_uint64(self._seed))
        return found


class HostProcessor:
    """Compiles kernels with g++; tests that need it are skipped where there is none."""

    name, shared_bytes = "host", 232448

    def __init__(self, seed: int = 1) -> None:
        if shutil.which("g++") is None:
            pytest.skip("there is no g++ to compile the kernel's source with")
        self._seed = seed

    def load(self, shape: KernelShape, macros: Mapping[str, str]) -> HostKernel:
        return HostKernel(ctypes.CDLL(str(_library(macros))), self._seed)


def _address(array: NDArray[np.generic] | None) -> int | None:
    return None if array is None else array.ctypes.data


def _library(macros: Mapping[str, str]) -> Path:
    """The compiled library, which all processes of a test run share."""
    defined = "".join(f"#define {name} {text}\n" for name, text in macros.items())
    texts = [path.read_bytes() for path in sorted([*SOURCES.glob("*.cu*"), *HERE.glob("host*")])]
    digest = hashlib.sha256(b"\0".join([*texts, defined.encode()])).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"neuralviews-host-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"{digest}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            header, made = Path(scratch) / "macros.h", Path(scratch) / "made.so"
            header.write_text(defined)
            given = (f"-I{SOURCES}", f"-I{HERE}", "-include", header, "-o", made, HERE / "host.cpp")
            subprocess.run([*COMPILER, *CPU, *given], check=True)
            made.replace(library)
    return library
