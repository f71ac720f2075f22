"""Our files of stacked fields: all columns, told by each file, and the way back is exact."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import SourceError
from neuralviews.exchange import stacked_files
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.field import FieldSpec
from neuralviews.store.reader import Store, open_store

from ..made_stores import contents, make_shapes_store
from .imported_stores import all_weights, exported, make_imported, reopened
from .stacked_sets import BOTH, DIMS, layer_arrays, put


@BOTH
@pytest.mark.parametrize("noted", [True, False], ids=["with the note", "without"])
def test_the_way_back_is_exact(
    tmp_path: Path, fitted: Store, format: str, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file tells all that decides how its fields are rendered, with and without the note beside."""
    monkeypatch.setattr(stacked_files, "_FILE_BYTES", 20_000)
    assert exported(fitted, format, tmp_path / "out").notes == ()
    if not noted:
        (tmp_path / "out/neuralviews.json").unlink()
    opened = reopened(tmp_path / "out", "auto")
    listing, spec = opened.listing, fitted.spec
    assert len(listing.files) == 5
    assert listing.files[0] == f"fields-00000-of-00005.{format}"
    assert all_weights(opened).tobytes() == fitted.weights(range(len(fitted))).tobytes()
    for name in ("object_id", "view", "label", "split", "seed", "psnr"):
        assert getattr(listing, name).tolist() == fitted.column(name).tolist()
    assert listing.convention.spec(spec.dims) == spec
    assert {*listing.convention.stated().values()} == {"files"}
    assert listing.image_shape == (8, 8)
    assert listing.notes == ()
    exported(fitted, format, tmp_path / "again")
    if noted:
        assert contents(tmp_path / "again") == contents(tmp_path / "out")


@BOTH
def test_all_that_is_known_of_imported_fields(tmp_path: Path, format: str) -> None:
    """From files to a store to files to a store: the second is as good as the first."""
    columns = {
        "object_id": np.array([5, 5, 7, 0, 3, 4]),
        "view": np.array([1, 0, 0, 0, 0, 0]),
        "label": np.array([3, 3, -1, 0, 2, 1]),
        "split": np.array([2, 2, 0, 1, 0, 0]),
        "seed": np.array([2**64 - 1, 0, 1, 2, 3, 4], np.uint64),
        "psnr": np.array([40, np.nan, 41, 42, 43, 44]),
        "attributes": np.arange(12, dtype=np.float32).reshape(6, 2),
    }
    put(tmp_path / "files", format, {**layer_arrays(), **columns})
    options = ImportOptions(omega=11.0, axis_order="ij", target_range=(-1.0, 1.0), name="one")
    import_store(tmp_path / "files", tmp_path / "first", options)
    first = open_store(tmp_path / "first")
    exported(first, format, tmp_path / "out")
    import_store(tmp_path / "out", tmp_path / "second", ImportOptions(name="one"))
    second = open_store(tmp_path / "second")
    assert second.spec == first.spec == FieldSpec(DIMS, 11.0, axis_order="ij")
    assert second.weights(range(6)).tobytes() == first.weights(range(6)).tobytes()
    for name in first.columns():
        assert second.column(name).tobytes() == first.column(name).tobytes(), name
    for key in ("known", "attributes", "quality", "target"):
        assert second.job[key] == first.job[key]


@BOTH
def test_what_nobody_knows_is_not_written(tmp_path: Path, format: str) -> None:
    store = make_imported(tmp_path / "store", attributes=("a", "b"), class_names=[*"abcdefghij"])
    exported(store, format, tmp_path / "out")
    opened = reopened(tmp_path / "out", format)
    assert (opened.listing.seed, opened.listing.psnr) == (None, None)
    assert (opened.listing.attributes, opened.listing.class_names) == (("a", "b"), tuple("abcdefghij"))
    attributes = opened.parse(0).attributes
    assert attributes is not None
    assert attributes.tobytes() == store.column("attributes").tobytes()


@BOTH
def test_normalised_channels_and_shapes(tmp_path: Path, format: str) -> None:
    target = {"range": [0.0, 1.0], "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}
    exported(make_imported(tmp_path / "images", FieldSpec(DIMS), target=target), format, tmp_path / "a")
    shapes = make_shapes_store(tmp_path / "shapes")
    exported(shapes, format, tmp_path / "b")
    for out in ("a", "b"):
        (tmp_path / out / "neuralviews.json").unlink()
    found = reopened(tmp_path / "a", format).listing.convention
    assert (found.target_range, found.mean, found.std) == ((0.0, 1.0), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    opened = reopened(tmp_path / "b", format)
    assert opened.listing.convention.target_range == (-1.0, 1.0)
    assert opened.listing.class_names == ("bed", "chair", "desk", "sofa")
    assert all_weights(opened).tobytes() == shapes.weights(range(len(shapes))).tobytes()


@BOTH
def test_parts_of_an_export(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked_files, "_FILE_BYTES", 2_000)
    exported(make_imported(tmp_path / "store"), format, tmp_path / "out")
    (tmp_path / f"out/fields-00001-of-00003.{format}").unlink()
    with pytest.raises(SourceError) as error:
        reopened(tmp_path / "out", format)
    assert str(error.value) == (
        f"{tmp_path}/out: found 2 of 3 files fields-<i>-of-00003, expected all: import their folder, whole"
    )


@BOTH
def test_one_file_alone_tells_all(tmp_path: Path, fitted: Store, format: str) -> None:
    exported(fitted, format, tmp_path / "out")
    opened = reopened(tmp_path / f"out/fields.{format}", "auto")
    assert opened.listing.convention.spec(fitted.spec.dims) == fitted.spec
    assert opened.listing.split.tolist() == fitted.column("split").tolist()
