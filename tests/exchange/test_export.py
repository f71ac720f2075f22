"""The one way out: which records, where to, and what is no place for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError
from neuralviews.exchange.export import export
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.field import FieldSpec
from neuralviews.store.reader import Store, open_store

from ..made_stores import contents, digits_recipe, make_store
from .imported_stores import make_imported


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path / "store", digits_recipe(), 4)


@pytest.mark.parametrize("rows", [None, range(12), list(range(12)), np.arange(12)])
def test_records_are_named_in_any_way(store: Store, tmp_path: Path, rows: object) -> None:
    done = export(store, rows, "multiview", str(tmp_path / "out"))  # type: ignore[arg-type]
    assert done.count == len(store) == 12
    import_store(tmp_path / "out", tmp_path / "again", ImportOptions("multiview"))
    again = open_store(tmp_path / "again")
    np.testing.assert_array_equal(again.weights(range(12)), store.weights(range(12)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 12], r"rows: found 0 to 12, .*store has 0 to 11"),
        ([-1], r"rows: found -1 to -1"),
        ([0.5], r"rows: found float64 \(1,\), expected one dimension of integers"),
        ([[0]], r"rows: found int64 \(1, 1\), expected one dimension"),
    ],
)
def test_records_that_are_not_there(store: Store, tmp_path: Path, rows: object, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        export(store, rows, "npz", tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x.npz", "x.tar.gz", "x.SAFETENSORS", "x.h5"])
def test_names_of_files_are_no_folders(store: Store, tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"found a name that ends in \.\w+, expected a folder or a \.zip"):
        export(store, None, "npz", tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_record_that_is_named_twice(store: Store, tmp_path: Path) -> None:
    """No import would take it: a view of an object is there once."""
    for form in ("npz", "meshes"):
        with pytest.raises(OptionError) as error:
            export(store, [3, 1, 2, 1], form, tmp_path / "out")
        assert str(error.value) == "rows: found record 1 more than once, expected each once"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", "sub", "shards/sub.zip", "../store/x"])
def test_no_part_of_the_store(store: Store, name: str) -> None:
    before = contents(store.root)
    with pytest.raises(OptionError, match=r"which is in the store .*; expected a folder of its own$"):
        export(store, None, "npz", store.root / name)
    assert contents(store.root) == before


@pytest.mark.parametrize(
    ("form", "more"),
    [
        ("dwsnets", {}),
        ("dwsnets-fmnist", {}),
        (
            "dwsnets-sine",
            {"spec": FieldSpec([1, 8, 8, 1], 12.0), "attributes": ("amplitude", "frequency")},
        ),
    ],
)
def test_views_that_a_format_does_not_tell(tmp_path: Path, form: str, more: dict[str, Any]) -> None:
    """Who wants the second view alone gets it, and is told that it is one no more."""
    fields = make_imported(tmp_path / "fields", views=2, objects=(0, 1, 2), **more)
    lost = "2 fields are of views other than 0: read from this format, all count as view 0"
    assert lost in export(fields, [1, 3, 4], form, tmp_path / "seconds").notes
    import_store(tmp_path / "seconds", tmp_path / "again", ImportOptions(form))
    assert open_store(tmp_path / "again").column("view").tolist() == [0, 0, 0]
    assert not any("view 0" in note for note in export(fields, [0, 2, 4], form, tmp_path / "first").notes)
