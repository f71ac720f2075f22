"""The reader of stores: columns, rows and fields as they were written, and requests that make no sense."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import IntegrityError, SpecError
from neuralviews.records import AUGMENTED_COLUMNS, COLUMNS
from neuralviews.store.reader import Store, open_store

from .stores import (
    ALL,
    SPEC,
    make_copies,
    make_copies_job,
    make_job,
)


def test_it_knows_what_it_holds_from_the_manifest_alone(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((finished / "manifest.json").read_bytes())
    store = open_store(str(tmp_path))
    assert (len(store), store.spec, store.columns()) == (100, SPEC, tuple(COLUMNS))
    assert store.job == make_job()
    assert store.dataset_id in repr(open_store(finished)) or store.dataset_id[:12] in repr(store)
    with pytest.raises(IntegrityError, match=r"shard-000000\.h5: missing"):
        store.column("label")


def test_whole_columns_are_read_once_and_cannot_be_written(store: Store) -> None:
    for name, expected in ALL.columns.items():
        column = store.column(name)
        assert column.dtype == COLUMNS[name]
        np.testing.assert_array_equal(column, expected)
        assert store.column(name) is column
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def test_an_unknown_column_is_named(store: Store) -> None:
    with pytest.raises(KeyError, match="colour: no such column; there are record_id, "):
        store.column("colour")


rows_of_the_store = st.lists(st.integers(0, 99), max_size=150)


@given(rows_of_the_store | rows_of_the_store.map(sorted))
def test_rows_come_in_the_order_given(store: Store, rows: list[int]) -> None:
    expected = ALL.take(np.array(rows, np.int64))
    found = store.read(rows)
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)
    out = np.full((len(rows), SPEC.parameters), np.nan, np.float32)
    assert store.weights(np.array(rows, np.uint64), out) is out
    np.testing.assert_array_equal(out, expected.weights)


@pytest.mark.parametrize("rows", [[0, 1, 2], [99, 0]])
def test_what_was_read_is_the_callers_own(store: Store, rows: list[int]) -> None:
    store.weights(rows)[:] = 0
    np.testing.assert_array_equal(store.weights(rows), ALL.weights[rows])


@pytest.mark.parametrize("rows", [[100], [-1], [0, 1 << 40], 3, [[1]], [0.0], [True], "a"])
def test_rows_outside_the_store_are_refused(store: Store, rows: object) -> None:
    for read in (store.weights, store.read):
        with pytest.raises(IndexError, match=r"^rows: found "):
            read(rows)  # type: ignore[operator]


@pytest.mark.parametrize(
    "out",
    [
        np.empty((1, SPEC.parameters), np.float32),
        np.empty((2, SPEC.parameters)),
        np.empty((SPEC.parameters, 2), np.float32).T,
    ],
)
def test_out_must_fit(store: Store, out: np.ndarray) -> None:
    with pytest.raises(SpecError, match=r"out: found .* expected C-contiguous float32"):
        store.weights([0, 1], out)


def test_one_record(store: Store) -> None:
    assert store.record(53) == {name: column[53].item() for name, column in ALL.columns.items()}
    field = store.field(53)
    assert field.spec == SPEC
    np.testing.assert_array_equal(field.weights, ALL.weights[53])
    assert field.render((3, 4)).shape == (3, 4)


@pytest.fixture(scope="module")
def copies(finished_copies: Path) -> Store:
    return open_store(finished_copies)


def test_an_augmented_store_has_more_columns_some_of_them_wide(copies: Store, store: Store) -> None:
    expected = make_copies(range(200))
    assert (copies.kind, store.kind) == ("augment", "generate")
    assert copies.columns() == (*COLUMNS, *AUGMENTED_COLUMNS)
    assert copies.job == make_copies_job(parent=store.dataset_id)
    for name in copies.columns():
        column = copies.column(name)
        assert column.dtype == expected.columns[name].dtype
        np.testing.assert_array_equal(column, expected.columns[name])
    with pytest.raises(ValueError, match="read-only"):
        copies.column("params")[0, 0] = 0
    with pytest.raises(KeyError, match=r"params: no such column; there are record_id, .*, status'"):
        store.column("params")


@given(st.lists(st.integers(0, 199), max_size=150))
def test_augmented_rows_come_in_the_order_given(copies: Store, rows: list[int]) -> None:
    expected = make_copies(range(200)).take(np.array(rows, np.int64))
    found = pickle.loads(pickle.dumps(copies)).read(rows)
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_one_augmented_record(copies: Store) -> None:
    record = copies.record(13)
    assert record == {name: column[13].tolist() for name, column in make_copies(range(200)).columns.items()}
    assert (record["parent_a"], record["parent_b"], record["shares"]) == (6, 15, [0.25, 0.75])


def test_a_column_of_some_rows_is_part_of_the_column(store: Store) -> None:
    rows = np.array([99, 0, 31, 32, 32, 5])
    for name in store.columns():
        before = open_store(store.root).column_at(name, rows)
        np.testing.assert_array_equal(before, store.column(name)[rows])
        np.testing.assert_array_equal(store.column_at(name, rows), before)
        assert before.dtype == store.column(name).dtype
    with pytest.raises(KeyError, match="size: no such column; there are record_id"):
        store.column_at("size", [0])
    with pytest.raises(IndexError, match="found 100 to 100"):
        store.column_at("label", [100])


def test_a_scan_gives_all_rows_once_and_keeps_no_map(store: Store) -> None:
    fresh = open_store(store.root)
    found = [*fresh.scan("object_id", "psnr")]
    assert [row for rows, _ in found for row in rows] == [*range(100)]
    for name in ("object_id", "psnr"):
        whole = np.concatenate([columns[name] for _, columns in found])
        np.testing.assert_array_equal(whole, store.column(name))
        assert not found[0][1][name].flags.writeable
    assert not fresh._maps._arrays
    with pytest.raises(KeyError, match="size: no such column"):
        next(fresh.scan("size"))
