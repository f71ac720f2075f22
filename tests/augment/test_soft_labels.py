"""Labels of copies: soft, of all their parents, and refused where no store could hold them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.augment.run import augment_store
from neuralviews.cli.main import main
from neuralviews.data import ViewDataset
from neuralviews.errors import IntegrityError, OptionError
from neuralviews.records import NO_LABEL
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import make_store, photo_recipe
from ..store.stores import forge
from .dense_labels import dense, one_hot
from .plans import EVERY, PLAIN_MIX, TURN, of_pipeline, params_of, plan_of


def test_soft_labels_follow_from_those_of_the_parents(copies: Store, parent: Store) -> None:
    a, b = (copies.column(name) for name in ("parent_a", "parent_b"))
    for name in EVERY:
        rows = of_pipeline(copies, name)
        expected = one_hot(parent, a[rows])
        if name in ("mix", "repaired"):
            (lam,) = (found for key, found in params_of(copies, rows).items() if key.endswith(".lam"))
            expected = lam * expected + (1 - lam) * one_hot(parent, b[rows])
        if name == "move":
            expected = 0.75 * expected + 0.25 / 10
        np.testing.assert_allclose(dense(copies, rows), expected, atol=1e-6)
        largest = expected.max(axis=1) - expected[np.arange(len(rows)), copies.column("label")[rows]]
        assert (largest < 1e-6).all()


def test_copies_of_unlabelled_fields_have_no_label(tmp_path: Path) -> None:
    parent = make_store(tmp_path / "photos", photo_recipe(tmp_path), objects=9)
    augment_store(parent, "aligned-mixup", tmp_path / "out")
    store = open_store(tmp_path / "out")
    assert (store.column("label") == NO_LABEL).all()
    assert (store.column("classes") == NO_LABEL).all()
    assert not store.column("shares").any()
    verify(tmp_path / "out", "semantic", parent)


def test_a_mix_of_mixes_has_the_labels_of_four_parents(copies: Store, tmp_path: Path) -> None:
    plan = plan_of({"again": [PLAIN_MIX]}, splits=["train"])
    augment_store(copies, plan, tmp_path / "twice")
    twice = open_store(tmp_path / "twice")
    rows = np.arange(len(twice))
    (lam,) = params_of(twice, rows).values()
    a, b = (dense(copies, twice.column(name)[rows].astype(np.int64)) for name in ("parent_a", "parent_b"))
    assert twice.column("classes").shape == (len(twice), 4)
    assert (twice.column("shares") > 0).all(axis=1).any()
    np.testing.assert_allclose(dense(twice, rows), lam * a + (1 - lam) * b, atol=2e-6)
    np.testing.assert_allclose(dense(twice, rows).sum(axis=1), 1, atol=1e-6)
    assert twice.job["parent"]["dataset_id"] == copies.dataset_id
    assert twice.job["parent"]["job"]["parent"]["dataset_id"] == copies.job["parent"]["dataset_id"]
    verify(tmp_path / "twice", "semantic", copies)


def test_labels_of_mixes_of_mixes_take_no_more_slots_than_there_are_classes(
    parent: Store, tmp_path: Path
) -> None:
    found, slots = parent, []
    for generation in range(5):
        plan = plan_of({"mix": [PLAIN_MIX]}, splits=["train"], seed=generation)
        augment_store(found, plan, tmp_path / str(generation))
        found = open_store(tmp_path / str(generation))
        slots.append(found.column("classes").shape[1])
        np.testing.assert_allclose(dense(found, np.arange(len(found))).sum(axis=1), 1, atol=1e-6)
    assert slots == [2, 4, 8, 10, 10]
    verify(found.root, "semantic")


def test_labels_that_no_store_can_hold_are_refused(
    copies: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("neuralviews.augment.job.MAX_CLASSES", 3)
    with pytest.raises(
        OptionError, match="store could have shares in 4 classes, at most 3; mix the store th"
    ):
        augment_store(copies, plan_of({"again": [PLAIN_MIX]}), tmp_path / "twice")
    assert not (tmp_path / "twice").exists()
    hard, once = PLAIN_MIX | {"labels": "hard"}, tmp_path / "once"
    both = plan_of({"hard": [hard], "soft": [PLAIN_MIX]})
    with pytest.raises(
        OptionError, match="store could have shares in 4 classes, at most 3; mix the store th"
    ):
        augment_store(copies, both, once)
    augment_store(copies, plan_of({"hard": [hard], "turned": [TURN]}), once)  # as the message advises
    assert open_store(once).column("classes").shape[1] == 2
    verify(once, "semantic", copies)


def test_hard_labels_have_the_room_of_soft_ones_as_long_as_there_is_some(
    copies: Store, tmp_path: Path
) -> None:
    """Stores that were made so have their ids."""
    augment_store(copies, plan_of({"hard": [PLAIN_MIX | {"labels": "hard"}]}), tmp_path / "hard")
    assert open_store(tmp_path / "hard").column("classes").shape[1] == 4


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"classes": [12, -1], "shares": [1, 0], "label": 12},
            "found label 12, expected one of its 10 class",
        ),
        ({"classes": [1, 2], "shares": [0.5, 1], "label": 2}, "shares of record 0 add up to more than 1"),
        ({"classes": [1, 2], "shares": [0.5, 0.25], "label": 2}, "label of record 0 is not the class with"),
        ({"classes": [1, -1], "shares": [0.5, 0.25], "label": 1}, "shares of record 0 are not 0 where there"),
        ({"classes": [1, 1]}, "classes of record 0 name one twice"),
        ({"shares": [np.nan, 0]}, "shares of record 0 is nan, expected 0 to 1"),
    ],
)
def test_parents_with_impossible_labels_are_refused_at_once(
    copies: Store, tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    forged = forge(copies, tmp_path / "forged", **columns)
    for attempt in (
        lambda: augment_store(forged, "symmetries", tmp_path / "out"),
        lambda: ViewDataset(forged),
    ):
        with pytest.raises(IntegrityError, match=f"forged: {message}.*; make the store again"):
            attempt()
    assert not (tmp_path / "out").exists()


def test_verification_finds_labels_beyond_the_classes(
    copies: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = forge(copies, tmp_path / "forged", classes=[12, -1], shares=[1, 0], label=12)
    verify(forged.root, "semantic")  # no rule of the format
    with pytest.raises(SystemExit) as end:
        main(["verify", str(forged.root), "--level", "semantic"])
    assert end.value.code == 2
    assert "found label 12, expected one of its 10 classes" in capsys.readouterr().err
