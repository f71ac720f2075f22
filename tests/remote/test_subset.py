"""Parts of published stores: the chosen records and no others, to the byte, whatever the way."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from neuralviews.augment.plan import load_plan
from neuralviews.augment.run import augment_store
from neuralviews.cli.main import main
from neuralviews.data import ViewDataset
from neuralviews.errors import FetchError, FormatError, IntegrityError, OptionError, OutputError
from neuralviews.records import IMPORTED_COLUMNS, Split, Status
from neuralviews.remote.selection import Selection
from neuralviews.remote.subset import SubsetReport, download_subset
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..made_stores import contents, digits_recipe, made_records, make_shapes_store, make_store
from .fault_server import Fault
from .fetching import IMPATIENT
from .release_server import ReleaseServer, files_of

GOLDEN = Path(__file__).parents[1] / "golden"
PART_OF_V1 = "9a09923eb7ebee796e26395d254424985ba98473d8eb4b8db9b4668d96c943c5"
SELECTIONS = [
    Selection(split="train"),
    Selection(split="test", views=1),
    Selection(views=2),
    Selection(first_shards=1),
    Selection(split="train", views=2, first_shards=2),
]


def chosen_rows(store: Store, selection: Selection) -> np.ndarray[Any, Any]:
    """The rows of a selection, from the columns of the whole store."""
    rows = np.arange(len(store))
    keep = np.ones(len(store), np.bool_)
    if selection.split is not None:
        keep &= store.column("split") == Split[selection.split]
    if selection.views is not None:
        keep &= store.column("view") < selection.views
    if selection.first_shards is not None:
        keep &= rows < selection.first_shards * store.manifest.shards[0].rows
    return rows[keep]


def part_of(link: str | Path, out: Path, selection: Selection, **options: Any) -> Store:
    report = download_subset(str(link), out, selection, patience=IMPATIENT, **options)
    assert isinstance(report, SubsetReport)
    assert not out.with_name(f"{out.name}.download").exists()
    part = open_store(out)
    assert (report.records, report.dataset_id) == (len(part), part.dataset_id)
    return part


def require_part(part: Store, whole: Store, selection: Selection) -> None:
    """The store has the chosen records, says so, and is a sound store."""
    found, expected = part.read(np.arange(len(part))), whole.read(chosen_rows(whole, selection))
    assert found.columns.keys() == expected.columns.keys()
    np.testing.assert_array_equal(found.weights.view(np.uint32), expected.weights.view(np.uint32))
    for name, column in expected.columns.items():
        wanted = np.arange(len(part)) if name == "record_id" else column
        np.testing.assert_array_equal(found.columns[name], wanted)
    assert verify(part.root, "semantic").rows == len(expected)
    assert part.kind == whole.kind
    assert {key: part.job[key] for key in ("kind", "of", "selection")} == {
        "kind": "subset",
        "of": {"dataset_id": whole.dataset_id, "job": whole.job},
        "selection": selection.to_json(),
    }
    assert part.made_by == whole.made_by


def imported(root: Path, first_view: int = 0) -> Store:
    """Fields of which little is known, with two attributes."""
    records = made_records(digits_recipe(), 10)
    unknown = np.full(len(records), np.nan, np.float32)
    attributes = (
        np.random.default_rng(3).normal(size=(len(records), 2)).astype(IMPORTED_COLUMNS["attributes"])
    )
    columns = {
        **records.columns,
        "psnr": unknown,
        "loss": unknown,
        "status": np.full(len(records), Status.unknown, np.uint8),
        "attributes": attributes,
        "view": records.columns["view"] + np.uint16(first_view),
    }
    job = {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "import",
        "rows": len(records),
        "rows_per_shard": 12,
        "arch": records.spec.to_json(),
        "columns": {"attributes": 2},
        "attributes": ["a", "b"],
        "importer": 1,
        "name": "imported",
        "exchange": "dwsnets",
        "published": None,
        "convention": {"omega": "given"},
        "target": {"range": [0.0, 1.0]},
        "quality": "unknown",
        "known": ["label"],
        "source": {"sha256": "0" * 64, "fields": 30, "class_names": None, "image_shape": [8, 8]},
        "compared": None,
    }
    writer = StoreWriter(root, job)
    whole = replace(records, columns=columns)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, whole.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def copies(root: Path) -> Store:
    """Three copies of each record of ``parent``, which lies beside them."""
    parent = make_store(root.with_name("parent"), digits_recipe(store={"rows_per_shard": 10}), 12)
    augment_store(parent, load_plan("symmetries").with_options(None, None, (*Split.__members__,)), root)
    return open_store(root)


MAKERS: dict[str, Callable[[Path], Store]] = {
    "generate": make_store,
    "shapes": make_shapes_store,
    "import": imported,
    "augment": copies,
    "golden": lambda root: open_store(GOLDEN / "v1"),
    "golden copies": lambda root: open_store(GOLDEN / "v1_augmented"),
    "golden import": lambda root: open_store(GOLDEN / "v1_imported"),
    "golden shapes": lambda root: open_store(GOLDEN / "v1_shapes"),
}


@pytest.fixture(scope="module", params=MAKERS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return MAKERS[request.param](tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("parts") / "store")


def held(store: Store, selection: Selection) -> set[str]:
    """Files of the shards that hold chosen records."""
    rows = store.manifest.shards[0].rows
    return {store.manifest.shards[row // rows].file for row in chosen_rows(store, selection)}


class TestRecords:
    @pytest.mark.parametrize("selection", SELECTIONS, ids=str)
    def test_of_every_kind(self, whole: Store, tmp_path: Path, selection: Selection) -> None:
        if selection.first_shards is not None:
            shards = min(selection.first_shards, len(whole.manifest.shards))
            selection = replace(selection, first_shards=shards)
        part = part_of(whole.root, tmp_path / "part", selection)
        require_part(part, whole, selection)

    def test_over_the_web_and_by_path_they_are_the_same(
        self, whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with ReleaseServer(whole.root) as server:
            for number, selection in enumerate(SELECTIONS[:4]):
                server.requests.clear()
                web = part_of(server.address, tmp_path / f"web{number}", selection)
                asked = {name for name in server.asked() if name.endswith(".h5")}
                assert asked >= held(whole, selection)
                if selection.views is None:
                    assert asked == held(whole, selection)
                assert [name for name in server.asked() if name not in asked] == ["manifest.json"]
                path = part_of(f"file://{whole.root}", tmp_path / f"path{number}", selection)
                assert contents(web.root) == contents(path.root)

    @settings(max_examples=30)
    @given(
        split=st.sampled_from([None, *Split.__members__]),
        views=st.none() | st.integers(1, 4),
        first_shards=st.none() | st.integers(1, 3),
    )
    def test_any_selection(
        self,
        store: Store,
        tmp_path_factory: pytest.TempPathFactory,
        split: str | None,
        views: int | None,
        first_shards: int | None,
    ) -> None:
        if (split, views, first_shards) == (None, None, None):
            return
        selection = Selection(split, views, first_shards)
        out = tmp_path_factory.mktemp("any") / "part"
        if views is not None and views > 3:
            with pytest.raises(OptionError, match=rf"views: found {views}, but .*store has 3 of each object"):
                part_of(store.root, out, selection)
            return
        if not len(chosen_rows(store, selection)):
            with pytest.raises(OptionError, match="found no record of"):
                part_of(store.root, out, selection)
            return
        require_part(part_of(store.root, out, selection), store, selection)

    def test_the_id_is_the_one_of_before(self, tmp_path: Path) -> None:
        part = part_of(GOLDEN / "v1", tmp_path / "part", Selection("train", 2))
        assert part.dataset_id == PART_OF_V1

    def test_workers_and_shards_change_nothing(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Shards of the part begin and end within those of the whole."""
        monkeypatch.setattr("neuralviews.remote.subset.rows_per_shard", lambda *_: 7)
        one = part_of(store.root, tmp_path / "one", Selection(views=2))
        two = part_of(store.root, tmp_path / "two", Selection(views=2), workers=2)
        assert len(one.manifest.shards) == 12
        assert contents(one.root) == contents(two.root)
        require_part(two, store, Selection(views=2))


