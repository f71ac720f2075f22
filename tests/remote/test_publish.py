"""Publishing: a proven store and nothing else, whole or resumable, the same bytes every time."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import (
    FormatError,
    IntegrityError,
    NotAStore,
    OptionError,
    OutputError,
    SourceError,
    UnsafeShard,
)
from neuralviews.recipe import load_recipe
from neuralviews.records import Records, Status
from neuralviews.remote import publish as publish_module
from neuralviews.remote.publish import publish
from neuralviews.signals.catalogue import open_source
from neuralviews.store.environment import write_environment
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from ..ball_fields import ball_store
from ..made_stores import contents, digits_recipe, made_records, make_store, photo_recipe
from ..report.copies import augmented
from .releases import STATED, require_sound, shipped_store

GOLDEN = Path(__file__).parents[1] / "golden"
CALLS = ("open", "write", "fsync", "link", "rename", "unlink", "mkdir")
MADE = {
    "README.md",
    "CITATION.cff",
    "croissant.json",
    "requirements.lock.txt",
    "gallery.png",
    "SHA256SUMS.release",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("publish") / "store", objects=20)


@pytest.fixture
def without_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time, and how a picture looks is tested elsewhere."""
    monkeypatch.setattr(publish_module, "_picture", lambda *_: (b"picture", []))


def own_files(release: Path) -> set[str]:
    """Files that a store does not have."""
    names = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    return {name for name in names if "/" not in name} - {"job.json", "manifest.json", "SHA256SUMS"}


