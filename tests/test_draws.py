"""Draws: the published generator to the bit, streams that do not touch, and refusals."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import OptionError

from .streams import MANY, MASK, SEEDS, draws_of

GOLDEN = 0x9E3779B97F4A7C15
METHODS: dict[str, Callable[[Draws], np.ndarray]] = {
    "bits": lambda draws: draws.bits(5),
    "uniform": lambda draws: draws.uniform(5),
    "integers": lambda draws: draws.integers(-3, 7, 5),
    "normal": lambda draws: draws.normal(5),
    "beta": lambda draws: draws.beta(0.4),
    "permutations": lambda draws: draws.permutations(5),
    "choose": lambda draws: draws.choose(0.3, 5),
    "child": lambda draws: draws.child(2).child(0).bits(5),
}


# ---- the generator


def mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def raw_gamma(z: int) -> int:
    z = (z ^ z >> 33) * 0xFF51AFD7ED558CCD & MASK
    z = (z ^ z >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return (z ^ z >> 33) | 1


def gamma(seed: int) -> int:
    z = raw_gamma(seed)
    return z if (z ^ z >> 1).bit_count() >= 24 else z ^ 0xAAAAAAAAAAAAAAAA


def derived(seed: int, index: int) -> int:
    return mix((mix(seed) + (index + 1) * GOLDEN) & MASK)


def test_the_oracle_is_splitmix64() -> None:
    """The first outputs for seed 1234567, which implementations of SplitMix64 are checked by."""
    found = [mix((1234567 + i * GOLDEN) & MASK) for i in range(1, 6)]
    assert found == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(SEEDS, st.integers(0, 9))
def test_bits_are_those_of_the_splittable_generator(seeds: list[int], k: int) -> None:
    expected = [[mix((seed + i * gamma(seed)) & MASK) for i in range(1, k + 1)] for seed in seeds]
    assert draws_of(seeds).bits(k).tolist() == expected


def test_gammas_with_few_changes_between_bits_are_mended() -> None:
    mended = [seed for seed in range(2000) if gamma(seed) != raw_gamma(seed)]
    assert len(mended) > 20
    expected = [mix((seed + gamma(seed)) & MASK) for seed in mended]
    assert draws_of(mended).bits(1)[:, 0].tolist() == expected


@given(SEEDS, st.integers(0, MASK))
def test_children_are_derived_seeds(seeds: list[int], index: int) -> None:
    assert draws_of(seeds).child(index).seeds.tolist() == [derived(seed, index) for seed in seeds]


@given(st.integers(0, MASK), st.lists(st.integers(0, MASK), max_size=6))
def test_row_seeds(base: int, ids: list[int]) -> None:
    assert row_seeds(base, np.array(ids, np.uint64)).tolist() == [derived(base, i) for i in ids]


@pytest.mark.parametrize("kind", [np.int8, np.uint32, np.int64, np.uint64])
def test_the_type_of_ids_changes_no_seed(kind: type[np.integer[Any]]) -> None:
    assert row_seeds(5, np.arange(3, dtype=kind)).tolist() == [derived(5, i) for i in range(3)]


FIXED = draws_of([0, 1, MASK])
ROW_SEEDS = [9672475392221035855, 5573481420429128725]
BITS = [
    [1366003263916748712, 4842482624798215742],
    [9556821075885457404, 17745944143931748584],
    [16011837090292959782, 588506389815873355],
]
CHILD = [2681967180622378509, 11239681394213532968, 14544372866982614486]
UNIFORM = ["0x1.2f504bb2bc828p-4", "0x1.09414c44c43cfp-1", "0x1.bc6af1ffa0ac1p-1"]
INTEGERS = [[-5, -3, -2, -4, 3, 4], [0, 5, 0, -5, -1, 3], [4, -5, 2, 4, 4, -2]]
NORMAL = ["-0x1.15ab7db1ddd63p-2", "-0x1.1d44e2eb3d55cp+0", "0x1.0c35d4e11a641p+0"]
BETA = ["0x1.89092f63cba7ap-1", "0x1.f42d44c5e8872p-1", "0x1.4bc1c360addf9p-16"]
PERMUTATIONS = [[0, 3, 1, 6, 2, 4, 5], [3, 4, 2, 0, 5, 6, 1], [1, 5, 2, 6, 3, 4, 0]]
CHOOSE = [[1, 1, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0, 0, 1], [0, 1, 0, 0, 0, 1, 0, 0]]


def test_numbers_never_change() -> None:
    assert row_seeds(7, np.array([0, 1])).tolist() == ROW_SEEDS
    assert FIXED.bits(2).tolist() == BITS
    assert FIXED.child(3).bits(1)[:, 0].tolist() == CHILD
    assert [x.hex() for x in FIXED.uniform(1)[:, 0].tolist()] == UNIFORM
    assert FIXED.integers(-5, 5, 6).tolist() == INTEGERS
    assert [x.hex() for x in FIXED.normal(3)[1].tolist()] == NORMAL
    assert [x.hex() for x in FIXED.beta(0.3).tolist()] == BETA
    assert FIXED.permutations(7).tolist() == PERMUTATIONS
    assert FIXED.choose(0.5, 8).astype(int).tolist() == CHOOSE


# ---- streams


@pytest.mark.parametrize("name", METHODS)
@given(seeds=SEEDS, data=st.data())
def test_a_row_is_the_same_in_any_batch_and_twice(name: str, seeds: list[int], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(seeds) - 1), min_size=1, max_size=5))
    whole = METHODS[name](draws_of(seeds))
    np.testing.assert_array_equal(METHODS[name](draws_of([seeds[row] for row in rows])), whole[rows])
    np.testing.assert_array_equal(METHODS[name](draws_of(seeds)), whole)


@pytest.mark.parametrize("name", ["bits", "uniform", "normal"])
def test_the_first_of_many_numbers_are_those_of_few(name: str) -> None:
    for k in range(5):
        np.testing.assert_array_equal(getattr(MANY, name)(k), getattr(MANY, name)(9)[:, :k])


@pytest.mark.parametrize("k", [1, 3, 40_000])
def test_blocks_leave_no_seam(k: int) -> None:
    rows = Draws(row_seeds(1, np.arange(3 if k > 3 else 20_000)))
    for name in ("bits", "normal"):
        whole = getattr(rows, name)(k)
        for row in (0, len(rows) - 1):
            np.testing.assert_array_equal(getattr(Draws(rows.seeds[row : row + 1]), name)(k)[0], whole[row])


def test_no_two_streams_or_paths_are_alike() -> None:
    parts = [MANY, MANY.child(0), MANY.child(1), MANY.child(0).child(1), MANY.child(1).child(0)]
    words = np.concatenate([part.bits(16).ravel() for part in parts] + [part.seeds for part in parts])
    assert len(np.unique(words)) == len(words)


@pytest.mark.parametrize("pair", ["neighbouring rows", "parent and child", "neighbouring children"])
def test_streams_do_not_correlate(pair: str) -> None:
    """Bits agree half of the time, at every one of 64 places."""
    words = MANY.bits(32)
    one, other = {
        "neighbouring rows": (words[1:], words[:-1]),
        "parent and child": (words, MANY.child(0).bits(32)),
        "neighbouring children": (MANY.child(0).bits(32), MANY.child(1).bits(32)),
    }[pair]
    differences = np.unpackbits((one ^ other).view(np.uint8).reshape(-1, 8), axis=1).sum(axis=0, dtype=int)
    deviations = (differences - one.size / 2) / math.sqrt(one.size / 4)
    assert stats.chi2.sf((deviations**2).sum(), 64) > 1e-3


# ---- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: row_seeds(1 << 64, np.arange(2)),
            f"base: found {1 << 64}, expected an integer from 0 to 2**64 - 1",
        ),
        (lambda: row_seeds(0, np.zeros(2)), "ids: found float64 (2,), expected integers (n,)"),
        (lambda: row_seeds(0, np.array([3, -1])), "ids: found -1, expected integers from 0"),
        (lambda: Draws(np.zeros((2, 1), np.uint64)), "seeds: found uint64 (2, 1), expected uint64 (n,)"),
        (lambda: Draws(np.zeros(2, np.int64)), "seeds: found int64 (2,), expected uint64 (n,)"),
        (lambda: MANY.child(-1), "child: found index -1, expected an integer from 0 to 2**64 - 1"),
        (lambda: MANY.bits(-1), "bits: found -1 numbers a row, expected none or more"),
        (lambda: MANY.normal(-1), "normal: found -1 numbers a row, expected none or more"),
        (lambda: MANY.permutations(-2), "permutations: found -2 numbers a row, expected none or more"),
        (
            lambda: MANY.integers(2, 1, 1),
            "integers: found bounds 2 and 1, expected 1 to 2**32 integers of 64 bits",
        ),
        (
            lambda: MANY.integers(0, 1 << 32, 1),
            f"integers: found bounds 0 and {1 << 32}, expected 1 to 2**32 integers of 64 bits",
        ),
        (
            lambda: MANY.integers((1 << 63) - 1, 1 << 63, 1),
            f"integers: found bounds {(1 << 63) - 1} and {1 << 63}, expected 1 to 2**32 integers of 64 bits",
        ),
        (lambda: MANY.choose(1.5, 1), "choose: found probability 1.5, expected a number from 0 to 1"),
        (lambda: MANY.choose(math.nan, 1), "choose: found probability nan, expected a number from 0 to 1"),
        (lambda: MANY.beta(0.0), "beta: found alpha 0.0, expected a number from 0.001 to 1000000"),
        (lambda: MANY.beta(math.nan), "beta: found alpha nan, expected a number from 0.001 to 1000000"),
    ],
)
def test_refusals(call: Callable[[], object], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        call()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "call",
    [
        lambda: row_seeds(1.9, np.arange(3)),  # type: ignore[arg-type]
        lambda: MANY.child(1.5),  # type: ignore[arg-type]
        lambda: MANY.integers(-1.5, 1, 2),  # type: ignore[arg-type]
        lambda: MANY.integers(-1, 1.5, 2),  # type: ignore[arg-type]
        lambda: MANY.bits(1.5),  # type: ignore[arg-type]
    ],
)
def test_numbers_that_are_no_integers_are_not_cut_to_some(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"^'float' object cannot be interpreted as an integer$"):
        call()
