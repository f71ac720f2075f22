"""Augmented copies: every rule of their columns broken once, and their lineage proven."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import IntegrityError, OptionError, SpecError
from neuralviews.records import NO_PARENT, Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import (
    PARENT_ROWS,
    copy_store,
    fill,
    make_copies,
    make_copies_job,
    make_store,
)

ROW = 79  # in shard 1, made from records 39 and 48 of classes 1 and 4
LINEAGE = "every copy has the object and the split of its parents: no copy crosses a split"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def parent(finished: Path) -> Store:
    return open_store(finished)


@pytest.fixture(scope="module")
def copies(finished_copies: Path) -> Store:
    return open_store(finished_copies)


@pytest.fixture
def writer(tmp_path: Path, parent: Store) -> StoreWriter:
    return StoreWriter(tmp_path / "copies", make_copies_job(parent=parent.dataset_id))


def changed(rows: range, change: Change) -> Records:
    """The copies of these rows, one of which was changed."""
    records = make_copies(rows)
    columns = {name: column.copy() for name, column in records.columns.items()}
    change({name: column[ROW - rows.start : ROW - rows.start + 1] for name, column in columns.items()})
    return dataclasses.replace(records, columns=columns)


def put(**values: Any) -> Change:
    def change(row: dict[str, Any]) -> None:
        for name, value in values.items():
            row[name][0] = value

    return change


BELOW = np.nextafter(np.float32(0), np.float32(-1))
ABOVE = np.nextafter(np.float32(1), np.float32(2))
RULES: dict[str, tuple[Change, str]] = {
    "no parent": (put(parent_a=NO_PARENT, parent_b=NO_PARENT), "parent_a of record 79 is missing"),
    "a second parent alone": (put(parent_a=NO_PARENT), "parent_a of record 79 is missing"),
    "pipeline": (put(pipeline=2), "pipeline of record 79 is not one of 0 to 1"),
    "negative in_domain": (put(in_domain=BELOW), "in_domain of record 79 is .*, expected 0 to 1"),
    "large in_domain": (put(in_domain=ABOVE), "in_domain of record 79 is .*, expected 0 to 1"),
    "no in_domain": (put(in_domain=np.nan), "in_domain of record 79 is .*, expected 0 to 1"),
    "psnr_before": (put(psnr_before=np.inf), "psnr_before of record 79 is inf, expected -1000 to 999"),
    "class": (put(classes=[1, -2]), "classes of record 79 is -2, expected -1 to 1048575"),
    "class twice": (put(classes=[1, 1]), "classes of record 79 name one twice"),
    "negative share": (put(shares=[1, BELOW]), "shares of record 79 is .*, expected 0 to 1"),
    "large share": (put(shares=[0, ABOVE]), "shares of record 79 is .*, expected 0 to 1"),
    "share that is no number": (put(shares=[np.nan, 0.5]), "shares of record 79 is .*, expected 0 to 1"),
    "share of nothing": (put(classes=[1, -1]), "shares of record 79 are not 0 where there is no class"),
    "sum": (put(shares=[0.25, 0.75001]), "shares of record 79 add up to more than 1"),
    "label of the smaller share": (
        put(label=1),
        "label of record 79 is not the class with the largest share",
    ),
    "no label": (put(label=-1), "label of record 79 is not the class with the largest share"),
    "the second of equals": (
        put(shares=[0.5, 0.5]),
        "label of record 79 is not the class with the largest share",
    ),
    "params": (put(params=[0, np.nan, 0]), "params of record 79 is nan, expected "),
    "weights and psnr as ever": (put(psnr=np.nan), "psnr of record 79 is nan, expected"),
}


def test_the_row_that_is_changed_below_is_mixed(copies: Store) -> None:
    record = copies.record(ROW)
    assert (record["parent_a"], record["parent_b"]) == (39, 48)
    assert (record["classes"], record["shares"], record["label"]) == ([1, 4], [0.25, 0.75], 4)


@pytest.mark.parametrize("rule", RULES)
def test_copies_that_break_a_rule_are_not_published(writer: StoreWriter, rule: str) -> None:
    change, message = RULES[rule]
    with pytest.raises(SpecError, match=f"^shard 1: {message}"):
        writer.commit(1, changed(writer.row_range(1), change))
    assert writer.missing() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        put(shares=[0.5, 0.5], label=1),
        put(shares=[0.25, 0.75 + 2**-22]),
        put(shares=[0, 0], label=1),
        put(classes=[-1, -1], shares=[0, 0], label=-1),
        put(in_domain=0, parent_b=NO_PARENT, psnr_before=-3),
    ],
    ids=["equal shares", "rounded up", "no shares", "no class", "extremes"],
)
def test_what_no_rule_forbids_is_published(writer: StoreWriter, change: Change) -> None:
    writer.commit(1, changed(writer.row_range(1), change))
    assert writer.is_done(1)


def test_a_rule_that_another_writer_broke_is_found(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trust(*arguments: object) -> Iterator[str]:
        return iter(())

    monkeypatch.setattr("neuralviews.store.finished.record_problems", trust)
    for shard in writer.missing():
        writer.commit(shard, changed(range(200), put(pipeline=9)).take(np.array(writer.row_range(shard))))
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: pipeline of record 79 .*; make the store"):
        writer.finalize()


def test_a_true_lineage_is_proven(copies: Store, parent: Store) -> None:
    alone = verify(copies.root, "semantic")
    assert LINEAGE not in alone.checks
    for known in (parent, parent.root, str(parent.root)):
        report = verify(copies.root, "semantic", known)
        assert report.checks == (*alone.checks, LINEAGE)
    fitted = verify(parent.root, "semantic").checks
    assert [check for check in alone.checks if check not in fitted] == [alone.checks[-1]]
    assert verify(copies.root, "full").checks == verify(parent.root, "full").checks


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(parent_a=PARENT_ROWS), r"parent_a of record 79 is 100, but the parent store has 0 to 99"),
        (put(parent_b=2**63), rf"parent_b of record 79 is {2**63}, but the parent store has 0 to 99"),
        (put(parent_a=36), "split of record 79 is not that of its parent_a"),
        (put(parent_b=36), "split of record 79 is not that of its parent_b"),
        (put(parent_a=48), "object_id of record 79 is not that of its parent_a"),
        (put(object_id=16, view=60), "object_id of record 79 is not that of its parent_a"),
    ],
)
def test_a_false_lineage_is_found_by_those_who_have_the_parent(
    writer: StoreWriter, parent: Store, change: Change, message: str
) -> None:
    writer.commit(1, changed(writer.row_range(1), change))
    fill(writer)
    verify(writer.root, "semantic")
    with pytest.raises(IntegrityError, match=rf"shard-000001\.h5: {message}; make the store again"):
        verify(writer.root, "semantic", parent)


def test_a_wrong_parent_is_named(copies: Store, parent: Store, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", rows=90)
    with pytest.raises(
        IntegrityError,
        match=rf"other: found dataset id {other.dataset_id}, expected {parent.dataset_id}, the parent of ",
    ):
        verify(copies.root, "semantic", other)


def test_a_parent_without_use_is_refused(copies: Store, parent: Store) -> None:
    with pytest.raises(
        OptionError, match=r"parent: .* has none, its kind is 'generate'; leave the parent out"
    ):
        verify(parent.root, "semantic", parent)
    with pytest.raises(OptionError, match="parent: level 'full' compares nothing with it; choose level"):
        verify(copies.root, "full", parent)


def test_a_damaged_parent_proves_nothing(copies: Store, finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "parent")
    path = root / "shards/shard-000001.h5"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"parent/shards/shard-000001\.h5: found sha256"):
        verify(copies.root, "semantic", root)


def test_copies_of_copies_have_a_lineage_too(copies: Store, tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "second", make_copies_job(rows=40, parent=copies.dataset_id))
    records = make_copies(range(40))
    parents = copies.read(np.arange(40))
    kept = {name: parents.columns[name] for name in ("object_id", "view", "split")}
    own = {"parent_a": np.arange(40, dtype="<u8"), "parent_b": np.full(40, NO_PARENT, "<u8")}
    writer.commit(0, dataclasses.replace(records, columns={**records.columns, **kept, **own}))
    writer.finalize()
    assert LINEAGE in verify(writer.root, "semantic", copies).checks
