"""Modules whose parameters come from a generator of one's own: torch's would use the global one."""

import math

import torch
from torch import Tensor, nn

__all__ = ["Conv2d", "Linear", "draw_parameters", "draw_uniform"]


class Linear(nn.Linear):
    """`torch.nn.Linear` whose parameters are undefined until `draw`."""

    def reset_parameters(self) -> None:
        """Draw nothing: `draw_parameters` does."""

    def draw(self, generator: torch.Generator) -> None:
        """As torch's default: uniform within 1 / sqrt(inputs), the bias too."""
        _draw_default(self.weight, self.bias, self.in_features, generator)


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` whose parameters are undefined until `draw`."""

    def reset_parameters(self) -> None:
        """Draw nothing: `draw_parameters` does."""

    def draw(self, generator: torch.Generator) -> None:
        """As torch's default: uniform within 1 / sqrt(inputs of an output), the bias too."""
        _draw_default(self.weight, self.bias, self.weight[0].numel(), generator)


def draw_parameters(module: nn.Module, generator: torch.Generator) -> None:
    """Let every module that has a method ``draw(generator)`` draw its own parameters, in a fixed order."""
    for part in module.modules():
        draw = getattr(part, "draw", None)
        if callable(draw):
            draw(generator)


def draw_uniform(parameter: Tensor, bound: float, generator: torch.Generator) -> None:
    """Overwrite a parameter by draws uniform within ``bound`` of 0."""
    with torch.no_grad():
        parameter.uniform_(-bound, bound, generator=generator)


def _draw_default(weight: Tensor, bias: Tensor | None, inputs: int, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(inputs)
    draw_uniform(weight, bound, generator)
    if bias is not None:
        draw_uniform(bias, bound, generator)
