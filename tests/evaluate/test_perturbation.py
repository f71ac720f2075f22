"""DAMP against its algorithm as written, in float64."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from neuralviews.errors import OptionError
from neuralviews.evaluate.perturbation import damped_gradients

SIGMA = 0.3


def made() -> tuple[list[nn.Parameter], Tensor, Tensor]:
    """Parameters of a network with one hidden layer, and a batch of 11."""
    draws = torch.Generator().manual_seed(5)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draws, dtype=torch.float64)

    parameters = [nn.Parameter(drawn(*shape)) for shape in ((4, 3), (4,), (2, 4), (2,))]
    return parameters, drawn(11, 3), drawn(11, 2)


def loss_of(parameters: list[nn.Parameter], x: Tensor, y: Tensor) -> Callable[[slice], Tensor]:
    def loss(part: slice) -> Tensor:
        w0, b0, w1, b1 = parameters
        outputs: Tensor = torch.tanh(x[part] @ w0.T + b0) @ w1.T + b1
        return ((outputs - y[part]) ** 2).mean()

    return loss


def written(
    parameters: list[nn.Parameter], x: Tensor, y: Tensor, cuts: list[int]
) -> tuple[float, list[Tensor]]:
    """The written algorithm, the derivative of the network by hand."""
    draws = torch.Generator().manual_seed(9)
    w0, b0, w1, b1 = (parameter.detach() for parameter in parameters)
    mean, totals = 0.0, [torch.zeros_like(parameter) for parameter in (w0, b0, w1, b1)]
    for start, stop in pairwise(cuts):
        v0, v1 = (
            w * (1 + SIGMA * torch.randn(w.shape, generator=draws, dtype=torch.float64)) for w in (w0, w1)
        )
        inputs, targets = x[start:stop], y[start:stop]
        hidden = torch.tanh(inputs @ v0.T + b0)
        outputs = hidden @ v1.T + b1
        slope = 2 * (outputs - targets) / outputs.numel()
        inner = (slope @ v1) * (1 - hidden**2)
        gradients = [
            inner.T @ inputs,
            inner.sum(0),
            slope.T @ hidden,
            slope.sum(0),
        ]  # at w * xi, not times xi
        share = (stop - start) / len(x)
        mean += share * float(((outputs - targets) ** 2).mean())
        totals = [total + share * gradient for total, gradient in zip(totals, gradients, strict=True)]
    return mean, totals


@pytest.mark.parametrize(("parts", "cuts"), [(1, [0, 11]), (3, [0, 3, 7, 11]), (8, [0, 2, 4, 6, 8, 11])])
def test_gradients_follow_the_written_algorithm(parts: int, cuts: list[int]) -> None:
    parameters, x, y = made()
    before = [parameter.detach().clone() for parameter in parameters]
    generator = torch.Generator().manual_seed(9)
    loss = damped_gradients(
        parameters, loss_of(parameters, x, y), 11, sigma=SIGMA, parts=parts, generator=generator
    )
    mean, gradients = written(parameters, x, y, cuts)
    assert loss == pytest.approx(mean, rel=1e-13)
    for parameter, kept, expected in zip(parameters, before, gradients, strict=True):
        assert torch.equal(parameter.detach(), kept)
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-12, atol=1e-14)


def test_without_noise_it_is_the_gradient_of_the_whole_batch() -> None:
    parameters, x, y = made()
    loss = loss_of(parameters, x, y)
    expected = torch.autograd.grad(loss(slice(None)), parameters)
    given = damped_gradients(parameters, loss, 11, sigma=0, generator=torch.Generator())
    assert given == pytest.approx(float(loss(slice(None)).detach()), rel=1e-13)
    for parameter, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-12, atol=1e-14)


def test_parameters_come_back_to_the_bit_when_the_loss_fails() -> None:
    parameters, x, y = made()
    before = [parameter.detach().clone() for parameter in parameters]
    loss = loss_of(parameters, x, y)
    seen = []

    def fails(part: slice) -> Tensor:
        seen.append(torch.equal(parameters[0].detach(), before[0]))
        if part.start:
            raise RuntimeError("no memory")
        return loss(part)

    with pytest.raises(RuntimeError, match="no memory"):
        damped_gradients(parameters, fails, 11, sigma=SIGMA, generator=torch.Generator())
    assert seen == [False, False]  # they were perturbed meanwhile
    for parameter, kept in zip(parameters, before, strict=True):
        assert torch.equal(parameter.detach(), kept)
        assert parameter.grad is None


def test_frozen_and_unused_parameters_get_no_gradient() -> None:
    parameters, x, y = made()
    frozen, unused = parameters[0].requires_grad_(False), nn.Parameter(torch.ones(2, 2))
    damped_gradients(
        [*parameters, unused], loss_of(parameters, x, y), 11, sigma=SIGMA, generator=torch.Generator()
    )
    assert frozen.grad is None
    assert unused.grad is None
    assert parameters[2].grad is not None


def test_batch_normalization_counts_every_part() -> None:
    norm = nn.BatchNorm1d(3)
    x = torch.ones(9, 3)
    damped_gradients(
        norm.parameters(), lambda part: norm(x[part]).sum(), 9, sigma=SIGMA, generator=torch.Generator()
    )
    assert int(norm.num_batches_tracked) == 4  # type: ignore[arg-type]


def test_arguments_that_cannot_be() -> None:
    parameters, x, y = made()
    loss = loss_of(parameters, x, y)
    with pytest.raises(OptionError, match=r"found sigma -1, expected a number from 0"):
        damped_gradients(parameters, loss, 11, sigma=-1, generator=torch.Generator())
    with pytest.raises(OptionError, match=r"found 0 parts of 11 records"):
        damped_gradients(parameters, loss, 11, sigma=0.1, parts=0, generator=torch.Generator())
