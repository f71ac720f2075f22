"""Mean and standard deviation of the weights of a store's training split, exact, and kept beside it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, IntegrityError, OutputError, StoreError
from ..field import MAX_NUMBER, FieldSpec
from ..records import Split, Status
from ..store.canonical import canonical_json, parse_canonical, sha256_hex
from ..store.files import DifferentBytes, publish, read_whole
from ..store.reader import open_store
from ..store.schema import MAX_JSON_BYTES
from .sums import ExactSums

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["STATISTICS_FILE", "Statistics", "kept_statistics", "prove_kept", "tensors", "training_rows"]

STATISTICS_FILE = "statistics.json"
_REMEDY = "remove the file, it is made again when needed"
_BLOCK = 1 << 21  # weights read at once

Floats = NDArray[np.float64]


class _Moments(msgspec.Struct, forbid_unknown_fields=True):
    mean: list[float]
    std: list[float]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["neuralviews-statistics"]
    format_version: Literal[1]
    dataset_id: str
    records: int
    parameters: _Moments
    tensors: _Moments


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments of the weights of the training split, over all views that did not diverge.

    All numbers are exact before one last rounding to float64, so they are the same in any order of
    records. Deviations are those of the population: divided by the count, not by one less.

    Args:
        spec: the shape of the fields.
        dataset_id: of the store.
        records: how many the moments are of.
        mean, std: (P,) float64, of each parameter.
        tensor_mean, tensor_std: (2 L,) float64, of each weight matrix and each bias, ``W_0, b_0, W_1, ...``,
            over all of its entries: permutations of units do not change these.
    """

    spec: FieldSpec
    dataset_id: str
    records: int
    mean: Floats
    std: Floats
    tensor_mean: Floats
    tensor_std: Floats

    @classmethod
    def of(cls, store: "Store | str | Path", rows: NDArray[np.intp] | None = None) -> Self:
        """Work them out.

        Args:
            store: an open store, or its folder.
            rows: some of the `training_rows`, in any order; None for all of them.
        Raises:
            StoreError: the training split has no usable record.
            IntegrityError: a shard is not what was published, or holds weights that are not finite.
        """
        store = open_store(store)
        sums = ExactSums(store.spec.parameters)
        rows = training_rows(store) if rows is None else rows
        step = max(1, _BLOCK // store.spec.parameters)
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            wrong = sums.add(store.weights(block))
            if wrong is not None:
                raise IntegrityError(
                    f"{store.root}: record {block[wrong]} has weights that are not finite; "
                    "make the store again"
                )
        count, (first, second) = sums.rows, sums.totals()
        of_parameters = [_moments(count, *both) for both in zip(first, second, strict=True)]
        of_tensors = [
            _moments(count * (part.stop - part.start), first[part].sum(), second[part].sum())
            for _, part in tensors(store.spec)
        ]
        return cls(store.spec, store.dataset_id, count, *_columns(of_parameters), *_columns(of_tensors))

    @classmethod
    def load(cls, store: "Store") -> Self:
        """Read what `save` wrote into the store's folder, which no checksum covers.

        Raises:
            IntegrityError: there is no such file, or it is not of this store.
        """
        path = store.root / STATISTICS_FILE
        data = read_whole(store.folder, STATISTICS_FILE, MAX_JSON_BYTES)
        try:
            document = msgspec.convert(parse_canonical(data, path), _Document)
        except FormatError:
            raise IntegrityError(f"{path}: found no canonical JSON; {_REMEDY}") from None
        except msgspec.ValidationError as error:
            raise IntegrityError(f"{path}: {error}; {_REMEDY}") from None
        if document.dataset_id != store.dataset_id:
            raise IntegrityError(
                f"{path}: found statistics of dataset {document.dataset_id}, "
                f"expected {store.dataset_id}; {_REMEDY}"
            )
        most = store.manifest.summary.splits[Split.train.name].records
        if not 1 <= document.records <= most:
            raise IntegrityError(
                f"{path}: records: found {document.records}, expected 1 to {most}, those of the training "
                f"split; {_REMEDY}"
            )
        count, tensor_count = store.spec.parameters, len(tensors(store.spec))
        return cls(
            store.spec,
            store.dataset_id,
            document.records,
            *_checked(path, "parameters", document.parameters, count),
            *_checked(path, "tensors", document.tensors, tensor_count),
        )

    def save(self, root: str | Path) -> None:
        """Publish them as ``statistics.json`` in the store's folder; the bytes are the same whoever does.

        Raises:
            IntegrityError: there is such a file with other bytes.
            OutputError: the folder cannot be written to, or `load` would not read so long a file again.
        """
        data = canonical_json(
            {
                "format": "neuralviews-statistics",
                "format_version": 1,
                "dataset_id": self.dataset_id,
                "records": self.records,
                "parameters": {"mean": self.mean.tolist(), "std": self.std.tolist()},
                "tensors": {"mean": self.tensor_mean.tolist(), "std": self.tensor_std.tolist()},
            }
        )
        root = Path(root)
        if len(data) > MAX_JSON_BYTES:
            raise OutputError(
                f"{root / STATISTICS_FILE}: {len(data)} bytes, at most {MAX_JSON_BYTES} can be read again; "
                "work them out when they are needed"
            )
        try:
            publish(root, STATISTICS_FILE, [data], sha256_hex(data))
        except DifferentBytes:
            raise _other_numbers(root) from None

    def per_tensor(self) -> tuple[Floats, Floats]:
        """Mean and deviation of the tensor that each parameter belongs to, (P,) each."""
        sizes = [part.stop - part.start for _, part in tensors(self.spec)]
        return np.repeat(self.tensor_mean, sizes), np.repeat(self.tensor_std, sizes)


def kept_statistics(store: "Store") -> Statistics:
    """Those kept in the store's folder; if there are none, work them out and keep them, if that is possible.

    Raises:
        IntegrityError: the file that is there is not of this store, or a shard is damaged.
        StoreError: the training split has no usable record.
    """
    if os.path.lexists(store.folder / STATISTICS_FILE):
        return Statistics.load(store)
    found = Statistics.of(store)
    with suppress(OutputError):
        found.save(store.folder)
    return found


def prove_kept(store: "Store") -> bool:
    """Whether statistics are kept in the store's folder; those that are there are worked out again.

    Raises:
        IntegrityError: they are other numbers than the store comes to, or a shard is damaged.
    """
    if not os.path.lexists(store.folder / STATISTICS_FILE):
        return False
    kept, found = Statistics.load(store), Statistics.of(store)
    arrays = ("mean", "std", "tensor_mean", "tensor_std")
    same = all(np.array_equal(getattr(kept, name), getattr(found, name)) for name in arrays)
    if not same or kept.records != found.records:
        raise _other_numbers(store.root)
    return True


def _other_numbers(root: Path) -> IntegrityError:
    return IntegrityError(f"{root / STATISTICS_FILE}: found other numbers than the store comes to; {_REMEDY}")


def tensors(spec: FieldSpec) -> tuple[tuple[str, slice], ...]:
    """Name and place in the flat vector of each weight matrix and bias: ``0.weight``, ``0.bias``, ..."""
    return tuple(_tensors(spec))


def _tensors(spec: FieldSpec) -> Iterator[tuple[str, slice]]:
    for index, layer in enumerate(spec.layers):
        yield f"{index}.weight", layer.weight
        yield f"{index}.bias", layer.bias


def training_rows(store: "Store") -> NDArray[np.intp]:
    """The records of the training split that did not diverge, ascending.

    Raises:
        StoreError: there is none.
    """
    train = store.column("split") == Split.train
    rows = np.flatnonzero(train & (store.column("status") != Status.diverged))
    if not len(rows):
        raise StoreError(
            f"{store.root}: found no usable record in the training split, whose statistics these would be "
            f"({int(train.sum())} diverged or rejected); use a store that has one"
        )
    return rows


def _moments(count: int, total: int, squares: int) -> tuple[float, float]:
    """Mean and deviation, each correctly rounded, from sums as `ExactSums.totals` gives them.

    The deviation is the square root of an integer, ``count squares - total**2``, over count units. Its
    root is taken to so many bits that no midpoint of two float64 lies between what is cut off and what is
    kept; a last bit says whether anything was. ``int / int`` of Python is rounded correctly.
    """
    spread = count * squares - total * total
    bits = max(0, 64 + count.bit_length() - spread.bit_length() // 2)
    root = isqrt(spread << 2 * bits)
    cut = root * root != spread << 2 * bits
    return total / (count << 149), (2 * root + cut) / (count << 149 + bits + 1)


def _columns(moments: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    mean, std = np.array(moments, np.float64).T
    return mean.copy(), std.copy()


def _checked(path: Path, name: str, found: _Moments, count: int) -> tuple[Floats, Floats]:
    """The numbers of a file as arrays, all of them ones that float32 weights can have."""
    for key, values in (("mean", found.mean), ("std", found.std)):
        if len(values) != count:
            raise IntegrityError(
                f"{path}: {name}.{key}: found {len(values)} numbers, expected {count}; {_REMEDY}"
            )
    for key, values, least in (("mean", found.mean, -MAX_NUMBER), ("std", found.std, 0)):
        for value in (min(values), max(values)):
            if not least <= value <= MAX_NUMBER:
                raise IntegrityError(
                    f"{path}: {name}.{key}: found {value:g}, expected {least:g} to {MAX_NUMBER:g}; {_REMEDY}"
                )
    return np.array(found.mean, np.float64), np.array(found.std, np.float64)
