"""What the formats of stacked fields share: arrays of other people, checked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, SourceError
from neuralviews.exchange.opened import Place, open_place
from neuralviews.field import FieldSpec
from neuralviews.records import Split

from .imported_stores import all_labels, all_weights, reopened
from .stacked_sets import BOTH, DIMS, joined, layer_arrays, put


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
def test_splits_belong_to_objects(tmp_path: Path, format: str) -> None:
    arrays = {
        **layer_arrays(),
        "object_id": np.array([0, 0, 1, 2, 3, 4]),
        "view": np.array([0, 1, 0, 0, 0, 0]),
    }
    put(tmp_path, format, {**arrays, "split": np.array([Split.train, Split.test, 0, 0, 0, 0])})
    with pytest.raises(SourceError, match="object 0 has another split"):
        reopened(tmp_path, format)
