"""Folders and archives are told apart by what they are; anything else is named."""

import gzip
import os
from pathlib import Path

import pytest

from neuralviews.errors import SourceError
from neuralviews.signals.archives import open_tree
from neuralviews.signals.file_tree import FolderTree
from neuralviews.signals.tar_tree import TarTree
from neuralviews.signals.web_pages import is_web_page
from neuralviews.signals.zip_tree import ZipTree

from .mesh_source_files import write_zip
from .tar_source_files import FILES, tar_bytes, write


@pytest.mark.parametrize("name", ["data", "data.zip", "data.pth"])
def test_every_kind_holds_the_same_files(tmp_path: Path, name: str) -> None:
    """Whatever its name ends in."""
    folder, zipped = tmp_path / "folder" / name, write_zip(tmp_path / "zip" / name, FILES)
    for file, data in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    tarred = tmp_path / "tar" / name
    tarred.parent.mkdir()
    write(tarred, tar_bytes(FILES))
    packed = write(tmp_path / "packed", gzip.compress(tar_bytes(FILES)))
    kinds = {folder: FolderTree, zipped: ZipTree, tarred: TarTree, packed: TarTree}
    for path, kind in kinds.items():
        tree = open_tree(path, "networks", tmp_path / "scratch")
        assert isinstance(tree, kind)
        assert {name: tree.read(name) for name in tree.names} == FILES
    assert open_tree(write_zip(tmp_path / "empty.zip", {}), "networks", None).names == []
    assert open_tree(write(tmp_path / "empty.tar", tar_bytes({})), "networks", None).names == []


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found an empty file"),
        (b"<!DOCTYPE html><html>", "the link served a web page, not data"),
        (b"\n <html lang=en>", "the link served a web page, not data"),
        (b"\x28\xb5\x2f\xfd....", "found a file compressed by zstd"),
        (b"7z\xbc\xaf\x27\x1c", "found a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "found a rar archive"),
        (b"\x89HDF\r\n\x1a\n", "found an HDF5 file"),
        (b"\x80\x04K\x01.", "found a pickle"),
        (b"v nothing\n" * 200, r"found a file that begins with b'v nothing\\nv noth'"),
    ],
)
def test_anything_else_is_named(tmp_path: Path, data: bytes, found: str) -> None:
    path = write(tmp_path / "x.tar", data)
    message = rf"x\.tar: {found}.*, expected a folder, a zip archive or a tar archive of networks"
    if "web page" in found:
        message = (
            rf"x\.tar: {found}; expected a folder, .*: open the link in a browser and save the file itself"
        )
    with pytest.raises(SourceError, match=message):
        open_tree(path, "networks", None)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"x: cannot be read \(No such file or directory\); expected a folder"
    ):
        open_tree(tmp_path / "x", "networks", None)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="pipe: found no regular file, expected a folder, a zip archive or"):
        open_tree(tmp_path / "pipe", "networks", None)


@pytest.mark.parametrize(
    ("head", "page"),
    [
        (b"<!doctype HTML>", True),
        (b"\xef\xbb\xbf<html>", True),
        (b"<?xml version='1.0'?>\n<!-- x --><HTML xmlns='y'>", True),
        (b"<head>", True),
        (b"<htmlish>", False),
        (b"<?xml version='1.0'?><svg>", False),
        (b"text <html>", False),
        (b"", False),
    ],
)
def test_web_pages_are_known_by_their_beginning(head: bytes, page: bool) -> None:
    assert is_web_page(head) == page


@pytest.mark.parametrize("part", [b"<!---->", b"<!-- -->\n", b"<!--" * 2 + b"-->", b" ", b"<?xml>"])
def test_no_beginning_takes_long(part: bytes) -> None:
    """To try all ways to cut these into comments would not end."""
    assert not is_web_page(part * 1000)
    assert is_web_page(part * (part != b"<?xml>") * 1000 + b"<html>")
