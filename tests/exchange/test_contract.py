"""What holds for every format: known for what it is, back without a bit changed, or refused."""

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, SourceError, SpecError
from neuralviews.exchange.export import export
from neuralviews.exchange.note import NOTE
from neuralviews.exchange.opened import Opened, Place, open_place
from neuralviews.exchange.registry import FORMATS, MESHES, get_format
from neuralviews.field import Field, FieldSpec
from neuralviews.fit.facts import field_facts
from neuralviews.records import Split, Status
from neuralviews.store.reader import Store, open_store

from ..store.stores import contents
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened

IDS = (3, 70_001, 5, 59_999, 60_000, 2**32 - 1, 0, 45_000, 50_001, 4, 7, 8)
"""Objects in no order, at the ends of the ranges that formats know."""
ONE_VIEW = ("dwsnets", "dwsnets-fmnist")
WAVES: dict[str, Any] = {
    "spec": FieldSpec([1, 8, 8, 1], 12.0, 0.25),
    "attributes": ("amplitude", "frequency"),
}
SHAPES: dict[str, Any] = {"spec": FieldSpec([3, 4, 4, 4, 4, 1], 12.0), "views": 2}
IMAGES: dict[str, Any] = {
    "spec": FieldSpec([2, 8, 8, 3], 12.0, 0.25, 2.0, "ij"),
    "target": {"range": [-1.0, 1.0], "mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 0.5]},
    "class_names": [f"class {number}" for number in range(10)],
    "image_shape": (6, 5),
}


def kind_of(name: str) -> dict[str, Any]:
    """What a format is made for, with conventions that are none of its own."""
    if name == "dwsnets-sine":
        return WAVES
    if name == "inr2vec":
        return SHAPES
    return IMAGES | {"views": 1 if name in ONE_VIEW else 3}


@pytest.fixture(scope="module", params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def store(name: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_imported(tmp_path_factory.mktemp(name) / "store", objects=IDS, **kind_of(name))


@pytest.fixture(scope="module", params=["out", "out.zip"])
def out(request: pytest.FixtureRequest, name: str, store: Store) -> Path:
    """All records of the store in the format; tests must not change it."""
    place = store.root.parent / str(request.param)
    assert exported(store, name, place).count == len(store)
    return place


def rows_by_view(store: Store) -> Any:
    """Records in the order of listings."""
    return np.lexsort((store.column("view"), store.column("object_id")))


def assert_same(opened: Opened, store: Store) -> None:
    listing, rows = opened.listing, rows_by_view(store)
    for column in ("object_id", "view", "split"):
        assert getattr(listing, column).tolist() == store.column(column)[rows].tolist(), column
    assert all_labels(opened) == store.column("label")[rows].tolist()
    assert all_weights(opened).tobytes() == store.weights(rows).tobytes()
    assert {opened.parse(file).dims for file in range(len(listing.files))} == {store.spec.dims}
    facts, convention = field_facts(store), listing.convention
    assert convention.spec(store.spec.dims) == store.spec
    assert convention.target_range == facts.target_range
    assert (None if convention.mean is None else (convention.mean, convention.std)) == facts.channels
    assert (listing.class_names, listing.image_shape) == (facts.class_names, facts.image_shape)


def test_it_is_known_for_what_it_is(name: str, out: Path) -> None:
    """By names alone, whoever asks: no other format takes it for its own."""
    files = reopened(out, name).files
    assert {one for one in FORMATS if get_format(one).detect(files) is not None} == {name}
    assert reopened(out, "auto").format == name


def test_the_folder_inside_is_known_too(name: str, out: Path, store: Store) -> None:
    inside = [path for path in out.iterdir() if path.is_dir()] if out.is_dir() else []
    for folder in inside:
        opened = reopened(folder, "auto")
        assert opened.format == name
        assert_same(opened, store)


def test_back_without_a_bit_changed(name: str, out: Path, store: Store) -> None:
    assert_same(reopened(out, name), store)


def test_rendered_as_before(name: str, out: Path, store: Store) -> None:
    opened = reopened(out, name)
    spec = opened.listing.convention.spec(store.spec.dims)
    points = np.random.default_rng(0).uniform(-1, 1, (20, spec.in_dim))
    for row, weights in zip(rows_by_view(store), all_weights(opened), strict=True):
        mine, theirs = Field(spec, weights), store.field(row)
        assert np.array_equal(mine(points), theirs(points))
        if spec.in_dim == 2:
            shape = opened.listing.image_shape
            assert shape == (6, 5)
            assert np.array_equal(mine.render(shape), theirs.render(shape))


def test_the_same_bytes_twice(name: str, out: Path, store: Store, tmp_path: Path) -> None:
    again = tmp_path / out.name
    exported(store, name, again)
    if out.is_dir():
        assert contents(again) == contents(out)
    else:
        assert again.read_bytes() == out.read_bytes()


def test_folders_and_archives_hold_the_same(name: str, store: Store, tmp_path: Path) -> None:
    for place in ("out", "out.zip"):
        exported(store, name, tmp_path / place)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {member: archive.read(member) for member in archive.namelist()} == contents(tmp_path / "out")


def test_nothing_is_written_elsewhere(name: str, store: Store, tmp_path: Path) -> None:
    """But for the statistics that are kept in a store as soon as anybody asks for them."""
    shutil.copytree(store.root, tmp_path / "store")
    (tmp_path / "store/statistics.json").unlink(missing_ok=True)
    before = contents(tmp_path)
    exported(open_store(tmp_path / "store"), name, tmp_path / "sub/out")
    after = contents(tmp_path)
    assert {path for path in after if not path.startswith("sub/out/")} - {"store/statistics.json"} == {
        *before
    }
    assert {path: after[path] for path in before} == before


def test_some_records_alone(name: str, store: Store, tmp_path: Path) -> None:
    rows = rows_by_view(store)
    rows = rows[np.isin(store.column("object_id")[rows], IDS[2:7])]
    assert export(store, rows[::-1], name, tmp_path / "out").count == len(rows)
    opened = reopened(tmp_path / "out", name)
    assert opened.listing.object_id.tolist() == store.column("object_id")[rows].tolist()
    assert opened.listing.split.tolist() == store.column("split")[rows].tolist()
    assert all_weights(opened).tobytes() == store.weights(rows).tobytes()


ODD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "without labels": lambda kind: kind | {"label": [-1] * 12},
    "partly without labels": lambda kind: kind | {"label": [-1, *range(11)]},
    "labels of three digits": lambda kind: kind | {"label": [*range(11), 999]},
    "several views": lambda kind: kind | {"views": 3},
    "views from 4 on": lambda kind: kind | {"views": (4, 6)},
    "one object": lambda kind: kind | {"objects": (9,), "split": [Split.test]},
    "one split": lambda kind: kind | {"split": [Split.val] * 12},
    "fields that diverged": lambda kind: kind | {"views": 2, "diverged": (0, 5, 6, 7)},
    "one coordinate": lambda kind: kind | {"spec": FieldSpec([1, 8, 8, 3], 12.0), "image_shape": None},
    "three coordinates": lambda kind: kind | {"spec": FieldSpec([3, 5, 3]), "image_shape": None},
    "different widths": lambda kind: kind | {"spec": FieldSpec([2, 4, 7, 3], 9.0), "image_shape": None},
    "different omegas": lambda kind: kind | {"spec": FieldSpec([2, 5, 5, 3], (9.0, 30.0))},
    "other numbers": lambda kind: kind | {"attributes": ("volume",)},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.filterwarnings("error")
def test_whatever_is_odd_comes_back_or_is_refused(name: str, odd: str, tmp_path: Path) -> None:
    """Nothing is lost on the way without a word: either all is as before, or another format is named."""
    kind = ODD[odd]({key: value for key, value in kind_of(name).items() if key != "class_names"})
    if kind["spec"].out_dim != 3:
        kind = {key: value for key, value in kind.items() if key != "target"}
    store = make_imported(tmp_path / "store", **{"objects": IDS, **kind})
    try:
        exported(store, name, tmp_path / "out")
    except SpecError as error:
        message = str(error)
        assert message.startswith(f"{name}: ")
        assert "export" in message.rpartition(";")[2]
        assert not (tmp_path / "out").exists()
        return
    opened, listing = reopened(tmp_path / "out", name), reopened(tmp_path / "out", name).listing
    kept = rows_by_view(store)
    kept = kept[store.column("status")[kept] != Status.diverged]
    for column in ("object_id", "view", "split"):
        assert getattr(listing, column).tolist() == store.column(column)[kept].tolist(), column
    assert all_labels(opened) == store.column("label")[kept].tolist()
    assert all_weights(opened).tobytes() == store.weights(kept).tobytes()
    assert listing.convention.spec(store.spec.dims) == store.spec


def damaged(store: Store, name: str, root: Path, change: Callable[[bytes], bytes]) -> str:
    """Damage the first file that holds fields; the error of reading it."""
    exported(store, name, root)
    first = reopened(root, name).listing.files[0]
    (root / first).write_bytes(change((root / first).read_bytes()))
    with pytest.raises(SourceError) as error:
        reopened(root, name).parse(0)
    return str(error.value).replace(str(root / first), "FILE")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"no field" + data[8:],
        lambda data: b"<!DOCTYPE html><html></html>",
    ],
    ids=["empty", "half", "cut", "overwritten", "web page"],
)
def test_damaged_files(name: str, store: Store, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """One line that names the file, and says what to do with it."""
    message = damaged(store, name, tmp_path / "out", change)
    assert message.startswith("FILE: ")
    assert "\n" not in message
    assert any(word in message for word in ("replace", "expected", "restore"))


def test_a_note_of_other_objects(name: str, store: Store, tmp_path: Path) -> None:
    exported(store, name, tmp_path / "out")
    (note,) = (tmp_path / "out").rglob(NOTE)
    content = json.loads(note.read_text())
    content["objects"] = {key: values[:-1] for key, values in content["objects"].items()}
    note.write_text(json.dumps(content))
    with pytest.raises(SourceError, match="restore"):
        reopened(tmp_path / "out", name)


def test_lists_that_are_given_overrule_the_note(name: str, store: Store, out: Path, tmp_path: Path) -> None:
    """Or are refused, where they could not say which fields they mean."""
    files = reopened(out, name).listing.files
    lists = tmp_path / "lists.json"
    lists.write_text(json.dumps({"val": list(files)}))
    if len(files) < len(store) or name == "inr2vec":
        with pytest.raises(
            OptionError, match=r"^splits: found .*lists\.json, but files of .* leave --splits out"
        ):
            open_place(Place(out, name, lists))
        return
    opened = open_place(Place(out, name, lists))
    assert opened.note is not None
    assert {*opened.listing.split.tolist()} == {Split.val}
    assert all_labels(opened) == store.column("label")[rows_by_view(store)].tolist()


def test_two_formats_in_one_folder(name: str, store: Store, tmp_path: Path) -> None:
    other = "nfn" if name != "nfn" else "implicit-zoo"
    image = make_imported(tmp_path / "image", FieldSpec([2, 8, 8, 3]))
    exported(store, name, tmp_path / "both/a")
    exported(image, other, tmp_path / "both/b")
    with pytest.raises(
        SourceError, match=r"could be of several formats \(.*\); name one of them with --from$"
    ):
        reopened(tmp_path / "both", "auto")


def test_no_files_of_a_known_format(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "auto")
    looked = "; ".join(f"{name}: {get_format(name).LOOKS_FOR}" for name in FORMATS)
    assert str(error.value) == f"{tmp_path}: found thesis.tex, looked for {looked}"


def test_a_store_needs_no_import(tmp_path: Path) -> None:
    """Nor does its archive, as deposits have it."""
    store, packed = make_imported(tmp_path / "store"), tmp_path / "store.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(store.root, "a/b")
    for path, job in ((store.root, "job.json"), (packed, "a/b/job.json")):
        with pytest.raises(SourceError) as error:
            reopened(path, "auto")
        assert str(error.value) == (
            f"{path / job}: beside a manifest.json, so that this is a neuralviews store already, with "
            "nothing to import: use its folder as it is (unpack an archive first), or give the folder to "
            "`neuralviews download`"
        )


def test_every_format_has_a_title() -> None:
    for name in FORMATS:
        assert get_format(name).TITLE
        assert get_format(name).LOOKS_FOR
    assert MESHES not in FORMATS
    assert len({get_format(name).TITLE for name in FORMATS}) == len(FORMATS)


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^format: found 'nfm'; did you mean 'nfn'\?$"):
        reopened(tmp_path, "nfm")
