"""What a row of a store consists of: the datasets that all its shards have."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..records import AUGMENTED_COLUMNS, COLUMNS, IMPORTED_COLUMNS, SHADOW_COLUMNS, SHAPE_COLUMNS, Records
from .schema import WEIGHTS, column_path

__all__ = ["RowLayout"]


@dataclass(frozen=True)
class RowLayout:
    """Types and widths of the datasets of a store; shards differ in their number of rows only.

    Args:
        parameters: P, the length of a weight vector.
        classes, params: m and k, the widths of the wide columns of augmented records; 0 where records
            were fitted, which have none of the augmented columns.
        repairs: the width of the wide column of fitted shapes; 0 of other records, which have none of the
            columns of shapes.
        attributes: a, the width of the wide column of imported records; 0 of all that do not have it.
        shadow: whether records have the columns of a shadow.
    """

    parameters: int
    classes: int = 0
    params: int = 0
    repairs: int = 0
    attributes: int = 0
    shadow: bool = False

    @classmethod
    def of(cls, records: Records) -> Self:
        """The layout that these records need."""
        columns = records.columns
        names = ("classes", "params", "repairs", "attributes")
        widths = {name: columns[name].shape[1] for name in names if name in columns}
        return cls(records.spec.parameters, **widths, shadow="shadow_psnr" in columns)

    def columns(self) -> dict[str, np.dtype[Any]]:
        """Name -> type of every column."""
        return {
            **COLUMNS,
            **(AUGMENTED_COLUMNS if self.classes else {}),
            **(SHAPE_COLUMNS if self.repairs else {}),
            **(SHADOW_COLUMNS if self.shadow else {}),
            **(IMPORTED_COLUMNS if self.attributes else {}),
        }

    def column_shape(self, name: str, rows: int) -> tuple[int, ...]:
        """(rows,) of most columns, (rows, width) of the wide ones."""
        widths = {
            "classes": self.classes,
            "shares": self.classes,
            "params": self.params,
            "repairs": self.repairs,
            "attributes": self.attributes,
        }
        return (rows, widths[name]) if name in widths else (rows,)

    def types(self) -> dict[str, np.dtype[Any]]:
        """HDF5 path -> type of every dataset of a shard, in the order in which they lie in the file."""
        types = {column_path(name): dtype for name, dtype in self.columns().items()}
        return dict(sorted((types | {WEIGHTS: np.dtype("<f4")}).items()))

    def shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """HDF5 path -> shape of every dataset of a shard of ``rows`` records."""
        shapes = {column_path(name): self.column_shape(name, rows) for name in self.columns()}
        return shapes | {WEIGHTS: (rows, self.parameters)}
