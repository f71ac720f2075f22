"""Readers at test: fields as they are in the store, in eval mode, without gradients."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from .fields import FieldBatch, Fields
    from .readers.base import Reader

__all__ = ["accuracy", "at_test", "losses"]

_BLOCK = 512


def accuracy(reader: "Reader", fields: "Fields", index: NDArray[np.int64] | None = None) -> float:
    """The share of fields, as they are in the store, whose class gets the largest score."""
    index = np.arange(len(fields)) if index is None else index
    told = [reader(batch.weights).argmax(dim=1).numpy() for batch in at_test(reader, fields, index)]
    return int((np.concatenate(told) == fields.label[index]).sum()) / len(index)


def losses(reader: "Reader", fields: "Fields") -> NDArray[np.float64]:
    """The cross-entropy of every field, as it is in the store, (N,)."""
    found = [
        cross_entropy(reader(batch.weights), batch.target, reduction="none").double().numpy()
        for batch in at_test(reader, fields, np.arange(len(fields)))
    ]
    return np.concatenate(found)


def at_test(reader: "Reader", fields: "Fields", index: NDArray[np.int64]) -> Iterator["FieldBatch"]:
    """Batches of fields, as they are in the store, while the reader is in eval mode and nothing is traced."""
    reader.eval()
    with torch.no_grad():
        for start in range(0, len(index), _BLOCK):
            yield fields.clean(index[start : start + _BLOCK])
    reader.train()
