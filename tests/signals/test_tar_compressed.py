"""Compressed tar archives: decompressed once, within bounds, and nothing of it is left."""

import gzip
import os
import pickle
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neuralviews.errors import OutputError, SourceError
from neuralviews.signals import tar_stretch
from neuralviews.signals.tar_tree import TarTree

from .tar_source_files import COMPRESS, FILES, PLAIN, tar_bytes, write


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
