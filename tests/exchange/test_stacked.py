"""What the formats of stacked fields share: arrays of other people, checked, and ours, with all columns."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, SourceError
from neuralviews.exchange import stacked_files
from neuralviews.exchange.opened import Place, open_place
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.store.reader import Store, open_store

from ..made_stores import contents, make_shapes_store
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened
from .stacked_sets import DIMS, WRITERS, joined, layer_arrays, put

BOTH = pytest.mark.parametrize("format", WRITERS)


@BOTH
def test_layers_alone(tmp_path: Path, format: str) -> None:
    """Objects are counted through, in the order of the files' names; nothing is known but the weights."""
    first, second = layer_arrays(4, 1), layer_arrays(2, 2)
    put(tmp_path, format, first, "a")
    put(tmp_path, format, second, "b")
    opened = reopened(tmp_path, "auto")
    listing = opened.listing
    assert opened.format == format
    assert listing.object_id.tolist() == [0, 1, 2, 3, 4, 5]
    assert listing.place.tolist() == [0, 1, 2, 3, 0, 1]
    assert listing.view.tolist() == [0] * 6
    assert (listing.known, listing.seed, listing.psnr, listing.attributes) == ((), None, None, ())
    assert (listing.assumed, listing.notes) == (True, ())
    assert all_labels(opened) == [-1] * 6
    assert all_weights(opened).tobytes() == np.concatenate([joined(first), joined(second)]).tobytes()
    with pytest.raises(OptionError, match="give --omega"):
        listing.convention.spec(DIMS)
    assert listing.convention.said("given", omega=30.0).spec(DIMS) == FieldSpec(DIMS)


@BOTH
def test_flat_weights(tmp_path: Path, format: str) -> None:
    flat = joined(layer_arrays())
    put(tmp_path, format, {"weights": flat, "dims": np.array(DIMS)})
    opened = reopened(tmp_path, format)
    assert opened.parse(0).dims == DIMS
    assert all_weights(opened).tobytes() == flat.tobytes()


@BOTH
def test_what_stands_beside_the_weights(tmp_path: Path, format: str) -> None:
    columns = {
        "object_id": np.array([5, 5, 2**32 - 1, 0, 3, 4], np.uint64),
        "view": np.array([1, 0, 0, 0, 0, 0], np.int16),
        "label": np.array([3, 3, -1, 0, 2, 1], np.int8),
        "split": np.array([2, 2, 0, 1, 0, 0], np.uint8),
        "seed": np.array([2**64 - 1, 0, 1, 2, 3, 4], np.uint64),
        "psnr": np.array([40, np.nan, 41, 42, 43, 44], np.float64),
        "attributes": np.arange(12, dtype=np.float32).reshape(6, 2),
    }
    put(tmp_path, format, {**layer_arrays(), **columns})
    opened = reopened(tmp_path, format)
    listing = opened.listing
    order = [3, 4, 5, 1, 0, 2]
    assert listing.place.tolist() == order
    for name in ("object_id", "view", "label", "split"):
        assert getattr(listing, name).tolist() == columns[name][order].tolist()
    assert listing.seed is not None
    assert listing.seed.tolist() == columns["seed"][order].tolist()
    assert listing.psnr is not None
    assert np.array_equal(listing.psnr, columns["psnr"][order].astype(np.float32), equal_nan=True)
    assert listing.attributes == ("0", "1")
    attributes = opened.parse(0).attributes
    assert attributes is not None
    assert attributes.tolist() == columns["attributes"].tolist()
    assert {*listing.known} == {"label", "split"}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "float64": (
        {"layers.1.bias": np.zeros((6, 4))},
        "layers.1.bias: found numbers of type float64, expected float32: convert them there",
    ),
    "float16": ({"layers.1.bias": np.zeros((6, 4), "<f2")}, "found numbers of type float16"),
    "another name": (
        {"net.weight": np.zeros((6, 4), "<f4")},
        "found the tensor 'net.weight', expected each once of layers.0",
    ),
    "flat and layers": (
        {"weights": np.zeros((6, 4), "<f4")},
        "found the tensor 'weights', expected each once of layers.0",
    ),
    "a gap": (
        {"layers.4.bias": np.zeros((6, 4), "<f4")},
        "found the tensors .*layers.4.bias, expected layers.0",
    ),
    "fewer rows": (
        {"layers.1.bias": np.zeros((5, 4), "<f4")},
        "found layers of 5 and of 6 fields, expected as many: replace it",
    ),
    "one field without rows": (
        {"layers.1.bias": np.zeros(4, "<f4")},
        r"layer 1 has weight \(4, 5\) and bias \(\)",
    ),
    "a transposed layer": ({"layers.1.weight": np.zeros((6, 5, 4), "<f4")}, "layer 1 has weight"),
    "objects of fewer": (
        {"object_id": np.arange(5)},
        r"object_id: found int64 \(5,\), expected whole numbers \(6,\)",
    ),
    "objects with a point": ({"object_id": np.ones(6)}, "object_id: found float64"),
    "a negative object": ({"object_id": np.arange(6) - 1}, "object_id: found -1, expected 0 to 4294967295"),
    "a large object": ({"object_id": np.arange(6) + 2**32 - 5}, "object_id: found 4294967296, expected 0 to"),
    "a label too low": ({"label": np.arange(6) - 2}, "label: found -2, expected -1 to 1048575"),
    "a label too large": ({"label": np.arange(6) + 2**20}, "label: found 1048581, expected -1 to 1048575"),
    "another split": ({"split": np.arange(6)}, "split: found 5, expected 0 to 2"),
    "views of nothing": ({"view": np.arange(6)}, "found view without object_id, expected both"),
    "a negative seed": ({"seed": np.arange(6) - 1}, "seed: found -1, expected 0 to 18446744073709551615"),
    "whole psnr": ({"psnr": np.arange(6)}, r"psnr: found int64 \(6,\), expected numbers \(6,\), one a field"),
    "infinite psnr": ({"psnr": np.full(6, -np.inf)}, "psnr: found a number beyond float32, expected finite"),
    "too large psnr": ({"psnr": np.full(6, 1e300)}, "psnr: found a number beyond float32, expected finite"),
    "flat attributes": (
        {"attributes": np.zeros(6, "<f4")},
        r"attributes: found float32 \(6,\), expected float32",
    ),
    "whole attributes": ({"attributes": np.zeros((6, 2), int)}, r"attributes: found int64 \(6, 2\)"),
}


