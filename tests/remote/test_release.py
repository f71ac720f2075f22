"""Copies of releases: the same files, whatever the way, and only where nothing else lies."""

import threading
from collections import deque
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError, OptionError, OutputError
from neuralviews.remote.release import download_release
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.store.reader import Store
from neuralviews.store.verify import verify

from ..made_stores import make_store
from .downloading import bring
from .fault_server import Fault
from .fetching import IMPATIENT
from .release_server import ReleaseServer, files_of


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
