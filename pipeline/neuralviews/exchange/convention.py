"""What decides how a field is rendered, and who says so: weights alone do not tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, SpecError
from ..field import FieldSpec
from ..grids import AxisOrder

if TYPE_CHECKING:
    from ..fit.stated_import import Origin

__all__ = ["CONVENTIONS", "Convention"]

CONVENTIONS = ("omega", "axis_order", "output_offset", "output_scale", "target_range")
"""Names of all conventions, each an attribute of `Convention`."""
_LARGEST = 1e6
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Convention:
    """The conventions of a set of fields; None stands for what nobody has said yet.

    Args:
        omega, axis_order, output_offset, output_scale: see `FieldSpec`.
        target_range: what black and full intensity became in the targets.
        mean, std: of images whose channels were normalised, after that: target = (value - mean) / std.
        origin: name -> who says so; the format, unless another is named.
    """

    omega: float | tuple[float, ...] | None
    axis_order: AxisOrder = "xy"
    output_offset: float = 0.0
    output_scale: float = 1.0
    target_range: tuple[float, float] | None = (0.0, 1.0)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    origin: "Mapping[str, Origin]" = field(default_factory=lambda: MappingProxyType({}))

    def said(self, by: "Origin", **values: Any) -> "Convention":
        """The same but for values that somebody says are others; None says nothing."""
        found = {name: value for name, value in values.items() if value is not None}
        if "target_range" in found:
            found |= {"mean": None, "std": None}
        origin = {**self.origin, **{name: by for name in found if name in CONVENTIONS}}
        return replace(self, **found, origin=origin)

    def spec(self, dims: tuple[int, ...]) -> FieldSpec:
        """The shape of fields of these conventions.

        Raises:
            OptionError: a convention is still open; the message names the option that settles it.
            SpecError: a convention cannot be that of such fields.
        """
        for name in ("omega", "target_range"):
            if getattr(self, name) is None:
                raise OptionError(
                    f"{name}: neither the format nor the files say it; give --{name.replace('_', '-')}"
                )
        assert self.omega is not None
        self._require_possible(dims[-1])
        return FieldSpec(dims, self.omega, self.output_offset, self.output_scale, self.axis_order)

    def _require_possible(self, channels: int) -> None:
        low, high = self.target_range or (0.0, 1.0)
        if not -_LARGEST <= low < high <= _LARGEST:
            raise SpecError(
                f"target_range: found {low:g} to {high:g}, expected low below high, within {_LARGEST:g}"
            )
        if self.mean is None and self.std is None:
            return
        mean, std = self.mean or (), self.std or ()
        sound = all(abs(x) <= _LARGEST for x in mean) and all(_LEAST_DEVIATION <= x <= _LARGEST for x in std)
        if not sound or {len(mean), len(std)} != {channels}:
            raise SpecError(
                f"mean, std: found {list(mean)} and {list(std)}, expected {channels} numbers each, one a "
                "channel"
            )

    def stated(self) -> "dict[str, Origin]":
        """Each convention, and who says so."""
        return {name: self.origin.get(name, "format") for name in CONVENTIONS}
