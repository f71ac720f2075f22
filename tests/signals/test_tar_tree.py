"""Tar archives read in place: what is in them is found, what no honest one holds is refused at once."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import OutputError, SourceError
from neuralviews.signals import tar_stretch, tar_tree
from neuralviews.signals.tar_tree import TarTree

FILES = {
    "inrs/a/1.pth": b"one",
    "inrs/b/2.pth": b"",
    "inrs/ä/" + "long/" * 40 + "3.pth": bytes(range(256)) * 5,
    "README": b"read me",
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def member(name: str, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def tar_bytes(files: Mapping[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files, and of members without content after them."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w", format=form) as archive:
        for name, data in files.items():
            archive.addfile(member(name, size=len(data)), io.BytesIO(data))
        for other in others:
            archive.addfile(other)
    return image.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        TarTree(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("packing", COMPRESS)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_every_file_is_found_and_read(tmp_path: Path, packing: str, form: int) -> None:
    path = write(tmp_path / f"x.{packing}", COMPRESS[packing](tar_bytes(FILES, form=form)))
    scratch = tmp_path / "scratch"
    tree = TarTree(path, scratch=scratch)
    assert tree.names == list(FILES)
    assert {name: tree.read(name) for name in tree.names} == FILES
    assert tree.sha256("README") == sha256(b"read me").hexdigest()
    assert tree.describe("README") == str(path / "README")
    inner = tree.below("inrs/a/")
    assert inner.names == ["1.pth"]
    assert inner.read("1.pth") == b"one"
    assert inner.describe("1.pth") == str(path / "inrs" / "a" / "1.pth")
    assert tree.holds("inrs/a/")
    assert not tree.holds("inrs/c/")
    assert scratch.exists() == (packing != "tar")


def test_a_compressed_archive_is_decompressed_once_and_removed_at_the_end(tmp_path: Path) -> None:
    path, scratch = write(tmp_path / "x.tgz", gzip.compress(tar_bytes(FILES))), tmp_path / "scratch"
    tree = TarTree(path, scratch=scratch)
    (plain,) = scratch.iterdir()
    assert plain.read_bytes() == tar_bytes(FILES)
    path.unlink()
    again = pickle.loads(pickle.dumps(tree.below("inrs/")))
    assert again.read("a/1.pth") == b"one"
    del again
    child = os.fork()
    if child == 0:  # a child that ends in the usual way, finalizers included
        import weakref

        right = tree.read("README") == b"read me"
        weakref.finalize._exitfunc()  # type: ignore[attr-defined]
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    inner = tree.below("inrs/")
    del tree
    assert [*scratch.iterdir()] == [plain]
    assert inner.read("b/2.pth") == b""
    del inner
    assert [*scratch.iterdir()] == []


def test_other_processes_share_a_tree(tmp_path: Path) -> None:
    files = {f"{i}.pth": bytes([i]) * 1000 for i in range(20)}
    tree = TarTree(write(tmp_path / "x.tar", tar_bytes(files)))
    assert pickle.loads(pickle.dumps(tree)).names == [*files]
    child = os.fork()
    same = all({name: tree.read(name) for name in files} == files for _ in range(20))
    if child == 0:
        os._exit(0 if same else 1)
    assert same
    assert os.waitpid(child, 0)[1] == 0


def test_what_the_system_adds_is_left_out(tmp_path: Path) -> None:
    added = ["._a", ".DS_Store", "x/._b", "__MACOSX/c", "x/__MACOSX/d", ".git/e", "x/.f/g"]
    files = dict.fromkeys([*added, "x/__MACOSX_too", "x/h"], b"")
    tree = TarTree(write(tmp_path / "x.tar", tar_bytes(files)))
    assert tree.names == ["x/__MACOSX_too", "x/h"]


def test_names_may_begin_with_a_point_for_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "of").mkdir()
    write(tmp_path / "of" / "a.pth", b"a")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "of", "./")
    tree = TarTree(tmp_path / "x.tar")
    assert (tree.names, tree.read("a.pth")) == (["a.pth"], b"a")


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (member("/etc/passwd"), "'/etc/passwd', an unsafe name"),
        (member("../x"), "an unsafe name"),
        (member("inrs/../../x"), "an unsafe name"),
        (member("././x"), "an unsafe name"),
        (member("a//b"), "an unsafe name"),
        (member("a\\b"), "an unsafe name"),
        (member("C:/b"), "an unsafe name"),
        (member(""), "an unsafe name"),
        (member("README"), "twice there"),
        (member("./README"), "twice there"),
        (member("README", type=tarfile.DIRTYPE), "twice there"),
        (member("x/", pax_headers={"path": "x/"}, type=b"7"), "a file with the name of a folder"),
        (member("l", type=tarfile.SYMTYPE, linkname="README"), "a link, a device or a sparse file"),
        (member("l", type=tarfile.LNKTYPE, linkname="README"), "a link, a device or a sparse file"),
        (member("l" * 300, type=tarfile.SYMTYPE, linkname="k" * 300), "a link, a device or a sparse file"),
        (member("d", type=tarfile.CHRTYPE), "a link, a device or a sparse file"),
        (member("d", type=tarfile.BLKTYPE), "a link, a device or a sparse file"),
        (member("p", type=tarfile.FIFOTYPE), "a link, a device or a sparse file"),
        (member("s", type=tarfile.GNUTYPE_SPARSE), "a link, a device or a sparse file"),
        (member("s", pax_headers={"GNU.sparse.major": "1"}), "a link, a device or a sparse file"),
        (member("v", type=b"V"), "a link, a device or a sparse file"),
        (
            member(".hidden", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
            "a link, a device or a sparse file",
        ),
    ],
    ids=lambda value: value.name[:20] if isinstance(value, tarfile.TarInfo) else "",
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_hostile_archives_are_refused_whole(
    tmp_path: Path, hostile: tarfile.TarInfo, reason: str, form: int
) -> None:
    form = tarfile.PAX_FORMAT if hostile.pax_headers else form  # which GNU archives do not have
    path = write(tmp_path / "x.tar", tar_bytes(FILES, hostile, form=form))
    refused(
        path, rf"x\.tar: found the member .*{reason}, expected files with relative paths; nothing was read"
    )


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    data = tar_bytes({"caf\udce9": b"x"}, form=tarfile.GNU_FORMAT)
    message = r"found the member b'caf\\xe9', a name that is not UTF-8, expected files"
    refused(write(tmp_path / "x.tar", data), message)


def patched(data: bytes, at: int, field: bytes) -> bytes:
    """An archive with a field of its first header overwritten, and the sum of that header put right."""
    header = bytearray(data[:512])
    header[at : at + len(field)] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


PLAIN = tar_bytes({"a": b"x" * 700, "b": b"y"}, form=tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it ends after 0 bytes without the mark of its end"),
        (PLAIN[:400], "it ends after 400 bytes without the mark of its end"),
        (PLAIN[:512], "a member at byte 512 has 700 bytes, and the archive 512 in all"),
        (PLAIN[:1536], "it ends after 1536 bytes without the mark of its end"),
        (PLAIN[:1400], "it ends after 1400 bytes without the mark of its end"),
        (PLAIN[:1536] + b"?" + PLAIN[1537:], "there is no header at byte 1536"),
        (patched(PLAIN, 124, b"00000003000\0"), "there is no header at byte 2048"),
        (patched(PLAIN, 124, b"00000001000\0"), "there is no header at byte 1024"),
        (patched(PLAIN, 124, b"77777777777\0"), "a member at byte 512 has 8589934591 bytes, and the archive"),
        (patched(PLAIN, 124, b"\x80" + b"\xff" * 11), r"a member at byte 512 has \d+ bytes, and the archive"),
        (patched(PLAIN, 124, b"\xff" * 12), "a negative number"),
        (patched(PLAIN, 124, b"wrong\0"), r"found b'wrong.*, expected an octal number"),
        *(
            (patched(PLAIN, 124, number + b"\0"), r"found b'.*, expected an octal number")
            for number in (b"1_274", b"0o1274", b"+1274", b"-1274", b"1 274", b"1279")
        ),
        (patched(PLAIN, 156, b"5"), "the folder b'a' has a size"),
        (patched(PLAIN, 156, b"x"), "a pax header that cannot be read"),
        (patched(PLAIN, 156, b"g"), "a pax header that cannot be read"),
        (tar_bytes({}, member("c", pax_headers={"size": "9" * 20})), "found the size .*, expected a number"),
        (tar_bytes({}, member("c", pax_headers={"size": "-1"})), "found the size b'-1', expected a number"),
        (tar_bytes({}, member("c", pax_headers={"size": "99999"})), "a member at byte .* has 99999 bytes"),
    ],
    ids=range(24),
)
def test_damaged_archives_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    refused(
        write(tmp_path / "x.tar", data), rf"x\.tar: no tar archive that can be read \({reason}.*\); replace"
    )


def pax_header(kind: bytes, records: bytes) -> bytes:
    """A header of records, as tarfile does not write them."""
    data = tar_bytes({"h": records}, form=tarfile.USTAR_FORMAT)[: 512 + -(-len(records) // 512) * 512]
    return patched(data, 156, kind)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (pax_header(b"g", b"12 path=bad\n"), "one header names all files or sizes alike"),
        (pax_header(b"x", b"13 path=bad\n"), "a pax header that cannot be read"),
        (pax_header(b"x", b"0 path=bad\n"), "a pax header that cannot be read"),
        (pax_header(b"x", b"8 path\n\n"), "a pax header that cannot be read"),
        (pax_header(b"x", b"12 path=badd"), "a pax header that cannot be read"),
        (pax_header(b"x", b"12 path=bad\n") + bytes(1024), "a header has no member after it"),
        (pax_header(b"L", b"long\0") + bytes(1024), "a header has no member after it"),
        (
            pax_header(b"L", b"n" * 70_000) + PLAIN,
            "a header at byte 512 of 70000 bytes, expected at most 65536",
        ),
    ],
    ids=range(8),
)
def test_headers_of_headers_are_looked_at(tmp_path: Path, start: bytes, reason: str) -> None:
    refused(write(tmp_path / "x.tar", start + PLAIN), re.escape(reason))


def test_harmless_global_headers_and_old_sums_are_fine(tmp_path: Path) -> None:
    comment = pax_header(b"g", b"16 comment=abcd\n")
    old = bytearray(tar_bytes({"ä": b"x"}, form=tarfile.GNU_FORMAT))
    signed = sum(b - 256 * (b > 127) for b in bytes(old[:148]) + b" " * 8 + bytes(old[156:512]))
    old[148:156] = b"%06o\0 " % signed
    tree = TarTree(write(tmp_path / "x.tar", comment + bytes(old)))
    assert (tree.names, tree.read("ä")) == (["ä"], b"x")


def test_a_large_size_is_written_in_binary(tmp_path: Path) -> None:
    data = patched(PLAIN, 124, b"\x80" + (700).to_bytes(11, "big"))
    assert TarTree(write(tmp_path / "x.tar", data)).read("a") == b"x" * 700


def test_files_that_are_too_large_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = TarTree(write(tmp_path / "x.tar", PLAIN))
    monkeypatch.setattr(tar_tree, "MAX_BYTES", 600)
    with pytest.raises(SourceError, match=r"x\.tar/a: found 700 bytes, expected at most 600: leave it out"):
        tree.read("a")
    assert tree.read("b") == b"y"


def test_an_archive_that_is_cut_later_is_found_out(tmp_path: Path) -> None:
    tree = TarTree(write(tmp_path / "x.tar", PLAIN))
    os.truncate(tmp_path / "x.tar", 1000)
    with pytest.raises(SourceError, match=r"x\.tar/a: found 488 bytes, expected 700: the archive was cut"):
        tree.read("a")


@pytest.mark.parametrize("packing", ["tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("damage", ["cut", "flip", "no tar", "empty", "bomb", "no folder"])
def test_compressed_archives_that_are_none(
    tmp_path: Path, packing: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = {"noise": random.Random(0).randbytes(50_000)}
    data = COMPRESS[packing](tar_bytes(noise))
    scratch: Path | None = tmp_path / "scratch"
    if damage == "cut":
        data, message = data[:-100], r"cannot be decompressed \(.+\); replace the archive"
    elif damage == "flip":
        data = data[:25_000] + bytes([data[25_000] ^ 1]) + data[25_001:]
        message = r"cannot be decompressed \(.+\); replace the archive"
    elif damage == "no tar":
        data, message = COMPRESS[packing](bytes(range(256)) * 4), "found a compressed file that is no tar arc"
    elif damage == "empty":
        data, message = (
            COMPRESS[packing](b""),
            "found a compressed file that is empty, expected a tar archive",
        )
    elif damage == "bomb":
        monkeypatch.setattr(tar_stretch, "_TRUSTED", 100_000)
        monkeypatch.setattr(tar_stretch, "MAX_RATIO", 100)
        data = COMPRESS[packing](tar_bytes({"zeros": bytes(5_000_000)}))
        message = (
            r"found more than \d+ bytes packed into \d+, expected at most 100 times as many: do not trust"
        )
    else:
        scratch, message = None, "found a compressed archive, which has to be decompressed to be read in any"
    path = write(tmp_path / f"x.{packing}", data)
    with pytest.raises(SourceError, match=rf"x\.{re.escape(packing)}: {message}"):
        TarTree(path, scratch=scratch)
    assert scratch is None or [*scratch.iterdir()] == []


def test_without_room_nothing_is_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.tgz", gzip.compress(PLAIN))
    asked: list[int] = []

    def require_room(folder: Path, needed: int, otherwise: str) -> None:
        folder.mkdir(exist_ok=True)
        asked.append(needed)
        if len(asked) == 2:
            raise OutputError(f"{folder}: no room; {otherwise}")

    monkeypatch.setattr(tar_stretch, "require_room", require_room)
    with pytest.raises(OutputError, match="no room; decompress the archive elsewhere"):
        TarTree(path, scratch=tmp_path / "scratch")
    assert asked == [path.stat().st_size, 2**28]
    assert [*(tmp_path / "scratch").iterdir()] == []


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(
        tmp_path / "x.tar", r"x\.tar: cannot be read \(No such file or directory\); expected a tar archive"
    )


PARTS = st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\:"), min_size=1, max_size=40)
NAMES = st.lists(PARTS.filter(lambda part: part[0] != "." and part != "__MACOSX"), min_size=1, max_size=6)


@given(
    files=st.dictionaries(NAMES.map("/".join), st.binary(max_size=1500), max_size=6),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_it_finds_what_tarfile_wrote(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], form: int
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.tar", tar_bytes(files, form=form))
    tree = TarTree(path)
    assert {name: tree.read(name) for name in tree.names} == files


@given(at=st.integers(0, len(PLAIN) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    """A bit of a header is always found; tar archives have no sum of the bytes of files."""
    data = bytearray(PLAIN)
    data[at] ^= 1 << bit
    path = write(tmp_path_factory.getbasetemp() / "flipped.tar", bytes(data))
    try:
        tree = TarTree(path)
    except SourceError:
        return
    assert tree.names == ["a", "b"]
    assert (len(tree.read("a")), len(tree.read("b"))) == (700, 1)


def test_what_a_killed_process_left_is_removed_and_what_another_reads_is_kept(tmp_path: Path) -> None:
    path, scratch = write(tmp_path / "x.tgz", gzip.compress(tar_bytes(FILES))), tmp_path / "scratch"
    program = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from neuralviews.signals.tar_tree import TarTree\n"
        "tree = TarTree(Path(sys.argv[1]), scratch=Path(sys.argv[2]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path), str(scratch)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = scratch.iterdir()
    first = TarTree(path, scratch=scratch)
    (plain,) = scratch.iterdir()
    assert plain != left
    second = TarTree(path, scratch=scratch)
    assert plain in [*scratch.iterdir()]
    assert first.read("README") == second.read("README") == b"read me"


def test_more_members_than_anybody_needs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "MAX_MEMBERS", 2)
    path = write(tmp_path / "x.tar", tar_bytes(FILES))
    with pytest.raises(SourceError, match=r"x\.tar: found the member '.*', more than 2 of them, expected"):
        TarTree(path)
