"""What a kernel is compiled for, and the memory that it then needs; `layout.cuh` lays that memory out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...draws import MIX_END, MIX_ROUNDS
from ...field import FieldSpec
from ...records import Status
from ...vector.sigmoid import EXP, LN2, LOG2_E, MOST, ONE
from ...vector.sincospi import COS_PI, ROUND_TO_INTEGER, SIN_PI
from ..ordered import Constants

__all__ = ["BLOCK_BYTES", "KernelShape"]

BLOCK_BYTES = 227 << 10
"""The most shared memory that a block has on any GPU so far, of compute capability 9.0."""

_LANES, _TILE, _GAP = 32, 32, 4
_PROCESSOR_BYTES = 228 << 10
"""Shared memory of a multiprocessor from compute capability 9.0; others hold fewer blocks."""
_MIX = {
    **{f"MIX_SHIFT_{i}": f"{shift}" for i, (shift, _) in enumerate(MIX_ROUNDS, 1)},
    **{f"MIX_FACTOR_{i}": f"{factor}ull" for i, (_, factor) in enumerate(MIX_ROUNDS, 1)},
    "MIX_END": f"{MIX_END}",
}


@dataclass(frozen=True)
class KernelShape:
    """A spec and a loss; kernels of equal shapes are the same.

    Args:
        logits: whether fields give the sigmoid of their outputs.
    """

    dims: tuple[int, ...]
    omega: tuple[float, ...]
    logits: bool

    @classmethod
    def of(cls, spec: FieldSpec, logits: bool) -> "KernelShape":
        """The shape of the kernel that fits ``spec``."""
        return cls(tuple(spec.dims), tuple(spec.omega), logits)

    @property
    def warps(self) -> int:
        """Warps of a block: each layer is padded to a whole number of them, the same for all."""
        return -(-max(self.dims[1:-1]) // _LANES)

    @property
    def threads(self) -> int:
        """Threads of a block, one for each unit of a padded layer."""
        return self.warps * _LANES

    @property
    def _rows(self) -> int:
        """Of packed parameters: a row of weights for each input of a layer, and a row of biases."""
        *inputs, _, outputs = self.dims
        return sum(count + 1 for count in inputs) + outputs + 1

    @property
    def shared_bytes(self) -> int:
        """Shared memory of a block."""
        hidden, units, (points, *_, outputs) = len(self.dims) - 2, self.threads, self.dims
        values = max(hidden * units * (_TILE + _GAP), self._rows * units)
        forward = (self._rows - outputs - 1) * units
        back = (hidden - 1) * units * (units + _GAP)
        head = 2 * outputs * units + -(-outputs // 4) * 4
        return 4 * (values + forward + back + head + (points + 2 * outputs) * _TILE)

    @property
    def slab_floats(self) -> int:
        """float32 in global memory of a field that is being fitted."""
        hidden, blocks = len(self.dims) - 2, (len(self.dims) - 3) * self.warps
        gradient = blocks * 32 * self.threads if blocks > 1 else 0
        cosines = (hidden - 1) * _TILE * self.threads if hidden > 2 else 0
        return 4 * self._rows * self.threads + gradient + cosines

    @property
    def _blocks(self) -> int:
        """How many blocks a processor should have at work: its memory has room for them, and each thread for
        168 registers, which no loop of the kernel needs more of."""
        return max(1, min(_PROCESSOR_BYTES // (self.shared_bytes + 1024), 384 // self.threads))

    def macros(self, constants: Constants) -> Mapping[str, str]:
        """What the source takes as given.

        Args:
            constants: of a fit of this spec; its phases and slopes are used.
        """
        return {
            "IN": f"{self.dims[0]}",
            "OUT": f"{self.dims[-1]}",
            "LAYERS": f"{len(self.dims) - 2}",
            "WIDTHS": ", ".join(map(str, self.dims[1:-1])),
            "WARPS": f"{self.warps}",
            "BLOCKS_OF_A_PROCESSOR": f"{self._blocks}",
            "LOGITS": f"{self.logits:d}",
            "PHASES": _literals(constants.phase.tolist()),
            "SLOPES": _literals(constants.slope.tolist()),
            "SIN_PI": _literals(SIN_PI),
            "COS_PI": _literals(COS_PI),
            "ROUND_TO_INTEGER": _literals([ROUND_TO_INTEGER]),
            "EXP": _literals(EXP),
            "LN2": _literals(LN2),
            "LOG2_E": _literals([LOG2_E]),
            "MOST": _literals([MOST]),
            "ONE": f"{ONE}u",
            **_MIX,
            **{status.name.upper(): f"{int(status)}" for status in Status},
        }


def _literals(numbers: Sequence[float]) -> str:
    """Numbers as float32 literals, exactly."""
    return ", ".join(f"{float(np.float32(x)).hex()}f" for x in numbers)
