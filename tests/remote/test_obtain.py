"""Sets that others published: fetched or taken from where a person put them, proven, and imported."""

import shutil
import zipfile
from collections import deque
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError, OptionError, OutputError, SourceError
from neuralviews.fit.stated_import import stated_import
from neuralviews.remote import obtain
from neuralviews.remote.obtain import import_link, import_published
from neuralviews.remote.published import Published, load_published
from neuralviews.remote.published_schema import Link
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.store.reader import Store

from .fault_server import Fault, FaultServer
from .fetching import IMPATIENT, names
from .obtaining import FILE, Describe, require_fields, run


class TestByDownload:
    def test_on_trust(self, describe: Describe, fields: Store, archive: bytes, tmp_path: Path) -> None:
        describe()
        found = run(tmp_path / "out")
        store = require_fields(tmp_path / "out", fields)
        stated = stated_import(store)
        assert (stated.name, stated.published, stated.exchange) == ("mnist-dwsnets",) * 2 + ("dwsnets",)
        assert {origin for name, origin in stated.convention.items() if name != "dims"} == {"format"}
        digest = sha256(archive).hexdigest()
        assert found.path == tmp_path / "out.download" / FILE
        assert found.bytes == len(archive)
        assert found.notes == (
            f"{found.path}: nobody published a sha256 of it, so {digest} is taken on trust, and recorded in "
            f"{FILE}.sha256",
        )
        assert names(tmp_path / "out.download") == [FILE, f"{FILE}.sha256"]

    def test_again(self, describe: Describe, web: FaultServer, tmp_path: Path) -> None:
        describe()
        first = run(tmp_path / "out")
        web.requests.clear()
        again = run(tmp_path / "out")
        assert (again.report.made, again.report.dataset_id) == (0, first.report.dataset_id)
        assert "the same bytes as before, sha256" in again.notes[0]
        assert web.requests == []

    def test_proven(self, describe: Describe, archive: bytes, fields: Store, tmp_path: Path) -> None:
        describe(sha256=sha256(archive).hexdigest())
        assert "checksum as published, sha256" in run(tmp_path / "out").notes[0]
        require_fields(tmp_path / "out", fields)
        assert names(tmp_path / "out.download") == [FILE]

    def test_other_bytes(self, describe: Describe, tmp_path: Path) -> None:
        describe(sha256="0" * 64)
        message = (
            rf"found sha256 \w{{64}}, expected {'0' * 64}; .*; or fetch it by hand: mnist-dwsnets: open its "
            rf"page \(http.*\); put {FILE} into .*out.download, made if need be, and run the same command "
            rf"again, or neuralviews import .*out.download/{FILE} --from dwsnets --out .*/out$"
        )
        with pytest.raises(FetchError, match=message):
            run(tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_after_an_interruption(
        self, describe: Describe, web: FaultServer, fields: Store, tmp_path: Path
    ) -> None:
        describe()
        web.faults = deque([Fault("close"), Fault("status", status=404)])
        with pytest.raises(FetchError, match=r"bytes are kept: the same command goes on from there"):
            run(tmp_path / "out")
        run(tmp_path / "out")
        assert web.requests[-1][1]["range"].startswith("bytes=")
        require_fields(tmp_path / "out", fields)

    def test_a_page_for_people_in_its_place(
        self, describe: Describe, web: FaultServer, tmp_path: Path
    ) -> None:
        page = Link(url="https://example.org/folder", kind="folder")
        describe(links=(Link(url=web.link(FILE), kind="file"), page))
        web.always = Fault("html")
        with pytest.raises(
            FetchError, match=r"a web page, not data.*by hand: .* \(https://example.org/folder\)"
        ):
            run(tmp_path / "out")

    def test_something_else(
        self, describe: Describe, web: FaultServer, archive: bytes, fields: Store, tmp_path: Path
    ) -> None:
        """The first bytes count for ever, so that whoever had wrong ones is told how to begin anew."""
        describe()
        link, out, folder = web.link(FILE), tmp_path / "out", tmp_path / "out.download"
        for data in (b"no archive at all" * 100, archive[: len(archive) // 2]):
            web.files[FILE] = data
            for obtained in (run, lambda out: import_link(link, "auto", out, patience=IMPATIENT)):
                with pytest.raises(
                    SourceError, match=rf"{FILE}: .*damaged, remove {folder} to fetch it again$"
                ):
                    obtained(out)
                assert not out.exists()
            shutil.rmtree(folder)
        web.files[FILE] = archive
        run(out)
        require_fields(out, fields)

    def test_what_was_proven_is_not_fetched_again(
        self, describe: Describe, web: FaultServer, tmp_path: Path
    ) -> None:
        web.files[FILE] = b"no archive at all" * 100
        describe(sha256=sha256(web.files[FILE]).hexdigest())
        with pytest.raises(SourceError, match=rf"{FILE}: .*of fields$"):
            run(tmp_path / "out")

    def test_no_empty_folder_stays(
        self, describe: Describe, web: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        describe()
        web.always = Fault("status", status=404)
        with pytest.raises(FetchError, match=r"answered 404.*, made if need be, and run the same command"):
            run(tmp_path / "out")
        listed = [RemoteFile("a/b.pth", (web.link(FILE),))]
        monkeypatch.setattr(obtain, "resolve", lambda link, **_: listed)
        with pytest.raises(FetchError, match="answered 404"):
            import_link("doi:x", "auto", tmp_path / "out", patience=IMPATIENT)
        assert not any(tmp_path.iterdir())


class TestByHand:
    OBTAIN = "open the folder in a browser and pick the file there"

    def by_hand(self, describe: Describe, **facts: Any) -> Published:
        page = (Link(url="https://example.org/folder", kind="folder"),)
        return describe(by="browser", obtain=self.OBTAIN, links=page, **facts)

    def test_what_to_do(self, describe: Describe, tmp_path: Path) -> None:
        self.by_hand(describe)
        with pytest.raises(FetchError) as caught:
            run(tmp_path / "out")
        folder = tmp_path / "out.download"
        assert str(caught.value) == (
            f"mnist-dwsnets: {self.OBTAIN} (https://example.org/folder); put {FILE} into {folder}, made if "
            f"need be, and run the same command again, or neuralviews import {folder}/{FILE} --from dwsnets "
            f"--out {tmp_path}/out"
        )
        assert not any(tmp_path.iterdir())

    @pytest.mark.parametrize("name", [FILE, "fields (1).zip"])
    def test_the_file_is_taken(
        self, describe: Describe, archive: bytes, fields: Store, tmp_path: Path, name: str
    ) -> None:
        self.by_hand(describe)
        folder = tmp_path / "out.download"
        folder.mkdir()
        (folder / name).write_bytes(archive)
        found = run(tmp_path / "out")
        assert found.path == folder / name
        assert "nobody published a sha256" in found.notes[0]
        require_fields(tmp_path / "out", fields)
        (folder / name).write_bytes(archive + b"\0")
        with pytest.raises(OutputError, match=r"as recorded in .* when it was first fetched"):
            run(tmp_path / "out")

    def test_another_file_than_the_published_one(
        self, describe: Describe, archive: bytes, tmp_path: Path
    ) -> None:
        self.by_hand(describe, sha256="0" * 64)
        folder = tmp_path / "out.download"
        folder.mkdir()
        (folder / FILE).write_bytes(archive)
        with pytest.raises(OutputError, match=rf"{FILE}: there is a file of this name, found sha256"):
            run(tmp_path / "out")

    @pytest.mark.parametrize("inner", [True, False])
    def test_an_unpacked_folder(
        self, describe: Describe, web: FaultServer, fields: Store, tmp_path: Path, inner: bool
    ) -> None:
        self.by_hand(describe)
        folder = tmp_path / "out.download"
        (tmp_path / "a.zip").write_bytes(web.files[FILE])
        with zipfile.ZipFile(tmp_path / "a.zip") as packed:
            packed.extractall(folder)
        if not inner:
            for path in (folder / "mnist-inrs").iterdir():
                path.rename(folder / path.name)
            (folder / "mnist-inrs").rmdir()
        found = run(tmp_path / "out")
        assert found.path == (folder / "mnist-inrs" if inner else folder)
        assert found.notes == (f"{found.path}: a folder, which no sha256 proves",)
        require_fields(tmp_path / "out", fields)


class TestRefusal:
    def test_sets_that_cannot_be_imported(self, tmp_path: Path) -> None:
        for entry in load_published():
            if entry.format == "none":
                with pytest.raises(OptionError) as caught:
                    import_published(entry.name, tmp_path / "out")
                assert str(caught.value) == f"{entry.name}: cannot be imported: {entry.reason}"
        assert not any(tmp_path.iterdir())

    def test_every_set_by_hand_says_what_to_do(self, tmp_path: Path) -> None:
        for entry in load_published():
            if entry.format != "none" and entry.by != "download":
                with pytest.raises(FetchError) as caught:
                    import_published(entry.name, tmp_path / "out")
                told = str(caught.value)
                assert told.startswith(f"{entry.name}: {entry.obtain}")
                assert all(link.url in told for link in entry.links)
                assert f"--from {entry.format} --out {tmp_path}/out" in told
                assert "\n" not in told
        assert not any(tmp_path.iterdir())

    def test_a_folder_with_something_else(self, web: FaultServer, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.tex").write_text("mine")
        for call in (import_published, lambda name, out: import_link(web.link(FILE), "auto", out)):
            with pytest.raises(OutputError, match=r"out: holds 'thesis.tex' and no job.json"):
                call("mnist-dwsnets", tmp_path / "out")
        assert web.requests == []

    def test_no_such_set(self, tmp_path: Path) -> None:
        with pytest.raises(
            OptionError, match=r"no published set is named 'mnist-dws'; did you mean 'mnist-d"
        ):
            import_published("mnist-dws", tmp_path / "out")
