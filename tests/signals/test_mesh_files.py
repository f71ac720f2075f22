"""Mesh folders and archives: where they are, labels and splits, and files that are none of theirs."""

import os
import re
from hashlib import sha256
from pathlib import Path

import pytest

from neuralviews.errors import NoSourceRoot, SourceError
from neuralviews.recipe import load_recipe, recipe_from_canonical
from neuralviews.records import NO_LABEL, Split
from neuralviews.signals.reasons import Reason

from .mesh_source_files import (
    mesh_recipe,
    opened,
    refused,
    some_mesh,
    write_meshes,
    zip_meshes,
)

NAMES = ["b/1.off", "b/deep/2.OBJ", "a/3.ply", "a-b/4.stl", "ä/5.glb"]
IN_ORDER = ["a-b/4.stl", "a/3.ply", "b/1.off", "b/deep/2.OBJ", "ä/5.glb"]
MODELNET = ["ModelNet10/bed/test/bed_2.off", "ModelNet10/bed/train/bed_1.off", "ModelNet10/desk/train/d.off"]
OFFICIAL = {"splits": "inside-classes"}


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


def test_the_path_may_be_the_root_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_meshes(tmp_path, "a/1.off")
    monkeypatch.chdir(tmp_path)
    for root in (Path(), tmp_path):
        assert opened(mesh_recipe("."), root).names == ["a/1.off"]


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


def test_files_too_large_are_not_read(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", "a/1.off", "a/2.off")
    size = (1 << 30) + 1
    os.truncate(tmp_path / "shapes" / "a" / "2.off", size)
    message = rf"a/2\.off: found {size} bytes, expected at most {size - 1}: leave it out"
    meshes = opened(mesh_recipe(), tmp_path)
    for read in (lambda: meshes.read(1), meshes.hash_files):
        with pytest.raises(SourceError, match=message):
            read()
    meshes = opened(mesh_recipe(), tmp_path, keep_going=True)
    assert list(meshes.hash_files()) == ["a/1.off"]
    assert meshes.left_out == {"a/2.off": Reason.unreadable}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write_meshes(tmp_path / "shapes", "a/1.off")
    os.mkfifo(tmp_path / "shapes" / "a" / "pipe.off")
    refused(mesh_recipe(), tmp_path, r"pipe\.off: no regular file; expected files of meshes: move it")
