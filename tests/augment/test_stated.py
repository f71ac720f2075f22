"""What an augmented store's job states: typed, or refused with the place."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.augment.run import augment_store
from neuralviews.augment.stated import ancestors, stated_copies
from neuralviews.errors import FormatError, OptionError
from neuralviews.field import FieldSpec
from neuralviews.fit.stated import stated_job
from neuralviews.store.canonical import canonical_json, parse_canonical
from neuralviews.store.reader import Store, open_store

from ..made_stores import make_store


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("stated")
    augment_store(make_store(folder / "parent", objects=5), "symmetries", folder / "copies")
    return open_store(folder / "copies")


def stating(monkeypatch: pytest.MonkeyPatch, job: dict[str, Any]) -> None:
    monkeypatch.setattr(Store, "job", property(lambda self: job))


def test_what_is_stated_is_what_the_job_says(copies: Store) -> None:
    stated = stated_copies(copies)
    assert stated.name == copies.job["name"]
    assert stated.plan.name == "symmetries"
    assert [pipeline.name for pipeline in stated.plan.pipelines] == ["symmetry"]
    assert stated.operations == {"random_symmetry": 1}
    assert stated.parent.dataset_id == copies.job["parent"]["dataset_id"]


def test_operations_of_later_versions_are_read(copies: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"op": "of_the_future", "strength": 3}]
    plan = {**copies.job["plan"], "pipelines": [{"name": "later", "steps": steps}]}
    stating(monkeypatch, {**copies.job, "plan": plan})
    assert stated_copies(copies).plan.pipelines[0].steps[0]["op"] == "of_the_future"


def test_the_last_ancestor_was_fitted(copies: Store, tmp_path: Path) -> None:
    augment_store(copies, "symmetries", tmp_path / "twice")
    first, second = ancestors(open_store(tmp_path / "twice"))
    assert (first.dataset_id, first.kind) == (copies.dataset_id, "augment")
    assert first.digest == copies.job["plan_digest"]
    assert (second.dataset_id, second.kind, second.name) == (
        copies.job["parent"]["dataset_id"],
        "generate",
        "made",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"plan": None},
            r"copies: job: Expected `object`, got `null` - at `\$\.plan`; expected what `neural",
        ),
        ({"plan_digest": 3}, r"at `\$\.plan_digest`"),
        ({"operations": {"x": "1"}}, r"at `\$\.operations"),
        ({"name": "a\nb"}, r"Expected `str` matching regex .* - at `\$\.name`"),
        ({"name": "\x1b[31mred"}, r"Expected `str` matching regex .* - at `\$\.name`"),
        ({"augmenter": None}, r"Expected `int`, got `null` - at `\$\.augmenter`"),
        ({"pipelines": [5]}, r"Expected `object`, got `int` - at `\$\.pipelines"),
        ({"parent": {"dataset_id": "0"}}, r"missing required field `job` - at `\$\.parent`"),
    ],
)
def test_other_jobs_are_refused(
    copies: Store, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    stating(monkeypatch, {**copies.job, **change})
    with pytest.raises(FormatError, match=message):
        stated_copies(copies)


def test_a_parent_without_a_recipe_is_refused(copies: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = {"dataset_id": "0" * 64, "job": {"kind": "generate", "name": "bare", "arch": copies.job["arch"]}}
    stating(monkeypatch, {**copies.job, "parent": parent})
    with pytest.raises(FormatError, match=r"job: parent\.job: Expected `str`, got `null` - at `\$\.digest`"):
        list(ancestors(copies))


def test_an_arch_that_is_not_the_parents_is_refused(copies: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stating(monkeypatch, {**copies.job, "arch": FieldSpec([3, 6, 5, 1]).to_json()})
    with pytest.raises(FormatError, match="copies: job: arch is not that of its parent; the job was edited"):
        stated_job(copies)


@pytest.mark.parametrize("shape", [[0, 0], [-1, 5], [1, 65_536], [2**70, 2], [65_535, 65_535]])
def test_images_of_an_impossible_shape_are_refused(
    copies: Store, monkeypatch: pytest.MonkeyPatch, shape: list[int]
) -> None:
    fitted = copies.job["parent"]["job"]
    source = {**fitted["source"], "image_shape": shape}
    parent = {**copies.job["parent"], "job": {**fitted, "source": source}}
    stating(monkeypatch, {**copies.job, "parent": parent})
    with pytest.raises(FormatError, match="image_shape"):
        stated_job(copies)


def test_a_store_that_states_no_name_cannot_be_augmented(
    copies: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stating(monkeypatch, {key: value for key, value in copies.job.items() if key != "name"})
    with pytest.raises(FormatError, match="missing required field `name`; expected what `neuralviews aug"):
        augment_store(copies, "symmetries", tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_too_many_ancestors_are_refused(
    copies: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = dict(copies.job)
    for _ in range(31):
        job = {**copies.job, "parent": {**copies.job["parent"], "job": job}}
    stating(monkeypatch, job)
    with pytest.raises(OptionError, match=r"descends from 32 stores, .* can be stated; augment one of those"):
        augment_store(copies, "symmetries", tmp_path / "more")
    assert parse_canonical(canonical_json(job), "job") == job
