"""What an augmented store says of each copy, against definitions in float64 that are written apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.probes import probe_points
from neuralviews.augment.run import augment_store
from neuralviews.cli.main import main
from neuralviews.data import ViewDataset
from neuralviews.errors import IntegrityError, OptionError, StoreError
from neuralviews.field import evaluate
from neuralviews.records import NO_LABEL, NO_PARENT, Status
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import make_store, photo_recipe
from ..store.stores import forge
from .plans import EVERY, MIX, MOVE, NOISE, PLAIN_MIX, SMOOTH, TURN, params_of, plan_of

Doubles = NDArray[np.float64]
SPLITS = ["train", "val", "test"]


@pytest.fixture(scope="module")
def copies(parent: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Copies of every kind, of all splits and of the first two views."""
    root = tmp_path_factory.mktemp("copies") / "store"
    augment_store(parent, plan_of(EVERY, splits=SPLITS, views=2), root)
    return open_store(root)


def of_pipeline(store: Store, name: str) -> NDArray[np.int64]:
    number = [pipeline["name"] for pipeline in store.job["pipelines"]].index(name)
    return np.flatnonzero(store.column("pipeline") == number)


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


def dense(store: Store, rows: NDArray[np.int64], classes: int = 10) -> Doubles:
    """Soft labels as ``docs/format.md`` says: shares, and what they lack to 1 spread evenly."""
    label = np.zeros((len(rows), classes))
    for i, row in enumerate(rows):
        for number, share in zip(store.column("classes")[row], store.column("shares")[row], strict=True):
            if number != NO_LABEL:
                label[i, number] += share
    return label + np.maximum(1 - label.sum(axis=1, keepdims=True), 0) / classes


def one_hot(parent: Store, rows: NDArray[np.integer]) -> Doubles:
    return np.eye(10)[parent.column("label")[rows.astype(np.int64)]]


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


def test_parents_with_one_view_twice_are_refused_at_once(parent: Store, tmp_path: Path) -> None:
    forged = forge(parent, tmp_path / "forged", view=0)
    with pytest.raises(IntegrityError, match=r"forged: object \d+ has view 0 more than once; make the store"):
        augment_store(forged, "symmetries", tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


def test_pipelines_of_different_widths_fill_their_parameters_up_with_zeros(copies: Store) -> None:
    for number, pipeline in enumerate(copies.job["pipelines"]):
        width = sum(count for _, count in pipeline["params"])
        rows = np.flatnonzero(copies.column("pipeline") == number)
        assert not copies.column("params")[rows, width:].any()
        assert copies.column("params")[rows, :width].any()


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
