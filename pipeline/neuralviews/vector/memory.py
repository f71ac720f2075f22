"""Work space for compiled code: arrays that begin on cache lines, so that vectors do not straddle two."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned_arrays"]

LINE = 64 // 4
"""Float32 numbers in a cache line, which is also the widest vector."""


def aligned_arrays(lengths: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
    """One flat float32 array of zeros per name, all in one piece of memory."""
    spans = {name: -(-length // LINE) * LINE for name, length in lengths.items()}
    memory = np.zeros(sum(spans.values()) + LINE, np.float32)
    at = -(memory.ctypes.data // 4) % LINE
    arrays = {}
    for name, span in spans.items():
        arrays[name] = memory[at : at + lengths[name]]
        at += span
    return arrays
