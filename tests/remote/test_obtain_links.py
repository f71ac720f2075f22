"""Fields of others by a link: an archive or several files, fetched, proven and imported."""

import io
import zipfile
from pathlib import Path

import pytest

from neuralviews.errors import FetchError, OptionError, OutputError
from neuralviews.remote import obtain
from neuralviews.remote.obtain import import_link
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.store.reader import Store

from ..made_stores import contents
from .fault_server import FaultServer
from .fetching import IMPATIENT
from .obtaining import FILE, require_fields


class TestLinks:
    def test_an_archive(self, web: FaultServer, fields: Store, tmp_path: Path) -> None:
        found = import_link(web.link(FILE), "dwsnets", tmp_path / "out", patience=IMPATIENT)
        require_fields(tmp_path / "out", fields)
        assert found.path == tmp_path / "out.download" / FILE
        again = import_link(web.link(FILE), "auto", tmp_path / "out", patience=IMPATIENT)
        assert (again.report.made, again.report.dataset_id) == (0, found.report.dataset_id)
        other = import_link(f"file://{found.path}", "dwsnets", tmp_path / "other", patience=IMPATIENT)
        assert other.report.dataset_id == found.report.dataset_id
        assert contents(tmp_path / "other") == contents(tmp_path / "out")

    def test_several_files(
        self, web: FaultServer, archive: bytes, fields: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As records and datasets list them; they lie in a folder, in which nothing else may lie."""
        listed = []
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            for name in members.namelist():
                web.files[name] = members.read(name)
                listed.append(RemoteFile(name, (web.link(name),)))
        monkeypatch.setattr(obtain, "resolve", lambda link, **_: listed)
        other = tmp_path / "out.download" / "mnist_png_training_3_9" / "checkpoints" / "model_final.pth"
        other.parent.mkdir(parents=True)
        other.write_bytes(web.files[listed[0].name])
        with pytest.raises(
            OutputError, match=r"model_final\.pth: not one of the files of doi:x, with which it"
        ):
            import_link("doi:x", "dwsnets", tmp_path / "out", patience=IMPATIENT)
        assert web.requests == []
        other.unlink()
        for _ in range(2):
            found = import_link("doi:x", "dwsnets", tmp_path / "out", patience=IMPATIENT)
            assert found.path == tmp_path / "out.download"
            assert len(found.notes) == len(listed)
            require_fields(tmp_path / "out", fields)
        assert len(web.requests) == len(listed)

    def test_what_is_on_this_machine(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"is imported: neuralviews import a.zip --from npz --out out$"):
            import_link("a.zip", "npz", "out")

    def test_what_only_a_browser_gets(self, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match=r"Google Drive gives .* save the file in .*out.download .make"):
            import_link("https://drive.google.com/file/d/abc/view", "nfn", tmp_path / "out")

    def test_no_such_format(self, web: FaultServer, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"format: found 'dwsnet'; did you mean 'dwsnets'\?"):
            import_link(web.link(FILE), "dwsnet", tmp_path / "out", patience=IMPATIENT)
        assert web.requests == []
        assert not any(tmp_path.iterdir())
