"""Which records are parents, how copies are numbered, and that neither changes other copies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.parents import Copies, largest_view, parents_of
from neuralviews.augment.plan import Plan
from neuralviews.augment.row_runs import RowRuns
from neuralviews.augment.run import augment_store
from neuralviews.errors import PlanError
from neuralviews.records import Split, Status
from neuralviews.store.reader import Store, open_store

from ..made_stores import digits_recipe, make_store
from .conftest import DIVERGED
from .plans import EVERY, NOISE, PLAIN_MIX, TURN, plan_of, rows_by_origin


def plain(**keys: Any) -> Plan:
    return plan_of({"turn": [TURN]}, **keys)


def made(parent: Store, plan: Plan, root: Path) -> dict[tuple[int, str, int], tuple[bytes, ...]]:
    augment_store(parent, plan, root)
    return rows_by_origin(open_store(root))


@pytest.mark.parametrize("splits", [["train"], ["val"], ["val", "test"], ["test", "train", "val"]])
@pytest.mark.parametrize("views", ["all", 1, 2])
def test_parents_are_the_usable_records_of_splits_and_views(
    parent: Store, splits: list[str], views: Any
) -> None:
    columns = parent.read(np.arange(len(parent))).columns
    expected = [
        row
        for row in range(len(parent))
        if Split(columns["split"][row]).name in splits
        and row not in DIVERGED
        and (views == "all" or columns["view"][row] < views)
    ]
    found = parents_of(parent, plain(splits=splits, views=views))
    assert found[:].tolist() == expected
    assert found[:].dtype == np.int64
    assert largest_view(parent, plain(splits=splits, views=views)) == columns["view"][expected].max()


def test_no_parent_at_all_is_an_error_that_counts_records(tmp_path: Path) -> None:
    store = make_store(tmp_path / "lost", digits_recipe(views=1), objects=2, diverged=(0, 1))
    assert (store.column("status") == Status.diverged).all()
    with pytest.raises(
        PlanError,
        match=r"plan tried: .*lost has no usable record in train \(records: train 2, val 0, test 0\)",
    ):
        parents_of(store, plain())


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
def test_numbers_of_copies_name_each_once(objects: int, pipelines: int, copies: int, views: int) -> None:
    parents = np.arange(objects * views, dtype=np.int64) * 3
    numbering = Copies(RowRuns.joined([parents]), pipelines, copies)
    rows = np.arange(len(numbering))
    origin = np.stack([numbering.parent(rows), numbering.pipeline(rows), numbering.copy(rows)], axis=1)
    every = [(p, k, c) for p in parents.tolist() for k in range(pipelines) for c in range(copies)]
    assert list(map(tuple, origin.tolist())) == every
    view = numbering.view(rows, rows // (pipelines * copies) % views)
    assert len({*zip((rows // (pipelines * copies * views)).tolist(), view.tolist(), strict=True)}) == len(
        rows
    )


@pytest.mark.parametrize(("view", "pipelines", "copies"), [(0, 1, 65_536), (65_535, 1, 1), (63, 1000, 1)])
def test_views_are_numbered_up_to_the_last_number(view: int, pipelines: int, copies: int) -> None:
    numbering = Copies(RowRuns.joined([np.array([7])]), pipelines, copies)
    numbering.require_views(view)
    last = numbering.view(np.array([len(numbering) - 1]), np.array([view]))
    assert last[0] == (view + 1) * pipelines * copies - 1 <= 65_535


@pytest.mark.parametrize(("view", "pipelines", "copies"), [(1, 1, 65_536), (65, 1000, 1), (3, 129, 128)])
def test_more_views_than_there_are_numbers_are_refused(view: int, pipelines: int, copies: int) -> None:
    with pytest.raises(
        PlanError, match=rf"^{(view + 1) * pipelines * copies} copies of an object \({view + 1} "
    ):
        Copies(RowRuns.joined([np.array([7])]), pipelines, copies).require_views(view)


def test_more_copies_change_none_of_the_first(parent: Store, tmp_path: Path) -> None:
    few, many = (made(parent, plan_of(EVERY, copies=n), tmp_path / str(n)) for n in (1, 3))
    assert len(many) == 3 * len(few)
    assert {origin: many[origin] for origin in few} == few


def test_more_and_other_pipelines_change_no_copy_of_a_pipeline(parent: Store, tmp_path: Path) -> None:
    alone = made(parent, plan_of({"mix": EVERY["mix"]}), tmp_path / "alone")
    among = made(parent, plan_of({"first": [NOISE], **EVERY}), tmp_path / "among")
    assert {origin: among[origin] for origin in alone} == alone


def test_other_splits_change_no_copy(parent: Store, tmp_path: Path) -> None:
    every = ["train", "val", "test"]
    together = made(parent, plan_of(EVERY, splits=every), tmp_path / "together")
    apart = [made(parent, plan_of(EVERY, splits=[split]), tmp_path / split) for split in every]
    assert apart[0] | apart[1] | apart[2] == together


def test_more_views_change_no_copy_of_one_parent(parent: Store, tmp_path: Path) -> None:
    lonely = {name: steps for name, steps in EVERY.items() if name in ("turn", "move")}
    first, every = (made(parent, plan_of(lonely, views=n), tmp_path / str(n)) for n in (1, "all"))
    assert len(first) < len(every)
    assert {origin: every[origin] for origin in first} == first


def test_names_of_plans_decide_no_draw_but_seeds_and_names_of_pipelines_do(
    parent: Store, tmp_path: Path
) -> None:
    plan = plan_of({"mix": [PLAIN_MIX]})
    plain_rows = made(parent, plan, tmp_path / "plain")
    assert made(parent, plan_of({"mix": [PLAIN_MIX]}, name="other"), tmp_path / "other") == plain_rows
    reseeded = made(parent, plan.with_options(seed=1), tmp_path / "seed")
    renamed = made(parent, plan_of({"mux": [PLAIN_MIX]}), tmp_path / "renamed")
    for changed in (reseeded, {(p, "mix", c): row for (p, _, c), row in renamed.items()}):
        assert changed.keys() == plain_rows.keys()
        assert not any(changed[origin] == plain_rows[origin] for origin in plain_rows)
