"""Training under multiplicative noise on a model's weights (DAMP)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import OptionError

__all__ = ["damped_gradients"]


def damped_gradients(
    parameters: Iterable[nn.Parameter],
    loss_of_part: Callable[[slice], Tensor],
    batch: int,
    *,
    sigma: float,
    parts: int = 8,
    generator: torch.Generator,
) -> float:
    """Set the gradients of a batch as DAMP does, each part of it seen by weights perturbed anew.

    Source: Trinh et al., "Improving robustness to corruptions with multiplicative weight perturbations"
    (NeurIPS 2024), and its released code. For every part: ``xi = 1 + sigma z``, z standard normal, one for
    each entry of tensors with two dimensions or more (biases stay, and the scales of normalizations, which
    the released code perturbs too); the gradient at ``w * xi``, not multiplied by xi; averaged over the
    batch. Any optimizer then steps from w.

    Batch normalization normalizes every part by itself and moves its running statistics once a part, under
    the perturbed weights: with eight parts, eight times a step, each from an eighth of the batch. A test
    with w uses these, as the paper's does. Parts are of two records at least, which it needs.

    Args:
        parameters: those to train; what they hold when this returns, or raises, is what they held, bit for
            bit. Their ``grad`` is replaced, also by None for those that the loss does not depend on.
        loss_of_part: the mean loss of a slice of the batch, a scalar.
        batch: B, records in the batch; parts are as equal as can be, and count by their records.
        sigma: 0 gives the plain gradient. Published: 0.1 to 0.2 for residual networks.
        parts: how many, at most B / 2.
        generator: of the perturbations.
    Returns:
        The mean loss of the batch, under the perturbed weights.
    Raises:
        OptionError: an argument that cannot be.
    """
    if not 0 <= sigma < float("inf"):
        raise OptionError(f"perturbation: found sigma {sigma!r}, expected a number from 0")
    if parts < 1 or batch < 1:
        raise OptionError(
            f"perturbation: found {parts} parts of {batch} records, expected at least 1 of each"
        )
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    gradients: list[Tensor | None] = [None] * len(trained)
    total = 0.0
    parts = max(1, min(parts, batch // 2))
    for start, stop in pairwise(batch * part // parts for part in range(parts + 1)):
        share = (stop - start) / batch
        with _perturbed(trained, sigma, generator):
            loss = loss_of_part(slice(start, stop))
            found = torch.autograd.grad(loss, trained, allow_unused=True)
        total += share * float(loss.detach())
        for index, gradient in enumerate(found):
            if gradient is not None:
                before = gradients[index]
                gradients[index] = share * gradient if before is None else before + share * gradient
    for parameter, mean in zip(trained, gradients, strict=True):
        parameter.grad = mean
    return total


@contextmanager
def _perturbed(parameters: list[nn.Parameter], sigma: float, generator: torch.Generator) -> Iterator[None]:
    """Perturb the weights for as long as the block runs; then put back the very tensors' contents."""
    weights = [parameter for parameter in parameters if parameter.dim() >= 2]
    kept = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight in weights:
                noise = torch.randn(
                    weight.shape, generator=generator, dtype=weight.dtype, device=generator.device
                )
                weight.mul_(1 + sigma * noise.to(weight.device))
        yield
    finally:
        with torch.no_grad():
            for weight, content in zip(weights, kept, strict=True):
                weight.copy_(content)
