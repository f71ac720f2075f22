"""Readers at test: fields as they are in the store, in eval mode, without gradients."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from .fields import Fields
    from .readers.base import Reader

__all__ = ["accuracy", "losses"]

_BLOCK = 512


def accuracy(reader: "Reader", fields: "Fields", index: NDArray[np.int64] | None = None) -> float:
    """The share of fields, as they are in the store, whose class gets the largest score."""
    index = np.arange(len(fields)) if index is None else index
    right = 0
    for part, scores, _ in _scored(reader, fields, index):
        right += int((scores.argmax(dim=1).numpy() == fields.label[part]).sum())
    return right / len(index)


def losses(reader: "Reader", fields: "Fields") -> NDArray[np.float64]:
    """The cross-entropy of every field, as it is in the store, (N,)."""
    found = [
        cross_entropy(scores, target, reduction="none").double().numpy()
        for _, scores, target in _scored(reader, fields, np.arange(len(fields)))
    ]
    return np.concatenate(found)


def _scored(
    reader: "Reader", fields: "Fields", index: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
    reader.eval()
    with torch.no_grad():
        for start in range(0, len(index), _BLOCK):
            part = index[start : start + _BLOCK]
            batch = fields.clean(part)
            yield part, reader(batch.weights), batch.target
    reader.train()