@BOTH
@pytest.mark.parametrize("name", FAULTS)
def test_arrays_that_cannot_be(tmp_path: Path, format: str, name: str) -> None:
    more, reason = FAULTS[name]
    path = put(tmp_path, format, {**layer_arrays(), **more})
    with pytest.raises(SourceError, match=rf"^{path}: .*{reason}") as error:
        reopened(tmp_path, format)
    assert "\n" not in str(error.value)


FLAT_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no dims": (
        {"weights": np.zeros((6, 4), "<f4")},
        "found the tensor 'weights', expected each once of layers.0.weight",
    ),
    "dims of others": (
        {"weights": np.zeros((6, 4), "<f4"), "dims": np.array(DIMS)},
        r"found weights \(6, 4\), expected \(n, 54\) of fields 2-5-4-3: correct dims",
    ),
    "no hidden layer": (
        {"weights": np.zeros((6, 9), "<f4"), "dims": np.array([2, 3])},
        "expected .in, hidden",
    ),
    "huge dims": ({"weights": np.zeros((6, 9), "<f4"), "dims": np.array([2**16] * 4)}, "parameters, at most"),
    "negative dims": (
        {"weights": np.zeros((6, 9), "<f4"), "dims": np.array([2, -3, 1])},
        "expected integers from 1",
    ),
    "dims with a point": ({"weights": np.zeros((6, 9), "<f4"), "dims": np.ones(3)}, "found dims float64"),
    "no fields": (
        {"weights": np.zeros((0, 54), "<f4"), "dims": np.array(DIMS)},
        "holds no field, expected one",
    ),
    "nothing": ({}, "found the tensors none, expected layers.0.weight"),
}


@BOTH
@pytest.mark.parametrize("name", FLAT_FAULTS)
def test_flat_weights_that_cannot_be(tmp_path: Path, format: str, name: str) -> None:
    arrays, reason = FLAT_FAULTS[name]
    path = put(tmp_path, format, arrays)
    with pytest.raises(SourceError, match=rf"^{path}: .*{reason}"):
        reopened(tmp_path, format)


@BOTH
def test_files_that_differ_in_their_columns(tmp_path: Path, format: str) -> None:
    put(tmp_path, format, {**layer_arrays(), "label": np.arange(6)}, "a")
    put(tmp_path, format, layer_arrays(), "b")
    with pytest.raises(
        SourceError, match=rf"b\.{format}: has other columns or states other conventions than a\."
    ):
        reopened(tmp_path, format)


