"""Torch devices: finding them, telling how they failed, and setting torch so that float32 is float32."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import EngineError

__all__ = ["device_failed", "failure", "find_device", "out_of_memory", "plain_float32"]

_NO_MEMORY = ("CUDA error: out of memory", "CUDA_ERROR_OUT_OF_MEMORY")
"""As the runtime and the driver say it."""
_precision_lock = threading.Lock()
_precision_users: list[str] = []
"""What was set before, once for every thread that is inside `plain_float32`."""


def find_device(name: str) -> torch.device:
    """The device of this name, a CUDA device with its number.

    Raises:
        EngineError: torch knows no such device, or cannot use it.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise EngineError(
            f"device: found {name!r}, expected a torch device such as 'cpu' or 'cuda'"
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(
            f"device {name!r}: CUDA was asked for, but this torch ({torch.__version__}) finds no CUDA "
            "device: install a CUDA build of torch and its driver, or use --device cpu or --engine cpu"
        )
    try:
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # hpu is a module of its own
        raise EngineError(
            f"device {name!r}: torch cannot use it ({_first_sentence(error)}); use --device cpu"
        ) from None
    return device


def out_of_memory(error: BaseException | None) -> bool:
    """Whether this error, or one that it came of, is a GPU's want of memory.

    One during a capture is followed by another, of the capture that it broke.
    """
    while error is not None:
        text = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(way in text for way in _NO_MEMORY):
            return True
        if "CUBLAS_STATUS_ALLOC_FAILED" in text:
            return True
        error = error.__context__
    return False


def failure(error: RuntimeError) -> str | None:
    """How a GPU failed, in a few words; None if this is not the error of a GPU."""
    if isinstance(error, torch.AcceleratorError) or str(error).startswith(
        ("CUDA error", "CUDA driver error")
    ):
        return _first_sentence(error)
    return None


def device_failed(device: object, reason: str) -> EngineError:
    """What is said of a GPU that failed."""
    return EngineError(
        f"device {device} failed ({reason}): finished shards are kept; run the same command again"
    )


def _first_sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].partition(". ")[0]


@contextmanager
def plain_float32() -> Iterator[None]:
    """One CPU thread and no TF32 or bfloat16 in products; what was set before is restored.

    The precision is one setting for all threads: the last that leaves restores it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with _precision_lock:
        _precision_users.append(torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        with _precision_lock:
            before = _precision_users.pop()
            if not _precision_users:
                torch.set_float32_matmul_precision(before)
        torch.set_num_threads(threads)
