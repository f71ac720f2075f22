"""Copies of releases: the same files, whatever the way, and nothing that was not proven."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from neuralviews.errors import FetchError, FormatError, OptionError, OutputError
from neuralviews.remote import release as release_module
from neuralviews.remote.publish import publish
from neuralviews.remote.release import download_release
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.store.canonical import canonical_json
from neuralviews.store.environment import describe_environment, write_environment
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import make_store
from .fault_server import Fault
from .fetching import IMPATIENT
from .release_server import ReleaseServer, files_of
from .releases import STATED

SHARD = "shards/shard-000001.h5"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("download") / "store")


@pytest.fixture(scope="module")
def release(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write_environment(store.root, describe_environment())
    return publish(store.root, tmp_path_factory.mktemp("download") / "release", STATED).root


@pytest.fixture
def served(release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with ReleaseServer(release) as server:
        yield server


def bring(link: str | Path, out: Path, dataset_id: str | None = None) -> Store:
    done = download_release(str(link), out, dataset_id=dataset_id, patience=IMPATIENT)
    assert done.dataset_id == open_store(out).dataset_id
    return open_store(out)


def edited(server: ReleaseServer, edit: dict[str, object], shard: int | None = None) -> None:
    """Change the manifest that a server has, as canonical JSON."""
    manifest = msgspec.json.decode(server["manifest.json"])
    (manifest if shard is None else manifest["shards"][shard]).update(edit)
    server["manifest.json"] = canonical_json(manifest)


class TestCopies:
    @pytest.mark.parametrize("end", ["", "/", "/manifest.json"])
    def test_from_the_web(self, served: ReleaseServer, release: Path, tmp_path: Path, end: str) -> None:
        done = download_release(served.address + end, tmp_path / "copy", patience=IMPATIENT)
        found = files_of(tmp_path / "copy")
        assert found == files_of(release)
        assert (done.files, done.bytes) == (len(found), sum(map(len, found.values())))
        assert (done.records, done.shards, done.fetched, done.released) == (120, 3, 3, True)
        derived = {name for name in found if name.endswith((".h5.json", "job.json")) or name == "SHA256SUMS"}
        assert sorted(served.asked()) == sorted({*found} - derived)

    def test_from_a_server_without_ranges_and_validators(
        self, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``python -m http.server``."""

        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(release.parent))) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                link = f"http://127.0.0.1:{server.server_address[1]}/{release.name}/"
                bring(link, tmp_path / "copy")
                with pytest.raises(FetchError, match=r"found no manifest.json, expected a published store"):
                    bring(f"{link}shards", tmp_path / "other")
            finally:
                server.shutdown()
                thread.join()
        assert files_of(tmp_path / "copy") == files_of(release)

    def test_from_a_path_and_from_a_file_link(self, release: Path, tmp_path: Path) -> None:
        bring(release, tmp_path / "one")
        bring(release / "manifest.json", tmp_path / "two")
        bring(f"file://{release}", tmp_path / "three")
        for name in ("one", "two", "three"):
            assert files_of(tmp_path / name) == files_of(release)
            assert all((tmp_path / name / file).stat().st_nlink == 1 for file in files_of(release))

    def test_from_a_relative_path(
        self, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(release.parent)
        bring(release.name, tmp_path / "copy")
        assert files_of(tmp_path / "copy") == files_of(release)

    def test_of_a_bare_store(self, served: ReleaseServer, release: Path, tmp_path: Path) -> None:
        """What no list vouches for is not fetched: a store and all that follows from its manifest is."""
        del served["SHA256SUMS.release"]
        done = download_release(served.address, tmp_path / "copy", patience=IMPATIENT)
        assert not done.released
        expected = {name for name in files_of(release) if name.startswith("shards/")}
        assert {*files_of(tmp_path / "copy")} == {*expected, "job.json", "manifest.json", "SHA256SUMS"}
        assert verify(tmp_path / "copy", "semantic").dataset_id == done.dataset_id

    @pytest.mark.parametrize("status", [401, 403, 410])
    def test_many_servers_refuse_what_they_do_not_have(
        self, served: ReleaseServer, tmp_path: Path, status: int
    ) -> None:
        served.faulty["SHA256SUMS.release"] = deque([Fault("status", status=status)])
        assert not download_release(served.address, tmp_path / "copy", patience=IMPATIENT).released

    def test_a_link_with_a_query_and_odd_names(
        self, served: ReleaseServer, release: Path, tmp_path: Path
    ) -> None:
        data = b"a note"
        served["read me #1.txt".replace(" ", "%20").replace("#", "%23") + "?key=1"] = data
        for name in [*served.files]:
            if not name.endswith("?key=1"):
                served.files[f"{name}?key=1"] = served.files[name]
        served["SHA256SUMS.release?key=1"] += f"{sha256(data).hexdigest()}  read me #1.txt\n".encode()
        bring(f"{served.address}?key=1", tmp_path / "copy")
        assert (tmp_path / "copy" / "read me #1.txt").read_bytes() == data

    @pytest.mark.parametrize("flat", [False, True])
    def test_from_a_list_of_files(
        self,
        served: ReleaseServer,
        release: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        flat: bool,
    ) -> None:
        """As from the Hub, and from Zenodo, which knows no folders."""
        names = {name: name.rpartition("/")[2] if flat else name for name in files_of(release)}
        listed = [RemoteFile(names[name], (served.link(f"release/{name}"),)) for name in names]
        monkeypatch.setattr("neuralviews.remote.site.resolve", lambda link, **_: listed)
        bring("doi:10.5281/zenodo.1" if flat else "hf://owner/name", tmp_path / "copy")
        assert files_of(tmp_path / "copy") == files_of(release)
        monkeypatch.setattr(
            "neuralviews.remote.site.resolve",
            lambda link, **_: [one for one in listed if not one.name.endswith("000001.h5")],
        )
        with pytest.raises(FetchError, match=r"zenodo.2: found no shards/shard-000001.h5, which manifest"):
            bring("doi:10.5281/zenodo.2", tmp_path / "other")
        assert not (tmp_path / "other").exists()
        monkeypatch.setattr("neuralviews.remote.site.resolve", lambda link, **_: listed[:1])
        with pytest.raises(FetchError, match=r"found no manifest.json among CITATION.cff, expected a publ"):
            bring("hf://owner/name", tmp_path / "other")


class TestPins:
    def test_the_right_one(self, served: ReleaseServer, store: Store, tmp_path: Path) -> None:
        assert bring(served.address, tmp_path / "copy", store.dataset_id).dataset_id == store.dataset_id

    def test_another_one(self, served: ReleaseServer, store: Store, tmp_path: Path) -> None:
        message = f"found the dataset id {store.dataset_id}, expected {'0' * 64}; nothing was written"
        with pytest.raises(FetchError, match=message):
            bring(served.address, tmp_path / "copy", "0" * 64)
        assert served.asked() == ["manifest.json"]
        assert not (tmp_path / "copy").exists()

    def test_no_id(self, served: ReleaseServer, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"id: found 'abc', expected a dataset id of 64 lower-case"):
            bring(served.address, tmp_path / "copy", "abc")
        assert served.asked() == []


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


class TestPlaces:
    def test_a_folder_with_something_else(self, release: Path, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(OutputError, match=r"holds 'thesis.tex' and no job.json; choose a new or an empt"):
            bring(release, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_another_dataset_is_there(self, release: Path, tmp_path: Path) -> None:
        make_store(tmp_path / "other", objects=4)
        before = files_of(tmp_path / "other")
        with pytest.raises(OutputError, match=r"manifest.json: there already, of another dataset than"):
            bring(release, tmp_path / "other")
        (tmp_path / "other" / "manifest.json").unlink()
        with pytest.raises(OutputError, match=r"job.json: there already, of another dataset than"):
            bring(release, tmp_path / "other")
        del before["manifest.json"]
        assert files_of(tmp_path / "other") == before

    def test_a_file_of_the_release_was_changed(self, release: Path, tmp_path: Path) -> None:
        bring(release, tmp_path / "copy")
        (tmp_path / "copy" / "README.md").write_text("my notes")
        with pytest.raises(OutputError, match=r"README.md: there is such a file with other bytes than the r"):
            bring(release, tmp_path / "copy")
        assert (tmp_path / "copy" / "README.md").read_text() == "my notes"

    @pytest.mark.parametrize("name", ["shards", "shards/shard-000001.h5"])
    def test_a_link_leads_elsewhere(self, release: Path, tmp_path: Path, name: str) -> None:
        """Readers would not follow it, and what it leads to belongs to somebody else."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (tmp_path / "copy" / name).parent.mkdir(parents=True)
        (tmp_path / "copy" / name).symlink_to(elsewhere)
        with pytest.raises(
            OutputError, match=rf"copy/{name}: a link, which no reader of stores follows; remo"
        ):
            bring(release, tmp_path / "copy")
        assert not any(elsewhere.iterdir())
        assert not (tmp_path / "copy" / "job.json").exists()

    def test_into_itself(self, release: Path) -> None:
        before = files_of(release)
        for out in (release, release / "copy"):
            with pytest.raises(OutputError, match=r"is or lies in the store that is downloaded"):
                bring(release, out)
        assert files_of(release) == before

    @pytest.mark.parametrize("link", ["nowhere", "file:///nowhere", "/nowhere", "/etc/hostname"])
    def test_nothing_is_there(self, tmp_path: Path, link: str) -> None:
        with pytest.raises(
            FetchError, match=r"found no manifest.json, expected a published store; to import"
        ):
            bring(link, tmp_path / "copy")

    @pytest.mark.parametrize(
        ("link", "message"),
        [
            ("file://elsewhere/x", "no file of this machine, expected file:///folder/name"),
            ("https://drive.google.com/drive/folders/abc", "Google Drive gives files to browsers alone"),
            (
                "https://www.dropbox.com/sh/a/b?dl=0",
                "found the one file .*, expected the folder of a release",
            ),
            ("doi:10.1000/1", "found the DOI '10.1000/1', expected one of Zenodo"),
        ],
    )
    def test_places_that_have_no_folders(self, tmp_path: Path, link: str, message: str) -> None:
        with pytest.raises(FetchError, match=message):
            bring(link, tmp_path / "copy")
