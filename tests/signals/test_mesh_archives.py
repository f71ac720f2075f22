"""Archives of meshes that are not to be trusted, and one that several processes read."""

import os
import pickle
import re
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from neuralviews.errors import SourceError
from neuralviews.signals import zip_tree
from neuralviews.signals.reasons import Reason

from .mesh_source_files import (
    TETRAHEDRON,
    mesh_recipe,
    opened,
    refused,
    some_mesh,
    write_zip,
    zip_meshes,
)


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
