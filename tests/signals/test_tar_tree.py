"""Tar archives read in place: what is in them is found, from several processes, within bounds."""

import os
import pickle
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.signals import tar_tree
from neuralviews.signals.tar_tree import TarTree

from .tar_source_files import COMPRESS, FILES, PLAIN, refused, tar_bytes, write


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


def test_more_members_than_anybody_needs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_tree, "MAX_MEMBERS", 2)
    path = write(tmp_path / "x.tar", tar_bytes(FILES))
    with pytest.raises(SourceError, match=r"x\.tar: found the member '.*', more than 2 of them, expected"):
        TarTree(path)
