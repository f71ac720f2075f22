"""Matrices and biases of one network: any network, in the order of its numbers, or an error that says why."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.exchange.layers import dims_text, joined, named_layers
from neuralviews.field import FieldSpec, split

NAMES = re.compile(r"seq\.(\d+)\.(weight|bias)")


@given(st.lists(st.integers(1, 6), min_size=3, max_size=13), st.randoms())
def test_any_network_in_any_order(dims: list[int], order: object) -> None:
    spec = FieldSpec(dims)
    weights = np.random.default_rng(0).normal(size=spec.parameters).astype(np.float32)
    tensors = {}
    for place, (weight, bias) in enumerate(split(spec, weights)):
        tensors |= {f"seq.{place}.weight": weight, f"seq.{place}.bias": bias}
    names = list(tensors)
    order.shuffle(names)  # type: ignore[attr-defined]
    layers = named_layers({name: tensors[name] for name in names}, NAMES, "f", "seq.0.weight, ...")
    found, flat = joined(layers, "f")
    assert found == tuple(dims)
    assert flat.tobytes() == weights.tobytes()


def test_transposed_matrices_are_read_by_rows() -> None:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3).T
    _, flat = joined(
        [(weight, np.zeros(3, np.float32)), (np.ones((1, 3), np.float32), np.zeros(1, np.float32))], "f"
    )
    assert flat.tolist() == [0, 3, 1, 4, 2, 5, 0, 0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "f: found the tensors none, expected X"),
        (["seq.0.weight"], "f: found the tensors seq.0.weight, expected X"),
        (["seq.1.weight", "seq.1.bias"], "f: found the tensors seq.1.weight, seq.1.bias, expected X"),
        (["seq.0.weight", "seq.0.bias", "scale"], "f: found the tensor 'scale', expected each once of X"),
        (["seq.0.weights"], "f: found the tensor 'seq.0.weights', expected each once of X"),
        (["seq.0.bias", "seq.00.bias"], "f: found the tensor 'seq.00.bias', expected each once of X"),
    ],
)
def test_other_names(names: list[str], message: str) -> None:
    with pytest.raises(SourceError) as error:
        named_layers({name: np.zeros((2, 2)) for name in names}, NAMES, "f", "X")
    assert str(error.value) == message


def pair(*shape: int, bias: int | None = None, dtype: str = "<f4") -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(shape, dtype), np.zeros(shape[0] if bias is None else bias, dtype)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "f: found layers none, expected one hidden layer or more"),
        ([pair(1, 2)], "f: found layers 2-1, expected one hidden layer or more"),
        ([pair(0, 2), pair(1, 0)], "f: found layers 2-0-1, expected one hidden layer or more"),
        (
            [pair(4, 2), pair(3, 5)],
            "f: layer 1 has weight (3, 5) and bias (3,), expected (out, in) and (out) with in = 4",
        ),
        ([pair(4, 2, bias=3)], "f: layer 0 has weight (4, 2) and bias (3,), expected (out, in) and (out)"),
        ([pair(4)], "f: layer 0 has weight (4,) and bias (4,), expected (out, in) and (out)"),
        ([pair(4, 2, 1)], "f: layer 0 has weight (4, 2, 1) and bias (4,), expected (out, in) and (out)"),
        (
            [pair(4, 2, dtype="<f2"), pair(1, 4)],
            "f: found numbers of type float16, expected float32: convert them there",
        ),
        (
            [pair(4, 2), pair(1, 4, dtype=">f8")],
            "f: found numbers of type >f8, expected float32: convert them there",
        ),
    ],
)
def test_no_network(layers: list[tuple[np.ndarray, np.ndarray]], message: str) -> None:
    with pytest.raises(SourceError) as error:
        joined(layers, "f")
    assert str(error.value) == message


def test_dims_text() -> None:
    assert dims_text((2, 32, 32, 1)) == "2-32-32-1"
