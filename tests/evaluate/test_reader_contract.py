"""What every reader keeps: shapes, gradients, parameters from its seed alone, and its symmetries."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import OptionError, SpecError
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.readers.modules import draw_parameters
from neuralviews.evaluate.readers.registry import READERS, build_reader, reader_class
from neuralviews.field import FieldSpec
from neuralviews.fit.init import initial_weights
from neuralviews.symmetry import Element, Group

SPECS = [
    FieldSpec([2, 16, 1]),
    FieldSpec([2, 32, 32, 1], output_offset=0.5),
    FieldSpec([3, 8, 8, 8, 1], [10.0, 30.0, 20.0]),
    FieldSpec([1, 12, 3], 60.0, 0.5, 2.0, "ij"),
    FieldSpec([2, 5, 7, 3], 8.0),
]
CLASSES = 4
INVARIANT: dict[str, Group | None] = {
    "mlp": None,
    "mlp-aligned": None,
    "dws": "perm",
    "nfn": "perm",
    "graph": "perm",
    "sine-graph": "phase",
    "pixels": "phase",
}
BEYOND: dict[Group | None, Group] = {None: "perm", "perm": "sign", "sign": "phase"}
TOLERANCE = 1e-5

every_reader = pytest.mark.parametrize("name", READERS)
SEEDS = st.integers(0, 1 << 32)


def readable(name: str) -> list[FieldSpec]:
    return [spec for spec in SPECS if reader_class(name).refuses(spec) is None]


def build(name: str, spec: FieldSpec, seed: int = 1) -> Reader:
    return build_reader(name, spec, CLASSES, seed=seed, hidden=8)


def settled(name: str, spec: FieldSpec, seed: int = 1) -> Reader:
    """A reader ready for use, whose batch normalization, if it has any, has seen fields."""
    reader = build(name, spec, seed)
    for part in reader.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = 1  # the last batch alone
    with torch.no_grad():
        reader(fields_of(spec, 32, seed=99))
    return reader.eval()


def fields_of(spec: FieldSpec, n: int, seed: int = 0) -> Tensor:
    """Fields of the standard init: biases are spread over several half turns."""
    seeds = row_seeds(seed, np.arange(n)).tolist()
    return torch.from_numpy(initial_weights(spec, "siren", seeds))


def moved(weights: Tensor, spec: FieldSpec, group: Group, seed: int) -> Tensor:
    """The same functions with other weights, each by an element of its own."""
    draws = Draws(row_seeds(seed, np.arange(len(weights))))
    return torch.from_numpy(Element.random(spec, draws, group).apply(weights.numpy()))


def changes(reader: Reader, weights: Tensor, others: Tensor) -> Tensor:
    """How far the scores of each field are from those of its partner, relative to their size."""
    with torch.no_grad():
        scores = reader(weights)
        return (reader(others) - scores).norm(dim=1) / scores.norm(dim=1)


# ---- what is built


@every_reader
def test_it_says_what_it_is(name: str) -> None:
    kind = reader_class(name)
    assert list(INVARIANT) == list(READERS)
    assert kind.name == name
    assert kind.invariant == INVARIANT[name]
    assert issubclass(kind, Reader)
    assert kind.summary
    assert kind.source
    assert kind.hidden > 0
    assert kind.lr > 0


@every_reader
def test_equal_seeds_give_equal_parameters_and_other_seeds_others(name: str) -> None:
    spec = readable(name)[0]
    one, same, other = (dict(build(name, spec, seed).named_parameters()) for seed in (7, 7, 8))
    assert all(torch.equal(one[key], same[key]) for key in one)
    matrices = [key for key in one if one[key].ndim > 1]
    assert matrices
    assert not any(torch.equal(one[key], other[key]) for key in matrices)


@every_reader
def test_every_parameter_is_drawn(name: str) -> None:
    for spec in readable(name):
        reader = reader_class(name)(spec, hidden=8, outputs=CLASSES)  # type: ignore[call-arg]
        for parameter in reader.parameters():
            torch.nn.init.constant_(parameter, float("nan"))
        draw_parameters(reader, torch.Generator().manual_seed(3))
        assert all(parameter.isfinite().all() for parameter in reader.parameters())


# ---- what it gives


@every_reader
def test_shapes_gradients_and_no_draw_from_the_global_generator(name: str) -> None:
    before = torch.get_rng_state()
    for spec in readable(name):
        reader, weights = build(name, spec), fields_of(spec, 12)
        features, scores = reader.embed(weights), reader(weights)
        assert features.shape == (12, reader.features)
        assert scores.shape == (12, CLASSES)
        assert features.dtype == scores.dtype == torch.float32
        assert scores.isfinite().all()
        cross_entropy(scores, torch.arange(12) % CLASSES).backward()
        for key, parameter in reader.named_parameters():
            assert parameter.grad is not None, f"{spec.dims}: no gradient of {key}"
            assert parameter.grad.isfinite().all(), f"{spec.dims}: gradient of {key}"
            assert parameter.grad.any(), f"{spec.dims}: {key} changes nothing"
    assert torch.equal(torch.get_rng_state(), before)


@every_reader
def test_a_row_does_not_depend_on_the_others(name: str) -> None:
    for spec in readable(name):
        reader, weights = settled(name, spec), fields_of(spec, 6)
        others = torch.cat((weights[:2], 3 * fields_of(spec, 4, seed=9)))
        with torch.no_grad():
            scores = reader(weights)
            assert torch.equal(scores[:2], reader(others)[:2])
            assert not torch.equal(scores[0], scores[1])


# ---- symmetries


@pytest.mark.parametrize("name", [name for name, group in INVARIANT.items() if group])
@settings(max_examples=12)
@given(st.data(), SEEDS)
def test_it_gives_the_same_for_the_same_function(name: str, data: st.DataObject, seed: int) -> None:
    spec, group = data.draw(st.sampled_from(readable(name))), INVARIANT[name]
    assert group is not None
    weights = fields_of(spec, 4, seed)
    found = changes(settled(name, spec, seed), weights, moved(weights, spec, group, seed + 1))
    assert found.max() < TOLERANCE, f"{spec.dims}: {found.max():.1e}"


@pytest.mark.parametrize("name", [name for name, group in INVARIANT.items() if group != "phase"])
def test_it_is_not_invariant_beyond_what_it_states(name: str) -> None:
    group = BEYOND[INVARIANT[name]]
    for spec in readable(name):
        weights = fields_of(spec, 4)
        found = changes(settled(name, spec), weights, moved(weights, spec, group, 5))
        assert found.min() > 100 * TOLERANCE, f"{spec.dims}: {found.min():.1e}"


@every_reader
def test_it_is_not_constant_on_functions(name: str) -> None:
    for spec in readable(name):
        found = changes(settled(name, spec), fields_of(spec, 4), fields_of(spec, 4, seed=2))
        assert found.min() > 10 * TOLERANCE, f"{spec.dims}: {found.min():.1e}"


# ---- what is refused


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mpl", "did you mean 'mlp'?"),
        ("sine_graph", "did you mean 'sine-graph'?"),
        ("transformer", "expected one of mlp, mlp-aligned, dws, nfn, graph, sine-graph, pixels"),
    ],
)
def test_an_unknown_reader(name: str, hint: str) -> None:
    with pytest.raises(OptionError, match="^" + re.escape(f"reader: found {name!r}; {hint}") + "$"):
        build_reader(name, SPECS[0], CLASSES, seed=1)


def test_fields_that_it_cannot_read() -> None:
    expected = (
        "reader 'pixels' reads images only, found 3 coordinates; choose a reader of weights, such as 'graph'"
    )
    with pytest.raises(SpecError, match=f"^{re.escape(expected)}$"):
        build_reader("pixels", FieldSpec([3, 8, 1]), CLASSES, seed=1)
