"""What cannot be imported is refused in one line, and nothing is written."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, OutputError, SourceError
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.work.sharing import Sharing

from ..made_stores import contents
from .by_hand import made_layers, sequential, torch_bytes, write
from .published_sets import DIMS, DWSNETS, VIEWS, edited_note, mnist, packed, published


class Canary:
    """What a pickle of an attacker would name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def unlabelled(names: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.replace("mnist-inrs/mnist_png_training_", "views/0/train/model_").split("_")[0]
        + f"_{place}.pth": value
        for place, (name, value) in enumerate(names.items())
    }


def html(path: Path) -> Path:
    path.write_text("<!DOCTYPE html><html><head><title>Sign in</title></head></html>")
    return path


def truncated(path: Path) -> Path:
    write(path.with_name("set"), published())
    packed(path.with_name("set"), path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.infolist()[1].header_offset
    data[place + 200 : place + 260] = bytes(60)
    path.write_bytes(data)
    return path


def empty(path: Path) -> Path:
    zipfile.ZipFile(path, "w").close()
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (
        lambda p: p / "nowhere",
        r"nowhere: cannot be read \(No such file or directory\); expected a",
    ),
    "a folder of other files": (
        lambda p: write(p / "set", {"a.txt": b"a", "b/c.bin": b"c"}),
        r"set.*: found a\.txt, b/c\.bin, looked for dwsnets: mnist_png_training_<label>_<id>/checkpoints/",
    ),
    "an empty folder": (
        lambda p: write(p / "set", {".hidden": b""}),
        "set.*: found no files, looked for dws",
    ),
    "an empty archive": (lambda p: empty(p / "set.zip"), r"set\.zip.*: found no files, looked for dwsnets"),
    "a web page": (
        lambda p: html(p / "set.zip"),
        r"set\.zip: the link served a web page, not data; expected a folder, a zip archive",
    ),
    "a cut archive": (lambda p: truncated(p / "set.zip"), r"set\.zip.*(cannot be unpacked|cannot be read)"),
    "several networks": (
        lambda p: write(
            p / "set", {**published(), mnist("training", 3, 9): sequential(made_layers((2, 8, 6, 1), 9))}
        ),
        r"set.*: found files 4 of 2-6-6-1 \(.*, \.\.\.\), 1 of 2-8-6-1 \(.*_9/.*\), expected one shape",
    ),
    "one field twice": (
        lambda p: write(
            p / "set", {**published(), "copy/" + mnist("training", 0, 0): sequential(made_layers(DIMS, 9))}
        ),
        r"found view 0 of object 0 twice, in .* and in .*, expected it once: take one of them away",
    ),
    "weights that are not finite": (
        lambda p: write(
            p / "set",
            {
                **published(),
                mnist("training", 1, 1): sequential([(w * np.inf, b) for w, b in made_layers(DIMS, 1)]),
            },
        ),
        r"training_1_1.*: found weights that are not finite, expected a field: replace the file, or leave it",
    ),
    "splits of other files": (
        lambda p: write(
            p / "set",
            {**published(), "mnist-inrs/mnist_splits.json": b'{"train": ["mnist_png_training_4_4/a.pth"]}'},
        ),
        r"mnist_splits\.json: names 1 of 1 files that are not there \(mnist_png_training_4_4/a\.pth\)",
    ),
    "two lists of splits": (
        lambda p: write(p / "set", {**published(), "a/splits.json": b"{}", "b/splits.json": b"{}"}),
        r"found a/splits\.json and b/splits\.json, expected one list of splits: name one with --splits",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("case", REFUSED)
    def test_nothing_is_written(self, tmp_path: Path, case: str) -> None:
        make, message = REFUSED[case]
        path = make(tmp_path)
        before = {p for p in tmp_path.rglob("*") if not p.is_relative_to(tmp_path / "set")}
        with pytest.raises(SourceError, match=message) as error:
            import_store(path, tmp_path / "out" / "store", DWSNETS)
        assert "\n" not in str(error.value)
        assert {p for p in tmp_path.rglob("*") if not p.is_relative_to(tmp_path / "set")} == before

    def test_a_pickle_that_wants_to_run_code(self, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        for value in (pickle.dumps(Canary(canary)), torch_bytes({"seq.0.weight": Canary(canary)})):
            path = write(tmp_path / "set", {**published(), mnist("training", 1, 1): value})
            with pytest.raises(SourceError, match=r"training_1_1.*(could run code|refused by torch)"):
                import_store(path, tmp_path / "store", DWSNETS)
        assert not canary.exists()
        assert not (tmp_path / "store").exists()

    def test_missing_labels(self, tmp_path: Path) -> None:
        """A format whose files hold the label refuses one without."""
        with_label = {
            f"views/0/train/model_{i}.pth": sequential(made_layers(DIMS, i), label=i) for i in (0, 1)
        }
        path = write(
            tmp_path / "set", {**with_label, "views/0/train/model_2.pth": sequential(made_layers(DIMS, 2))}
        )
        with pytest.raises(SourceError, match=r"model_2\.pth: found label none, expected a class from 0"):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()

    def test_views_of_two_labels(self, tmp_path: Path) -> None:
        files = {
            f"views/{view}/train/model_3.pth": sequential(made_layers(DIMS, view), label=view)
            for view in (0, 1)
        }
        with pytest.raises(
            SourceError, match=r"found label 1 of object 3, another view of it has 0, expected"
        ):
            import_store(write(tmp_path / "set", files), tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()

    def test_a_label_that_a_note_contradicts(self, folder: Path, tmp_path: Path) -> None:
        note = json.loads(next(folder.rglob("neuralviews.json")).read_bytes())
        note["objects"]["label"][4] = 7
        path = edited_note(folder, tmp_path / "edited", objects=note["objects"])
        with pytest.raises(
            SourceError, match=r"model_4\.pth: found label 4 inside, .* says 7, expected one label"
        ):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()

    def test_a_label_without_a_name(self, folder: Path, tmp_path: Path) -> None:
        path = edited_note(folder, tmp_path / "edited", class_names=["zero", "one"])
        with pytest.raises(SourceError, match="found label 9, expected one of the 2 classes that have names"):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()

    def test_a_note_of_another_format(self, folder: Path, tmp_path: Path) -> None:
        path = edited_note(folder, tmp_path / "edited", exchange="nfn")
        message = (
            r"neuralviews\.json: is of an export to nfn, the other files are of multiview \(found .*\): name"
        )
        with pytest.raises(SourceError, match=message):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()

    def test_an_unknown_format(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match="format: found 'dwsnet'; did you mean 'dwsnets'"):
            import_store(folder, tmp_path / "store", ImportOptions(format="dwsnet"))
        assert not (tmp_path / "store").exists()

    def test_fewer_fields_in_a_file_than_are_listed(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from neuralviews.exchange import multiview

        honest = multiview.listing

        def listing(*given: Any) -> Any:
            found = honest(*given)
            return replace(found, place=found.place + 1)

        monkeypatch.setattr(multiview, "listing", listing)
        with pytest.raises(
            SourceError, match=r"\.pth: found 1 fields, expected at least 2: replace the file"
        ):
            import_store(folder, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()


class TestTarget:
    def test_a_full_disk(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from types import SimpleNamespace

        monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=1, f_frsize=4096))
        with pytest.raises(OutputError, match=r"store: 0\.00 MiB free, 0\.\d+ MiB needed; free space"):
            import_store(folder, tmp_path / "store", VIEWS)
        assert contents(tmp_path / "store") == {}

    def test_a_target_that_cannot_be_written(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match=r"file.*cannot be written"):
            import_store(folder, tmp_path / "file" / "store", VIEWS)
        if os.geteuid():
            (tmp_path / "closed").mkdir(mode=0o500)
            with pytest.raises(OutputError, match=r"closed.*cannot be written"):
                import_store(folder, tmp_path / "closed" / "store", VIEWS)

    def test_a_folder_of_something_else(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine")
        with pytest.raises(OutputError, match=r"mine: holds 'notes\.txt' and no job\.json; choose a new"):
            import_store(folder, tmp_path / "mine", VIEWS)
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_packed_archive_that_workers_do_not_see_is_refused_at_once(tmp_path: Path) -> None:
    packed_up = tmp_path / "fields.tar.gz"
    packed_up.write_bytes(b"\x1f\x8b\x08")
    options = ImportOptions(sharing=Sharing(cluster="tcp://127.0.0.1:1", writers="driver"))
    with pytest.raises(OptionError, match=r"^writers: .*fields\.tar\.gz is a compressed archive, which"):
        import_store(packed_up, tmp_path / "store", options)
    assert [*tmp_path.iterdir()] == [packed_up]
