"""Downloads of releases that were interrupted, at any moment: gone on with, and never half there by name."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote import release as release_module
from neuralviews.remote.release import download_release

from .downloading import SHARD, bring
from .fault_server import Fault
from .fetching import IMPATIENT
from .release_server import ReleaseServer, files_of


class TestResume:
    def test_nothing_has_its_name_before_it_is_proven(
        self, served: ReleaseServer, release: Path, tmp_path: Path
    ) -> None:
        """Looked at from the server, each time that a file is asked for."""
        copy, expected, seen = tmp_path / "copy", files_of(release), []

        def look(name: str) -> None:
            found = files_of(copy) if copy.exists() else {}
            visible = {one for one in found if not one.endswith((".part", ".part.json"))}
            assert all(found[one] == expected[one] for one in visible)
            assert "manifest.json" not in visible
            assert name not in visible
            seen.append(len(visible))

        failures: list[AssertionError] = []

        def watch(name: str) -> None:
            try:
                look(name)
            except AssertionError as error:
                failures.append(error)

        served.watch = watch
        served.faulty[SHARD] = deque([Fault("close"), Fault("flip", at=0.2), Fault("close", at=0.9)])
        with pytest.raises(FetchError):
            bring(served.address, copy)
        bring(served.address, copy)
        assert not failures
        assert max(seen) > 2
        assert files_of(copy) == expected

    def test_what_is_there_is_not_fetched_again(
        self, served: ReleaseServer, release: Path, tmp_path: Path
    ) -> None:
        served.faulty["shards/shard-000002.h5"] = deque([Fault("close"), Fault("status", status=404)])
        with pytest.raises(FetchError, match=r"bytes are kept: the same command goes on"):
            bring(served.address, tmp_path / "copy")
        served.requests.clear()
        done = download_release(served.address, tmp_path / "copy", patience=IMPATIENT)
        assert done.fetched == 1
        assert [name for name in served.asked() if name.endswith(".h5")] == ["shards/shard-000002.h5"]
        assert served.requests[-1][1]["range"].startswith("bytes=")
        assert files_of(tmp_path / "copy") == files_of(release)

    def test_interrupted_between_any_two_files(
        self, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def keep(root: Path, name: str, data: bytes) -> None:
            if not left:
                raise KeyboardInterrupt
            left.pop()
            kept(root, name, data)

        kept, expected = release_module._keep, files_of(release)
        monkeypatch.setattr(release_module, "_keep", keep)
        for moment in range(sum(not name.endswith(".h5") for name in expected)):
            copy, left = tmp_path / str(moment), [None] * moment
            with pytest.raises(KeyboardInterrupt):
                bring(release, copy)
            found = files_of(copy)
            assert found.items() <= expected.items()
            assert "manifest.json" not in found
            left = [None] * len(expected)
            bring(release, copy)
            assert files_of(copy) == expected

    def test_two_at_once(self, served: ReleaseServer, release: Path, tmp_path: Path) -> None:
        with ThreadPoolExecutor(2) as pool:
            both = [
                pool.submit(download_release, served.address, tmp_path / "copy", patience=IMPATIENT)
                for _ in range(2)
            ]
        assert len({done.result().dataset_id for done in both}) == 1
        assert sum(name.endswith(".h5") for name in served.asked()) == 3
        assert files_of(tmp_path / "copy") == files_of(release)

    def test_again(self, served: ReleaseServer, release: Path, tmp_path: Path) -> None:
        bring(served.address, tmp_path / "copy")
        done = download_release(served.address, tmp_path / "copy", patience=IMPATIENT)
        assert done.fetched == 0
        assert files_of(tmp_path / "copy") == files_of(release)

    @pytest.mark.parametrize("moment", [0, 1, 2, 3])
    def test_killed(self, served: ReleaseServer, release: Path, tmp_path: Path, moment: int) -> None:
        """``kill -9`` while a file is on its way; the list of files, then each of the shards."""
        name = "SHA256SUMS.release" if not moment else f"shards/shard-{moment - 1:06d}.h5"
        served.faulty[name] = deque([Fault("stall")])
        code = f"from neuralviews.remote.release import *; download_release({served.address!r}, 'copy')"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
        until = time.monotonic() + 60
        while name not in served.asked() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert name in served.asked()
        assert not (tmp_path / "copy" / "manifest.json").exists()
        bring(served.address, tmp_path / "copy")
        assert files_of(tmp_path / "copy") == files_of(release)
