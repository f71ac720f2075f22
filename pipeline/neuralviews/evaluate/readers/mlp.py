"""A multilayer perceptron on flat weights, which knows nothing of symmetries: the baseline."""

from typing import ClassVar

from torch import Tensor, nn

from ...data.normalize import Normalization
from ...field import FieldSpec
from ...symmetry.group import Group
from .base import Reader
from .modules import Linear

__all__ = ["AlignedMlp", "Mlp"]

LAYERS = 3


class Mlp(Reader):
    """Flat weights through three hidden layers, each of ReLU and batch normalization.

    Its input is brought to mean 0 and deviation 1 a parameter, over the batch in training and over past
    batches else: the scale of weights does not matter to it.

    Args:
        hidden: width of each hidden layer.
    """

    name: ClassVar[str] = "mlp"
    summary: ClassVar[str] = "a multilayer perceptron on flat weights"
    source: ClassVar[str] = "the baseline of Navon et al., Equivariant Architectures, ICML 2023"
    invariant: ClassVar[Group | None] = None
    normalize: ClassVar[Normalization | None] = "layer"
    hidden: ClassVar[int] = 128
    lr: ClassVar[float] = 1e-3

    def __init__(self, spec: FieldSpec, *, hidden: int, outputs: int) -> None:
        super().__init__(spec, hidden, outputs)
        # What follows is linear: factors and shifts of the normalization would change nothing.
        parts: list[nn.Module] = [nn.BatchNorm1d(spec.parameters, affine=False)]
        width = spec.parameters
        for _ in range(LAYERS):
            parts += [Linear(width, hidden), nn.ReLU(), nn.BatchNorm1d(hidden, affine=False)]
            width = hidden
        self.body = nn.Sequential(*parts)

    def embed(self, weights: Tensor) -> Tensor:
        """The last hidden layer, F = hidden."""
        features: Tensor = self.body(weights)
        return features


class AlignedMlp(Mlp):
    """`Mlp` on fields that were brought next to one reference first, over all symmetries."""

    name: ClassVar[str] = "mlp-aligned"
    summary: ClassVar[str] = "mlp on fields aligned to the mean of those trained on"
    source: ClassVar[str] = "weight matching: Ainsworth et al., Git Re-Basin, ICLR 2023"
    aligned: ClassVar[bool] = True
