"""The costly step of an equivariant layer: a linear map of a weight matrix, ReLU, and the means of both."""

from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["Pair", "map_pair"]

BLOCK_NUMBERS = 1 << 18
"""Numbers of a block: a megabyte, so that every step but the first finds them in the cache."""


class Pair(NamedTuple):
    """A weight matrix with features, and its means, which the next layer needs.

    Args:
        blocks: runs of records, (b, n, m, F) each, B records in all; n outputs, m inputs. They stay apart,
            as the memory of a large tensor is taken from the system anew for each batch, which takes time.
        rows: (B, n, F), means over the inputs.
        columns: (B, m, F), means over the outputs.
        products: (F, F), the mean over batch, outputs and inputs of the products of two features; None if
            nothing needs it.
    """

    blocks: tuple[Tensor, ...]
    rows: Tensor
    columns: Tensor
    products: Tensor | None

    @classmethod
    def of(cls, values: Tensor, width: int) -> "Pair":
        """Take (B, n, m, F) apart, for maps to ``width`` features."""
        flat = values.reshape(-1, values.shape[-1])
        records = max(1, BLOCK_NUMBERS // (values.shape[1] * values.shape[2] * width))
        blocks = torch.split(values, records)
        return cls(blocks, values.mean(2), values.mean(1), flat.T @ flat / len(flat))

    @property
    def entries(self) -> int:
        """Of the matrices of all records."""
        return self.rows[..., 0].numel() * self.columns.shape[1]


def map_pair(pair: Pair, weight: Tensor, rows: Tensor, columns: Tensor, *, products: bool) -> Pair:
    """``relu(values @ weight + rows + columns)``.

    Args:
        weight: (F, G).
        rows: (B, n, G), the same for all inputs of an output.
        columns: (B, m, G), the same for all outputs of an input.
        products: whether to compute those of the result.
    """
    mapped = _MapPair.apply(products, weight, rows, columns, *pair.blocks)  # type: ignore[no-untyped-call]
    row_means, column_means, means, *blocks = cast(tuple[Tensor, ...], mapped)
    return Pair(tuple(blocks), row_means, column_means, means if products else None)


class _MapPair(Function):
    """Block by block both ways: a chain of modules passes over memory thrice as often.

    The gradients of the means and of the products are added to those of the values here, in the cache.
    """

    @staticmethod
    def forward(
        ctx: Any, wanted: bool, weight: Tensor, rows: Tensor, columns: Tensor, *blocks: Tensor
    ) -> tuple[Tensor, ...]:
        batch, n, width = rows.shape
        m = columns.shape[1]
        row_means, column_means = rows.new_empty(rows.shape), rows.new_empty(columns.shape)
        products, mapped = rows.new_zeros(width, width), []
        for values, at in zip(blocks, _places(blocks), strict=True):
            part = values.new_empty(*values.shape[:-1], width)
            flat = part.view(-1, width)
            torch.add(rows[at, :, None], columns[at, None], out=part)
            flat.addmm_(values.reshape(-1, len(weight)), weight).relu_()
            torch.sum(part, 2, out=row_means[at])
            torch.sum(part, 1, out=column_means[at])
            if wanted:
                products.addmm_(flat.T, flat)
            mapped.append(part)
        ctx.save_for_backward(weight, *blocks, *mapped)
        ctx.set_materialize_grads(False)
        return row_means.div_(m), column_means.div_(n), products.div_(batch * n * m), *mapped

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        d_rows: Tensor | None,
        d_columns: Tensor | None,
        d_products: Tensor | None,
        *d_mapped: Tensor,
    ) -> tuple[Tensor | None, ...]:
        weight, *saved = ctx.saved_tensors
        blocks, mapped = saved[: len(d_mapped)], saved[len(d_mapped) :]
        places = _places(blocks)
        batch, (n, m, width) = places[-1].stop, mapped[0].shape[1:]
        d_rows = weight.new_zeros(batch, n, width) if d_rows is None else (d_rows / m).contiguous()
        d_columns = weight.new_zeros(batch, m, width) if d_columns is None else (d_columns / n).contiguous()
        if d_products is not None:
            d_products = (d_products + d_products.T) / (batch * n * m)
        to_weight = weight.new_zeros(weight.shape)
        to_rows, to_columns = weight.new_empty(d_rows.shape), weight.new_empty(d_columns.shape)
        to_blocks: list[Tensor | None] = [None] * len(blocks)
        work = torch.empty_like(mapped[0])
        for k, (values, found, at) in enumerate(zip(blocks, mapped, places, strict=True)):
            part = work[: len(found)]
            flat = part.view(-1, width)
            torch.add(d_rows[at, :, None], d_columns[at, None], out=part)
            if d_mapped[k] is not None:
                part += d_mapped[k]
            if d_products is not None:
                flat.addmm_(found.view(-1, width), d_products)
            # Of ReLU: what it gave says where it was open.
            torch.ops.aten.threshold_backward.grad_input(part, found, 0, grad_input=part)
            torch.sum(part, 2, out=to_rows[at])
            torch.sum(part, 1, out=to_columns[at])
            to_weight.addmm_(values.reshape(-1, len(weight)).T, flat)
            if ctx.needs_input_grad[4 + k]:
                to_blocks[k] = (flat @ weight.T).view(values.shape)
        return None, to_weight, to_rows, to_columns, *to_blocks


def _places(blocks: tuple[Tensor, ...] | list[Tensor]) -> list[slice]:
    """Where the records of each block lie in the batch."""
    ends = [0]
    for block in blocks:
        ends.append(ends[-1] + len(block))
    return [slice(start, stop) for start, stop in pairwise(ends)]
