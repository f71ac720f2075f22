"""What must be on disk and what cannot be: mounts that sync files, and have no such thing for folders."""

import errno
import os
import stat
from pathlib import Path

import pytest

from neuralviews.errors import OutputError
from neuralviews.store.files import make_folder, sync_folder, sync_name

from .test_files import publish_bytes


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_mount_that_cannot_sync_folders_still_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fsync = os.fsync

    def files_alone(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", files_alone)
    if number == errno.EIO:  # which says that names may be lost
        with pytest.raises(OutputError, match="cannot be written"):
            sync_folder(tmp_path)
        return
    make_folder(tmp_path / "a" / "b")
    publish_bytes(tmp_path / "a", "c", b"some bytes")
    sync_folder(tmp_path)
    assert (tmp_path / "a" / "c").read_bytes() == b"some bytes"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_that_cannot_be_synced_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match="a: cannot be written"):
        publish_bytes(tmp_path, "a", b"some bytes")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["..", "../inner/..", "../../link"])
def test_the_name_of_a_folder_is_in_the_folder_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    inner = tmp_path / "held" / "store" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "held" / "link").symlink_to(tmp_path / "held" / "store")
    monkeypatch.chdir(inner)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd)))
    sync_name(Path(name))
    (found,) = synced
    assert os.path.samestat(found, (tmp_path / "held").stat())
