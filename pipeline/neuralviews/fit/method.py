"""What a fit may do beside plain fitting; an engine that knows none of it refuses such budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import SpecError

if TYPE_CHECKING:
    from ..field import FieldSpec

__all__ = ["Method", "Scope", "ShadowKind", "method_words", "plain_only"]

ShadowKind = Literal["int8", "fp16"]


@dataclass(frozen=True)
class Scope:
    """Where the weights of each layer should lie, see `scope.scope_penalty`.

    Args:
        weight: factor of the penalty in the loss.
        mean, sd: of each weight matrix, input to output; biases have none.
    """

    weight: float
    mean: tuple[float, ...]
    sd: tuple[float, ...]


@dataclass(frozen=True)
class Method:
    """What is done beside plain fitting.

    Args:
        sigma: see `damp.damp_factors`.
        scope: see `scope.scope_penalty`; goes with any of the others.
        shadow: see `shadow.shadow_weights`.
    Raises:
        SpecError: nothing is asked for, sigma is not in (0, 1], or stands beside a shadow: which of the two
            comes first is not defined.
    """

    sigma: float | None = None
    scope: Scope | None = None
    shadow: ShadowKind | None = None

    def __post_init__(self) -> None:
        if not self.names:
            raise SpecError("method: found neither robust, scope nor shadow, expected one of them")
        if self.sigma is not None and not 0 < self.sigma <= 1:
            raise SpecError(f"method: found sigma {self.sigma}, expected a number above 0, at most 1")
        if self.sigma is not None and self.shadow is not None:
            raise SpecError("method: found robust beside shadow, expected one of them")

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of a recipe's table ``fit`` that ask for this."""
        asked = {"robust": self.sigma, "scope": self.scope, "shadow": self.shadow}
        return tuple(name for name, value in asked.items() if value is not None)

    @property
    def changes(self) -> bool:
        """Whether steps see other numbers than the weights: their loss then is not that of the weights."""
        return self.sigma is not None or self.shadow is not None

    def require(self, spec: "FieldSpec") -> None:
        """Raise SpecError unless fields of this spec can be fitted so."""
        if self.scope is None:
            return
        for name in ("mean", "sd"):
            if (found := len(getattr(self.scope, name))) != len(spec.layers):
                raise SpecError(f"scope: found {found} numbers of {name}, expected {len(spec.layers)}")
        if min(layer.fan_in * layer.fan_out for layer in spec.layers) < 2:
            raise SpecError(f"scope: found dims {list(spec.dims)}, expected layers of 2 weights or more")


def plain_only(method: Method | None) -> str | None:
    """Why an engine that fits plainly alone refuses a budget; completes "engine 'x' ..."."""
    if method is None:
        return None
    asked = " and ".join(f"fit.{name}" for name in method.names)
    return f"fits without {asked} only: use --engine torch"


def method_words(fit: Mapping[str, Any]) -> str:
    """What the table ``fit`` of a canonical recipe does beside plain fitting, in words; empty if nothing."""
    told = []
    if robust := fit.get("robust"):
        told.append(f"under noise of {robust['sigma']:g} times the weights ({robust['kind']})")
    if scope := fit.get("scope"):
        told.append(f"towards a common scope, weight {scope['weight']:g}")
    if shadow := fit.get("shadow"):
        told.append(f"through {shadow} weights")
    return ", ".join(told)
