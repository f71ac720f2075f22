"""Runs of the augmenter: the same bytes whatever the way, resumption, parts, refusals that write nothing."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.plan import load_plan
from neuralviews.augment.run import AugmentReport, augment_store
from neuralviews.errors import FormatError, IntegrityError, OptionError, OutputError, PlanError
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.work.shards import Sharing

from ..made_stores import contents, digits_recipe, make_store
from .plans import EVERY, MIX, NOISE, TURN, plan_of

PLAN = plan_of(EVERY, copies=2)
COPIES = 86 * 4 * 2  # of the usable training fields


@pytest.fixture(scope="module")
def calm(parent: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `PLAN`, made in one go."""
    root = tmp_path_factory.mktemp("calm") / "store"
    assert augment_store(parent, PLAN, root).made == COPIES
    return root


def fields(root: Path) -> list[bytes]:
    store = open_store(root)
    records = store.read(np.arange(len(store)))
    return [records.weights.tobytes(), *(records.columns[name].tobytes() for name in sorted(records.columns))]


def stamps(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}


def test_a_run_makes_a_store_that_verifies(calm: Path, parent: Store) -> None:
    store = open_store(calm)
    assert (len(store), len(store.manifest.shards)) == (COPIES, 11)
    assert verify(calm, "semantic", parent).dataset_id == store.dataset_id


def test_names_and_paths_will_do(parent: Store, out: Path) -> None:
    report = augment_store(str(parent.root), "symmetries", str(out))
    assert report == AugmentReport(86, 0, open_store(out).dataset_id, 0)
    assert open_store(out).job["name"] == "made-symmetries"


def test_bytes_do_not_depend_on_workers(calm: Path, parent: Store, out: Path) -> None:
    augment_store(parent, PLAN, out, Sharing(workers=2))
    assert contents(out) == contents(calm)


def test_bytes_do_not_depend_on_parts_and_their_order(calm: Path, parent: Store, out: Path) -> None:
    reports = [augment_store(parent, PLAN, out, Sharing(part=(i, 3))) for i in (1, 2, 0)]
    assert [report.missing for report in reports] == [7, 4, 0]
    assert [report.dataset_id for report in reports] == [None, None, open_store(calm).dataset_id]
    assert sum(report.made for report in reports) == COPIES
    assert contents(out) == contents(calm)


def test_bytes_do_not_depend_on_interruption(calm: Path, parent: Store, out: Path) -> None:
    shutil.copytree(calm, out)
    for name in ("shards/shard-000002.h5", "shards/shard-000002.h5.json", "manifest.json", "SHA256SUMS"):
        (out / name).unlink()
    assert augment_store(parent, PLAN, out).made == 64
    assert contents(out) == contents(calm)


@pytest.mark.parametrize("lost", [["SHA256SUMS"], ["manifest.json", "SHA256SUMS"]])
def test_a_run_that_ended_while_it_published_is_completed(
    calm: Path, parent: Store, out: Path, lost: list[str]
) -> None:
    shutil.copytree(calm, out)
    for name in lost:
        (out / name).unlink()
    (out / ".tmp-0").write_text("left over")
    assert augment_store(parent, PLAN, out) == augment_store(parent, PLAN, calm)
    assert contents(out) == contents(calm)


