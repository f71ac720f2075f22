import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import FormatError
from neuralviews.store.canonical import MAX_DEPTH, canonical_json, parse_canonical, sha256_hex

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(values)
def test_a_value_survives_and_its_bytes_are_a_fixed_point(value: object) -> None:
    data = canonical_json(value)
    parsed = parse_canonical(data, "x")
    assert canonical_json(parsed) == data
    assert json.loads(data) == parsed
    assert data.isascii()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, [-math.inf], {"a": {"b": math.nan}}])
def test_numbers_that_json_lacks_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(bad)


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_half_of_a_surrogate_pair_is_refused(half: str) -> None:
    for value in (half, [{"a": half}], {half: 1}):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            canonical_json(value)
        with pytest.raises(FormatError, match=r"^x: not JSON \(.*surrogates not allowed\); the file is"):
            parse_canonical(json.dumps(value, separators=(",", ":")).encode() + b"\n", "x")


def test_whole_pairs_and_what_looks_like_half_ones_are_fine() -> None:
    for text in ("\U0001f600", "\\ud800", "\ud7ff\ue000"):
        assert parse_canonical(canonical_json(text), "x") == text


@pytest.mark.parametrize("bad", [{1: 2}, [{"a": {None: 1}}], {True: 0}])
def test_keys_must_be_strings(bad: object) -> None:
    with pytest.raises(TypeError, match="expected a string"):
        canonical_json(bad)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}\n',
        b'{"b":1,"a":1}\n',
        b'{"a": 1}\n',
        b'{"a":1}',
        b'{"a":1.00}\n',
        b'"\xc3\xa9"\n',
        b"1\n\n",
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(
        FormatError, match=r"^dir/x\.json: not canonical JSON; the file was edited or damaged"
    ):
        parse_canonical(data, "dir/x.json")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"NaN\n", b"1e999\n", b"[" * 100_000, b"[" * 101 + b"]" * 101, b"9" * 5000],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^x: not JSON"):
        parse_canonical(data, "x")


def test_what_is_nested_too_deep_is_refused() -> None:
    value: object = 0
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    assert parse_canonical(canonical_json(value), "x") == value
    with pytest.raises(ValueError, match="nested more than 100 levels deep"):
        canonical_json([value])
    with pytest.raises(FormatError, match=r"^x: not JSON \(nested more than 100 levels deep\)"):
        parse_canonical(b"[" + canonical_json(value)[:-1] + b"]\n", "x")


def test_the_hash_is_sha256() -> None:
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
