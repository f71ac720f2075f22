"""The format of inr2vec: a file a field of a shape, numbered by split, one round of augmentation after
another."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from neuralviews.errors import OptionError, SourceError, SpecError
from neuralviews.exchange.opened import Place, open_place
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..made_stores import contents, make_shapes_store
from .by_hand import Layers, flat, made_layers, siren, write
from .hdf5_files import of
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened

DIMS = (3, 7, 7, 7, 7, 1)
SHAPES = FieldSpec(DIMS, 30.0)
LOGITS = "outputs are logits: of distances d of meshes, (d + 0.1) / 0.2 is their sigmoid"
GUESS = "files do not state widths of layers: they are taken for 3-w-w-w-w-1, w by the number of parameters"


def mesh_file(seed: int, label: int, **more: Any) -> bytes:
    """A file of a mesh, as training sets have them."""
    return of(
        params=flat(made_layers(DIMS, seed)),
        class_id=label,
        vertices=np.zeros((9, 3), np.float32),
        num_vertices=5,
        triangles=np.zeros((20, 3), np.int32),
        num_triangles=12,
        coords=np.zeros((50, 3), np.float32),
        labels=np.zeros(50, np.float32),
        **more,
    )


def cloud_file(seed: int, label: int) -> bytes:
    return of(pcd=np.zeros((64, 3), np.float32), params=flat(made_layers(DIMS, seed)), class_id=label)


def published(root: Path) -> Path:
    return write(
        root,
        {
            "inrs/train/0.h5": mesh_file(0, 4),
            "inrs/train/10.h5": mesh_file(1, 3),
            "inrs/train/2.h5": mesh_file(2, 4),
            "inrs/val/0.h5": cloud_file(3, 0),
            "inrs/test/0.h5": cloud_file(4, 9),
            "inrs/test/1.h5": cloud_file(5, 4),
        },
    )


def test_a_published_set(tmp_path: Path) -> None:
    opened = reopened(published(tmp_path), "auto")
    listing = opened.listing
    assert opened.format == "inr2vec"
    assert listing.object_id.tolist() == [0, 2, 10, 11, 12, 13]
    assert listing.view.tolist() == [0] * 6
    assert listing.split.tolist() == [Split.train] * 3 + [Split.val] + [Split.test] * 2
    assert listing.notes == (LOGITS, GUESS)
    assert listing.convention.spec(DIMS) == SHAPES
    assert listing.convention.target_range == (0.0, 1.0)
    assert all_labels(opened) == [4, 4, 3, 0, 9, 4]
    expected = np.stack([flat(made_layers(DIMS, seed)) for seed in (0, 2, 1, 3, 4, 5)])
    assert all_weights(opened).tobytes() == expected.tobytes()


@pytest.mark.parametrize("width", [1, 2, 64, 512])
def test_the_width_follows_from_the_number_of_parameters(tmp_path: Path, width: int) -> None:
    dims = (3, width, width, width, width, 1)
    write(tmp_path, {"train/0.h5": of(params=np.zeros(FieldSpec(dims).parameters, np.float32), class_id=0)})
    assert reopened(tmp_path, "inr2vec").parse(0).dims == dims


def test_the_published_width() -> None:
    assert FieldSpec((3, 512, 512, 512, 512, 1)).parameters == 790_529


PARAMS = flat(made_layers(DIMS, 0))
FAULTS: dict[str, tuple[bytes, str]] = {
    "cut": (mesh_file(0, 1)[:-64], "HDF5 cannot read it"),
    "empty": (b"", "no HDF5 file by its first bytes"),
    "no params": (of(class_id=1), "dataset params is not there"),
    "no class": (of(params=PARAMS), "dataset class_id is not there"),
    "float16": (
        of(params=PARAMS.astype("<f2"), class_id=1),
        r"found params float16 \(204,\), expected float32 \(P,\)",
    ),
    "two fields": (of(params=np.stack([PARAMS] * 2), class_id=1), r"found params float32 \(2, 204\)"),
    "a class with a point": (
        of(params=PARAMS, class_id=1.0),
        r"found class_id float64 \(\), expected one class",
    ),
    "two classes": (of(params=PARAMS, class_id=np.array([1, 2])), r"found class_id int64 \(2,\)"),
    "a negative class": (of(params=PARAMS, class_id=-1), "expected one class from 0 to 1048575"),
    "a large class": (of(params=PARAMS, class_id=np.uint64(2**64 - 1)), "expected one class from 0 to"),
    "another number": (
        of(params=PARAMS[:-1], class_id=1),
        r"found 203 parameters, which no network 3-w-w-w-w-1 has \(3-512-512-512-512-1 has 790529\)",
    ),
    "nothing": (of(params=PARAMS[:0], class_id=1), "found 0 parameters"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_cannot_be(tmp_path: Path, name: str) -> None:
    data, reason = FAULTS[name]
    write(tmp_path, {"train/0.h5": data})
    opened = reopened(tmp_path, "inr2vec")
    with pytest.raises(SourceError, match=rf"^{tmp_path}/train/0\.h5: .*{reason}") as error:
        opened.parse(0)
    assert "\n" not in str(error.value)


def test_a_class_in_a_list_is_one(tmp_path: Path) -> None:
    write(tmp_path, {"train/0.h5": of(params=PARAMS, class_id=np.array([5], "<i4"))})
    assert all_labels(reopened(tmp_path, "inr2vec")) == [5]


def test_two_sets_are_refused(tmp_path: Path) -> None:
    published(tmp_path / "a")
    published(tmp_path / "b")
    with pytest.raises(
        SourceError, match=r"found fields in a/inrs/ and in b/inrs/, expected one folder of them"
    ):
        reopened(tmp_path, "inr2vec")


def test_lists_of_splits_are_refused(tmp_path: Path) -> None:
    published(tmp_path / "set")
    (tmp_path / "lists.json").write_text("{}")
    with pytest.raises(OptionError, match="files of inr2vec say themselves which split a field is of"):
        open_place(Place(tmp_path / "set", "inr2vec", tmp_path / "lists.json"))


def their_network(params: torch.Tensor, width: int) -> Layers:
    """Parameters of an MLP in the order in which torch lists them, for four hidden layers."""
    layers, start = [], 0
    for before, after in ((3, width), *[(width, width)] * 3, (width, 1)):
        middle = start + before * after
        layers.append((params[start:middle].reshape(after, before), params[middle : middle + after]))
        start = middle + after
    assert start == len(params)
    return layers


def test_their_program_reads_ours(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", SHAPES, views=3)
    assert exported(store, "inr2vec", tmp_path / "out").notes == (
        "meshes and points are not in it: programs that reconstruct shapes need them beside",
        f"programs for this format take it that {LOGITS}",
    )
    points = torch.from_numpy(np.random.default_rng(3).uniform(-1, 1, (50, 3)))
    seen = []
    for split in Split:
        objects = [i for i in range(12) if i % 4 % 3 == split]
        paths = sorted((tmp_path / "out/inr2vec" / split.name).glob("*.h5"), key=lambda path: int(path.stem))
        for index, path in enumerate(paths):
            assert int(path.stem) == index
            with h5py.File(path, "r") as file:
                params = torch.from_numpy(np.array(file.get("params")))
                label = torch.from_numpy(np.array(file.get("class_id"))).long()
            assert params.dtype == torch.float32
            view, position = divmod(index, len(objects))
            record = 3 * objects[position] + view
            values = siren(their_network(params, 7), points)
            assert np.allclose(values.numpy(), store.field(record)(points.numpy()), rtol=0, atol=1e-5)
            assert label.shape == ()
            assert int(label) == store.column("label")[record]
            seen.append(record)
    assert sorted(seen) == list(range(36))


def test_the_way_back_is_exact(tmp_path: Path, fitted: Store) -> None:
    """The note says what the files do not: which fields are views of one object, and how wide their layers
    are."""
    done = exported(fitted, "inr2vec", tmp_path / "out")
    assert done.notes[2:] == (
        "fields are 2-16-16-1, where programs for this format take 3-w-w-w-w-1",
        "output offset is 0.5, where programs for this format take 0",
    )
    opened = reopened(tmp_path / "out", "auto")
    assert all_weights(opened).tobytes() == fitted.weights(range(len(fitted))).tobytes()
    for name in ("object_id", "view", "label", "split"):
        assert getattr(opened.listing, name).tolist() == fitted.column(name).tolist()
    assert all_labels(opened) == fitted.column("label").tolist()
    assert opened.listing.convention.spec(opened.parse(0).dims) == fitted.spec
    assert opened.listing.notes == ()
    exported(fitted, "inr2vec", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_views_may_be_missing(tmp_path: Path) -> None:
    store = make_imported(
        tmp_path / "store", SHAPES, objects=(3, 5, 4_000_000_000), views=(0, 2), diverged=[1]
    )
    exported(store, "inr2vec", tmp_path / "out.zip")
    listing = reopened(tmp_path / "out.zip", "inr2vec").listing
    pairs = zip(listing.object_id.tolist(), listing.view.tolist(), strict=True)
    assert list(pairs) == [(3, 0), (5, 0), (5, 2), (4_000_000_000, 0), (4_000_000_000, 2)]


def test_signed_distances(tmp_path: Path) -> None:
    store = make_shapes_store(tmp_path / "store")
    exported(store, "inr2vec", tmp_path / "out")
    opened = reopened(tmp_path / "out", "inr2vec")
    assert opened.listing.convention.target_range == (-1.0, 1.0)
    assert all_weights(opened).tobytes() == store.weights(range(len(store))).tobytes()


def test_labels_are_needed(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", SHAPES, label=[1] * 11 + [-1])
    with pytest.raises(
        SpecError, match=r"^inr2vec: object 11 of .* has no label, .* export to safetensors or npz"
    ):
        exported(store, "inr2vec", tmp_path / "out")


def test_files_beyond_the_note(tmp_path: Path) -> None:
    exported(make_imported(tmp_path / "store", SHAPES), "inr2vec", tmp_path / "out")
    root = tmp_path / "out/inr2vec"
    (root / "val/0.h5").rename(root / "val/3.h5")
    with pytest.raises(SourceError) as error:
        reopened(tmp_path / "out", "inr2vec")
    assert str(error.value) == (
        f"{root}/val/3.h5: the note beside the export states 3 objects of val and at most 1 view of each, so "
        "that numbers end before this one: restore what was exported"
    )


def test_other_fields_than_the_note_states(tmp_path: Path) -> None:
    exported(make_imported(tmp_path / "store", SHAPES), "inr2vec", tmp_path / "out")
    (tmp_path / "out/inr2vec/val/0.h5").write_bytes(of(params=PARAMS[:-1], class_id=1))
    opened = reopened(tmp_path / "out", "inr2vec")
    with pytest.raises(
        SourceError, match="found 203 parameters, expected 204 of 3-7-7-7-7-1 as the note beside"
    ):
        opened.parse(opened.listing.files.index("inr2vec/val/0.h5"))
