"""The readers mlp, graph, sine-graph and pixels against the formulas that they state."""

import numpy as np
import pytest
import torch
from torch import nn

from neuralviews.evaluate.readers import graph, sine_graph
from neuralviews.evaluate.readers.modules import draw_parameters
from neuralviews.evaluate.readers.pixels import Pixels
from neuralviews.evaluate.readers.registry import build_reader
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit.init import initial_weights
from neuralviews.grids import AxisOrder, image_grid

SPEC = FieldSpec([2, 6, 5, 3], [8.0, 20.0], 0.5, 2.0)


def drawn(module: nn.Module) -> nn.Module:
    draw_parameters(module, torch.Generator().manual_seed(4))
    return module.double()


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_mlp_does_not_mind_the_scale_of_weights() -> None:
    weights = torch.from_numpy(initial_weights(SPEC, "siren", range(20)))
    reader = build_reader("mlp", SPEC, 4, seed=1)
    one, other = reader(100 * weights), reader(300 * weights)
    torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-3)
    assert one.std() > 0.01


def test_graph_messages_are_the_mean_of_modulated_ones() -> None:
    messages = drawn(graph._Messages(node=4, edge=3))
    edge, target, source = normal(2, 3, 5, 6), normal(2, 5, 4, seed=1), normal(2, 6, 4, seed=2)
    expected = torch.zeros(2, 5, 4).double()
    for i in range(5):
        for j in range(6):
            pair = edge[:, :, i, j]
            message = messages.own(target[:, i]) + messages.other(source[:, j])
            expected[:, i] += (messages.scale(pair) * message + messages.shift(pair)) / 6
    torch.testing.assert_close(messages(edge, target, source), expected)


def test_graph_edges_take_up_both_ends() -> None:
    update = drawn(graph._EdgeUpdate(node=4, edge=3, new_edge=2))
    edge, source, target = normal(2, 3, 5, 6), normal(2, 6, 4, seed=1), normal(2, 5, 4, seed=2)
    found = update(edge, source, target)
    assert found.shape == (2, 2, 5, 6)
    for i in range(5):
        for j in range(6):
            affine = update.edge(edge[:, :, i, j]) + update.source(source[:, j]) + update.target(target[:, i])
            torch.testing.assert_close(found[:, :, i, j], nn.functional.silu(affine))


def test_sine_graph_without_states_is_the_field_at_learned_points() -> None:
    """The docstring's claim, and so a check of every angle, scale and offset that it takes."""
    reader = build_reader("sine-graph", SPEC, 4, seed=1, hidden=8)
    assert isinstance(reader, sine_graph.SineGraph)
    for unit in reader.forth[:2]:
        for parameter in (*unit.even.parameters(), *unit.odd.parameters()):
            nn.init.zeros_(parameter)
    weights = initial_weights(SPEC, "siren", range(3))
    layers = sine_graph._scaled_layers(SPEC, torch.from_numpy(weights))
    states = [start(layer) for start, layer in zip(reader.starts, layers, strict=False)]
    with torch.no_grad():
        found = reader._sweep_forth(0, layers, states)[0].transpose(1, 2).numpy()
        points = reader.points[0]().numpy().T
    np.testing.assert_allclose(found + 0.5, evaluate(SPEC, weights, points), rtol=0, atol=2e-5)


@pytest.mark.parametrize("order", ["xy", "ij"])
def test_pixels_renders_the_field(order: AxisOrder) -> None:
    spec = FieldSpec([2, 6, 5, 3], [8.0, 20.0], 0.5, 2.0, order)
    reader = build_reader("pixels", spec, 4, seed=1, hidden=4)
    assert isinstance(reader, Pixels)
    assert reader.grid == (28, 28)
    weights = initial_weights(spec, "siren", range(3))
    for grid in ((5, 9), (1, 4)):
        reader.grid = grid
        image = reader.render(torch.from_numpy(weights))
        expected = evaluate(spec, weights, image_grid(*grid, order)).reshape(3, *grid, 3)
        np.testing.assert_allclose(image.permute(0, 2, 3, 1).numpy(), expected, rtol=0, atol=2e-5)
        assert reader(torch.from_numpy(weights)).isfinite().all()
