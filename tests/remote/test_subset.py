"""Parts of published stores: the chosen records and no others, to the byte, whatever the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from neuralviews.augment.plan import load_plan
from neuralviews.augment.run import augment_store
from neuralviews.cli.main import main
from neuralviews.data import ViewDataset
from neuralviews.errors import OptionError
from neuralviews.records import Split
from neuralviews.remote.selection import Selection
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import contents, digits_recipe, make_shapes_store, make_store
from .parts import GOLDEN, chosen_rows, imported, part_of, require_part
from .release_server import ReleaseServer

PART_OF_V1 = "9a09923eb7ebee796e26395d254424985ba98473d8eb4b8db9b4668d96c943c5"
SELECTIONS = [
    Selection(split="train"),
    Selection(split="test", views=1),
    Selection(views=2),
    Selection(first_shards=1),
    Selection(split="train", views=2, first_shards=2),
]


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
            with pytest.raises(
                OptionError, match=rf"views: found {views}, but the views in .*store are numbered up to 2"
            ):
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
