"""Records: every column of the stated type and length, and rows that stay together."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.mesh.repair import Repairs
from neuralviews.records import (
    AUGMENTED_COLUMNS,
    COLUMNS,
    IMPORTED_COLUMNS,
    NO_IOU,
    NO_LABEL,
    NO_PARENT,
    REPAIRS,
    SHAPE_COLUMNS,
    WIDE_COLUMNS,
    Records,
    ShapeTarget,
    Split,
    Status,
    split_named,
)

SPEC = FieldSpec([2, 4, 1])


def made(count: int = 5) -> Records:
    rng = np.random.default_rng(3)
    columns = {name: rng.integers(0, 100, count).astype(dtype) for name, dtype in COLUMNS.items()}
    return Records(SPEC, rng.normal(size=(count, SPEC.parameters)).astype(np.float32), columns)


def made_copies(count: int = 5, classes: int = 3, params: int = 4) -> Records:
    """Augmented records, of any numbers that the types allow."""
    rng = np.random.default_rng(4)
    base = made(count)
    widths = {"classes": (classes,), "shares": (classes,), "params": (params,)}
    more = {
        name: rng.integers(0, 100, (count, *widths.get(name, ()))).astype(dtype)
        for name, dtype in AUGMENTED_COLUMNS.items()
    }
    return Records(SPEC, base.weights, {**base.columns, **more})


def made_shapes(count: int = 5) -> Records:
    """Records of shapes, of any numbers that the types allow."""
    rng = np.random.default_rng(5)
    base = made(count)
    more = {
        name: rng.integers(0, 100, (count, REPAIRS) if name == "repairs" else count).astype(dtype)
        for name, dtype in SHAPE_COLUMNS.items()
    }
    return Records(SPEC, base.weights, {**base.columns, **more})


def made_with(name: str) -> Records:
    """Records that have this column."""
    return made_copies() if name in AUGMENTED_COLUMNS else made_shapes() if name in SHAPE_COLUMNS else made()


def test_numbers_on_disk_never_change() -> None:
    assert {part.name: int(part) for part in Split} == {"train": 0, "val": 1, "test": 2}
    assert {status.name: int(status) for status in Status} == {
        "converged": 0,
        "budget": 1,
        "diverged": 2,
        "unknown": 3,
    }
    assert NO_LABEL == -1
    assert {name: dtype.str for name, dtype in COLUMNS.items()} == {
        "record_id": "<u8",
        "object_id": "<u4",
        "view": "<u2",
        "seed": "<u8",
        "label": "<i4",
        "split": "|u1",
        "psnr": "<f4",
        "loss": "<f4",
        "steps": "<u4",
        "status": "|u1",
    }
    assert NO_PARENT == 2**64 - 1
    assert {name: dtype.str for name, dtype in AUGMENTED_COLUMNS.items()} == {
        "parent_a": "<u8",
        "parent_b": "<u8",
        "pipeline": "<u2",
        "in_domain": "<f4",
        "psnr_before": "<f4",
        "classes": "<i4",
        "shares": "<f4",
        "params": "<f4",
    }
    assert (NO_IOU, REPAIRS) == (-1, 5)
    assert {target.name: int(target) for target in ShapeTarget} == {"sdf": 0, "udf": 1, "occupancy": 2}
    assert {name: dtype.str for name, dtype in SHAPE_COLUMNS.items()} == {
        "iou": "<f4",
        "surface_error": "<f4",
        "sign_disagreement": "<f4",
        "target": "|u1",
        "repairs": "<u4",
    }
    assert {name: dtype.str for name, dtype in IMPORTED_COLUMNS.items()} == {"attributes": "<f4"}
    assert set(WIDE_COLUMNS) <= {*AUGMENTED_COLUMNS, *SHAPE_COLUMNS, *IMPORTED_COLUMNS}
    assert not {*COLUMNS} & {*AUGMENTED_COLUMNS} | {*SHAPE_COLUMNS} & {*COLUMNS, *AUGMENTED_COLUMNS}
    with pytest.raises(TypeError):
        COLUMNS["more"] = np.dtype("<u1")  # type: ignore[index]


@pytest.mark.parametrize(
    "records", [made(), made_copies(), made_shapes()], ids=["fitted", "copies", "shapes"]
)
@given(rows=st.lists(st.integers(-5, 4), max_size=12))
def test_take_keeps_rows_together(records: Records, rows: list[int]) -> None:
    taken = records.take(np.array(rows, np.int64))
    assert len(taken) == len(rows)
    for new, old in enumerate(rows):
        np.testing.assert_array_equal(taken.weights[new], records.weights[old])
        for name, column in records.columns.items():
            np.testing.assert_array_equal(taken.columns[name][new], column[old])


def test_take_a_slice() -> None:
    records = made()
    np.testing.assert_array_equal(records.take(slice(1, 4)).columns["seed"], records.columns["seed"][1:4])


def test_no_rows_are_records_too() -> None:
    assert len(made(0)) == len(made_copies(0)) == len(made_shapes(0)) == 0


def test_copies_and_shapes_are_told_from_other_records() -> None:
    assert [r.augmented for r in (made(), made_copies(), made_shapes())] == [False, True, False]
    assert [r.shapes for r in (made(), made_copies(), made_shapes())] == [False, False, True]


def test_so_many_repairs_are_counted_as_there_are_columns_for() -> None:
    assert len(Repairs._fields) == REPAIRS


@pytest.mark.parametrize("name", [*COLUMNS, *AUGMENTED_COLUMNS, *SHAPE_COLUMNS])
@pytest.mark.parametrize("fault", ["type", "length", "rank", "missing"])
def test_columns_that_do_not_fit_are_refused(name: str, fault: str) -> None:
    records = made_with(name)
    columns = dict(records.columns)
    column = columns.pop(name)
    if fault != "missing":
        other = np.dtype("<f8") if fault == "type" else column.dtype
        columns[name] = {"type": column.astype(other), "length": column[:4], "rank": column[:, None]}[fault]
    expected = "columns: found" if fault == "missing" else f"column {name}: found"
    with pytest.raises(SpecError, match=expected):
        Records(SPEC, records.weights, columns)


def with_column(name: str, column: Any) -> Records:
    records = made_with(name)
    return Records(SPEC, records.weights, {**records.columns, name: column})


def test_wide_columns_must_fit_each_other() -> None:
    with pytest.raises(SpecError, match=r"column shares: found \(5, 2\), expected \(5, 3\) as of classes"):
        with_column("shares", np.zeros((5, 2), np.float32))
    with pytest.raises(
        SpecError, match=r"column params: found float32 \(5, 0\), expected float32 \(5, at least 1\)"
    ):
        with_column("params", np.zeros((5, 0), np.float32))
    with pytest.raises(
        SpecError, match=r"column params: found float32 \(5,\), expected float32 \(5, at least"
    ):
        with_column("params", np.zeros(5, np.float32))
    with pytest.raises(SpecError, match=r"column repairs: found \(5, 4\), expected \(5, 5\)"):
        with_column("repairs", np.zeros((5, 4), np.uint32))


def test_unknown_columns_are_refused() -> None:
    records = made()
    with pytest.raises(SpecError, match=r"columns: found \[.*'extra'.*\], expected"):
        Records(SPEC, records.weights, {**records.columns, "extra": np.zeros(5)})


def test_no_record_is_a_copy_and_a_fitted_shape() -> None:
    copies, shapes = made_copies(), made_shapes()
    with pytest.raises(SpecError, match="columns: found"):
        Records(SPEC, copies.weights, {**copies.columns, **shapes.columns})


@pytest.mark.parametrize(
    "weights",
    [np.zeros((5, SPEC.parameters)), np.zeros((5, 3), np.float32), np.zeros(SPEC.parameters, np.float32)],
    ids=["float64", "short", "flat"],
)
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    with pytest.raises(SpecError, match=rf"weights: found .*, expected float32 \(n, {SPEC.parameters}\)"):
        Records(SPEC, weights, made().columns)


def test_records_are_told_apart_by_what_they_are() -> None:
    first, second = (made() for _ in range(2))
    assert first == first
    assert first != second
    assert first in [second, first]


@pytest.mark.parametrize("split", [*Split, *Split.__members__])
def test_a_split_is_named_or_given(split: Split | str) -> None:
    assert split_named(split) is (split if isinstance(split, Split) else Split[split])


@pytest.mark.parametrize("split", ["valid", 0, True, None, ["train"], b"train"])
def test_what_names_no_split_is_refused(split: Any) -> None:
    with pytest.raises(
        SpecError, match=rf"^split: found {re.escape(repr(split))}, expected one of train, val, test$"
    ):
        split_named(split)