@pytest.mark.parametrize("block", [1, 7, 100_000])
def test_bytes_do_not_depend_on_what_is_made_together(
    calm: Path, parent: Store, out: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("neuralviews.augment.rows._BLOCK", block)
    augment_store(parent, PLAN, out)
    assert contents(out) == contents(calm)


@pytest.mark.parametrize("rows", [37, 1000])
def test_fields_do_not_depend_on_the_size_of_shards(
    calm: Path, parent: Store, out: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("neuralviews.augment.job.rows_per_shard", lambda *_: rows)
    augment_store(parent, PLAN, out)
    assert len(open_store(out).manifest.shards) == -(-COPIES // rows)
    assert fields(out) == fields(calm)


def test_two_runs_at_once_share_a_folder(calm: Path, parent: Store, out: Path) -> None:
    reports: list[AugmentReport] = []
    runs = [
        threading.Thread(target=lambda: reports.append(augment_store(parent, PLAN, out))) for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert {report.dataset_id for report in reports} == {open_store(calm).dataset_id}
    assert sum(report.made for report in reports) >= COPIES
    assert contents(out) == contents(calm)


def test_a_finished_store_is_left_as_it_is(
    calm: Path, parent: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OutputError("read-only")

    monkeypatch.setattr("neuralviews.augment.run.check_space", refuse)
    before = stamps(calm)
    again = augment_store(parent, PLAN, calm)
    assert again == AugmentReport(0, 0, open_store(calm).dataset_id, 0)
    assert stamps(calm) == before


def test_a_folder_emptied_and_used_again_in_one_process_gets_the_new_job(parent: Store, out: Path) -> None:
    augment_store(parent, plan_of({"turn": [TURN]}), out)
    shutil.rmtree(out)
    report = augment_store(parent, plan_of({"noise": [NOISE]}), out)
    assert report.made == 86
    assert report.dataset_id == open_store(out).dataset_id
    assert open_store(out).job["pipelines"][0]["name"] == "noise"


def test_parents_replaced_by_others_are_noticed(out: Path, tmp_path: Path) -> None:
    plan = plan_of({"turn": [TURN]}, copies=2)
    first = make_store(tmp_path / "parent")
    augment_store(first.root, plan, out, Sharing(part=(0, 2)))
    shutil.rmtree(first.root)
    make_store(tmp_path / "parent", diverged=(0,))
    before = contents(out)
    with pytest.raises(OutputError, match=r"belongs to another job \(parent.dataset_id: there '"):
        augment_store(first.root, plan, out)
    assert contents(out) == before


@pytest.mark.parametrize("name", ["parent", "parent/", "elsewhere/../parent", "link", "link/inside"])
def test_the_parents_own_folder_is_refused(tmp_path: Path, name: str) -> None:
    store = make_store(tmp_path / "parent", objects=2)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(store.root)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"is or lies in the store that is augmented; choose"):
        augment_store(store, "symmetries", tmp_path / name)
    assert contents(tmp_path) == before


def test_other_jobs_and_other_things_are_left_alone(calm: Path, parent: Store, tmp_path: Path) -> None:
    before = contents(calm)
    with pytest.raises(OutputError, match=r"belongs to another job \(plan.seed: there 0, here 1"):
        augment_store(parent, PLAN.with_options(seed=1), calm)
    with pytest.raises(OutputError, match=r"belongs to another job"):
        augment_store(calm, PLAN, parent.root)
    assert contents(calm) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds 'notes.txt' and no job.json"):
        augment_store(parent, PLAN, tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]


def test_a_damaged_parent_is_named_before_anything_is_written(tmp_path: Path, out: Path) -> None:
    store = make_store(tmp_path / "parent")
    shard = store.root / "shards" / "shard-000001.h5"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"shards/shard-000001\.h5: .*sha256"):
        augment_store(store.root, "symmetries", out)
    assert not out.exists()


def test_what_can_only_fail_later_is_refused_before_anything_is_written(tmp_path: Path, out: Path) -> None:
    alone = make_store(tmp_path / "alone", digits_recipe(views=1), objects=1)
    with pytest.raises(OptionError, match=r"found 1 records to mix with each other, expected 2 or more"):
        augment_store(alone, "aligned-mixup", out)
    with pytest.raises(PlanError, match=r"3 pipelines x 30000 copies\), at most 65536; ask for fewer"):
        augment_store(alone, plan_of({"a": [TURN], "b": [TURN], "c": [TURN]}, copies=30_000), out)
    with pytest.raises(PlanError, match=r"no usable record in val \(records: train 1, val 0, test 0\)"):
        augment_store(alone, plan_of({"turn": [TURN]}, splits=["val"]), out)
    several = make_store(tmp_path / "several", digits_recipe(views=1), objects=12)
    with pytest.raises(OptionError, match=r"found 1 record of class \d, expected 2 or more of every class"):
        augment_store(several, plan_of({"mix": [MIX | {"partner": "class"}]}), out)
    assert not out.exists()


def test_a_job_that_the_format_has_no_room_for_is_refused_before_anything_is_written(
    parent: Store, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralviews.store.job.MAX_PARAMS", 32)
    with pytest.raises(FormatError, match=r"job: found columns.params 33, expected 1 to 32"):
        augment_store(parent, "symmetries", out)
    assert not out.exists()


def test_the_plans_that_come_along_make_stores(parent: Store, tmp_path: Path) -> None:
    for name in ("aligned-mixup", "contrastive", "paper-suite"):
        plan = load_plan(name)
        report = augment_store(parent, plan, tmp_path / name)
        assert (report.made, report.rejected) == (86 * len(plan.pipelines) * plan.copies, 0)
        verify(tmp_path / name, "semantic", parent)
