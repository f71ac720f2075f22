"""Layouts of a batch: each holds exactly the numbers of the flat vector, where its readers expect them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.data.batch import Graph, ItemRows, Layers, Layout, ViewBatch, arrange
from neuralviews.field import FieldSpec, evaluate, split
from neuralviews.grids import image_grid

SPEC = FieldSpec([2, 5, 4, 3], omega=(30.0, 20.0), output_offset=0.5)


def rows_of(spec: FieldSpec, count: int = 4) -> ItemRows:
    weights = np.random.default_rng(1).normal(0, 0.3, (count, spec.parameters)).astype(np.float32)
    numbers = torch.arange(4 * count).reshape(4, count)
    return ItemRows(torch.from_numpy(weights), *numbers, torch.eye(count, 3))


def arranged(layout: Layout, spec: FieldSpec = SPEC, count: int = 4) -> ViewBatch:
    return arrange(rows_of(spec, count), spec, layout)


def test_flat_is_the_gathered_tensor_itself() -> None:
    rows = rows_of(SPEC)
    assert arrange(rows, SPEC, "flat").weights is rows.weights


def test_layers_are_torch_shaped_and_share_memory() -> None:
    rows = rows_of(SPEC)
    layers = arrange(rows, SPEC, "layers").weights
    assert isinstance(layers, Layers)
    for weight, bias, (expected_weight, expected_bias) in zip(
        *layers, split(SPEC, rows.weights.numpy()), strict=True
    ):
        assert np.array_equal(weight.numpy(), expected_weight)
        assert np.array_equal(bias.numpy(), expected_bias)
        assert weight.untyped_storage().data_ptr() == rows.weights.untyped_storage().data_ptr()


def test_layers_run_as_torch_modules() -> None:
    """Loaded into ``nn.Linear``, the layers render what the oracle renders."""
    rows = rows_of(SPEC)
    layers = arrange(rows, SPEC, "layers").weights
    assert isinstance(layers, Layers)
    coords = image_grid(3, 4, "xy")
    hidden = torch.from_numpy(coords).double()
    for index, (weight, bias) in enumerate(zip(*layers, strict=True)):
        affine = torch.nn.functional.linear(hidden, weight[2].double(), bias[2].double())
        hidden = torch.sin(SPEC.omega[index] * affine) if index < 2 else affine + SPEC.output_offset
    np.testing.assert_allclose(hidden.numpy(), evaluate(SPEC, rows.weights[2].numpy(), coords), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(dims=st.lists(st.integers(1, 6), min_size=3, max_size=6))
def test_a_graph_holds_every_parameter_once(dims: list[int]) -> None:
    """Walking the graph, each weight lies between the neurons that it joins, and inputs have no bias."""
    spec = FieldSpec(dims)
    rows = rows_of(spec, 2)
    graph = arrange(rows, spec, "graph").weights
    assert isinstance(graph, Graph)
    first = np.concatenate(([0], np.cumsum(dims)))
    assert graph.nodes.shape == (2, first[-1], 1)
    assert not graph.nodes[:, : dims[0]].any()
    dense = graph.adjacency()[..., 0].numpy()
    expected = np.zeros_like(dense)
    for layer, (weight, bias) in enumerate(split(spec, rows.weights.numpy())):
        sources = slice(first[layer], first[layer + 1])
        targets = slice(first[layer + 1], first[layer + 2])
        expected[:, sources, targets] = np.swapaxes(weight, 1, 2)
        assert np.array_equal(graph.nodes[:, targets, 0].numpy(), bias)
    assert np.array_equal(dense, expected)
    pairs = {tuple(pair) for pair in graph.edge_index.T.tolist()}
    assert len(pairs) == graph.edges.shape[1] == spec.parameters - sum(dims[1:])


@pytest.mark.parametrize("layout", ["flat", "layers", "graph"])
def test_a_batch_moves_as_a_whole(layout: Layout) -> None:
    batch = arranged(layout)
    moved = batch.to("meta")
    assert type(moved.weights) is type(batch.weights)
    for tensor in (moved.label, moved.object_id, moved.view, moved.record_id):
        assert tensor.device.type == "meta"
        assert tensor.dtype == torch.int64
    assert moved.target.device.type == "meta"
    parts = [moved.weights] if isinstance(moved.weights, torch.Tensor) else list(moved.weights)
    flattened = [t for part in parts for t in (part if isinstance(part, tuple) else (part,))]
    assert flattened
    assert all(tensor.device.type == "meta" for tensor in flattened)
    assert len(batch) == 4


def test_item_rows_are_a_sequence_of_items() -> None:
    rows = rows_of(SPEC)
    item = rows[1]
    assert torch.equal(item.weights, rows.weights[1])
    assert (item.label, item.object_id, item.view, item.record_id) == (1, 5, 9, 13)
    assert item.target.tolist() == [0, 1, 0]
    assert torch.equal(rows[1:3].target, rows.target[1:3])
    assert len(rows[1:3]) == 2
    again = ItemRows.stack(list(rows))
    assert torch.equal(again.weights, rows.weights)
    assert torch.equal(again.record_id, rows.record_id)
    assert torch.equal(again.target, rows.target)
    with pytest.raises(IndexError):
        rows[4]
