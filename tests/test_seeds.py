"""Seeds: fixed for ever, distinct for distinct paths, and strict about what a path is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.seeds import derive_seed

PATHS = st.lists(st.one_of(st.text(max_size=8), st.integers(-(1 << 70), 1 << 70)), max_size=4)
GOLDEN = {
    (0,): 9620815793325467564,
    (7, "mnist", 59999, 3): 13119590040742849824,
    (-1, "Übersicht", ""): 14193785952651089953,
}


@pytest.mark.parametrize("path", GOLDEN, ids=repr)
def test_seeds_never_change(path: tuple[int, ...]) -> None:
    assert derive_seed(*path) == GOLDEN[path]


@given(st.integers(), PATHS)
def test_a_seed_is_a_function_of_its_path_into_64_bits(root: int, path: list[str | int]) -> None:
    seed = derive_seed(root, *path)
    assert 0 <= seed < 1 << 64
    assert seed == derive_seed(root, *path)


@given(st.tuples(st.integers(), PATHS), st.tuples(st.integers(), PATHS))
def test_distinct_paths_have_distinct_seeds(one: tuple[int, list], other: tuple[int, list]) -> None:
    assert (derive_seed(one[0], *one[1]) == derive_seed(other[0], *other[1])) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("1",), (1,)), ((1, 23), (12, 3)), (("",), ()), (("s1:a",), ("a",))],
    ids=repr,
)
def test_parts_do_not_run_together(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert derive_seed(0, *one) != derive_seed(0, *other)


def test_seeds_of_many_views_are_distinct_and_spread() -> None:
    seeds = np.array(
        [derive_seed(0, "mnist", obj, view) for obj in range(1000) for view in range(10)], np.uint64
    )
    assert len(np.unique(seeds)) == len(seeds)
    counts = np.bincount((seeds >> np.uint64(60)).astype(np.int64), minlength=16)
    assert np.abs(counts - 625).max() < 5 * np.sqrt(625)


@pytest.mark.parametrize("part", [True, 1.0, None, b"x", np.int64(3)], ids=repr)
def test_other_types_are_refused(part: object) -> None:
    with pytest.raises(TypeError, match=r"seed path: found .*, expected str or int"):
        derive_seed(0, part)  # type: ignore[arg-type]
