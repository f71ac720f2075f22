"""Stores that earlier versions published: still read, still verified, and still made to the byte."""

from pathlib import Path

import numpy as np

from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify

from ..store.stores import contents, make_copies, make_imported, make_records, make_shapes
from . import make_v1_augmented, make_v1_imported, make_v1_shapes
from .make_v1 import ROOT, ROWS, SPEC, make

V1 = "ec32d093df349d7baceae7eb1f0914743bb12165e904a5fb09d85f6b795e2b05"
V1_AUGMENTED = "b0d24ea53a1b7d305837fe7f3874d1f4b4d111862316447d82b7ee0aa43bf14d"
V1_SHAPES = "25ad8e8696a7525d25086cc7af3d5662e2e499d2ba9f3f936c57a79645ea2447"
V1_IMPORTED = "9c13c6d904814059dec9ba747c178636fd9496b8d6044912a08a0c350eb69773"


def test_version_1_is_read() -> None:
    store = open_store(ROOT)
    expected = make_records(range(ROWS), SPEC)
    assert (store.dataset_id, store.spec, len(store)) == (V1, SPEC, ROWS)
    found = store.read(np.arange(ROWS))
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_version_1_verifies() -> None:
    assert verify(ROOT, "semantic").dataset_id == V1


def test_version_1_is_still_made_to_the_byte(tmp_path: Path) -> None:
    assert make(tmp_path / "v1") == V1
    assert contents(tmp_path / "v1") == contents(ROOT)


def test_version_1_of_augmented_copies_is_read() -> None:
    store = open_store(make_v1_augmented.ROOT)
    expected = make_copies(range(2 * ROWS), SPEC, ROWS)
    assert (store.dataset_id, store.spec, len(store), store.kind) == (V1_AUGMENTED, SPEC, 2 * ROWS, "augment")
    found = store.read(np.arange(2 * ROWS))
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert found.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_version_1_of_augmented_copies_verifies_against_its_parent() -> None:
    assert verify(make_v1_augmented.ROOT, "semantic", ROOT).dataset_id == V1_AUGMENTED


def test_version_1_of_augmented_copies_is_still_made_to_the_byte(tmp_path: Path) -> None:
    assert make_v1_augmented.make(tmp_path / "copies") == V1_AUGMENTED
    assert contents(tmp_path / "copies") == contents(make_v1_augmented.ROOT)


def test_version_1_of_shapes_is_read() -> None:
    store = open_store(make_v1_shapes.ROOT)
    expected = make_shapes(range(ROWS), make_v1_shapes.SPEC)
    assert (store.dataset_id, store.spec, len(store)) == (V1_SHAPES, make_v1_shapes.SPEC, ROWS)
    found = store.read(np.arange(ROWS))
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert found.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_version_1_of_shapes_verifies() -> None:
    assert verify(make_v1_shapes.ROOT, "semantic").dataset_id == V1_SHAPES


def test_version_1_of_shapes_is_still_made_to_the_byte(tmp_path: Path) -> None:
    assert make_v1_shapes.make(tmp_path / "shapes") == V1_SHAPES
    assert contents(tmp_path / "shapes") == contents(make_v1_shapes.ROOT)


def test_version_1_of_imported_fields_is_read() -> None:
    store = open_store(make_v1_imported.ROOT)
    expected = make_imported(range(ROWS), make_v1_imported.SPEC)
    assert (store.dataset_id, store.spec, len(store)) == (V1_IMPORTED, make_v1_imported.SPEC, ROWS)
    assert store.kind == "import"
    found = store.read(np.arange(ROWS))
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert found.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_version_1_of_imported_fields_verifies() -> None:
    assert verify(make_v1_imported.ROOT, "semantic").dataset_id == V1_IMPORTED


def test_version_1_of_imported_fields_is_still_made_to_the_byte(tmp_path: Path) -> None:
    assert make_v1_imported.make(tmp_path / "imported") == V1_IMPORTED
    assert contents(tmp_path / "imported") == contents(make_v1_imported.ROOT)
