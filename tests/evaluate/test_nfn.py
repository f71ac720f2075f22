"""The NFN reader: invariant to hidden permutations alone; what is encoded tells inputs and outputs apart."""

import math

import torch
from hypothesis import given, settings

from neuralviews.evaluate.readers.modules import draw_parameters
from neuralviews.evaluate.readers.nfn import Encoding
from neuralviews.evaluate.readers.registry import build_reader
from neuralviews.field import FieldSpec

from .test_dws import SEEDS, SPEC, drawn, moved
from .weight_space import SPECS


@settings(max_examples=15)
@given(SPECS, SEEDS)
def test_reader_is_invariant_to_permutations(spec: FieldSpec, seed: int) -> None:
    reader = build_reader("nfn", spec, 3, seed=seed, hidden=8)
    weights = drawn(seed, 16, spec.parameters, dtype=torch.float32)
    assert torch.allclose(reader(moved(spec, seed, weights)), reader(weights), rtol=1e-5, atol=1e-5)


def test_reader_sees_signs_inputs_and_outputs() -> None:
    reader = build_reader("nfn", SPEC, 3, seed=1)
    weights = drawn(1, 4, SPEC.parameters, dtype=torch.float32)
    first, last = SPEC.layers[0], SPEC.layers[-1]
    inputs, outputs = weights.clone(), weights.clone()
    inputs[:, first.weight] = inputs[:, first.weight].view(4, -1, 2).flip(2).flatten(1)
    outputs[:, last.weight] = outputs[:, last.weight].view(4, 3, -1).flip(1).flatten(1)
    outputs[:, last.bias] = outputs[:, last.bias].flip(1)
    for changed in (moved(SPEC, 1, weights, "sign"), inputs, outputs):
        assert (reader(changed) - reader(weights)).abs().max() > 1e-4


def test_encoding_of_a_weight_and_of_its_place() -> None:
    """Numbers stated one by one, for the inputs, a middle layer and the outputs of 2-2-2-2."""
    encoding = Encoding(FieldSpec((2, 2, 2, 2)), 1)
    encoding.frequencies.fill_(2.0)
    weights = torch.arange(18.0)[None]
    found = encoding(weights)
    assert found.shape == (1, 18, 9)

    def code(number: float) -> torch.Tensor:
        angles = math.pi * number * torch.tensor([1.0, 1.25, 1.5])
        return torch.cat([angles.sin(), angles.cos(), torch.tensor([number])])

    places = {0: code(-1) + code(-1), 1: code(-1) + code(1), 4: code(-1), 6: code(0), 10: code(0)}
    places |= {12: code(1) + code(-1), 14: code(1) + code(1), 16: code(1) + code(-1), 17: code(1) + code(1)}
    for index, place in places.items():
        weight = torch.tensor([math.sin(2 * index), math.cos(2 * index)])
        assert torch.allclose(found[0, index], torch.cat([weight, place]), atol=1e-5)


def test_every_parameter_is_drawn_and_trained() -> None:
    first, second = (build_reader("nfn", SPEC, 3, seed=5) for _ in range(2))
    for tensor in first.state_dict().values():
        tensor.fill_(torch.nan)
    draw_parameters(first, torch.Generator().manual_seed(5))
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
    first(drawn(3, 32, SPEC.parameters, dtype=torch.float32)).square().sum().backward()
    for name, parameter in first.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
