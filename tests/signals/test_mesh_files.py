"""Mesh folders and archives: where they are, labels and splits, and archives that are not to be trusted."""

import os
import pickle
import re
import stat
import struct
import warnings
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from neuralviews.errors import NoSourceRoot, SourceError
from neuralviews.recipe import Recipe, load_recipe, recipe_from_canonical
from neuralviews.recipe_schema import MeshTable
from neuralviews.records import NO_LABEL, Split
from neuralviews.signals import zip_tree
from neuralviews.signals.mesh_files import MeshFiles
from neuralviews.signals.reasons import Reason

from .mesh_source_files import TETRAHEDRON, mesh_recipe, some_mesh, write_meshes, write_zip, zip_meshes

NAMES = ["b/1.off", "b/deep/2.OBJ", "a/3.ply", "a-b/4.stl", "ä/5.glb"]
IN_ORDER = ["a-b/4.stl", "a/3.ply", "b/1.off", "b/deep/2.OBJ", "ä/5.glb"]
MODELNET = ["ModelNet10/bed/test/bed_2.off", "ModelNet10/bed/train/bed_1.off", "ModelNet10/desk/train/d.off"]
OFFICIAL = {"splits": "inside-classes"}


def opened(recipe: Recipe, root: Path | None, *, keep_going: bool = False) -> MeshFiles:
    assert isinstance(recipe.source, MeshTable)
    return MeshFiles(recipe, recipe.source, root, keep_going=keep_going)