class TestRelease:
    def test_of_images(self, tmp_path: Path) -> None:
        store = shipped_store(tmp_path / "store")
        release = publish(store.root, tmp_path / "deep" / "out", STATED)
        require_sound(store.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml"}
        assert load_recipe(release.root / "recipe.toml").digest() == store.job["recipe_digest"]
        files = [path for path in release.root.rglob("*") if path.is_file()]
        assert (release.files, release.bytes) == (len(files), sum(path.stat().st_size for path in files))
        assert release.dataset_id == store.dataset_id
        assert release.notes == ()
        subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS.release"], cwd=release.root, check=True)

    def test_of_copies(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        write_environment(copies.root, {"python": "3.11"} | LOCKED)
        release = publish(copies.root, tmp_path / "out", STATED, parent=store.root)
        require_sound(copies.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml", "plan.toml", "environment.json"}
        assert release.notes == ()

    def test_of_shapes(self, tmp_path: Path) -> None:
        store = ball_store(tmp_path / "store")
        release = publish(store.root, tmp_path / "out", STATED)
        require_sound(store.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml"}
        assert release.notes == ("gallery.png: drawn without the source; give --source-root",)

    def test_a_release_can_be_published(self, store: Store, tmp_path: Path) -> None:
        first = publish(store.root, tmp_path / "first")
        second = publish(first.root, tmp_path / "second")
        assert contents(first.root) == contents(second.root)

    def test_publishing_again_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        publish(store.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
        publish(store.root, tmp_path / "out")
        assert contents(tmp_path / "out") == made
        assert {path: path.stat().st_mtime_ns for path in times} == times
        publish(store.root, tmp_path / "other")
        assert contents(tmp_path / "other") == made

    def test_the_store_stays_as_it_is(self, store: Store, tmp_path: Path) -> None:
        before = contents(store.root)
        publish(store.root, tmp_path / "out")
        assert contents(store.root) == before

    def test_shards_take_no_room_twice(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        publish(store.root, tmp_path / "out")
        for name in ("shards/shard-000000.h5", "manifest.json"):
            assert (tmp_path / "out" / name).samefile(store.root / name)

    @pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
    def test_files_are_copied_where_they_cannot_be_linked(
        self,
        store: Store,
        tmp_path: Path,
        without_picture: None,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
    ) -> None:
        link = os.link

        def refuse(source: Any, target: Any, **options: Any) -> None:
            if Path(source).is_relative_to(store.root):
                raise OSError(number, os.strerror(number))
            link(source, target, **options)

        monkeypatch.setattr(os, "link", refuse)
        release = publish(store.root, tmp_path / "out")
        require_sound(store.root, release.root)
        assert not (release.root / "manifest.json").samefile(store.root / "manifest.json")


class TestOtherKinds:
    """Records that were read from files of others, and some records of another store."""

    @pytest.fixture
    def imported(self, tmp_path: Path) -> Store:
        records = made_records(digits_recipe(), 6)
        unknown = np.full(len(records), np.nan, np.float32)
        status = np.full(len(records), Status.unknown, np.uint8)
        columns = {**records.columns, "psnr": unknown, "loss": unknown, "status": status}
        job = {
            **FORMAT,
            "kind": "import",
            "rows": len(records),
            "rows_per_shard": 10,
            "arch": records.spec.to_json(),
            "importer": 1,
            "name": "imported",
            "exchange": "dwsnets",
            "published": "mnist-inrs",
            "convention": {"omega": "given", "axis_order": "format"},
            "target": {"range": [0.0, 1.0]},
            "quality": "unknown",
            "known": ["label"],
            "source": {"sha256": "0" * 64, "fields": 18, "class_names": None, "image_shape": [8, 8]},
            "compared": None,
        }
        return written(tmp_path / "imported", job, replace(records, columns=columns))

    def test_imported_fields(self, imported: Store, tmp_path: Path) -> None:
        release = publish(imported.root, tmp_path / "out", STATED)
        require_sound(imported.root, release.root)
        assert own_files(release.root) == MADE
        assert release.notes == ()
        card = (release.root / "README.md").read_text(encoding="utf-8")
        assert "- importer 1, format dwsnets, PSNR unknown\n- published set mnist-inrs\n" in card
        assert "from: axis\\_order (format), omega (given)\n" in card
        described = json.loads((release.root / "croissant.json").read_text(encoding="utf-8"))
        assert [one["prov:label"] for one in described["prov:wasGeneratedBy"]] == ["import"]

    def test_some_records_of_another_store(self, imported: Store, tmp_path: Path) -> None:
        job = {
            **FORMAT,
            "kind": "subset",
            "rows": len(imported),
            "rows_per_shard": 10,
            "arch": imported.spec.to_json(),
            "of": {"dataset_id": imported.dataset_id, "job": dict(imported.job)},
        }
        part = written(tmp_path / "part", job, imported.read(np.arange(len(imported))))
        release = publish(part.root, tmp_path / "out", STATED)
        require_sound(part.root, release.root)
        card = (release.root / "README.md").read_text(encoding="utf-8")
        assert f"- A part of dataset {imported.dataset_id}: not all of its records are here.\n" in card

    def test_they_have_no_source(self, imported: Store, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"imported: was imported without a look at its source"):
            publish(imported.root, tmp_path / "out", source_root=tmp_path)
        assert not (tmp_path / "out").exists()

    def test_the_source_that_they_were_compared_with(self, imported: Store, tmp_path: Path) -> None:
        recipe = photo_recipe(tmp_path / "photos")
        source = open_source(recipe)
        job = {
            **imported.job,
            "rows": 9,
            "arch": recipe.spec.to_json(),
            "quality": "measured",
            "source": {**imported.job["source"], "image_shape": None},
            "compared": {"recipe": recipe.canonical(), "files": dict(source.files)},
        }
        store = written(tmp_path / "compared", job, made_records(recipe, 9))
        release = publish(store.root, tmp_path / "without", STATED)
        assert release.notes == ("gallery.png: drawn without the source; give --source-root",)
        release = publish(store.root, tmp_path / "with", STATED, source_root=tmp_path / "photos")
        assert release.notes == ()
        pictures = [(tmp_path / name / "gallery.png").read_bytes() for name in ("with", "without")]
        assert pictures[0] != pictures[1]
        (tmp_path / "photos" / "images" / "0.png").unlink()
        with pytest.raises(SourceError, match=r"source file .*0\.png: found sha256 no such file"):
            publish(store.root, tmp_path / "more", STATED, source_root=tmp_path / "photos")


FORMAT = {"format": "neuralviews-store", "format_version": 1}


def written(root: Path, job: dict[str, Any], records: Records) -> Store:
    writer = StoreWriter(root, job)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


class TestPicture:
    def test_copies_without_parents_are_said(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        release = publish(copies.root, tmp_path / "out", STATED)
        assert release.notes == ("gallery.png: drawn without parents; give --parent",)

    def test_an_origin_that_the_store_does_not_have(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        with pytest.raises(
            OptionError, match=r"source-root: .*copies holds augmented copies, .*; give --parent instead"
        ):
            publish(copies.root, tmp_path / "out", source_root=tmp_path)
        with pytest.raises(
            OptionError, match=r"parent: .*store has none, its kind is 'generate'; leave it out"
        ):
            publish(store.root, tmp_path / "out", parent=copies.root)
        assert not (tmp_path / "out").exists()


class TestRefusal:
    def test_a_folder_that_holds_anything_else(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(OutputError, match=r"found 'thesis.tex', expected an empty folder"):
            publish(store.root, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_shards_of_another_store(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        (tmp_path / "shards").mkdir()
        (tmp_path / "shards" / "shard-000777.h5").write_text("foreign")
        with pytest.raises(OutputError, match=r"shards: found 'shard-000777.h5', expected an empty folder"):
            publish(store.root, tmp_path)
        assert own_files(tmp_path) == set()

    def test_the_release_of_another_store(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        other = make_store(tmp_path / "other", digits_recipe(name="other"), objects=20)
        publish(other.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        with pytest.raises(
            OutputError, match=r"job.json: there is such a file with other bytes than the store"
        ):
            publish(store.root, tmp_path / "out")
        assert contents(tmp_path / "out") == made

    def test_other_terms(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        publish(store.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        with pytest.raises(OutputError, match=r"README.md: there is such a file with other bytes than this"):
            publish(store.root, tmp_path / "out", STATED)
        assert contents(tmp_path / "out") == made

    @pytest.mark.parametrize("inner", ["", "shards", "shards/deep", "release"])
    def test_a_folder_in_the_store(self, store: Store, inner: str) -> None:
        before = contents(store.root)
        with pytest.raises(OptionError, match=r"out: found .*, which is in the store .*; expected a folder"):
            publish(store.root, store.root / inner)
        assert contents(store.root) == before

    def test_a_file_in_place_of_the_folder(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match=r"file: cannot be written \(Not a directory\)"):
            publish(store.root, tmp_path / "file")

    def test_no_store(self, tmp_path: Path) -> None:
        with pytest.raises(NotAStore, match="no folder that can be read"):
            publish(tmp_path / "nowhere", tmp_path / "out")

    def test_a_store_that_does_not_say_how_it_was_made(self, tmp_path: Path) -> None:
        with pytest.raises(
            FormatError, match="states no recipe; expected a store that `neuralviews generate`"
        ):
            publish(GOLDEN / "v1", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "name", ["shards/shard-000001.h5", "shards/shard-000000.h5.json", "job.json", "SHA256SUMS"]
    )
    def test_a_damaged_store(self, store: Store, tmp_path: Path, name: str) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        data = bytearray((tmp_path / "store" / name).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / "store" / name).write_bytes(data)
        with pytest.raises(IntegrityError, match=name):
            publish(tmp_path / "store", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_link_in_place_of_a_shard(self, store: Store, tmp_path: Path) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        shard = tmp_path / "store" / "shards" / "shard-000000.h5"
        shard.unlink()
        shard.symlink_to(store.root / "shards" / "shard-000000.h5")
        with pytest.raises(UnsafeShard, match="a link, expected the file itself"):
            publish(tmp_path / "store", tmp_path / "out")

    def test_a_damaged_release_is_not_called_finished(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        publish(store.root, tmp_path / "out")
        for name in ("shards/shard-000000.h5", "SHA256SUMS.release"):
            (tmp_path / "out" / name).unlink()
        (tmp_path / "out" / "shards" / "shard-000000.h5").write_bytes(b"torn")
        with pytest.raises(
            OutputError, match=r"shard-000000.h5: there is such a file with other bytes than the"
        ):
            publish(store.root, tmp_path / "out")
        assert not (tmp_path / "out" / "SHA256SUMS.release").exists()


class Fault:
    """Lets calls that change the disk through until one of them, by its number, does not come back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        self.error = error
        self.seen = 0
        self.fail_at: int | None = None
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **kwargs)
            self.seen += 1
            if self.fail_at == self.seen - 1:
                if name == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                raise self.error
            return call(*args, **kwargs)

        return wrapped


@pytest.fixture
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fault]:
    yield Fault(monkeypatch, request.param)
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("fault", "links"),
    [(KeyboardInterrupt(), True), (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), False)],
    indirect=["fault"],
    ids=["killed while linking", "disk full while copying"],
)
def test_an_interruption_at_any_point_is_resumed(
    tmp_path: Path, without_picture: None, monkeypatch: pytest.MonkeyPatch, fault: Fault, links: bool
) -> None:
    recipe = digits_recipe(field={"dims": [2, 3, 1]}, store={"rows_per_shard": 8})
    store = make_store(tmp_path / "store", recipe, objects=4)
    if not links:
        wrapped = os.link

        def refuse(source: Any, target: Any, **options: Any) -> None:
            if Path(source).is_relative_to(store.root):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            wrapped(source, target, **options)

        monkeypatch.setattr(os, "link", refuse)
    fault.seen = 0
    publish(store.root, tmp_path / "whole")
    calls, whole = fault.seen, contents(tmp_path / "whole")
    assert calls > 50
    for number in range(calls):
        out = tmp_path / f"out{number}"
        fault.seen, fault.fail_at = 0, number
        try:
            publish(store.root, out)
        except (KeyboardInterrupt, OutputError):
            pass
        else:
            assert contents(out) == whole  # what was refused was the removal of a temporary file
        fault.fail_at = None
        if (out / "manifest.json").exists():  # from then on readers take it for a store
            assert {*contents(out), "SHA256SUMS.release"} >= {*whole}
        if (out / "SHA256SUMS.release").exists():
            assert contents(out).items() >= whole.items()
        assert publish(store.root, out).dataset_id == store.dataset_id
        assert contents(out) == whole, number
    assert open_store(out).dataset_id == store.dataset_id


LOCKED = {
    "cpus": 2,
    "machine": "x86_64",
    "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "igl": None},
    "processor": "",
    "python": "3.11.7",
    "system": "Linux",
}


class TestLock:
    def test_it_is_of_the_machine_that_finished_the_store(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        write_environment(tmp_path / "store", LOCKED)
        publish(tmp_path / "store", tmp_path / "out")
        require_sound(tmp_path / "store", tmp_path / "out")
        assert (tmp_path / "out" / "requirements.lock.txt").read_text() == (
            "# Python 3.11.7 on Linux x86_64; packages of the machine that finished the dataset.\n"
            "numpy==2.4.6\ntorch==2.13.0  # 2.13.0+cpu\n"
        )

    def test_else_of_this_machine_and_it_says_so(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        publish(store.root, tmp_path / "out")
        first, *lines = (tmp_path / "out" / "requirements.lock.txt").read_text().splitlines()
        assert first.endswith("of the machine that published the dataset: its maker's are not known.")
        assert any(line.startswith("numpy==") for line in lines)

    @pytest.mark.parametrize("content", [b"", b"[]", b'{"python":3}', b"\xff", b'{"python":"3"}'])
    def test_another_file_of_its_name(self, store: Store, tmp_path: Path, content: bytes) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        (tmp_path / "store" / "environment.json").write_bytes(content)
        with pytest.raises(FormatError, match=r"environment.json: not what neuralviews writes there; remove"):
            publish(tmp_path / "store", tmp_path / "out")
        assert not (tmp_path / "out").exists()
