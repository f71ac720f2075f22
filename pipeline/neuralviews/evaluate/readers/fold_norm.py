"""Batch normalization of features, and of a linear map before it is applied."""

import torch
from torch import Tensor, nn

from .pair_map import Pair

__all__ = ["FeatureNorm", "FoldedNorm"]


class FeatureNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over all but the last axis, which holds the features."""

    def draw(self, generator: torch.Generator) -> None:
        """Factors 1, shifts 0, and no past batch: nothing is random."""
        del generator
        self.reset_parameters()

    def forward(self, values: Tensor) -> Tensor:
        """Normalize (B, units, F), or (B, F)."""
        if values.dim() == 2:
            return super().forward(values)
        # Features last is a layout that torch knows of images only; as a matrix it takes five times as long.
        images = values.contiguous().unsqueeze(2).permute(0, 3, 1, 2)
        return super().forward(images).permute(0, 2, 3, 1).squeeze(2)

    def _check_input_dim(self, values: Tensor) -> None:
        """Any number of axes will do."""


class FoldedNorm(FeatureNorm):
    """Batch normalization of ``values @ weight + rows + columns``, without the sum itself.

    The sum is linear in all three: its mean and variance follow from means that are at hand, and its
    normalization is a factor and a shift of them. That saves passes over the largest tensors of a reader.
    """

    def fold(
        self, pair: Pair, weight: Tensor, rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What to give to `map_pair`, so that it gives what is normalized; arguments as it takes them."""
        if self.training:
            mean, variance = _moments(pair, weight, rows, columns)
            self._remember(mean, variance, pair.entries)
        else:
            assert self.running_mean is not None
            assert self.running_var is not None
            mean, variance = self.running_mean, self.running_var
        factor = self.weight * torch.rsqrt(variance + self.eps)
        return weight * factor, torch.addcmul(self.bias - mean * factor, rows, factor), columns * factor

    def _remember(self, mean: Tensor, variance: Tensor, numbers: int) -> None:
        """Update the running statistics as torch does, with the unbiased variance."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (numbers / max(numbers - 1, 1)), self.momentum)


def _moments(pair: Pair, weight: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (G,) of the sum over batch, outputs and inputs."""
    assert pair.products is not None
    center = pair.rows.mean((0, 1))
    row_center, column_center = rows.mean((0, 1)), columns.mean((0, 1))
    rows, columns = rows - row_center, columns - column_center
    covariance = pair.products - center[:, None] * center
    joint = torch.einsum("bnf,bng->fg", pair.rows, rows) / rows[..., 0].numel()
    joint = joint + torch.einsum("bmf,bmg->fg", pair.columns, columns) / columns[..., 0].numel()
    variance = ((covariance @ weight + 2 * joint) * weight).sum(0)
    variance = variance + rows.square().mean((0, 1)) + columns.square().mean((0, 1))
    variance = variance + 2 * (rows.mean(1) * columns.mean(1)).mean(0)
    return center @ weight + row_center + column_center, variance.clamp_min(0)
