"""Records that no store can have, or that are not those of before, are not published."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import IntegrityError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Records, Status
from neuralviews.store.writer import StoreWriter

from .stores import (
    commit,
    contents,
    make_copies,
    make_copies_job,
    make_records,
    make_shapes,
    make_shapes_job,
)


def changed(records: Records, name: str, row: int, value: Any) -> Records:
    column = records.columns[name].copy()
    column[row] = value
    return dataclasses.replace(records, columns={**records.columns, name: column})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("record_id", 7, "record_id does not run from 32 to 63"),
        ("split", 3, "split of record 34 is 3, expected 0 to 2"),
        ("status", 9, "status of record 34 is 9, expected 0 to 2"),
        ("psnr", np.nan, "psnr of record 34 is nan, expected -1000 to 999"),
        ("psnr", 1e30, r"psnr of record 34 is 1e\+30, expected -1000 to 999"),
        ("label", -2, "label of record 34 is -2, expected -1 to 1048575"),
        ("label", 1 << 20, "label of record 34 is 1048576, expected -1 to 1048575"),
        ("loss", np.inf, "loss of record 34 is inf, expected 0 to "),
        ("loss", -1e-9, "loss of record 34 is -1e-09, expected 0 to "),
        ("loss", np.finfo("f4").max, "loss of record 34 is the largest float32, which only a diverged"),
    ],
)
def test_impossible_columns_are_not_published(
    writer: StoreWriter, name: str, value: Any, message: str
) -> None:
    records = changed(make_records(writer.row_range(1)), name, 2, value)
    with pytest.raises(SpecError, match=f"shard 1: {message}"):
        writer.commit(1, records)
    assert list(contents(writer.root)) == ["job.json"]


def test_a_diverged_record_may_have_no_finite_loss(writer: StoreWriter) -> None:
    records = changed(make_records(writer.row_range(1)), "loss", 5, np.finfo("f4").max)
    assert records.columns["status"][5] == Status.diverged
    writer.commit(1, records)
    assert writer.is_done(1)


def test_impossible_weights_are_not_published(writer: StoreWriter) -> None:
    records = make_records(writer.row_range(1))
    records.weights[31, -1] = np.inf
    with pytest.raises(SpecError, match="shard 1: weights of record 63 are not finite"):
        writer.commit(1, records)


def test_records_of_another_shape_or_shard_are_refused(writer: StoreWriter) -> None:
    other = FieldSpec([2, 5, 4, 1], 20.0, 0.5)
    for records in (make_records(range(32), other), make_records(range(31)), make_records(range(32, 64))):
        with pytest.raises(SpecError, match=r"^shard 0: "):
            writer.commit(0, records)


def test_records_of_another_kind_or_width_are_refused(writer: StoreWriter, tmp_path: Path) -> None:
    with pytest.raises(
        SpecError,
        match=r"^shard 0: found RowLayout\(parameters=44, classes=2, params=3, repairs=0, attributes=0, "
        r"shadow=False\), the job has RowLayout\(parameters=44, classes=0, params=0, repairs=0, "
        r"attributes=0, shadow=False\)",
    ):
        writer.commit(0, make_copies(range(32)))
    for columns in ({"classes": 2, "params": 4}, {"classes": 3, "params": 3}):
        copies = StoreWriter(tmp_path / f"copies-{columns['params']}", make_copies_job(columns=columns))
        for records in (make_copies(range(64)), make_records(range(64))):
            with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
                copies.commit(0, records)
    shapes = StoreWriter(tmp_path / "shapes", make_shapes_job())
    for records in (make_copies(range(32)), make_records(range(32))):
        with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
            shapes.commit(0, records)
    with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
        writer.commit(0, make_shapes(range(32)))


def test_other_bytes_for_a_committed_shard_are_an_error(writer: StoreWriter) -> None:
    commit(writer, 0)
    before = contents(writer.root)
    records = make_records(writer.row_range(0))
    with pytest.raises(
        IntegrityError, match=r"shard-000000\.h5: committed before .* the run is not deterministic"
    ):
        writer.commit(0, changed(records, "steps", 0, 1))
    assert contents(writer.root) == before


def test_an_object_in_two_splits_is_not_published(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    records = make_records(writer.row_range(3))
    row = 1  # record 97, object 32, whose first view lies in shard 3 too
    writer.commit(3, changed(records, "split", row, 1))
    with pytest.raises(IntegrityError, match="object 32 is in more than one split"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()


def test_a_view_given_twice_is_not_published(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    writer.commit(3, changed(make_records(writer.row_range(3)), "view", 1, 0))
    with pytest.raises(IntegrityError, match="object 32 has view 0 more than once"):
        writer.finalize()
