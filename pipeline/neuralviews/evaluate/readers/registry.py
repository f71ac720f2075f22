"""Readers by name, and the way to build one."""

import difflib
import importlib

import torch

from ...errors import OptionError, SpecError
from ...field import FieldSpec
from .base import Reader
from .modules import draw_parameters

__all__ = ["READERS", "build_reader", "reader_class"]

READERS = {
    "mlp": "mlp:Mlp",
    "mlp-aligned": "mlp:AlignedMlp",
    "dws": "dws:Dws",
    "nfn": "nfn:Nfn",
    "graph": "graph:GraphReader",
    "sine-graph": "sine_graph:SineGraph",
    "pixels": "pixels:Pixels",
}
"""Where each reader is; its module is imported when it is asked for."""

_WIDEST = 65_536
_MOST_PARAMETERS = 100_000_000
"""With gradients and both moments of AdamW 1.6 GB, which a laptop has."""


def reader_class(name: str) -> type[Reader]:
    """The reader called ``name``.

    Raises:
        OptionError: no such reader.
    """
    if name not in READERS:
        near = difflib.get_close_matches(name, READERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(READERS)}"
        raise OptionError(f"reader: found {name!r}; {hint}")
    module, _, attribute = READERS[name].partition(":")
    found: type[Reader] = getattr(importlib.import_module(f".{module}", __package__), attribute)
    return found


def build_reader(name: str, spec: FieldSpec, outputs: int, *, seed: int, hidden: int | None = None) -> Reader:
    """A fresh reader; equal seeds give equal parameters.

    Args:
        outputs: K, how many scores it gives.
        seed: from `derive_seed`.
        hidden: its width: features of a weight, a node or an edge; see the reader. None takes its own.
    Raises:
        OptionError: no such reader, or one of more than 100 million parameters.
        SpecError: it cannot read such fields.
    """
    kind = reader_class(name)
    if reason := kind.refuses(spec):
        raise SpecError(f"reader {name!r} {reason}")
    width = kind.hidden if hidden is None else hidden
    if not 1 <= width <= _WIDEST:
        raise OptionError(f"hidden: found {width}, expected 1 to {_WIDEST:,}")
    with torch.device("meta"):  # where tensors have sizes and no memory
        sized = kind(spec, hidden=width, outputs=outputs)  # type: ignore[call-arg]
    if (count := sum(parameter.numel() for parameter in sized.parameters())) > _MOST_PARAMETERS:
        raise OptionError(
            f"hidden: found {width}, with which reader {name!r} has {count:,} parameters, expected at most "
            f"{_MOST_PARAMETERS:,}; use a smaller one"
        )
    reader = kind(spec, hidden=width, outputs=outputs)  # type: ignore[call-arg]
    draw_parameters(reader, torch.Generator().manual_seed(seed))
    return reader
