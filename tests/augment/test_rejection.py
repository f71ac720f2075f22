"""Copies that a plan rejects: drawn anew, marked where no attempt passes, and of no use to anybody."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.run import augment_store
from neuralviews.data import ViewDataset
from neuralviews.errors import StoreError
from neuralviews.records import Status
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from .plans import MIX, NOISE, PLAIN_MIX, TURN, plan_of


def test_rejected_copies_are_drawn_anew(parent: Store, tmp_path: Path) -> None:
    """At least one of the attempts is kept wherever one passes, the first that does."""
    attempts = []
    for most in (1, 2, 6):
        root = tmp_path / str(most)
        plan = plan_of({"mix": [PLAIN_MIX]}, reject={"min_share": 0.25, "attempts": most})
        report = augment_store(parent, plan, root)
        store = open_store(root)
        lam = store.column("params")[:, 0].astype(np.float64)
        passed = np.minimum(lam, 1 - lam) >= 0.25
        np.testing.assert_array_equal(store.column("status"), np.where(passed, 0, Status.diverged))
        assert report.rejected == (~passed).sum()
        attempts.append((passed, store.column("seed")))
    (once, first), (twice, second), (often, last) = attempts
    assert 0 < once.sum() < twice.sum() < often.sum()
    np.testing.assert_array_equal(first[once], second[once])
    np.testing.assert_array_equal(second[twice], last[twice])
    assert (first[~once] != second[~once]).all()


def test_copies_that_render_too_badly_are_drawn_anew(parent: Store, tmp_path: Path) -> None:
    root, kept = tmp_path / "strict", {}
    for attempts in (1, 8):
        plan = plan_of({"noise": [NOISE]}, reject={"min_psnr": 9.0, "attempts": attempts})
        report = augment_store(parent, plan, root / str(attempts))
        store = open_store(root / str(attempts))
        good = store.column("psnr") >= 9
        np.testing.assert_array_equal(store.column("status") == Status.converged, good)
        assert report.rejected == (~good).sum()
        kept[attempts] = good.sum()
    assert 0 < kept[1] < kept[8]


def test_no_dataset_serves_what_was_rejected(parent: Store, tmp_path: Path) -> None:
    plan = plan_of({"noise": [NOISE], "turn": [TURN]}, reject={"min_psnr": 90.0, "attempts": 2})
    report = augment_store(parent, plan, tmp_path / "half")
    served = ViewDataset(tmp_path / "half")
    assert (report.made, report.rejected, served.skipped, len(served)) == (172, 86, 86, 86)
    store = open_store(tmp_path / "half")
    assert (store.column("pipeline")[served.rows] == 1).all()
    hopeless = plan_of({"noise": [NOISE]}, reject={"min_psnr": 90.0})
    assert augment_store(parent, hopeless, tmp_path / "none").rejected == 86
    with pytest.raises(StoreError, match=r"split 'train' has no usable record \(86 diverged"):
        ViewDataset(tmp_path / "none")


def test_rejected_copies_are_no_parents(parent: Store, tmp_path: Path) -> None:
    plan = plan_of({"noise": [NOISE], "turn": [TURN]}, reject={"min_psnr": 90.0, "attempts": 1})
    augment_store(parent, plan, tmp_path / "half")
    half = open_store(tmp_path / "half")
    assert augment_store(half, plan_of({"mix": [MIX]}), tmp_path / "next").made == 86
    used = open_store(tmp_path / "next")
    for name in ("parent_a", "parent_b"):
        assert (half.column("status")[used.column(name).astype(np.int64)] == Status.converged).all()


def test_copies_that_overflow_are_rejected_with_their_parents_weights(parent: Store, tmp_path: Path) -> None:
    loud = {"op": "affine_output", "contrast": [100.0, 100.0]}
    report = augment_store(parent, plan_of({"loud": [loud] * 30}), tmp_path / "loud")
    store = open_store(tmp_path / "loud")
    assert report.rejected == len(store) == 86
    np.testing.assert_array_equal(
        store.weights(np.arange(86)), parent.weights(store.column("parent_a").astype(np.int64))
    )
    assert (store.column("loss") == np.finfo(np.float32).max).all()
    verify(tmp_path / "loud", "semantic", parent)