def refused(recipe: Recipe, root: Path | None, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        opened(recipe, root)
    assert "\n" not in str(caught.value)


def test_names_labels_and_hashes_of_a_folder_and_of_its_archive_are_the_same(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", *NAMES)
    zip_meshes(tmp_path / "packed" / "shapes.zip", *(f"shapes/{name}" for name in NAMES))
    for name in NAMES:  # in the archive the content is named with the folder
        (tmp_path / "shapes" / name).write_bytes(some_mesh(f"shapes/{name}"))
    for root in (tmp_path, tmp_path / "packed"):
        meshes = opened(mesh_recipe(), root)
        assert meshes.names == IN_ORDER
        assert meshes.class_names == ("a", "a-b", "b", "ä")
        assert meshes.labels.tolist() == [1, 0, 2, 2, 3]
        assert meshes.parts.tolist() == [Split.train] * 5
        expected = {name: sha256(some_mesh(f"shapes/{name}")).hexdigest() for name in IN_ORDER}
        assert dict(meshes.hash_files()) == expected
        assert meshes.left_out == {}
        assert [meshes.read(i) for i in range(5)] == [some_mesh(f"shapes/{name}") for name in IN_ORDER]
    assert opened(mesh_recipe(), tmp_path).describe(0) == str(tmp_path / "shapes" / "a-b" / "4.stl")
    assert meshes.describe(0) == str(tmp_path / "packed" / "shapes.zip" / "shapes" / "a-b" / "4.stl")


def test_without_labels_there_are_no_classes(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", "one.off", "a/two.off")
    meshes = opened(mesh_recipe(labels="none"), tmp_path)
    assert meshes.class_names is None
    assert meshes.labels.tolist() == [NO_LABEL, NO_LABEL]


def test_splits_outside_and_inside_of_classes(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", "train/b/1.off", "test/a/2.off", "val/b/deep/3.off")
    meshes = opened(mesh_recipe(splits="folders"), tmp_path)
    assert meshes.class_names == ("a", "b")
    assert list(zip(meshes.names, meshes.labels.tolist(), meshes.parts.tolist(), strict=True)) == [
        ("test/a/2.off", 0, Split.test),
        ("train/b/1.off", 1, Split.train),
        ("val/b/deep/3.off", 1, Split.val),
    ]
    write_meshes(tmp_path, *MODELNET)
    meshes = opened(mesh_recipe("ModelNet10", **OFFICIAL), tmp_path)
    assert meshes.class_names == ("bed", "desk")
    assert meshes.labels.tolist() == [0, 0, 1]
    assert meshes.parts.tolist() == [Split.test, Split.train, Split.train]


def test_labels_are_places_in_the_list_of_the_recipe(tmp_path: Path) -> None:
    write_meshes(tmp_path, *MODELNET)
    meshes = opened(mesh_recipe("ModelNet10", classes=["desk", "bed"], **OFFICIAL), tmp_path)
    assert meshes.class_names == ("desk", "bed")
    assert meshes.labels.tolist() == [1, 1, 0]


@pytest.mark.parametrize("top", ["ModelNet10", "data/ModelNet10"])
@pytest.mark.parametrize("root", ["", "ModelNet10", "ModelNet10.zip", "any.zip", "bare/ModelNet10.zip", "in"])
def test_the_place_may_be_named_in_several_ways(tmp_path: Path, root: str, top: str) -> None:
    """The folder that holds it, itself, or an archive of either, also beside other folders."""
    if root == "":
        write_meshes(tmp_path / Path(top).parent, *MODELNET)
    elif root == "ModelNet10":
        write_meshes(tmp_path, *MODELNET)
    elif root == "in":
        zip_meshes(tmp_path / "in" / f"{top}.zip", *MODELNET, "ModelNet40/bed/train/other.off", "README.txt")
    elif root == "bare/ModelNet10.zip":
        zip_meshes(tmp_path / root, *(name.removeprefix("ModelNet10/") for name in MODELNET))
    elif root == "any.zip":
        zip_meshes(
            tmp_path / root, *(f"{Path(top).parent.as_posix()}/{n}".removeprefix("./") for n in MODELNET)
        )
    else:
        zip_meshes(tmp_path / root, *MODELNET, "__MACOSX/ModelNet10/bed/._bed_2.off", "ModelNet40/x.off")
    meshes = opened(mesh_recipe(top, **OFFICIAL), tmp_path / root)
    assert meshes.names == [name.removeprefix("ModelNet10/") for name in MODELNET]
    assert meshes.root == tmp_path / root
    assert [meshes.read(i)[:4] for i in range(3)] == [b"OFF\n"] * 3


def test_the_path_may_name_an_archive(tmp_path: Path) -> None:
    zip_meshes(tmp_path / "my" / "shapes.zip", "a/1.off")
    assert opened(mesh_recipe("my/shapes.zip"), tmp_path).names == ["a/1.off"]
    assert opened(mesh_recipe("my/shapes.zip"), tmp_path / "my" / "shapes.zip").names == ["a/1.off"]


def test_without_a_root_they_lie_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        'name = "x"\nsource = { kind = "meshes", path = "shapes" }\nfield.dims = [3, 4, 1]\n'
    )
    write_meshes(tmp_path / "shapes", "a/1.off")
    recipe = load_recipe(tmp_path / "x.toml")
    assert opened(recipe, None).root == tmp_path
    with pytest.raises(
        NoSourceRoot, match=r"no source root given; name the folder or zip archive that holds"
    ):
        opened(recipe_from_canonical(recipe.canonical()), None)


@pytest.mark.parametrize("packed", [False, True])
def test_other_files_are_passed_over_and_other_shapes_refused(tmp_path: Path, packed: bool) -> None:
    other = ["README.txt", "a/notes.pdf", "a/1.mtl", ".hidden/2.off", "a/.3.off", "__MACOSX/a/4.off"]
    if packed:
        zip_meshes(tmp_path / "shapes.zip", "a/1.off", *other)
    else:
        write_meshes(tmp_path / "shapes", "a/1.off", *other[:-1])
    assert opened(mesh_recipe(), tmp_path).names == ["a/1.off"]
    write_meshes(tmp_path / "shapes", "a/1.off", "a/chair.FBX")
    message = (
        r"a/chair\.FBX: found a mesh of a format that is not read, expected one of \.glb, \.obj.*convert it"
    )
    refused(mesh_recipe(), tmp_path, message)
    meshes = opened(mesh_recipe(), tmp_path, keep_going=True)
    assert meshes.names == ["a/1.off"]
    assert meshes.left_out == {"a/chair.FBX": Reason.other_format}
    assert re.search(message, meshes.details["a/chair.FBX"])


def test_missing_places(tmp_path: Path) -> None:
    message = (
        r"shapes: no such folder or zip archive; put the meshes there, or name the .* 'shapes' with --sou"
    )
    refused(mesh_recipe(), tmp_path, message)
    refused(mesh_recipe(), tmp_path / "nowhere", message)
    (tmp_path / "shapes").mkdir()
    refused(
        mesh_recipe(), tmp_path, r"shapes: found no meshes, expected files that end in \.glb, \.obj, \.off"
    )
    zip_meshes(tmp_path / "other.zip", "else/1.off")
    refused(
        mesh_recipe(), tmp_path / "other.zip", r"other\.zip: holds no folder 'shapes', expected the meshes"
    )


def test_misplaced_files_and_missing_classes(tmp_path: Path) -> None:
    write_meshes(
        tmp_path / "shapes", "bed/train/1.off", "bed/2.off", "3.off", "sofa/test/4.off", "bed/x/5.off"
    )
    recipe = mesh_recipe(classes=["bed", "chair", "desk"], **OFFICIAL)
    reasons = {
        "3.off": r"its label is missing: it lies in no class folder; .* source\.labels = 'none'",
        "bed/2.off": r"lies in none of the folders train, val and test of bed; move it into one, or set",
        "bed/x/5.off": r"lies in none of the folders train, val and test of bed; move it into one, or set",
        "sofa/test/4.off": r"lies in folder 'sofa', expected one of source\.classes; move it, or add",
    }
    meshes = opened(recipe, tmp_path, keep_going=True)
    assert meshes.names == ["3.off", "bed/2.off", "bed/train/1.off", "bed/x/5.off", "sofa/test/4.off"]
    assert meshes.labels.tolist() == [NO_LABEL, NO_LABEL, 0, NO_LABEL, NO_LABEL]
    missing = {"chair/": Reason.missing_class, "desk/": Reason.missing_class}
    assert meshes.left_out == missing | dict.fromkeys(reasons, Reason.misplaced)
    assert list(meshes.hash_files()) == ["bed/train/1.off"]
    for name, reason in reasons.items():
        refused(recipe, tmp_path, f"{name}: {reason}")
        assert re.search(f"{name}: {reason}", meshes.details[name])
        (tmp_path / "shapes" / name).unlink()
    message = (
        r"shapes: found no meshes of chair, desk, expected a folder of each .*; give the whole set, or --keep"
    )
    refused(recipe, tmp_path, message)


@pytest.mark.parametrize("place", ["one", "an\u00a0other\tplace"])
def test_reasons_hold_nothing_of_the_place(tmp_path: Path, place: str) -> None:
    """Equal files make equal jobs, wherever they lie and however an error prints that."""
    write_meshes(tmp_path / place / "shapes", "a/1.off", "a/b\t.off", "loose.off")
    broken = tmp_path / place / "shapes" / "a" / "b\t.off"
    broken.unlink()
    broken.symlink_to(broken)
    meshes = opened(mesh_recipe(), tmp_path / place, keep_going=True)
    assert list(meshes.hash_files()) == ["a/1.off"]
    assert meshes.left_out == {"loose.off": Reason.misplaced, "a/b\t.off": Reason.unreadable}


@pytest.mark.parametrize("name", [b"a/\xff\xfe.off", b"\xe4/1.off", b"\xff.txt"])
def test_names_that_no_job_can_state(tmp_path: Path, name: bytes) -> None:
    write_meshes(tmp_path / "shapes", os.fsdecode(name))
    message = r"\\udc.*: the name is not UTF-8, expected one that is: rename it"
    refused(mesh_recipe(), tmp_path, message)
    with pytest.raises(SourceError, match=message):
        opened(mesh_recipe(), tmp_path, keep_going=True)


def test_links_stay_inside(tmp_path: Path) -> None:
    write_meshes(tmp_path / "elsewhere", "secret.off")
    write_meshes(tmp_path / "shapes", "a/1.off")
    (tmp_path / "shapes" / "a" / "2.off").symlink_to(tmp_path / "shapes" / "a" / "1.off")
    assert opened(mesh_recipe(), tmp_path).names == ["a/1.off", "a/2.off"]
    (tmp_path / "shapes" / "a" / "3.off").symlink_to(tmp_path / "elsewhere" / "secret.off")
    refused(mesh_recipe(), tmp_path, r"3\.off: a link to a folder or out of .*shapes; expected files inside")


def member(name: str, *, mode: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("x")
    made.filename, made.create_system = name, 3
    made.external_attr = mode << 16
    return made


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        (member("../../etc/1.off"), r"'\.\./\.\./etc/1\.off', an unsafe name"),
        (member("shapes/a/../../1.off"), "an unsafe name"),
        (member("/etc/1.off"), "an unsafe name"),
        (member("shapes//1.off"), "an unsafe name"),
        (member("./shapes/1.off"), "an unsafe name"),
        (member("C:/1.off"), "an unsafe name"),
        (member("shapes\\a\\1.off"), "an unsafe name"),
        (member("shapes/a/1.off\0.txt"), "an unsafe name"),
        (member(""), "an unsafe name"),
        (member("shapes/a/link.off", mode=stat.S_IFLNK | 0o777), "a link or a device"),
        (member("shapes/a/pipe.off", mode=stat.S_IFIFO | 0o777), "a link or a device"),
        (member("shapes/a/1.off"), "twice there"),
    ],
)
def test_hostile_archives_are_refused_whole(tmp_path: Path, hostile: zipfile.ZipInfo, shown: str) -> None:
    path = zip_meshes(tmp_path / "shapes.zip", "shapes/a/1.off")
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there already
        archive.writestr(hostile, TETRAHEDRON)
    message = (
        r"shapes\.zip: found the member .*" + shown + r", expected files with relative paths; nothing was"
    )
    refused(mesh_recipe(), tmp_path, message)
    with pytest.raises(SourceError, match="nothing was read"):
        opened(mesh_recipe(), tmp_path, keep_going=True)


def patched(path: Path, **fields: int) -> Path:
    """The archive with fields of its last entry, in the central directory, overwritten."""
    places = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "packed": (20, "<I")}
    places |= {"size": (24, "<I"), "offset": (42, "<I")}
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02")
    for field, value in fields.items():
        place, kind = places[field]
        struct.pack_into(kind, data, start + place, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"flags": 1}, "found an encrypted member, expected plain ones: pack the archive without a password"),
        ({"method": 14}, "found compression method 14, expected stored or deflated: pack it so"),
        ({"size": 2**30 + 1}, "found 1073741825 bytes, expected at most 1073741824: leave it out"),
        ({"size": 2**30}, r"found 1073741824 bytes packed into \d+, expected at most 1000 times as many"),
        ({"size": 10}, r"cannot be unpacked \(Bad CRC-32 for file .*\); replace the archive"),
        (
            {"size": 5000},
            r"found \d+ bytes, expected 5000 as the archive says: replace the archive",
        ),
        ({"crc": 1}, r"cannot be unpacked \(Bad CRC-32 for file .*\); replace the archive"),
        ({"offset": 3}, r"cannot be unpacked \(Bad magic number for file header\); replace the archive"),
        ({"packed": 20}, r"cannot be unpacked \(.+\); replace the archive"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_members_that_lie_are_not_unpacked(tmp_path: Path, fields: dict[str, int], reason: str) -> None:
    path = patched(zip_meshes(tmp_path / "shapes.zip", "shapes/a/1.off", "shapes/b/2.off"), **fields)
    meshes = opened(mesh_recipe(), path)
    assert meshes.read(0) == some_mesh("shapes/a/1.off")
    with pytest.raises(SourceError, match=rf"shapes\.zip/shapes/b/2\.off: {reason}"):
        meshes.read(1)
    with pytest.raises(SourceError, match=rf"2\.off: {reason}"):
        meshes.hash_files()
    meshes = opened(mesh_recipe(), path, keep_going=True)
    assert list(meshes.hash_files()) == ["a/1.off"]
    assert meshes.left_out == {"b/2.off": Reason.unreadable}
    assert re.search(rf"2\.off: {reason}", meshes.details["b/2.off"])
    assert meshes.labels.tolist() == [0, 1]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "shapes.zip", {"shapes/a/1.off": bytes(10_000_000)})
    with pytest.raises(SourceError, match="found 10000000 bytes packed into 97"):
        opened(mesh_recipe(), path).read(0)
    monkeypatch.setattr(zip_tree, "MAX_RATIO", 2000)
    assert opened(mesh_recipe(), path).read(0) == bytes(10_000_000)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "entry"])
