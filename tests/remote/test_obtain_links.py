"""Fields of others by a link: an archive or several files, fetched, proven and imported."""

import io
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neuralviews.cli.main import main
from neuralviews.errors import FetchError, OptionError, OutputError, SourceError
from neuralviews.remote import obtain
from neuralviews.remote.obtain import import_link
from neuralviews.remote.published_schema import Convention
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.store.reader import Store, open_store

from ..made_stores import contents
from .fault_server import FaultServer
from .fetching import IMPATIENT
from .obtaining import FILE, Describe, require_fields, run


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


def carried_out(command: str, *more: str) -> None:
    """Run a command that an error message names, with the option that it lacked."""
    program, *arguments = shlex.split(command)
    assert program == "neuralviews"
    with pytest.raises(SystemExit) as done:
        main([*arguments, *more])
    assert done.value.code == 0


class TestOptionsOfImports:
    """Advice of the import names options that a download does not have."""

    def test_of_a_link(self, web: FaultServer, tmp_path: Path) -> None:
        stream = np.random.default_rng(0)
        shapes = {"0.weight": (3, 4, 2), "0.bias": (3, 4), "1.weight": (3, 1, 4), "1.bias": (3, 1)}
        arrays = {f"layers.{name}": stream.normal(size=s).astype("f4") for name, s in shapes.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        web.files["a.npz"] = buffer.getvalue()
        out = tmp_path / "an out"
        with pytest.raises(OptionError) as error:
            import_link(web.link("a.npz"), "npz", out, patience=IMPATIENT)
        assert str(error.value) == (
            "omega: neither the format nor the files say it; give --omega; it is an option of neuralviews "
            f"import '{out}.download/a.npz' --from npz --out '{out}'"
        )
        carried_out(str(error.value).partition("option of ")[2], "--omega", "30")
        assert len(open_store(out)) == 3

    def test_of_a_set(self, describe: Describe, web: FaultServer, tmp_path: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(web.files[FILE])) as whole:
            members = {name: whole.read(name) for name in whole.namelist()}
        first = next(name for name in members if name.endswith(".pth"))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as part:
            for name, data in members.items():
                part.writestr(name, data[:50] if name == first else data)
        web.files[FILE] = buffer.getvalue()
        describe(
            convention=Convention(omega=20.0, axis_order="ij", target_range=((-1.0, 1.0),), output="values")
        )
        out = tmp_path / "out"
        with pytest.raises(SourceError) as error:
            run(out)
        assert (
            "; --keep-going leaves such files out; it is an option of neuralviews import "
            f"{out}.download/{FILE} --from dwsnets --out {out} --omega=20.0 --axis-order=ij "
            "--target-range=-1.0,1.0; if the file arrived damaged, remove" in str(error.value)
        )
        carried_out(str(error.value).partition("option of ")[2].partition("; if")[0], "--keep-going")
        assert len(open_store(out)) == 11
