"""The interface of readers: flat weights of fields go in, features or scores of classes come out."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ...data.normalize import Normalization
from ...field import FieldSpec
from ...symmetry.group import Group
from .modules import Linear

__all__ = ["Reader"]


class Reader(nn.Module, ABC):
    """A model that reads fields of one spec.

    A subclass says in its attributes how its input is prepared, and makes its modules from `modules`,
    whose parameters are drawn from a generator: see `registry.build_reader`.

    Args:
        spec: of the fields.
        features: F, how long the vector that `embed` gives is.
        outputs: K, scores that `forward` gives.
    Attributes:
        name: what ``--reader`` calls it.
        summary: one line for tables and help texts.
        source: where the method comes from.
        invariant: the symmetries of fields that change nothing of what it gives; None if there are none.
        normalize: how its input is normalized, as `ViewDataset` does it; None takes weights as they are.
        aligned: whether fields are brought next to the store's mean reference before it reads them.
        hidden: its width unless another one is asked for.
        lr: the learning rate that it is trained with unless another one is asked for.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    invariant: ClassVar[Group | None]
    normalize: ClassVar[Normalization | None] = "layer"
    aligned: ClassVar[bool] = False
    hidden: ClassVar[int]
    lr: ClassVar[float] = 1e-3

    def __init__(self, spec: FieldSpec, features: int, outputs: int) -> None:
        super().__init__()
        self.spec = spec
        self.features = features
        self.head = Linear(features, outputs)

    @classmethod
    def refuses(cls, spec: FieldSpec) -> str | None:
        """Why it cannot read such fields, or None. The reason completes "reader 'x' ..."."""
        del spec
        return None

    @abstractmethod
    def embed(self, weights: Tensor) -> Tensor:
        """Features (B, F) float32 of fields, from their flat weights (B, P) float32, prepared as stated."""

    def forward(self, weights: Tensor) -> Tensor:
        """Scores of the classes (B, K), before any softmax, of flat weights (B, P)."""
        scores: Tensor = self.head(self.embed(weights))
        return scores
