"""What an augmented store says of each copy, against definitions in float64 that are written apart."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.probes import probe_points
from neuralviews.augment.run import augment_store
from neuralviews.errors import IntegrityError
from neuralviews.field import evaluate
from neuralviews.records import NO_PARENT, Status
from neuralviews.store.reader import Store, open_store

from ..made_stores import make_store
from ..store.stores import forge
from .dense_labels import Doubles, dense, one_hot
from .plans import EVERY, MOVE, PLAIN_MIX, SMOOTH, TURN, of_pipeline, params_of, plan_of


def values(store: Store, rows: NDArray[np.integer], x: Doubles) -> Doubles:
    return evaluate(store.spec, store.weights(rows.astype(np.int64)), x)


def points(store: Store) -> Doubles:
    return probe_points(store.spec, (8, 8)).astype(np.float64)


def mixed(store: Store, parent: Store, rows: NDArray[np.int64]) -> Doubles:
    """What mixtures should render: ``lam f_a(x) + (1 - lam) f_b(x)``."""
    (lam,) = (values for name, values in params_of(store, rows).items() if name.endswith(".lam"))
    a, b = (values(parent, store.column(name)[rows], points(store)) for name in ("parent_a", "parent_b"))
    return lam[:, :, None] * a + (1 - lam)[:, :, None] * b


def moved_to(store: Store, rows: NDArray[np.int64]) -> Doubles:
    """Where moved copies ask their parents, (n, p, 2)."""
    params = params_of(store, rows)
    matrix = params["affine_coords.matrix"].reshape(-1, 2, 2)
    return points(store) @ matrix.swapaxes(1, 2) + params["affine_coords.shift"][:, None]


def moved(store: Store, parent: Store, rows: NDArray[np.int64]) -> Doubles:
    """What moved copies should render: their parent at ``M x + t``."""
    asked = zip(store.column("parent_a")[rows].tolist(), moved_to(store, rows), strict=True)
    return np.stack([evaluate(store.spec, parent.weights([row])[0], x) for row, x in asked])


def turned(store: Store, parent: Store, rows: NDArray[np.int64]) -> Doubles:
    return values(parent, store.column("parent_a")[rows], points(store))


SHOULD_RENDER = {"turn": turned, "move": moved, "mix": mixed, "repaired": mixed}


def test_copies_are_numbered_and_of_their_parents(copies: Store, parent: Store) -> None:
    columns = copies.read(np.arange(len(copies))).columns
    a = columns["parent_a"].astype(np.int64)
    assert (columns["record_id"] == np.arange(len(copies))).all()
    for name in ("object_id", "split"):
        np.testing.assert_array_equal(columns[name], parent.column(name)[a])
    views = zip(columns["object_id"].tolist(), columns["view"].tolist(), strict=True)
    assert len(set(views)) == len(copies)
    assert (parent.column("view")[a] < 2).all()
    assert set(a.tolist()) == set(
        np.flatnonzero((parent.column("view") < 2) & (parent.column("status") != Status.diverged)).tolist()
    )


def test_partners_are_others_of_the_split_and_of_the_plans_views(copies: Store, parent: Store) -> None:
    a, b = (copies.column(name) for name in ("parent_a", "parent_b"))
    mixes = np.concatenate([of_pipeline(copies, name) for name in ("mix", "repaired")])
    alone = np.concatenate([of_pipeline(copies, name) for name in ("turn", "move")])
    assert (b[alone] == NO_PARENT).all()
    partner = b[mixes].astype(np.int64)
    assert (partner != a[mixes]).all()
    np.testing.assert_array_equal(parent.column("split")[partner], copies.column("split")[mixes])
    assert (parent.column("view")[partner] < 2).all()
    assert (parent.column("status")[partner] != Status.diverged).all()
    assert len(set(partner.tolist())) > len(partner) / 4


@pytest.mark.parametrize("name", list(EVERY))
def test_errors_are_those_of_the_definition_in_float64(copies: Store, parent: Store, name: str) -> None:
    rows = of_pipeline(copies, name)
    error = values(copies, rows, points(copies)) - SHOULD_RENDER[name](copies, parent, rows)
    loss = (error**2).mean(axis=(1, 2))
    psnr = copies.column("psnr")[rows]
    if name in ("turn", "move"):
        assert (psnr > 100).all()
        assert (loss < 1e-10).all()
        return
    np.testing.assert_allclose(copies.column("loss")[rows], loss, rtol=1e-3)
    np.testing.assert_allclose(psnr, -10 * np.log10(loss), atol=0.01)
    assert (psnr < 80).all()


def test_repairs_say_what_they_gained(copies: Store) -> None:
    rows, others = of_pipeline(copies, "repaired"), of_pipeline(copies, "mix")
    before, after, steps = (copies.column(name) for name in ("psnr_before", "psnr", "steps"))
    assert (after[rows] > before[rows]).mean() > 0.9
    assert (steps[rows] <= 5).all()
    assert steps[rows].any()
    assert not steps[others].any()
    np.testing.assert_array_equal(before[others], after[others])


def test_the_part_of_the_domain_is_that_where_parents_are_asked(copies: Store) -> None:
    rows = of_pipeline(copies, "move")
    inside = (abs(moved_to(copies, rows)) <= 1).all(axis=2).mean(axis=1)
    np.testing.assert_allclose(copies.column("in_domain")[rows], inside, atol=1.5 / len(points(copies)))
    assert inside.min() < 0.9
    for name in ("turn", "mix", "repaired"):
        assert (copies.column("in_domain")[of_pipeline(copies, name)] == 1).all()


def test_pipelines_of_different_widths_fill_their_parameters_up_with_zeros(copies: Store) -> None:
    for number, pipeline in enumerate(copies.job["pipelines"]):
        width = sum(count for _, count in pipeline["params"])
        rows = np.flatnonzero(copies.column("pipeline") == number)
        assert not copies.column("params")[rows, width:].any()
        assert copies.column("params")[rows, :width].any()


def test_parents_with_one_view_twice_are_refused_at_once(parent: Store, tmp_path: Path) -> None:
    forged = forge(parent, tmp_path / "forged", view=0)
    with pytest.raises(IntegrityError, match=r"forged: object \d+ has view 0 more than once; make the store"):
        augment_store(forged, "symmetries", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_of_other_parents_is_refused(copies: Store, tmp_path: Path) -> None:
    from neuralviews.augment.rows import maker_of

    with pytest.raises(IntegrityError, match=r"found dataset [0-9a-f]{64}, expected [0-9a-f]{64}; give the"):
        maker_of(copies.job, make_store(tmp_path / "other", objects=3))


def test_steps_work_together(parent: Store, tmp_path: Path) -> None:
    """A moved, smoothed, then mixed field should render the mixture of its moved first parent."""
    augment_store(parent, plan_of({"all": [MOVE, SMOOTH, PLAIN_MIX, TURN]}), tmp_path / "all")
    store = open_store(tmp_path / "all")
    rows = np.arange(len(store))
    lam = params_of(store, rows)["mixup.lam"][:, :, None]
    second = values(parent, store.column("parent_b"), points(store))
    wanted = lam * moved(store, parent, rows) + (1 - lam) * second
    loss = ((values(store, rows, points(store)) - wanted) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(store.column("loss"), loss, rtol=1e-3)
    lam = lam[:, 0]
    expected = lam * (0.75 * one_hot(parent, store.column("parent_a")) + 0.025)
    expected += (1 - lam) * one_hot(parent, store.column("parent_b"))
    np.testing.assert_allclose(dense(store, rows), expected, atol=1e-6)
