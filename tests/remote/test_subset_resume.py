"""Downloads of parts that were interrupted: what was fetched stays, and is gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.selection import Selection
from neuralviews.remote.subset import download_subset
from neuralviews.store.reader import Store, open_store

from .fault_server import Fault
from .fetching import IMPATIENT
from .parts import part_of, require_part
from .release_server import ReleaseServer, files_of


class TestResume:
    def test_what_was_fetched_stays(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with ReleaseServer(store.root) as server:
            server.faulty["shards/shard-000002.h5"] = deque([Fault("close"), Fault("status", status=404)])
            with pytest.raises(FetchError, match=r"part.download/shards/shard-000002.h5: cannot be fetched"):
                part_of(server.address, tmp_path / "part", Selection(views=1))
            assert not (tmp_path / "part").exists()
            assert sorted(files_of(tmp_path / "part.download")) == [
                "shards/shard-000000.h5",
                "shards/shard-000001.h5",
                "shards/shard-000002.h5.part",
                "shards/shard-000002.h5.part.json",
                "whole-manifest.json",
            ]
            server.requests.clear()
            part = part_of(server.address, tmp_path / "part", Selection(views=1))
            assert server.asked() == ["manifest.json", "shards/shard-000002.h5"]
            require_part(part, store, Selection(views=1))
            server.requests.clear()
            again = download_subset(server.address, tmp_path / "part", Selection(views=1), patience=IMPATIENT)
            assert (again.made, again.dataset_id) == (0, part.dataset_id)
            assert server.asked() == ["manifest.json"]

    def test_killed(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with ReleaseServer(store.root) as server:
            server.faulty["shards/shard-000001.h5"] = deque([Fault("stall")])
            code = (
                "from neuralviews.remote.subset import *\nfrom neuralviews.remote.selection import *\n"
                f"download_subset({server.address!r}, 'part', Selection(views=1))"
            )
            process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
            until = time.monotonic() + 60
            while "shards/shard-000001.h5" not in server.asked() and time.monotonic() < until:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert (tmp_path / "part.download" / "shards" / "shard-000000.h5").exists()
            part = part_of(server.address, tmp_path / "part", Selection(views=1))
        require_part(part, store, Selection(views=1))

    def test_killed_at_the_end(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The store is finished; what was fetched for it goes with the next run, files of others stay."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr("neuralviews.remote.subset.remove_mirror", lambda *_: None)
        helper = tmp_path / "part.download"
        with ReleaseServer(store.root) as server:
            download_subset(server.address, tmp_path / "part", Selection("train"), patience=IMPATIENT)
            monkeypatch.undo()
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            (helper / "shards" / "mine").write_text("mine")
            assert len(files_of(helper)) == 5
            download_subset(server.address, tmp_path / "part", Selection("train"), patience=IMPATIENT)
            assert [*files_of(helper)] == ["shards/mine", "whole-manifest.json"]
            (helper / "shards" / "mine").unlink()
            part = part_of(server.address, tmp_path / "part", Selection("train"))
        require_part(part, store, Selection("train"))

    def test_interrupted_while_records_are_copied(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr("neuralviews.remote.subset.rows_per_shard", lambda *_: 20)
        read, left = Store.read, [None, None]

        def interrupted(self: Store, rows: Any) -> Any:
            if not left:
                raise KeyboardInterrupt
            left.pop()
            return read(self, rows)

        with ReleaseServer(store.root) as server:
            monkeypatch.setattr(Store, "read", interrupted)
            with pytest.raises(KeyboardInterrupt):
                part_of(server.address, tmp_path / "part", Selection(views=2))
            monkeypatch.setattr(Store, "read", read)
            assert (tmp_path / "part.download" / "whole-manifest.json").exists()
            server.requests.clear()
            report = download_subset(
                server.address, tmp_path / "part", Selection(views=2), patience=IMPATIENT
            )
            assert report.made == report.records - 40
            assert server.asked() == ["manifest.json"]
        require_part(open_store(tmp_path / "part"), store, Selection(views=2))
