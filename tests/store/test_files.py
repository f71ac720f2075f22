import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralviews.errors import IntegrityError, OutputError, StoreError, UnsafeShard
from neuralviews.store.canonical import sha256_hex
from neuralviews.store.files import (
    DifferentBytes,
    make_folder,
    open_regular,
    publish,
    read_whole,
    remove_leftovers,
    replace,
    require_writable,
)
from neuralviews.store.quarantine import quarantine


def publish_bytes(root: Path, name: str, data: bytes) -> None:
    publish(root, name, [data[:3], memoryview(data)[3:]], sha256_hex(data))


def test_publishing_writes_all_pieces_and_leaves_nothing_else(tmp_path: Path) -> None:
    publish_bytes(tmp_path, "a", b"some bytes")
    assert (tmp_path / "a").read_bytes() == b"some bytes"
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").stat().st_nlink == 1


def test_the_same_bytes_are_adopted_and_others_never_replace(tmp_path: Path) -> None:
    publish_bytes(tmp_path, "a", b"some bytes")
    before = (tmp_path / "a").stat()
    publish_bytes(tmp_path, "a", b"some bytes")
    with pytest.raises(DifferentBytes):
        publish_bytes(tmp_path, "a", b"some bytez")
    assert (tmp_path / "a").read_bytes() == b"some bytes"
    assert (tmp_path / "a").stat().st_ino == before.st_ino
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_links_is_served_by_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    publish_bytes(tmp_path, "a", b"some bytes")
    publish_bytes(tmp_path, "a", b"some bytes")
    with pytest.raises(DifferentBytes):
        publish_bytes(tmp_path, "a", b"other")
    assert (tmp_path / "a").read_bytes() == b"some bytes"
    assert os.listdir(tmp_path) == ["a"]


def test_a_temporary_file_that_another_process_collects_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, collected = os.link, []

    def collecting(source: Path, target: Path) -> None:
        if not collected:
            collected.append(source)
            remove_leftovers(tmp_path)
        link(source, target)

    monkeypatch.setattr(os, "link", collecting)
    publish_bytes(tmp_path, "a", b"some bytes")
    assert collected
    assert (tmp_path / "a").read_bytes() == b"some bytes"
    assert os.listdir(tmp_path) == ["a"]


def test_temporary_files_that_always_vanish_end_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def collecting(source: Path, target: Path) -> None:
        remove_leftovers(tmp_path)
        link(source, target)

    monkeypatch.setattr(os, "link", collecting)
    with pytest.raises(OutputError, match="temporary files vanish"):
        publish_bytes(tmp_path, "a", b"some bytes")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("times", [1, 1000])
def test_a_replacement_that_another_process_collects_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    rename, collected = os.rename, []

    def collecting(source: Path, target: Path) -> None:
        if len(collected) < times:
            collected.append(source)
            remove_leftovers(tmp_path)
        rename(source, target)

    monkeypatch.setattr(os, "rename", collecting)
    if times == 1:
        replace(tmp_path, "a", b"some bytes")
        assert (tmp_path / "a").read_bytes() == b"some bytes"
        assert os.listdir(tmp_path) == ["a"]
    else:
        with pytest.raises(OutputError, match="temporary files vanish"):
            replace(tmp_path, "a", b"some bytes")
        assert os.listdir(tmp_path) == []


