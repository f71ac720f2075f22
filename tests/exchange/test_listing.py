"""Rows of a listing: sorted whatever the names' order, and refused where names contradict each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.exchange.convention import Convention
from neuralviews.exchange.listing import UNREAD, Entry, Listing, listed
from neuralviews.records import NO_LABEL, Split

KEYS = st.sets(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)), min_size=1, max_size=20)


def of(*entries: Entry, **more: Any) -> Listing:
    return listed(entries, Convention(omega=30.0), "/data", **more)


@given(KEYS, st.randoms())
def test_sorted_by_object_and_view(keys: set[tuple[int, int]], order: Any) -> None:
    entries = [
        Entry(f"{obj % 3}.h5", obj, view, obj % 7, Split(obj % 3), place=view, seed=2**64 - 1 - view)
        for obj, view in keys
    ]
    order.shuffle(entries)
    found = of(*entries)
    assert list(zip(found.object_id.tolist(), found.view.tolist(), strict=True)) == sorted(keys)
    assert [found.files[file] for file in found.file] == [f"{obj % 3}.h5" for obj, _ in sorted(keys)]
    assert found.place.tolist() == found.view.tolist()
    assert found.label.tolist() == [obj % 7 for obj, _ in sorted(keys)]
    assert found.split.tolist() == [obj % 3 for obj, _ in sorted(keys)]
    assert found.seed is not None
    assert found.seed.tolist() == [2**64 - 1 - view for _, view in sorted(keys)]
    assert found.known == ("label", "split")
    assert found.psnr is None


def test_what_nobody_says() -> None:
    found = of(Entry("a", 1, label=NO_LABEL), Entry("b", 0, label=NO_LABEL, seed=3, psnr=30.5))
    assert found.known == ()
    assert found.seed is None, "not all are known"
    assert found.psnr is not None
    assert np.array_equal(found.psnr, np.float32([30.5, np.nan]), equal_nan=True)
    assert found.split.tolist() == [Split.train] * 2
    found = of(Entry("a", 1), Entry("b", 0))
    assert found.label.tolist() == [UNREAD] * 2
    assert found.known == ("label",)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "/data: holds no field of this format; expected some"),
        (
            [Entry("a", 3, 1), Entry("b", 2), Entry("c", 3, 1)],
            "/data: found view 1 of object 3 twice, in a and in c, expected it once: take one of them away",
        ),
        (
            [Entry("a", 3, 1, split=Split.val), Entry("b", 3, 0, split=Split.test)],
            "/data: object 3 has another split in b than in a, expected one for all its views",
        ),
        (
            [Entry("a", 3, 0, label=2), Entry("b", 3, 1, label=4)],
            "/data: object 3 has another label in a than in b, expected one for all its views",
        ),
        (
            [Entry("a", 2**32)],
            "/data: a: found object 4294967296, view 0, expected objects from 0 to 4294967295 and views from "
            "0 to 65535",
        ),
        (
            [Entry("a", 0), Entry("b", 1, 2**16), Entry("c", 2)],
            "/data: b: found object 1, view 65536, expected objects from 0 to 4294967295 and views from "
            "0 to 65535",
        ),
    ],
)
def test_contradictions(entries: list[Entry], message: str) -> None:
    with pytest.raises(SourceError) as error:
        of(*entries)
    assert str(error.value) == message
