"""Records: every column of the stated type and length, and rows that stay together."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import COLUMNS, NO_LABEL, Records, Split, Status

SPEC = FieldSpec([2, 4, 1])


def made(count: int = 5) -> Records:
    rng = np.random.default_rng(3)
    columns = {name: rng.integers(0, 100, count).astype(dtype) for name, dtype in COLUMNS.items()}
    return Records(SPEC, rng.normal(size=(count, SPEC.parameters)).astype(np.float32), columns)


def test_numbers_on_disk_never_change() -> None:
    assert {part.name: int(part) for part in Split} == {"train": 0, "val": 1, "test": 2}
    assert {status.name: int(status) for status in Status} == {"converged": 0, "budget": 1, "diverged": 2}
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
    with pytest.raises(TypeError):
        COLUMNS["more"] = np.dtype("<u1")  # type: ignore[index]


@given(st.lists(st.integers(-5, 4), max_size=12))
def test_take_keeps_rows_together(rows: list[int]) -> None:
    records = made()
    taken = records.take(np.array(rows, np.int64))
    assert len(taken) == len(rows)
    for new, old in enumerate(rows):
        np.testing.assert_array_equal(taken.weights[new], records.weights[old])
        assert all(taken.columns[name][new] == records.columns[name][old] for name in COLUMNS)


def test_take_a_slice() -> None:
    records = made()
    np.testing.assert_array_equal(records.take(slice(1, 4)).columns["seed"], records.columns["seed"][1:4])


def test_no_rows_are_records_too() -> None:
    assert len(made(0)) == 0


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("fault", ["type", "length", "rank", "missing"])
def test_columns_that_do_not_fit_are_refused(name: str, fault: str) -> None:
    records = made()
    columns = dict(records.columns)
    column = columns.pop(name)
    if fault != "missing":
        other = np.dtype("<f8") if fault == "type" else column.dtype
        columns[name] = {"type": column.astype(other), "length": column[:4], "rank": column[:, None]}[fault]
    expected = "columns: found" if fault == "missing" else f"column {name}: found"
    with pytest.raises(SpecError, match=expected):
        Records(SPEC, records.weights, columns)


def test_unknown_columns_are_refused() -> None:
    records = made()
    with pytest.raises(SpecError, match=r"columns: found \[.*'extra'.*\], expected"):
        Records(SPEC, records.weights, {**records.columns, "extra": np.zeros(5)})


@pytest.mark.parametrize(
    "weights",
    [np.zeros((5, SPEC.parameters)), np.zeros((5, 3), np.float32), np.zeros(SPEC.parameters, np.float32)],
    ids=["float64", "short", "flat"],
)
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    with pytest.raises(SpecError, match=rf"weights: found .*, expected float32 \(n, {SPEC.parameters}\)"):
        Records(SPEC, weights, made().columns)
