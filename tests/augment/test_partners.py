"""Second parents: never the record itself, never from outside of the pool, all others alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.augment.partners import PartnerPool
from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import OptionError

IDS = np.array([40, 3, 17, 8, 21, 90, 5], np.int64)
LABEL = np.array([1, 0, 1, 0, 1, 0, 1], np.int32)


def draws_of(rows: NDArray[np.int64], base: int = 5) -> Draws:
    return Draws(row_seeds(base, rows))


@given(
    st.sets(st.integers(0, 2**40), min_size=2, max_size=30).flatmap(
        lambda ids: st.tuples(st.permutations(sorted(ids)), st.integers(1, 4), st.integers(0, 2**32))
    )
)
def test_partners_are_other_members(case: tuple[list[int], int, int]) -> None:
    members, classes, seed = case
    ids = np.array(members, np.int64)
    label = np.arange(len(ids), dtype=np.int32) // 2 % classes
    class_of = dict(zip(members, label.tolist(), strict=True))
    pool, draws = PartnerPool(ids, label), draws_of(ids, seed)
    found = pool.draw(ids, draws)
    assert set(found.tolist()) <= set(members)
    assert (found != ids).all()
    if min(np.unique(label, return_counts=True)[1]) > 1:
        found = pool.draw(ids, draws, "class")
        assert (found != ids).all()
        assert [class_of[i] for i in found.tolist()] == label.tolist()


@pytest.mark.parametrize(("rule", "others"), [("any", [3, 5, 8, 21, 40, 90]), ("class", [5, 21, 40])])
def test_every_other_member_is_as_likely(rule: str, others: list[int]) -> None:
    count = 12_000
    draws = Draws(row_seeds(9, np.arange(count)))
    found = PartnerPool(IDS, LABEL).draw(np.full(count, 17), draws, rule)  # type: ignore[arg-type]
    ids, counts = np.unique(found, return_counts=True)
    assert ids.tolist() == others
    expected = count / len(others)
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # chi-square of 5 degrees, p = .001


@pytest.mark.parametrize("rule", ["any", "class"])
def test_a_partner_depends_on_its_record_and_the_pool_alone(rule: str) -> None:
    pool, order = PartnerPool(IDS, LABEL), np.array([4, 0, 6, 2, 5, 1, 3])
    expected = pool.draw(IDS, draws_of(IDS), rule)  # type: ignore[arg-type]
    shuffled = PartnerPool(IDS[order].astype(np.uint64), LABEL[order])
    for row, partner in zip(IDS, expected, strict=True):
        alone = np.array([row], np.uint64)
        assert shuffled.draw(alone, draws_of(alone.astype(np.int64)), rule) == partner  # type: ignore[arg-type]


def test_refuses_pools_without_partners() -> None:
    def pool(ids: list[int], label: list[int]) -> PartnerPool:
        return PartnerPool(np.array(ids, np.int64), np.array(label, np.int32))

    with pytest.raises(
        OptionError, match=r"^partners: found 1 records to mix .*, expected 2 or more: use more"
    ):
        pool([7], [0])
    with pytest.raises(OptionError, match=r"^partners: found record 8 twice, expected each record once$"):
        pool([8, 2, 8], [0, 0, 0])
    with pytest.raises(
        OptionError, match=r"\(3,\) record ids and \(2,\) labels, expected \(n,\) integers each"
    ):
        pool([1, 2, 3], [0, 0])
    single = pool([1, 2, 3], [4, 9, 4])
    single.require("any")
    with pytest.raises(OptionError, match=r"^partners: found 1 record of class 9, expected 2 or more"):
        single.require("class")
    with pytest.raises(OptionError, match=r'^partners: found 2 records without a.*use partner = "any"$'):
        pool([1, 2, 3, 4, 5, 6], [-1, -1, 0, 0, 1, 1]).require("class")
    with pytest.raises(OptionError, match=r"^partners: found rule 'near', expected 'any' or 'class'$"):
        single.require("near")  # type: ignore[arg-type]


@pytest.mark.parametrize("strange", [0, 4, 91])
def test_refuses_records_of_elsewhere(strange: int) -> None:
    rows = np.array([17, strange], np.int64)
    with pytest.raises(OptionError, match=f"^partners: record {strange} is not one of the pool$"):
        PartnerPool(IDS, LABEL).draw(rows, draws_of(rows))
