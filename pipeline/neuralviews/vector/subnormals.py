"""A mode of the processor that changes bits, refused."""

import numpy as np

from ..errors import EngineError

__all__ = ["require_subnormals"]


def require_subnormals(who: str, advice: str) -> None:
    """Refuse a thread that flushes subnormal numbers to zero, as a library built with -ffast-math makes it.

    Args:
        who: begins the message; ``advice`` ends it.
    Raises:
        EngineError: the thread does so.
    """
    smallest = np.finfo(np.float32).smallest_normal
    with np.errstate(under="ignore"):
        half = np.multiply(smallest, np.float32(0.5))
    if half == 0 or np.multiply(half, np.float32(2)) != smallest:
        raise EngineError(
            f"{who}: this thread flushes subnormal numbers to zero, which changes bits of results; "
            f"run where no library built with -ffast-math is loaded{advice}"
        )
