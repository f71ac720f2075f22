"""The one way out: which records, where to, and what is no place for them."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import OptionError
from neuralviews.exchange.export import export
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.store.reader import Store, open_store

from ..made_stores import digits_recipe, make_store


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