def test_collecting_leftovers_at_any_moment_harms_nobody(tmp_path: Path) -> None:
    """A thread collects now and then, as writers do that finish, while files are published and replaced."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.wait(0.002):
            remove_leftovers(tmp_path)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number in range(100):
            publish_bytes(tmp_path, f"p{number}", b"some bytes")
            replace(tmp_path, "r", b"%d bytes" % number)
            require_writable(tmp_path)
    finally:
        stop.set()
        thread.join()
    assert sorted(os.listdir(tmp_path)) == sorted([*(f"p{number}" for number in range(100)), "r"])


def test_a_probe_that_another_process_collects_has_still_shown_that_files_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def collecting(fd: int) -> None:
        fsync(fd)
        remove_leftovers(tmp_path)

    monkeypatch.setattr(os, "fsync", collecting)
    require_writable(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_modes_follow_the_umask(tmp_path: Path, umask: int) -> None:
    make_folder(tmp_path / "x" / "y")
    publish_bytes(tmp_path / "x" / "y", "a", b"some bytes")
    assert stat.S_IMODE((tmp_path / "x" / "y" / "a").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o777 & ~umask


def test_replacing_swaps_the_whole_file(tmp_path: Path) -> None:
    for data in (b"first", b"second, longer"):
        replace(tmp_path, "a", data)
        assert (tmp_path / "a").read_bytes() == data
    assert os.listdir(tmp_path) == ["a"]


def test_quarantine_keeps_the_bytes_until_leftovers_are_removed(tmp_path: Path) -> None:
    publish_bytes(tmp_path, "a", b"some bytes")
    for _ in range(2):
        quarantine(tmp_path, "a", sha256_hex(b"some bytes"))
    (kept,) = os.listdir(tmp_path)
    assert kept.startswith(".quarantine-a-")
    assert (tmp_path / kept).read_bytes() == b"some bytes"
    (tmp_path / "mine").touch()
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_quarantine_gives_a_file_of_other_bytes_its_name_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "in").mkdir()
    publish_bytes(tmp_path, "in/a", b"some bytes")
    quarantine(tmp_path, "in/a", sha256_hex(b"torn"))
    assert (tmp_path / "in" / "a").read_bytes() == b"some bytes"
    remove_leftovers(tmp_path / "in")
    assert (tmp_path / "in" / "a").read_bytes() == b"some bytes"


def test_a_file_that_vanishes_while_it_is_compared_is_published_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_bytes(tmp_path, "a", b"torn")
    link, tries = os.link, []

    def setting_aside(source: Path, target: Path) -> None:
        tries.append(source)
        try:
            link(source, target)
        except FileExistsError:
            (tmp_path / "a").unlink()
            raise

    monkeypatch.setattr(os, "link", setting_aside)
    publish_bytes(tmp_path, "a", b"some bytes")
    assert len(tries) == 2
    assert (tmp_path / "a").read_bytes() == b"some bytes"


def test_leftovers_that_cannot_be_removed_are_left(tmp_path: Path) -> None:
    (tmp_path / ".tmp-folder").mkdir()
    (tmp_path / ".tmp-folder" / "mine").touch()
    (tmp_path / ".quarantine-folder").mkdir()
    (tmp_path / ".tmp-gone").touch()
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "none")
    assert sorted(os.listdir(tmp_path)) == [".quarantine-folder", ".tmp-folder"]


def test_a_file_in_a_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OutputError, match=r"/a: cannot be written \(Not a directory\)"):
        make_folder(tmp_path / "a" / "b")


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_whole(tmp_path, "a", 5) == b"12345"
    with pytest.raises(IntegrityError, match="a: longer than 4 bytes"):
        read_whole(tmp_path, "a", 4)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"x")
    (tmp_path / "in" / "link").symlink_to("file")
    (tmp_path / "in" / "loop").symlink_to("loop")
    (tmp_path / "aside").symlink_to("in")
    os.mkfifo(tmp_path / "in" / "pipe")
    (tmp_path / "in" / "folder").mkdir()
    for name, message in (
        ("in/link", "a link"),
        ("in/loop", "a link"),
        ("aside/file", "a link"),
        ("in/pipe", "not a regular file"),
        ("in/folder", "not a regular file"),
    ):
        with pytest.raises(UnsafeShard, match=f"{name}: {message}"), open_regular(tmp_path, name):
            pass
    with pytest.raises(IntegrityError, match="in/none: missing"), open_regular(tmp_path, "in/none"):
        pass


def test_running_out_of_descriptors_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", refuse)
    message = r"Too many open files\); allow more open files \(ulimit -n\)"
    with pytest.raises(StoreError, match=message) as caught, open_regular(tmp_path, "a"):
        pass
    assert type(caught.value) is StoreError
