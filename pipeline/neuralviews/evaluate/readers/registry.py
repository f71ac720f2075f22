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
        OptionError: no such reader.
        SpecError: it cannot read such fields.
    """
    kind = reader_class(name)
    if reason := kind.refuses(spec):
        raise SpecError(f"reader {name!r} {reason}")
    reader = kind(spec, hidden=kind.hidden if hidden is None else hidden, outputs=outputs)  # type: ignore[call-arg]
    draw_parameters(reader, torch.Generator().manual_seed(seed))
    return reader
