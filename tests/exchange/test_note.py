"""The file beside an export: whole, ours, and believed before anything that names tell."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SourceError
from neuralviews.exchange.convention import CONVENTIONS, Convention
from neuralviews.exchange.files import Files
from neuralviews.exchange.listing import Entry, listed
from neuralviews.exchange.note import NOTE, Note, read_note, with_note
from neuralviews.exchange.taken import take
from neuralviews.field import FieldSpec
from neuralviews.records import NO_LABEL, Split
from neuralviews.signals.file_tree import FolderTree
from neuralviews.store.reader import Store

from .imported_stores import make_imported

SPEC = FieldSpec([2, 4, 3, 3], (8.0, 30.0), 0.25, 2.0, "ij")
CLASSES = ("cat", "dog", "owl")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_imported(
        tmp_path_factory.mktemp("note") / "store",
        SPEC,
        objects=(4, 90_000, 7),
        views=2,
        label=(2, -1, 0),
        split=(Split.test, Split.train, Split.val),
        target={"range": [0.0, 1.0], "mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 0.5]},
        class_names=CLASSES,
        image_shape=(9, 7),
    )


def bytes_of(store: Store) -> bytes:
    return take(store, np.arange(len(store)), None).note("nfn")


def lay(root: Path, data: bytes, folder: str = "out") -> Files:
    path = root / folder / NOTE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Files(FolderTree(root, "fields"))


def note_of(root: Path, store: Store, **changes: Any) -> Note:
    content = json.loads(bytes_of(store))
    found = read_note(lay(root, json.dumps(content | changes).encode()))
    assert found is not None
    assert found[0] == f"out/{NOTE}"
    return found[1]


def listing(*entries: Entry) -> Any:
    return listed(entries, Convention(omega=30.0, target_range=(-1.0, 1.0)), "/data", texts=("splits.json",))


class TestWritten:
    def test_everything_that_formats_do_not_state(self, tmp_path: Path, store: Store) -> None:
        note = note_of(tmp_path, store)
        assert note.spec == SPEC
        assert (note.exchange, note.dataset_id, note.name) == ("nfn", store.dataset_id, "made-up")
        assert (note.class_names, note.image_shape, note.views) == (CLASSES, (9, 7), 2)
        assert note.objects.object_id == (4, 7, 90_000)
        assert note.objects.label == (2, 0, -1)
        assert note.objects.split == (Split.test, Split.val, Split.train)
        assert note.target.range == (0.0, 1.0)
        assert (note.target.mean, note.target.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 0.5))

    def test_in_the_order_of_the_format(self, store: Store) -> None:
        taken = take(store, np.arange(len(store)), 1)
        content = json.loads(taken.note("inr2vec", np.array([2, 0, 1])))
        assert content["objects"]["object_id"] == [90_000, 4, 7]
        assert content["objects"]["label"] == [-1, 2, 0]
        assert content["views"] == 1

    def test_the_same_bytes_for_the_same_records(self, store: Store) -> None:
        assert bytes_of(store) == bytes_of(store)


class TestRead:
    def test_none(self, tmp_path: Path) -> None:
        assert read_note(Files(FolderTree(tmp_path, "fields"))) is None

    def test_several(self, tmp_path: Path, store: Store) -> None:
        lay(tmp_path, bytes_of(store))
        with pytest.raises(SourceError) as error:
            read_note(lay(tmp_path, bytes_of(store), "other"))
        assert str(error.value) == (
            f"{tmp_path}: found other/{NOTE} and out/{NOTE}, expected one of them: "
            "import one export at a time"
        )

    def test_of_a_newer_version(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError) as error:
            read_note(lay(tmp_path, b'{"version": 2, "news": []}'))
        assert str(error.value) == (
            f"{tmp_path}/out/{NOTE}: written by a newer neuralviews (version 2); update it"
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"views": 0},
            {"views": True},
            {"more": 1},
            {"arch": {}},
            {"arch": {"dims": [2, 1]}},
            {"image_shape": [0, 3]},
            {"target": {"range": [0.0]}},
            {"class_names": 3},
            {"objects": {"object_id": [-1], "label": [0], "split": [0]}},
            {"objects": {"object_id": [1], "label": [-2], "split": [0]}},
            {"objects": {"object_id": [1], "label": [0], "split": [3]}},
            {"objects": {"object_id": [1, 2], "label": [0], "split": [0]}},
            {"objects": {"object_id": [1, 1], "label": [0, 0], "split": [0, 0]}},
            {"format": "another"},
        ],
        ids=str,
    )
    def test_damaged(self, tmp_path: Path, store: Store, change: dict[str, Any]) -> None:
        with pytest.raises(SourceError, match=rf"/out/{NOTE}: .*; restore the file, or take it away$"):
            note_of(tmp_path, store, **change)

    @pytest.mark.parametrize("data", [b"", b"[]", b"{", b"3", b"\xff", b'"x"'])
    def test_garbage(self, tmp_path: Path, data: bytes) -> None:
        with pytest.raises(SourceError, match=rf"/out/{NOTE}: .*; (restore|replace) the file, or"):
            read_note(lay(tmp_path, data))

    def test_cut_off_anywhere(self, tmp_path: Path, store: Store) -> None:
        data = bytes_of(store)
        for length in range(0, len(data) - 1, 7):
            with pytest.raises(SourceError, match=rf"/out/{NOTE}: not JSON"):
                read_note(lay(tmp_path, data[:length]))


class TestApplied:
    def test_it_is_believed(self, tmp_path: Path, store: Store) -> None:
        note = note_of(tmp_path, store)
        entries = [Entry(f"{n}.pth", obj, split=Split.train) for n, obj in enumerate((7, 4, 90_000))]
        found = with_note(listing(*entries), f"out/{NOTE}", note, "/data")
        assert found.object_id.tolist() == [4, 7, 90_000]
        assert found.label.tolist() == [2, 0, NO_LABEL]
        assert found.split.tolist() == [Split.test, Split.val, Split.train]
        assert found.convention.spec((2, 4, 3, 3)) == SPEC
        assert found.convention.target_range == (0.0, 1.0)
        assert (found.convention.mean, found.convention.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 0.5))
        assert found.convention.stated() == dict.fromkeys(CONVENTIONS, "files")
        assert (found.class_names, found.image_shape) == (CLASSES, (9, 7))
        assert found.texts == ("splits.json", f"out/{NOTE}")
        assert found.known == ("split", "label")

    def test_lists_that_were_given_apart_are_believed_before_it(self, tmp_path: Path, store: Store) -> None:
        entries = [Entry(f"{obj}.pth", obj, split=Split.train) for obj in (4, 7, 90_000)]
        note = note_of(tmp_path, store)
        found = with_note(listing(*entries), NOTE, note, "/data", split_given=True)
        assert found.split.tolist() == [Split.train] * 3
        assert found.label.tolist() == [2, 0, NO_LABEL]
        assert found.known == ("split", "label")

    def test_no_labels_at_all(self, tmp_path: Path, store: Store) -> None:
        objects = {"object_id": [4], "label": [-1], "split": [0]}
        note = note_of(tmp_path, store, objects=objects)
        found = with_note(listing(Entry("a", 4)), NOTE, note, "/data")
        assert found.label.tolist() == [NO_LABEL]
        assert found.known == ("split",)

    def test_objects_that_it_does_not_state(self, tmp_path: Path, store: Store) -> None:
        with pytest.raises(SourceError) as error:
            with_note(listing(Entry("a", 5), Entry("b", 7)), NOTE, note_of(tmp_path, store), "/data")
        assert str(error.value) == (
            f"/data: {NOTE} states no object 5, of which there are fields: restore the file, or take it away"
        )
        none = note_of(tmp_path, store, objects={"object_id": [], "label": [], "split": []})
        with pytest.raises(SourceError, match="states no object 7"):
            with_note(listing(Entry("b", 7)), NOTE, none, "/data")

    def test_another_label_in_a_name(self, tmp_path: Path, store: Store) -> None:
        with pytest.raises(SourceError) as error:
            with_note(listing(Entry("a", 4, label=1)), NOTE, note_of(tmp_path, store), "/data")
        assert str(error.value) == (
            f"/data: object 4 has label 1 by the name of its file and 2 in {NOTE}: restore one of them"
        )
