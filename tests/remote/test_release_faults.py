"""Releases from servers that fail or lie: what was not proven is not taken, and the reason is told."""

from collections import deque
from pathlib import Path

import msgspec
import pytest

from neuralviews.errors import FetchError, FormatError, OutputError
from neuralviews.store.canonical import canonical_json

from .downloading import SHARD, bring
from .fault_server import Fault
from .release_server import ReleaseServer, files_of


def edited(server: ReleaseServer, edit: dict[str, object], shard: int | None = None) -> None:
    """Change the manifest that a server has, as canonical JSON."""
    manifest = msgspec.json.decode(server["manifest.json"])
    (manifest if shard is None else manifest["shards"][shard]).update(edit)
    server["manifest.json"] = canonical_json(manifest)


class TestFaults:
    @pytest.mark.parametrize("kind", ["reset", "close", "flip", "status", "no ranges", "no validator"])
    @pytest.mark.parametrize("name", ["manifest.json", SHARD, "SHA256SUMS.release", "README.md"])
    def test_those_that_pass(
        self, served: ReleaseServer, release: Path, tmp_path: Path, kind: str, name: str
    ) -> None:
        """A server that is ill for a moment; a flipped bit is told, and the next try goes on."""
        served.faulty[name] = deque([Fault(kind), Fault(kind, at=0.9)])
        for _ in range(3):
            try:
                bring(served.address, tmp_path / "copy")
            except (FetchError, FormatError):
                assert kind == "flip"
                assert not (tmp_path / "copy" / "manifest.json").exists()
        assert files_of(tmp_path / "copy") == files_of(release)

    @pytest.mark.parametrize(
        ("name", "fault", "message"),
        [
            (SHARD, Fault("flip"), "shard-000001.h5: cannot be fetched from .*: found sha256 .*, expected "),
            (SHARD, Fault("html"), "has 62 bytes, expected [0-9]+"),
            (SHARD, Fault("status", status=404), "answered 404 Not Found"),
            (SHARD, Fault("status", status=503), "answered 503 Service Unavailable"),
            (SHARD, Fault("close"), "the connection ended after"),
            (SHARD, Fault("stall"), "the server fell silent"),
            ("manifest.json", Fault("html"), "manifest.json: cannot be fetched from .* a web page, not data"),
            ("manifest.json", Fault("bare html"), "the link served a web page, not data; give the address"),
            ("manifest.json", Fault("status", status=404), "found no manifest.json, expected a published st"),
            ("manifest.json", Fault("close"), "the connection ended after [0-9]+ of [0-9]+ bytes"),
            ("README.md", Fault("flip"), "README.md: found sha256 .* as SHA256SUMS.release lists it; run"),
            ("README.md", Fault("status", status=404), "found no README.md, which SHA256SUMS.release lists"),
            ("gallery.png", Fault("html"), "gallery.png: cannot be fetched from .*: the link served a web"),
            ("SHA256SUMS.release", Fault("status", status=500), "SHA256SUMS.release: cannot be fetched"),
        ],
    )
    def test_those_that_stay(
        self, served: ReleaseServer, tmp_path: Path, name: str, fault: Fault, message: str
    ) -> None:
        served.faulty[name] = deque([fault] * 10)
        with pytest.raises(FetchError, match=message) as caught:
            bring(served.address, tmp_path / "copy")
        assert "\n" not in str(caught.value)
        found = files_of(tmp_path / "copy") if (tmp_path / "copy").exists() else {}
        for known in found:
            assert known.endswith((".part", ".part.json")) or found[known] == served[known]
        assert "manifest.json" not in found

    def test_an_endless_manifest(
        self, served: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("neuralviews.remote.released.MAX_JSON_BYTES", 10_000)
        served.faulty["manifest.json"] = deque([Fault("endless")])
        with pytest.raises(FetchError, match=r"sends more than 10000 bytes, which no such file needs"):
            bring(served.address, tmp_path / "copy")

    def test_a_damaged_manifest(self, served: ReleaseServer, tmp_path: Path) -> None:
        served["manifest.json"] = served["manifest.json"][:-20]
        with pytest.raises(FormatError, match=r"/release/manifest.json: not JSON .*; the file is damaged"):
            bring(served.address, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


class TestHostileServers:
    @pytest.mark.parametrize(
        ("edit", "shard", "message"),
        [
            ({"file": "../x"}, 0, "shard 0: found file, row_start, rows .*x.*, expected "),
            ({"file": "/etc/passwd"}, 0, "shard 0: found file, row_start, rows"),
            ({"rows": 2**40}, 0, "shard 0: found file, row_start, rows"),
            ({"bytes": -1}, 0, "Expected `int` >= 0"),
            ({"format_version": 2}, None, "written by a newer neuralviews"),
            ({"shards": []}, None, "found 0 shards, expected 3 from its job"),
        ],
    )
    def test_a_manifest_that_cannot_be(
        self,
        served: ReleaseServer,
        tmp_path: Path,
        edit: dict[str, object],
        shard: int | None,
        message: str,
    ) -> None:
        edited(served, edit, shard)
        with pytest.raises(FormatError, match=message):
            bring(served.address, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_a_manifest_of_a_petabyte(self, served: ReleaseServer, tmp_path: Path) -> None:
        edited(served, {"bytes": 2**50}, 2)
        del served["SHA256SUMS.release"]
        with pytest.raises(OutputError, match=r"copy: .*iB free, 1048576\.00 GiB needed; .* with --split"):
            bring(served.address, tmp_path / "copy")
        assert not any((tmp_path / "copy").iterdir())

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("/etc/cron.d/x", "names '/etc/cron.d/x', which leads out of the release; nothing was written"),
            ("../x", "which leads out of the release"),
            ("a/../../x", "which leads out of the release"),
            ("C:/x", "which leads out of the release"),
            ("a/", "which leads out of the release"),
            (".bashrc", "which no release has"),
            ("x" * 300, "which no release has"),
            ("a\x1b[2Jb", "which no release has"),
            ("shards/shard-000003.h5", "where only files of the store may lie"),
            ("SHA256SUMS.release", "where only files of the store may lie"),
            ("README.md", "names 'README.md' twice"),
            ("README.md/x", "names 'README.md/x', which lies in another file; nothing was written"),
            ("job.json/a/x", "which lies in another file"),
            ("statistics.json", "which everybody works out from the records; nothing was written"),
            ("Statistics.json", "which everybody works out from the records"),
            ("SHA256SUMS.release/x", "which lies in another file"),
        ],
    )
    def test_names_in_the_list(self, served: ReleaseServer, tmp_path: Path, name: str, message: str) -> None:
        served["SHA256SUMS.release"] += f"{'0' * 64}  {name}\n".encode()
        with pytest.raises(FetchError, match=rf"/release: SHA256SUMS\.release: .*{message}"):
            bring(served.address, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        assert served.asked() == ["manifest.json", "SHA256SUMS.release"]

    def test_a_list_of_another_dataset(self, served: ReleaseServer, tmp_path: Path) -> None:
        served["SHA256SUMS.release"] = served["SHA256SUMS.release"].replace(b"  job.json", b"  jobs.json")
        with pytest.raises(FetchError, match=r"does not list the job.json that follows from the manifest"):
            bring(served.address, tmp_path / "copy")
        served["SHA256SUMS.release"] = b"\xff\xfe\n"
        with pytest.raises(FetchError, match=r"found the line '.*', expected '<sha256>  <name>'"):
            bring(served.address, tmp_path / "copy")

    def test_a_list_without_end(self, served: ReleaseServer, tmp_path: Path) -> None:
        served["SHA256SUMS.release"] += b"".join(b"%064d  %d\n" % (0, i) for i in range(1001))
        with pytest.raises(FetchError, match=r"lists 10\d\d files beside the store, expected 1000 at most"):
            bring(served.address, tmp_path / "copy")

    def test_cards_without_end(
        self, served: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("neuralviews.remote.release.MAX_OTHER_BYTES", 20_000)
        with pytest.raises(FetchError, match=r"sends more than \d+ bytes, which no such file needs"):
            bring(served.address, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
