"""Copies are made again from their seeds and from their parameters; what differs is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.base import Augmentation
from neuralviews.augment.output import AffineOutput
from neuralviews.augment.replay import replay_copies, same_maker
from neuralviews.augment.rows import CopyMaker
from neuralviews.augment.run import augment_store
from neuralviews.augment.symmetry import RandomSymmetry
from neuralviews.errors import EngineError, FormatError, IntegrityError
from neuralviews.field import FieldSpec
from neuralviews.records import Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..exchange.imported_stores import make_imported
from ..made_stores import make_store
from .plans import EVERY, MIX, PLAIN_MIX, plan_of

LOUD = [{"op": "affine_output", "contrast": [50.0, 100.0]}] * 24


@pytest.fixture(scope="module")
def copies(parent: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("copies") / "store"
    reject = {"min_share": 0.3, "attempts": 3}
    augment_store(parent, plan_of({**EVERY, "loud": LOUD}, reject=reject, copies=2), root)
    return open_store(root)


def rows_of(store: Store) -> NDArray[np.int64]:
    return np.arange(len(store))


def edited(store: Store, root: Path, edit: Callable[[dict[str, NDArray[Any]]], None]) -> Store:
    """A sound store of the same job whose records were changed before they were published."""
    records = store.read(rows_of(store))
    arrays = {"weights": records.weights.copy(), **{name: c.copy() for name, c in records.columns.items()}}
    edit(arrays)
    changed = Records(records.spec, arrays.pop("weights"), arrays)
    writer = StoreWriter(root, store.job)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, changed.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def test_every_copy_is_made_again_to_the_byte(copies: Store, parent: Store) -> None:
    assert replay_copies(copies, parent, rows_of(copies)) == len(copies)


def test_any_choice_of_rows_will_do(copies: Store, parent: Store) -> None:
    rows = np.random.default_rng(3).permutation(len(copies))[:50]
    assert replay_copies(copies, parent, rows) == 50


def test_copies_of_copies_are_made_again(copies: Store, tmp_path: Path) -> None:
    augment_store(copies, plan_of({"mix": [MIX], "plain": [PLAIN_MIX]}), tmp_path / "next")
    store = open_store(tmp_path / "next")
    assert replay_copies(store, copies, rows_of(store)) == len(store)


@pytest.mark.parametrize(
    ("name", "place"), [("weights", (300, 7)), ("params", (300, 0)), ("psnr", 300), ("seed", 300)]
)
def test_one_changed_number_is_found_and_named(
    copies: Store, parent: Store, tmp_path: Path, name: str, place: Any
) -> None:
    def change(arrays: dict[str, NDArray[Any]]) -> None:
        arrays[name][place] += 1

    store = edited(copies, tmp_path / "edited", change)
    verify(store.root, "semantic", parent)
    with pytest.raises(
        IntegrityError, match=rf"record 300 came out different, made again from their seeds \({name}\): "
    ):
        replay_copies(store, parent, rows_of(store))
    assert replay_copies(store, parent, np.arange(300)) == 300


def test_parameters_that_do_not_make_the_weights_are_found(
    copies: Store, parent: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second proof stands by itself: copies must follow from what is stored, whatever was drawn."""
    rows = np.arange(40)
    kept = copies.read(rows)
    monkeypatch.setattr(CopyMaker, "make", lambda self, chosen: kept)
    assert replay_copies(copies, parent, rows) == 40
    params = kept.columns["params"].copy()
    params[2, :4] += 1  # of a copy that was moved
    other = replace(kept, columns={**kept.columns, "params": params})
    monkeypatch.setattr(CopyMaker, "make", lambda self, chosen: other)
    monkeypatch.setattr(Store, "read", lambda self, chosen: other)
    with pytest.raises(
        IntegrityError, match=r"record 2 came out different, replayed from their parameters \(weights\)"
    ):
        replay_copies(copies, parent, rows)


def test_other_parents_are_refused(copies: Store, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", objects=3)
    with pytest.raises(IntegrityError, match=r"expected [0-9a-f]{64}; give the store that was augmented"):
        replay_copies(copies, other, rows_of(copies))


def test_other_versions_are_refused(copies: Store, parent: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RandomSymmetry, "version", 2)
    with pytest.raises(
        EngineError, match=r"than it states \(operations.random_symmetry: there 1, here 2\); replay it"
    ):
        replay_copies(copies, parent, rows_of(copies))
    monkeypatch.setattr("neuralviews.augment.replay.AUGMENTER", 2)
    with pytest.raises(EngineError, match=r"made by augmenter 1, this neuralviews has 2; replay it with"):
        replay_copies(copies, parent, rows_of(copies))


def test_copies_of_normalised_colours_of_before_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once drawn for the outputs, and now for the values; those of other parents are what they were."""
    target = {"range": [0.0, 1.0], "mean": [0.5, 0.25, 1.0], "std": [0.25, 0.5, 2.0]}
    colours = make_imported(tmp_path / "colours", FieldSpec([2, 8, 8, 3]), target=target)
    grey = make_imported(tmp_path / "grey", FieldSpec([2, 8, 8, 3]))
    steps = [{"op": "affine_output", "brightness": 0.2, "invert": 0.5}, {"op": "sign_flip"}]
    for parent, version in ((colours, 2), (grey, 1)):
        root = tmp_path / f"of-{parent.root.name}"
        augment_store(parent, plan_of({"one": steps}), root)
        made = open_store(root)
        assert made.job["operations"] == {"affine_output": version, "sign_flip": 1}
        assert replay_copies(made, parent, rows_of(made)) == len(made)
    with monkeypatch.context() as patch:
        patch.setattr(AffineOutput, "version_for", Augmentation.version_for)
        augment_store(colours, plan_of({"one": steps}), tmp_path / "before")
    before = open_store(tmp_path / "before")
    with pytest.raises(
        EngineError,
        match=r"than it states \(operations.affine_output: there 1, here 2\); replay it with the ",
    ):
        replay_copies(before, colours, rows_of(before))


@pytest.mark.parametrize("key", ["augmenter", "arithmetic", "plan", "operations"])
def test_a_job_without_what_augment_writes_is_refused(
    copies: Store, parent: Store, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    job = {name: value for name, value in copies.job.items() if name != key}
    monkeypatch.setattr(Store, "job", property(lambda self: job))
    with pytest.raises(FormatError, match=rf"missing required field `{key}`; expected what `neuralviews aug"):
        same_maker(copies, parent)


def test_what_a_job_contradicts_itself_in_is_cut(
    copies: Store, parent: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = copies.job["pipelines"] * 400
    original = Store.job.fget  # type: ignore[attr-defined]
    changed = property(
        lambda self: original(self) | {"pipelines": states} if self is copies else original(self)
    )
    monkeypatch.setattr(Store, "job", changed)
    with pytest.raises(EngineError, match=r"\(pipelines: there \[.*\.\.\., here \[.*\)") as error:
        same_maker(copies, parent)
    assert len(str(error.value)) < 500


def test_a_parent_with_weights_that_are_not_finite_is_named(copies: Store, parent: Store) -> None:
    maker = same_maker(copies, parent)
    batch = maker.supply.batch(np.array([4, 7]))
    batch.weights[1, 3] = np.nan
    with pytest.raises(IntegrityError, match=r"parent: weights of record 7 are not finite; make the store"):
        maker.finite_weights(batch, np.array([4, 7]))
