"""Zip archives read in place: stored and deflated, old names and new, from several processes and threads."""

import os
import pickle
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.signals import zip_tree
from neuralviews.signals.zip_tree import ZipTree

from .mesh_source_files import write_zip

FILES = {f"top/{i}.pth": bytes([i]) * (i * 700) for i in range(30)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_folder_of_it_shares_the_open_archive(tmp_path: Path, method: int) -> None:
    tree = ZipTree(write_zip(tmp_path / "x.zip", FILES, method)).below("top/")
    (tmp_path / "x.zip").rename(tmp_path / "y.zip")  # nothing is opened again
    assert {f"top/{name}": tree.read(name) for name in tree.names} == FILES
    assert tree.describe("1.pth") == str(tmp_path / "x.zip" / "top" / "1.pth")


def test_processes_and_threads_read_at_once(tmp_path: Path) -> None:
    tree = ZipTree(write_zip(tmp_path / "x.zip", FILES))
    child = os.fork()
    with ThreadPoolExecutor(4) as pool:
        same = [*pool.map(tree.read, [*FILES] * 20)] == [*FILES.values()] * 20
    if child == 0:
        os._exit(0 if same else 1)
    assert same
    assert os.waitpid(child, 0)[1] == 0
    assert pickle.loads(pickle.dumps(tree.below("top/"))).read("3.pth") == FILES["top/3.pth"]


def test_names_of_old_and_new_archives(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    names = ["plain", "ä", "日本"]
    write_zip(path, {name: name.encode() for name in names})
    tree = ZipTree(path)
    assert {name: tree.read(name) for name in tree.names} == {name: name.encode() for name in names}
    data = path.read_bytes().replace("ä".encode(), b"\x84\xe0")  # as code page 437 has it, and one more
    entry = data.index(b"\x84\xe0")
    for at in (entry - 30 + 6, data.rindex(b"\x84\xe0") - 46 + 8):
        data = data[:at] + b"\0\0" + data[at + 2 :]  # the flag that says UTF-8
    path.write_bytes(data)
    assert ZipTree(path).read("äα") == "ä".encode()


def test_a_second_name_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes the Unicode Path of a member for its `filename` since 3.12: one that may lead astray."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, other in (("a/1.off", "evil"), ("a/2.off", "evil"), ("a/3.off", "../ü/")):
            member = zipfile.ZipInfo(name)
            field = struct.pack("<BL", 1, zlib.crc32(name.encode())) + other.encode()
            member.extra = struct.pack("<HH", 0x7075, len(field)) + field
            archive.writestr(member, name)
    decoded = zipfile.ZipInfo._decodeExtra

    def as_since_312(self: zipfile.ZipInfo, *given: object) -> None:
        decoded(self, *given)
        self.filename = self.extra[9:].decode()

    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", as_since_312)
    tree = ZipTree(tmp_path / "x.zip")
    assert {name: tree.read(name) for name in tree.names} == {
        f"a/{i}.off": f"a/{i}.off".encode() for i in (1, 2, 3)
    }


@pytest.mark.parametrize("field", [b"\1", b"\1\0\0\0", struct.pack("<BL", 1, zlib.crc32(b"a")) + b"\xff"])
def test_a_second_name_that_is_damaged(tmp_path: Path, field: bytes) -> None:
    """Python refuses the archive since 3.12, and did not before."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        member = zipfile.ZipInfo("a")
        member.extra = b"".join(
            struct.pack("<HH", kind, len(data)) + data for kind, data in ((0xCAFE, b"xy"), (0x7075, field))
        )
        archive.writestr(member, "a")
    with pytest.raises(SourceError, match=r"x\.zip: (found the member 'a', a damaged|no zip .*\(Corrupt) "):
        ZipTree(tmp_path / "x.zip")


def test_a_member_under_another_name_is_not_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"one": b"1", "two": b"2"})
    path.write_bytes(path.read_bytes().replace(b"one", b"One", 1))
    tree = ZipTree(path)
    message = r"x\.zip/one: cannot be unpacked \(its own header calls it 'One'\); replace the archive"
    with pytest.raises(SourceError, match=message):
        tree.read("one")
    assert tree.read("two") == b"2"


def test_packed_sizes_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ZipTree(write_zip(tmp_path / "x.zip", {"noise": os.urandom(100)}))
    packed = tree._members["noise"].compress_size
    assert packed > 100
    monkeypatch.setattr(zip_tree, "MAX_BYTES", 100)
    with pytest.raises(
        SourceError, match=rf"noise: found {packed} bytes, expected at most 100: leave it out"
    ):
        tree.read("noise")


@pytest.mark.parametrize("held", [{"data.pkl": b"x" * 90}, {}])
def test_of_an_archive_that_was_cut_no_archive_within_is_read(tmp_path: Path, held: dict[str, bytes]) -> None:
    """Checkpoints are zip archives themselves, and stored in one they keep their own ends."""
    inner = write_zip(tmp_path / "model_final.pth", held).read_bytes()
    whole = write_zip(tmp_path / "x.zip", {f"{i}.pth": inner for i in range(3)}, zipfile.ZIP_STORED)
    data = whole.read_bytes()
    second = data.index(inner, data.index(inner) + 1)
    for end in (second + len(inner), second + len(inner) + 20, data.rindex(b"PK\1\2")):
        whole.write_bytes(data[:end])
        with pytest.raises(
            SourceError,
            match=r"x\.zip: no zip .*begins at byte \d+: cut short or damaged\); .*download it again",
        ):
            ZipTree(whole)
    whole.write_bytes(data)
    assert ZipTree(whole).read("2.pth") == inner


@given(
    files=st.dictionaries(st.from_regex(r"[a-zäß]{1,9}(/[a-z日]{1,9})?", fullmatch=True), st.binary()),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_it_finds_what_zipfile_wrote(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], method: int
) -> None:
    tree = ZipTree(write_zip(tmp_path_factory.getbasetemp() / "any.zip", files, method))
    assert {name: tree.read(name) for name in tree.names} == files
