"""``kill -9`` between making a store's folder and making its name durable: whoever finishes sees to that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neuralviews.store.writer import StoreWriter

from ..store.stores import fill, make_job

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.store.stores import make_job
from neuralviews.store.writer import StoreWriter
root = Path(sys.argv[1])
def kill(fd):
    if os.path.samestat(os.fstat(fd), root.parent.stat()):
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = kill
StoreWriter(root, make_job())
"""


@pytest.mark.parametrize("relative", [False, True])
def test_the_name_of_the_folder_becomes_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    root = tmp_path / "store"
    killed = subprocess.run([sys.executable, "-c", PROGRAM, str(root)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [*tmp_path.iterdir()] == [root]
    synced, fsync = [], os.fsync

    def seen(fd: int) -> None:
        synced.append(os.fstat(fd))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", seen)
    monkeypatch.chdir(tmp_path)
    fill(StoreWriter(Path("store") if relative else root, make_job()))
    assert any(os.path.samestat(tmp_path.stat(), folder) for folder in synced)


def test_a_parent_that_cannot_be_read_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As homes on shared machines are: everybody may go through, and nobody else may list them."""
    writer, opened = StoreWriter(tmp_path / "store", make_job()), os.open

    def refuse(path: str | Path, *options: int, **more: int | None) -> int:
        if Path(path) == tmp_path:
            raise PermissionError(13, os.strerror(13))
        return opened(path, *options, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    fill(writer)
    assert (tmp_path / "store" / "manifest.json").exists()