def test_damaged_archives(tmp_path: Path, damage: str) -> None:
    path = zip_meshes(tmp_path / "shapes.zip", "shapes/a/1.off", "shapes/b/2.off")
    data = path.read_bytes()
    ends = {"empty": b"", "text": b"<html>", "cut": data[:-30], "entry": data.replace(b"PK\1\2", b"PK\1\3")}
    path.write_bytes(ends[damage])
    refused(mesh_recipe(), tmp_path, r"shapes\.zip: no zip archive that can be read \(.+\); replace it")


def test_other_processes_open_the_archive_for_themselves(tmp_path: Path) -> None:
    path = zip_meshes(tmp_path / "shapes.zip", *(f"shapes/a/{i}.off" for i in range(20)))
    meshes = opened(mesh_recipe(), path)
    again = pickle.loads(pickle.dumps(meshes))
    assert [again.read(i) for i in range(20)] == [some_mesh(f"shapes/{name}") for name in meshes.names]
    expected = [again.read(i) for i in range(20)]
    child = os.fork()
    same = all([meshes.read(i) for i in range(20)] == expected for _ in range(20))
    if child == 0:
        os._exit(0 if same else 1)
    assert same
    assert os.waitpid(child, 0)[1] == 0


def test_the_real_meshes_are_found_in_both_sets() -> None:
    folder = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not folder:
        pytest.skip("NEURALVIEWS_TEST_DATA is not set: no meshes here")
    path = Path(folder) / "modelnet_original.zip"
    for name, count in (("ModelNet10", 5), ("ModelNet40", 9)):
        meshes = opened(mesh_recipe(name, **OFFICIAL), path)
        assert len(meshes.names) == len(meshes.hash_files()) == count
        assert set(meshes.parts) == {Split.train}
        assert meshes.read(0).startswith(b"OFF")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", "a/1.off")
    os.mkfifo(tmp_path / "shapes" / "a" / "pipe.off")
    refused(mesh_recipe(), tmp_path, r"pipe\.off: no regular file; expected files of meshes: move it")