@BOTH
def test_an_object_twice(tmp_path: Path, format: str) -> None:
    put(tmp_path, format, {**layer_arrays(), "object_id": np.array([0, 1, 2, 3, 1, 5])})
    with pytest.raises(SourceError, match="found view 0 of object 1 twice"):
        reopened(tmp_path, format)


@BOTH
def test_two_folders_are_refused(tmp_path: Path, format: str) -> None:
    put(tmp_path / "a", format, layer_arrays())
    put(tmp_path / "b", format, layer_arrays())
    with pytest.raises(SourceError, match="found fields in a/ and in b/, expected one folder of them"):
        reopened(tmp_path, format)


@BOTH
def test_lists_of_splits_are_refused(tmp_path: Path, format: str) -> None:
    put(tmp_path / "set", format, layer_arrays())
    (tmp_path / "lists.json").write_text("{}")
    with pytest.raises(OptionError, match=rf"files of {format} say themselves which split a field is of"):
        open_place(Place(tmp_path / "set", format, tmp_path / "lists.json"))


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


def stated(**more: Any) -> dict[str, Any]:
    return {
        "format": "neuralviews-fields",
        "version": 1,
        "dataset_id": "0" * 64,
        "name": "made",
        "arch": FieldSpec(DIMS).to_json(),
        "target": {"range": [0.0, 1.0]},
        "class_names": None,
        "image_shape": [8, 8],
        **more,
    }


def test_what_we_state_is_read(tmp_path: Path) -> None:
    """So that the refusals below are of what was changed."""
    put(tmp_path, "safetensors", layer_arrays(), neuralviews=json.dumps(stated()))
    assert reopened(tmp_path, "auto").listing.convention.spec(DIMS) == FieldSpec(DIMS)


@BOTH
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "expected what neuralviews writes: replace the file"),
        ("[]", "expected what neuralviews writes"),
        ("[" * 100_000, "expected what neuralviews writes"),
        (json.dumps(stated(version=2)), r"written by a newer neuralviews \(version 2\); update it"),
        (json.dumps(stated(version=0)), "version 0; expected what"),
        (json.dumps(stated(format="else")), "format 'else', version 1; expected what"),
        (json.dumps(stated(more=1)), "unknown field `more`"),
        (json.dumps(stated(arch={})), "field specification"),
        (json.dumps(stated(image_shape=[0, 8])), r"Expected `int` >= 1 - at `\$.image_shape\[0\]`"),
        (json.dumps(stated(arch=FieldSpec([2, 5, 3]).to_json())), "holds fields 2-5-4-3, but states 2-5-3"),
        (json.dumps(stated(attributes=["a"])), r"attributes: found none, expected float32 \(6, 1\)"),
        (json.dumps(stated(attributes=["a", "a"])), "attributes of the same name"),
        (json.dumps(stated(target={"range": [1, 0]})), "target .* of fields of 3 channels"),
        (json.dumps(stated(target={"range": [0, 1], "mean": [0.1]})), "target .* of fields of 3 channels"),
    ],
)
def test_statements_that_cannot_be(tmp_path: Path, format: str, text: str, reason: str) -> None:
    more = {"neuralviews": text}
    path = put(tmp_path, format, layer_arrays(), **more)
    with pytest.raises(SourceError, match=rf"^{path}: .*{reason}") as error:
        reopened(tmp_path, format)
    assert "\n" not in str(error.value)


@BOTH
def test_files_that_state_other_conventions(tmp_path: Path, format: str) -> None:
    for name, omega in (("a", 30.0), ("b", 31.0)):
        text = json.dumps(stated(arch=FieldSpec(DIMS, omega).to_json()))
        arrays = {**layer_arrays(), "object_id": np.arange(6) + 10 * (name == "b")}
        put(tmp_path, format, arrays, name, neuralviews=text)
    with pytest.raises(
        SourceError, match=rf"b\.{format}: has other columns or states other conventions than a\."
    ):
        reopened(tmp_path, format)


@BOTH
def test_splits_belong_to_objects(tmp_path: Path, format: str) -> None:
    arrays = {
        **layer_arrays(),
        "object_id": np.array([0, 0, 1, 2, 3, 4]),
        "view": np.array([0, 1, 0, 0, 0, 0]),
    }
    put(tmp_path, format, {**arrays, "split": np.array([Split.train, Split.test, 0, 0, 0, 0])})
    with pytest.raises(SourceError, match="object 0 has another split"):
        reopened(tmp_path, format)
