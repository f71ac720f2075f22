"""Which engine fits: by name, or the fastest that can."""

from ..errors import EngineError
from ..field import FieldSpec
from .engine import Budget, Engine

__all__ = ["ENGINES", "get_engine"]

ENGINES = ("cpu", "torch", "reference")
"""Names of all engines, fastest on a CPU first."""


def get_engine(name: str, spec: FieldSpec, budget: Budget, device: str | None = None) -> Engine:
    """The engine called ``name``, able to fit ``spec`` within ``budget``.

    Args:
        name: one of `ENGINES`, or ``"auto"``: ``cpu`` where it can and no other device is asked for,
            else ``torch``.
        device: a torch device such as ``"cuda"`` or ``"cuda:1"``; None and ``"cpu"`` suit every engine.
    Raises:
        EngineError: no such engine, or it cannot do this; the message names one that can.
    """
    if device is not None and not device.strip():
        raise EngineError(f"device: found {device!r}, expected for example cpu, cuda or cuda:1")
    elsewhere = device is not None and device.partition(":")[0] != "cpu"
    if name == "auto":
        if elsewhere or (cpu := _load("cpu", None)).refuses(spec, budget):
            return _load("torch", device)
        return cpu
    if name not in ENGINES:
        raise EngineError(f"engine: found {name!r}, expected one of auto, {', '.join(ENGINES)}")
    if elsewhere and name != "torch":
        raise EngineError(
            f"engine {name!r} runs on the CPU only, found device {device!r}; use --engine torch"
        )
    engine = _load(name, device)
    if reason := engine.refuses(spec, budget):
        raise EngineError(f"engine {name!r} {reason}")
    return engine


def _load(name: str, device: str | None) -> Engine:
    """Import and make an engine; numba and torch are imported only when used."""
    if name == "cpu":
        from .cpu.engine import CpuEngine

        return CpuEngine()
    if name == "torch":
        from .torch_engine import TorchEngine

        return TorchEngine(device or "cpu")
    from .reference import ReferenceEngine

    return ReferenceEngine()
