"""Fields of shapes: their columns are read, every rule of them is broken once, and their summary is exact."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from neuralviews.errors import IntegrityError, SpecError
from neuralviews.records import COLUMNS, NO_IOU, SHAPE_COLUMNS, Records, ShapeTarget
from neuralviews.store.examine import summarize
from neuralviews.store.manifest_schema import ShapeSummary, Summary
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import fill, forge, make_shapes, make_shapes_job, make_store

SHAPES = "IoU and errors of shapes are in range; what is known of a shape is the same in all its views"
ROW = 41  # in shard 1, view 2 of object 13, whose target is udf
SOLID = 42  # view 0 of object 14, whose target is occupancy


@pytest.fixture(scope="module")
def shapes(finished_shapes: Path) -> Store:
    return open_store(finished_shapes)


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return StoreWriter(tmp_path / "shapes", make_shapes_job())


def changed(rows: range, row: int, **values: Any) -> Records:
    """The records of these rows, one of which was changed."""
    records = make_shapes(rows)
    columns = {name: column.copy() for name, column in records.columns.items()}
    for name, value in values.items():
        columns[name][row - rows.start] = value
    return dataclasses.replace(records, columns=columns)


def test_a_store_of_shapes_has_more_columns_one_of_them_wide(shapes: Store) -> None:
    expected = make_shapes(range(100))
    assert shapes.columns() == (*COLUMNS, *SHAPE_COLUMNS)
    found = shapes.read(np.arange(100))
    assert (found.shapes, found.augmented, shapes.kind) == (True, False, "generate")
    for name, column in expected.columns.items():
        assert shapes.column(name).dtype == column.dtype
        np.testing.assert_array_equal(shapes.column(name), column)
        np.testing.assert_array_equal(found.columns[name], column)
    assert shapes.record(SOLID)["repairs"] == [0, 14, 28, 42, 56]


def test_other_stores_have_none_of_these_columns(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="iou: no such column"):
        make_store(tmp_path / "store").column("iou")


ABOVE = np.nextafter(np.float32(1), np.float32(2))
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "iou above 1": ({"iou": ABOVE}, "iou of record 42 is .*, expected -1 to 1"),
    "iou 2": ({"iou": 2}, "iou of record 42 is 2, expected -1 to 1"),
    "iou that is no number": ({"iou": np.nan}, "iou of record 42 is nan, expected -1 to 1"),
    "iou below -1": ({"iou": -1.5}, "iou of record 42 is -1.5, expected -1 to 1"),
    "iou between": ({"iou": -0.5}, "iou of record 42 is -0.5, expected 0 to 1, or -1 for none"),
    "iou just below 0": ({"iou": -1e-38}, "iou of record 42 is -1e-38, expected 0 to 1, or -1 for none"),
    "negative error": ({"surface_error": -1e-9}, "surface_error of record 42 is -1e-09, expected 0 to "),
    "infinite error": ({"surface_error": np.inf}, "surface_error of record 42 is inf, expected 0 to "),
    "error that is no number": ({"surface_error": np.nan}, "surface_error of record 42 is nan, expected"),
    "disagreement": ({"sign_disagreement": ABOVE}, "sign_disagreement of record 42 is .*, expected 0 to 1"),
    "no disagreement": ({"sign_disagreement": np.nan}, "sign_disagreement of record 42 is nan, expected 0"),
    "target": ({"target": 3}, "target of record 42 is 3, expected 0 to 2"),
    "iou without inside": ({"target": 1}, "iou of record 42 is not -1, but its target has no inside"),
    "psnr as ever": ({"psnr": np.nan}, "psnr of record 42 is nan, expected"),
}


@pytest.mark.parametrize("rule", RULES)
def test_shapes_that_break_a_rule_are_not_published(writer: StoreWriter, rule: str) -> None:
    values, message = RULES[rule]
    with pytest.raises(SpecError, match=f"^shard 1: {message}"):
        writer.commit(1, changed(writer.row_range(1), SOLID, **values))
    assert writer.missing() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "values",
    [{"iou": 0}, {"iou": 1}, {"iou": NO_IOU}, {"surface_error": 0}, {"surface_error": np.finfo("f4").max}],
    ids=str,
)
def test_what_no_rule_forbids_is_published(writer: StoreWriter, values: dict[str, Any]) -> None:
    writer.commit(1, changed(writer.row_range(1), SOLID, **values))
    assert writer.is_done(1)


@pytest.mark.parametrize(
    ("name", "value"), [("sign_disagreement", 0.5), ("target", 0), ("repairs", [0, 13, 26, 39, 0])]
)
def test_what_is_known_of_a_shape_is_the_same_in_all_its_views(
    writer: StoreWriter, name: str, value: Any
) -> None:
    """Record 41 is the last view of object 13, whose first two are in the same shard."""
    for shard in writer.missing():
        rows = writer.row_range(shard)
        records = make_shapes(rows) if shard != 1 else changed(rows, ROW, **{name: value})
        writer.commit(shard, records)
    with pytest.raises(IntegrityError, match=f"shapes: {name} of object 13 differs between its views; make"):
        writer.finalize()


def test_views_in_different_shards_are_compared_too(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "shapes", make_shapes_job(rows_per_shard=1))
    for shard in writer.missing():
        writer.commit(shard, changed(range(shard, shard + 1), shard, sign_disagreement=(shard == 7) / 8))
    with pytest.raises(IntegrityError, match="sign_disagreement of object 2 differs between its views"):
        writer.finalize()


def test_a_rule_that_another_writer_broke_is_found(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trust(*arguments: object) -> Iterator[str]:
        return iter(())

    monkeypatch.setattr("neuralviews.store.finished.record_problems", trust)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, make_shapes(rows) if shard != 1 else changed(rows, SOLID, iou=2))
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: iou of record 42 is 2, expected .*; make"):
        writer.finalize()


@pytest.mark.parametrize(
    ("name", "value"), [("iou", -0.25), ("iou", 1.5), ("target", 7), ("sign_disagreement", 2)]
)
def test_values_that_cannot_be_are_refused_when_read(
    shapes: Store, tmp_path: Path, name: str, value: float
) -> None:
    forged = forge(shapes, tmp_path / "forged", **{name: value})
    with pytest.raises(IntegrityError, match=rf"forged: {name} of record 0 is .*; make the store again"):
        forged.column(name)
    with pytest.raises(IntegrityError, match=rf"forged: {name} of record 5 is .*; make the store again"):
        forged.read([5])


def test_verification_says_what_it_proved(shapes: Store) -> None:
    assert SHAPES in verify(shapes.root, "semantic").checks
    assert SHAPES not in verify(shapes.root, "full").checks


def test_the_summary_is_exact(shapes: Store) -> None:
    known = sorted(1 - row % 32 / 64 for row in range(100) if row // 3 % 3 != ShapeTarget.udf)
    errors = sorted((1 + row % 50) / 2**14 for row in range(100))
    summary = json.loads((shapes.root / "manifest.json").read_bytes())["summary"]
    assert summary["shapes"] == {
        "iou": {
            "median": known[(len(known) - 1) // 2],
            "p05": known[(len(known) - 1) * 5 // 100],
            "min": known[0],
        },
        "surface_error": {"median": errors[49], "p95": errors[94], "max": errors[99]},
        "targets": {"sdf": 12, "udf": 11, "occupancy": 11},
        "marked": sum(item % 8 / 64 > 0.05 for item in range(34)),
    }


@pytest.mark.parametrize(
    ("disagreement", "limit", "marked"), [(0.1, 0.1, 0), (0.1, 0.0999999, 34), (0, 0, 0)]
)
def test_what_lies_at_the_limit_is_not_marked(
    tmp_path: Path, disagreement: float, limit: float, marked: int
) -> None:
    """A disagreement of 0.1 is stored as a float32 above 0.1."""
    writer = StoreWriter(tmp_path / "shapes", make_shapes_job(max_disagreement=limit))
    for shard in writer.missing():
        records = make_shapes(writer.row_range(shard))
        records.columns["sign_disagreement"][:] = disagreement
        writer.commit(shard, records)
    writer.finalize()
    assert json.loads((writer.root / "manifest.json").read_bytes())["summary"]["shapes"]["marked"] == marked


def test_a_store_without_any_inside_has_no_iou(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "shapes", make_shapes_job())
    for shard in writer.missing():
        records = make_shapes(writer.row_range(shard))
        records.columns["target"][:], records.columns["iou"][:] = ShapeTarget.udf, NO_IOU
        writer.commit(shard, records)
    writer.finalize()
    summary = json.loads((writer.root / "manifest.json").read_bytes())["summary"]["shapes"]
    assert set(summary) == {"surface_error", "targets", "marked"}
    assert verify(writer.root, "semantic").dataset_id == open_store(writer.root).dataset_id


def test_a_changed_summary_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published by a writer that counts otherwise, under hashes that are right."""

    def boast(*arguments: Any) -> Summary:
        summary = summarize(*arguments)
        assert isinstance(summary.shapes, ShapeSummary)
        return msgspec.structs.replace(summary, shapes=msgspec.structs.replace(summary.shapes, marked=0))

    monkeypatch.setattr("neuralviews.store.examine.summarize", boast)
    fill(StoreWriter(tmp_path / "boast", make_shapes_job()))
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match=r"manifest\.json: the summary does not follow from the records"):
        verify(tmp_path / "boast", "semantic")
