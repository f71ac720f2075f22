"""The DWS reader: its layer is the sum of all blocks, commutes with permutations, and leaves none out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuralviews.draws import Draws
from neuralviews.evaluate.readers import pair_map
from neuralviews.evaluate.readers.chain import Chain
from neuralviews.evaluate.readers.equivariant import EquivariantLayer
from neuralviews.evaluate.readers.fold_norm import FoldedNorm
from neuralviews.evaluate.readers.modules import draw_parameters
from neuralviews.evaluate.readers.pair_map import Pair, map_pair
from neuralviews.evaluate.readers.registry import build_reader
from neuralviews.field import FieldSpec
from neuralviews.symmetry import Element

from .weight_space import SPECS, flattened, orbits, slots, stated

SPEC = FieldSpec((2, 6, 5, 4, 3))
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def made_layer(chain: Chain, features: int, width: int, seed: int = 0, **options: bool) -> EquivariantLayer:
    layer = EquivariantLayer(chain, features, width, **options).double()
    draw_parameters(layer, torch.Generator().manual_seed(seed))
    return layer


def moved(spec: FieldSpec, seed: int, weights: Tensor, group: str = "perm") -> Tensor:
    """Each record after an element of its own; weights (B, P) or (B, P, F)."""
    element = Element.random(spec, Draws(np.arange(len(weights), dtype=np.uint64) + seed), group)
    features = weights.unsqueeze(-1) if weights.dim() == 2 else weights
    parts = [torch.from_numpy(element.apply(part.numpy())) for part in features.detach().unbind(-1)]
    return torch.stack(parts, -1).view(weights.shape)


@settings(max_examples=25)
@given(SPECS, SEEDS, st.booleans())
def test_layer_is_the_sum_of_all_blocks(spec: FieldSpec, seed: int, hidden_only: bool) -> None:
    chain = Chain.of_hidden(spec) if hidden_only else Chain.of_all(spec)
    layer, weights = made_layer(chain, 3, 2, seed), drawn(seed, 4, spec.parameters, 3)
    found = flattened(chain, layer(chain.arrange(weights, 2)))
    assert torch.allclose(found, stated(chain, layer, weights).relu(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("dims", [(2, 3, 2), (2, 3, 2, 1), (1, 2, 3, 2, 2)])
def test_layer_has_every_equivariant_map_once(dims: tuple[int, ...]) -> None:
    spec = FieldSpec(dims)
    for chain, axes in (
        (Chain.of_hidden(spec), range(1, len(dims) - 1)),
        (Chain.of_all(FieldSpec((2, *dims[1:-1], 2))), range(len(dims))),
    ):
        layer = EquivariantLayer(chain, 1, 1)
        matrices = sum(part.weight.numel() for part in layer.modules() if isinstance(part, nn.Linear))
        assert layer.everywhere.bias is not None
        assert (layer.everywhere.bias.numel(), matrices) == orbits(chain.spec, axes)


@settings(max_examples=15)
@given(SPECS, SEEDS)
def test_normalized_layer_commutes_with_permutations(spec: FieldSpec, seed: int) -> None:
    chain = Chain.of_hidden(spec)
    layer, weights = made_layer(chain, 2, 3, seed, normalized=True), drawn(seed, 5, spec.parameters, 2)
    found = flattened(chain, layer(chain.arrange(moved(spec, seed, weights), 3)))
    expected = moved(spec, seed, flattened(chain, layer(chain.arrange(weights, 3))))
    assert torch.allclose(found, expected, rtol=0, atol=1e-8)


@settings(max_examples=15)
@given(SPECS, SEEDS, st.booleans())
def test_reader_is_invariant_to_permutations(spec: FieldSpec, seed: int, training: bool) -> None:
    reader = build_reader("dws", spec, 3, seed=seed, hidden=8).train(training)
    weights = drawn(seed, 16, spec.parameters, dtype=torch.float32)
    assert torch.allclose(reader(moved(spec, seed, weights)), reader(weights), rtol=1e-5, atol=1e-5)


def test_reader_sees_signs() -> None:
    reader = build_reader("dws", SPEC, 3, seed=1).eval()
    weights = drawn(1, 4, SPEC.parameters, dtype=torch.float32)
    assert (reader(moved(SPEC, 1, weights, "sign")) - reader(weights)).abs().max() > 1e-3


@pytest.mark.parametrize("dims", [(2, 4, 1), (2, 4, 3, 2), SPEC.dims])
def test_every_tensor_reaches_every_tensor(dims: tuple[int, ...]) -> None:
    spec = FieldSpec(dims)
    chain = Chain.of_hidden(spec)
    layer, weights = made_layer(chain, 1, 8), drawn(2, 4, spec.parameters, 1)
    before = flattened(chain, layer(chain.arrange(weights, 8)))
    for source in slots(chain):
        changed = weights.clone()
        changed[:, source.indices.flat[0]] += 1
        difference = (flattened(chain, layer(chain.arrange(changed, 8))) - before).abs()
        for target in slots(chain):
            assert difference[:, target.indices].max() > 1e-6


def test_every_block_of_every_layer_is_trained() -> None:
    """Nothing is learned of blocks that the loss does not see: each input feature of each product counts."""
    reader = build_reader("dws", SPEC, 3, seed=3, hidden=4)
    reader(drawn(3, 32, SPEC.parameters, dtype=torch.float32)).square().sum().backward()
    for name, parameter in reader.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        live = parameter.grad.abs().reshape(len(parameter), -1).sum(0) > 0
        assert live.float().mean() > 0.7, name  # ReLU may close a few features of a slot


@given(SEEDS)
@settings(max_examples=10)
def test_folded_norm_is_batch_norm_of_the_sum(seed: int) -> None:
    values, weight = drawn(seed, 3, 4, 5, 2), drawn(seed + 1, 2, 6)
    rows, columns = drawn(seed + 2, 3, 4, 6) + 1, drawn(seed + 3, 3, 5, 6) - 2
    folded, plain = FoldedNorm(6).double(), nn.BatchNorm2d(6).double()
    for norm in (folded, plain):
        assert norm.bias is not None
        nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(seed))
        nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(seed + 4))
    gradients = []
    for training in (True, False):
        leaves = [tensor.clone().requires_grad_() for tensor in (values, weight, rows, columns)]
        v, w, r, c = leaves
        pair = Pair.of(v, 6)
        found = map_pair(pair, *folded.train(training).fold(pair, w, r, c), products=False).blocks[0]
        plain.train(training)
        total = v @ w + r[:, :, None] + c[:, None]
        expected = plain(total.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).relu()
        assert torch.allclose(found, expected, rtol=0, atol=1e-10)
        probe = drawn(seed + 5, *found.shape)
        gradients = [torch.autograd.grad((out * probe).sum(), leaves) for out in (found, expected)]
        for one, other in zip(*gradients, strict=True):
            assert torch.allclose(one, other, rtol=1e-8, atol=1e-8)
    assert torch.allclose(folded.running_mean, plain.running_mean, rtol=0, atol=1e-10)
    assert torch.allclose(folded.running_var, plain.running_var, rtol=0, atol=1e-10)


def test_gradients_of_a_pair_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_map, "BLOCK_NUMBERS", 2 * 3 * 2 * 4)
    values, weight = drawn(1, 5, 3, 2, 3), drawn(2, 3, 4)
    rows, columns = drawn(3, 5, 3, 4), drawn(4, 5, 2, 4)
    leaves = [tensor.requires_grad_() for tensor in (values, weight, rows, columns)]

    def mapped(values: Tensor, *terms: Tensor) -> tuple[Tensor, ...]:
        pair = map_pair(Pair.of(values, 4), *terms, products=True)
        assert [len(block) for block in pair.blocks] == [2, 2, 1]
        assert pair.products is not None
        return torch.cat(pair.blocks), pair.rows, pair.columns, pair.products

    assert torch.autograd.gradcheck(mapped, leaves)
    whole = (values @ weight + rows[:, :, None] + columns[:, None]).relu()
    flat = whole.reshape(-1, 4)
    expected = whole, whole.mean(2), whole.mean(1), flat.T @ flat / len(flat)
    for found, wanted in zip(mapped(*leaves), expected, strict=True):
        assert torch.allclose(found, wanted, rtol=0, atol=1e-12)


def test_equal_seeds_give_equal_readers_and_leave_no_number_undrawn() -> None:
    first, second, other = (build_reader("dws", SPEC, 3, seed=seed) for seed in (5, 5, 6))
    for tensor in first.state_dict().values():
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)
    draw_parameters(first, torch.Generator().manual_seed(5))
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
    assert not all(map(torch.equal, first.state_dict().values(), other.state_dict().values()))
