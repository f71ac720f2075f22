"""What an augmented store's job states: typed, or refused with the place."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.augment.run import augment_store
from neuralviews.augment.stated import ancestors, stated_copies
from neuralviews.errors import FormatError
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
    parent = {"dataset_id": "0" * 64, "job": {"kind": "generate", "name": "bare"}}
    stating(monkeypatch, {**copies.job, "parent": parent})
    with pytest.raises(FormatError, match=r"job: parent\.job: Expected `str`, got `null` - at `\$\.digest`"):
        list(ancestors(copies))
