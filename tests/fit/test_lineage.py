"""From a job back to the job of the fields: through subsets and copies, and refusals that name the place."""

from typing import Any

import pytest

from neuralviews.errors import FormatError
from neuralviews.fit.lineage import first_job, jobs

from ..store.stores import make_copies_job, make_imported_job, make_job, make_subset_job


def copies_of(job: dict[str, Any]) -> dict[str, Any]:
    return make_copies_job() | {"parent": {"dataset_id": "0" * 64, "job": job}}


@pytest.mark.parametrize("first", [make_job(), make_imported_job()], ids=["fitted", "imported"])
def test_chains_are_followed(first: dict[str, Any]) -> None:
    chain = [first]
    for wrap in (make_subset_job, copies_of, make_subset_job, make_subset_job, copies_of):
        chain.append(wrap(chain[-1]))
    found = list(jobs("s: job", chain[-1]))
    assert [job for _, job in found] == chain[::-1]
    assert [where for where, _ in found[:3]] == ["s: job", "s: job: parent.job", "s: job: parent.job: of.job"]
    assert first_job("s: job", chain[-1]) == first
    assert first_job("s: job", first) == first


@pytest.mark.parametrize("parent", [None, [], {}, {"job": None}, {"job": "x"}, {"dataset_id": "0" * 64}])
def test_a_job_that_does_not_state_the_next(parent: object) -> None:
    job = make_subset_job(make_copies_job() | {"parent": parent})
    message = r"^s: job: of\.job: states no job of its parent; expected what `neuralviews augment` writes"
    with pytest.raises(FormatError, match=message):
        first_job("s: job", job)
    with pytest.raises(FormatError, match=r"states no job of its parent; .* `neuralviews download` writes"):
        first_job("s: job", make_subset_job(make_job()) | {"of": parent})


def test_fields_keep_their_shape() -> None:
    other = {**make_job(), "arch": {**make_job()["arch"], "output_offset": 0.25}}
    for job in (copies_of(other), make_subset_job(make_job()) | {"of": {"job": other}}):
        with pytest.raises(FormatError, match=r"^s: job: arch is not that of its parent; the job was edited"):
            first_job("s: job", job)


def test_an_unknown_kind_ends_a_chain() -> None:
    """What it is, others refuse; it has no parent that could be asked for."""
    for kind in ("distil", None, ["augment"]):
        job = {**make_job(), "kind": kind}
        assert first_job("s", job) == job
