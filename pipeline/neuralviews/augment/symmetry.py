"""Random elements of the symmetry group: other weights, the same function."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..symmetry.group import GROUP_PARTS, Element, Group, Part
from .base import Augmentation, Parameter
from .batch import Batch, Context
from .settings import check_choice, check_integer, check_number

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["ActByElement", "Permutation", "PhaseShift", "RandomSymmetry", "SignFlip"]

MOST_HALF_TURNS = 1000  # pi k / omega for larger k dwarfs any weight of a SIREN


class ActByElement(Augmentation):
    """An augmentation whose parameters are the parts of a group element that it may change, exactly."""

    exact = True

    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """What is stored of an element; the rest is as in the identity."""

    def parameters(self, context: Context) -> tuple[Parameter, ...]:
        return tuple(Parameter(part, sum(context.spec.dims[1:-1])) for part in self.parts())

    def encode(self, element: Element) -> NDArray[np.float32]:
        """The parameters that stand for an element."""
        return np.concatenate([getattr(element, part) for part in self.parts()], axis=1, dtype=np.float32)

    def apply(self, batch: Batch, params: NDArray[np.float32]) -> Batch:
        identity, hidden = Element.identity(batch.spec, len(batch)), sum(batch.spec.dims[1:-1])
        parts: dict[str, Any] = {}
        with np.errstate(invalid="ignore"):  # what is no integer is no element either, and refused as such
            for place, part in enumerate(self.parts()):
                columns = params[:, place * hidden : (place + 1) * hidden]
                parts[part] = columns.astype(getattr(identity, part).dtype)
        # Parameters may come from a file: replacing parts checks them, before compiled code trusts them.
        return replace(batch, weights=replace(identity, **parts).apply(batch.weights))


@dataclass(frozen=True)
class Permutation(ActByElement):
    """Permute the units of every hidden layer, uniformly."""

    name = "permutation"
    summary = "permute the hidden units of each layer"
    source = "Hecht-Nielsen, On the algebraic structure of feedforward network weight spaces (1990)"

    def parts(self) -> tuple[Part, ...]:
        return GROUP_PARTS["perm"]

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return self.encode(Element.random(batch.spec, draws, "perm"))


@dataclass(frozen=True)
class SignFlip(ActByElement):
    """Negate hidden units: weights and bias that come in, and weights that go out.

    Args:
        p: probability of each unit.
    """

    p: float = 0.5

    name = "sign_flip"
    summary = "negate hidden units, in and out"
    source = "Shamsian et al., Improved Generalization of Weight Space Networks via Augmentations (ICML 2024)"

    def __post_init__(self) -> None:
        check_number(self, "p", 0, 1)

    def parts(self) -> tuple[Part, ...]:
        return ("sign",)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        flipped = draws.choose(self.p, sum(batch.spec.dims[1:-1]))
        return np.where(flipped, -1, 1).astype(np.float32)


@dataclass(frozen=True)
class PhaseShift(ActByElement):
    """Shift hidden units by k half turns: biases by k pi / omega, and weights that go out by (-1)^k.

    The released code of the source draws k uniformly from -4 to 3, which is lopsided and spreads the
    biases over many times their range; the same draws are ``low=-4, high=3`` here.

    Args:
        p: probability of each unit to be shifted.
        low, high: bounds of k, both included.
    """

    p: float = 1.0
    low: int = -1
    high: int = 1

    name = "phase_shift"
    summary = "shift the phases of hidden units by half turns"
    source = "Shamsian et al. (ICML 2024), there with k from -4 to 3"

    def __post_init__(self) -> None:
        check_number(self, "p", 0, 1)
        for name in ("low", "high"):
            check_integer(self, name, -MOST_HALF_TURNS, MOST_HALF_TURNS)
        if self.low > self.high:
            raise OptionError(f"PhaseShift: high: found {self.high}, expected at least low = {self.low}")

    def parts(self) -> tuple[Part, ...]:
        return ("phase",)

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        hidden = sum(batch.spec.dims[1:-1])
        phase = draws.child(1).integers(self.low, self.high, hidden)
        if self.p < 1:
            phase *= draws.child(0).choose(self.p, hidden)
        return phase.astype(np.float32)


@dataclass(frozen=True)
class RandomSymmetry(ActByElement):
    """A random element of the group: permutations and signs uniform, half turns from -max to max.

    Args:
        group: permutations; signs too; phases too.
        max_phase: most half turns either way, for the group ``phase``.
    """

    group: Group = "phase"
    max_phase: int = 1

    name = "random_symmetry"
    summary = "a random element of the symmetry group"
    source = "this project: all symmetries of a SIREN at once"

    def __post_init__(self) -> None:
        check_choice(self, "group", tuple(GROUP_PARTS))
        check_integer(self, "max_phase", 0, MOST_HALF_TURNS)

    def parts(self) -> tuple[Part, ...]:
        return GROUP_PARTS[self.group]

    def sample(self, batch: Batch, draws: "Draws") -> NDArray[np.float32]:
        return self.encode(Element.random(batch.spec, draws, self.group, self.max_phase))
