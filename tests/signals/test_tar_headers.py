"""Headers of tar archives: hostile and damaged ones are refused at once, odd but harmless ones are read."""

import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.signals.tar_tree import TarTree

from .tar_source_files import FILES, PLAIN, member, refused, tar_bytes, write


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