class TestUse:
    def test_of_a_subset(self, store: Store, tmp_path: Path) -> None:
        first = part_of(store.root, tmp_path / "first", Selection("train"))
        second = part_of(first.root, tmp_path / "second", Selection(views=1))
        require_part(second, first, Selection(views=1))
        assert second.made_by == store.job

    def test_training(self, store: Store, tmp_path: Path) -> None:
        part = part_of(store.root, tmp_path / "part", Selection(views=2))
        found = ViewDataset(part, split="train", views="all")
        whole = ViewDataset(store, split="train", views="all")
        assert 0 < len(found) < len(whole)
        batch = next(iter(DataLoader(found, len(found), collate_fn=found.collate)))
        assert len(batch.label) == len(found)

    def test_augmenting(self, store: Store, tmp_path: Path) -> None:
        part = part_of(store.root, tmp_path / "part", Selection("train"))
        augment_store(part, "symmetries", tmp_path / "copies")
        assert verify(tmp_path / "copies", "semantic", part.root).rows
        assert open_store(tmp_path / "copies").job["name"] == "made-symmetries"

    def test_copies_keep_their_parents(self, tmp_path: Path) -> None:
        whole = copies(tmp_path / "copies")
        part = part_of(whole.root, tmp_path / "part", Selection(views=2, split="train"))
        report = verify(part.root, "semantic", tmp_path / "parent")
        assert any("no copy crosses a split" in check for check in report.checks)

    def test_fitting_again(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        part = part_of(GOLDEN / "v1_generated", tmp_path / "part", Selection("train", views=1))
        with pytest.raises(SystemExit) as end:
            main(["verify", str(part.root), "--level", "regenerate"])
        assert not end.value.code
        assert f"{len(part)} records fitted again, every byte equal" in capsys.readouterr().out

    def test_info(self, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        part = part_of(store.root, tmp_path / "part", Selection("train", first_shards=2))
        with pytest.raises(SystemExit) as end:
            main(["info", str(part.root)])
        assert not end.value.code
        told = capsys.readouterr().out
        assert f"{store.dataset_id}, 120 records: first_shards 2, split train\n" in told


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


class TestRefusal:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, r"selection: found nothing, expected a split, views or first shards"),
            ({"split": "training"}, r"split: found 'training', expected one of train, val, test"),
            ({"views": 0}, r"views: found 0, expected at least 1"),
            ({"first_shards": -1}, r"first-shards: found -1, expected at least 1"),
        ],
    )
    def test_selections_that_cannot_be(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            Selection(**options)

    def test_no_such_record(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the manifest tells, no shard is asked for."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with ReleaseServer(GOLDEN / "v1_generated") as server:
            with pytest.raises(
                OptionError,
                match=r"split: found no record of 'val' in http.*; the 1 shards have 6 of train, 0 of val, 2",
            ):
                part_of(server.address, tmp_path / "part", Selection("val", first_shards=1))
            with pytest.raises(OptionError, match=r"first-shards: found 3, but http.* has 2"):
                part_of(server.address, tmp_path / "part", Selection(first_shards=3))
            assert {*server.asked()} == {"manifest.json"}
        assert not any(tmp_path.iterdir())

    def test_no_such_view(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the shards tell."""
        whole = imported(tmp_path / "whole", first_view=1)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with (
            ReleaseServer(whole.root) as server,
            pytest.raises(OptionError, match=r"found no record of .*'views': 1.* in http.*; ask for others"),
        ):
            part_of(server.address, tmp_path / "part", Selection(views=1))
        assert not (tmp_path / "part").exists()
        assert not (tmp_path / "part.download").exists()

    def test_more_views_than_there_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """All of a store would be taken for a part of it. Jobs tell of recipes; else shards tell."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        whole = imported(tmp_path / "whole")
        for root, views, fetches in ((GOLDEN / "v1_generated", 2, False), (whole.root, 3, True)):
            with ReleaseServer(root) as server:
                with pytest.raises(
                    OptionError,
                    match=rf"views: found 9, but http.* has {views} of each object; ask for fewer",
                ):
                    part_of(server.address, tmp_path / "part", Selection(views=9))
                assert ({*server.asked()} != {"manifest.json"}) is fetches
        assert [*tmp_path.iterdir()] == [whole.root]

    def test_a_pin(self, store: Store, tmp_path: Path) -> None:
        part_of(store.root, tmp_path / "part", Selection("train"), dataset_id=store.dataset_id)
        with pytest.raises(FetchError, match=rf"found the dataset id {store.dataset_id}, expected 00"):
            part_of(store.root, tmp_path / "other", Selection("train"), dataset_id="0" * 64)

    def test_places_with_something_else(self, store: Store, tmp_path: Path) -> None:
        part_of(store.root, tmp_path / "part", Selection("train"))
        before = contents(tmp_path)
        with pytest.raises(OutputError, match=r"part: belongs to another job, not to these records; choose"):
            part_of(store.root, tmp_path / "part", Selection("test"))
        with pytest.raises(OutputError, match=r"is or lies in the store that is downloaded"):
            part_of(store.root, store.root / "part", Selection("test"))
        with pytest.raises(OutputError, match=r"holds 'part' and no job.json"):
            part_of(store.root, tmp_path, Selection("test"))
        assert contents(tmp_path) == before

    def test_a_helper_folder_with_something_else(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        helper = tmp_path / "part.download"
        helper.mkdir()
        (helper / "mine.zip").write_text("mine")
        with ReleaseServer(store.root) as server:
            with pytest.raises(
                OutputError, match=r"part.download: found 'mine.zip', expected an empty folder"
            ):
                part_of(server.address, tmp_path / "part", Selection("train"))
            (helper / "mine.zip").rename(helper / "whole-manifest.json")
            with pytest.raises(OutputError, match=r"part.download: holds shards of another dataset than"):
                part_of(server.address, tmp_path / "part", Selection("train"))
        assert sorted(path.name for path in helper.iterdir()) == ["whole-manifest.json"]

    def test_a_damaged_store_of_this_machine(self, tmp_path: Path) -> None:
        whole = make_store(tmp_path / "whole", objects=20)
        shard = tmp_path / "whole" / "shards" / "shard-000001.h5"
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.write_bytes(data)
        with pytest.raises(IntegrityError, match=r"shard-000001.h5: found sha256 .*, expected"):
            part_of(whole.root, tmp_path / "part", Selection(views=1))
        assert not (tmp_path / "part" / "manifest.json").exists()

    def test_a_job_that_is_nested_too_deep(self, tmp_path: Path) -> None:
        deep: Any = {}
        for _ in range(96):
            deep = {"in": deep}
        records = made_records(digits_recipe(), 4)
        job = {
            "format": "neuralviews-store",
            "format_version": 1,
            "kind": "generate",
            "rows": len(records),
            "rows_per_shard": 12,
            "arch": records.spec.to_json(),
            "deep": deep,
        }
        writer = StoreWriter(tmp_path / "whole", job)
        writer.commit(0, records)
        writer.finalize()
        with pytest.raises(FormatError, match=r"its job cannot be stated by that of a subset \(nested more"):
            part_of(tmp_path / "whole", tmp_path / "part", Selection(views=1))
        assert not (tmp_path / "part").exists()
