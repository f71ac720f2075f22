"""Which engine fits: by name, or the fastest that can."""

from ..errors import EngineError
from ..field import FieldSpec
from .engine import Budget, Engine

__all__ = ["ENGINES", "engine_of_job", "get_engine", "is_gpu", "why_torch"]

ENGINES = ("cpu", "cuda", "torch", "reference")
"""Names of all engines; of those that suit a device, the fastest for fields like MNIST's first."""


def get_engine(name: str, spec: FieldSpec, budget: Budget, device: str | None = None) -> Engine:
    """The engine called ``name``, able to fit ``spec`` within ``budget``.

    Args:
        name: one of `ENGINES`, or ``"auto"``: ``cpu`` where it can and no other device is asked for, ``cuda``
            where it can and such a device is, else ``torch``.
        device: a torch device such as ``"cuda"`` or ``"cuda:1"``; None suits every engine, and ``"cpu"`` all
            but ``cuda``.
    Raises:
        EngineError: no such engine, or it cannot do this; the message names one that can.
    """
    if device is not None and not device.strip():
        raise EngineError(f"device: found {device!r}, expected for example cpu, cuda or cuda:1")
    kind = "cpu" if device is None else device.partition(":")[0]
    if name == "auto":
        name = kind if kind in ("cpu", "cuda") else "torch"
        engine = _load(name, device)
        return _load("torch", device) if engine.refuses(spec, budget) else engine
    if name not in ENGINES:
        raise EngineError(f"engine: found {name!r}, expected one of auto, {', '.join(ENGINES)}")
    if kind != "cpu" and name in ("cpu", "reference"):
        raise EngineError(
            f"engine {name!r} runs on the CPU only, found device {device!r}; use --engine auto or torch"
        )
    if name == "cuda" and device is not None and kind != "cuda":
        raise EngineError(f"engine 'cuda' runs on GPUs only, found device {device!r}; use --engine auto")
    engine = _load(name, device)
    if reason := engine.refuses(spec, budget):
        raise EngineError(f"engine {name!r} {reason}")
    return engine


def engine_of_job(name: str, spec: FieldSpec, budget: Budget, device: str | None = None) -> Engine:
    """The engine that computes as a job states: on a GPU, ``cuda`` stands for ``cpu``, whose bytes it gives.

    Args:
        name: the engine of the job's arithmetic.
    Raises:
        EngineError: as `get_engine`.
    """
    return get_engine("cuda" if name == "cpu" and is_gpu(device) else name, spec, budget, device)


def why_torch(engine: Engine, spec: FieldSpec, budget: Budget, device: str | None) -> str | None:
    """One line where ``auto`` took ``torch`` for a GPU, whose bytes are of that model alone; else None."""
    if engine.name != "torch" or not is_gpu(device):
        return None
    reason = _load("cuda", device).refuses(spec, budget)
    return reason and f"device {device!r}: the engine torch fits these fields, as cuda {reason}"


def is_gpu(device: str | None) -> bool:
    """Whether what was asked for is a CUDA device."""
    return device is not None and device.partition(":")[0] == "cuda"


def _load(name: str, device: str | None) -> Engine:
    """Import and make an engine; numba and torch are imported only when used."""
    if name == "cpu":
        from .cpu.engine import CpuEngine

        return CpuEngine()
    if name == "cuda":
        from .fused.engine import CudaEngine

        return CudaEngine(device or "cuda")
    if name == "torch":
        from .torch_engine import TorchEngine

        return TorchEngine(device or "cpu")
    from .reference import ReferenceEngine

    return ReferenceEngine()
