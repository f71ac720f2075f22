"""Parts that cannot be had: each refused in one line, and nothing of others is touched."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError, FormatError, IntegrityError, OptionError, OutputError
from neuralviews.remote.selection import Selection
from neuralviews.store.reader import Store
from neuralviews.store.writer import StoreWriter

from ..made_stores import contents, digits_recipe, made_records, make_store
from .parts import GOLDEN, imported, part_of
from .release_server import ReleaseServer


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
                    match=rf"found 9, but the views in http.* are numbered up to {views - 1}; ask for",
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
