"""Pickles of torch.save before they are loaded: they may name what state dicts are made of, and no more."""

import io
import pickletools
import re
from collections.abc import Collection, Iterator

from ..errors import SourceError, printable

__all__ = ["require_plain"]

_PLAIN = re.compile(
    r"collections\.OrderedDict|_codecs\.encode|(?:builtins|__builtin__)\.(?:set|complex)|torch\.(?:Size|device)"
    r"|torch\.[a-z]\w*"  # types of numbers
    r"|torch\.(?:cuda\.)?[A-Z][A-Za-z0-9]*Storage"
    r"|torch\._utils\._rebuild_(?:tensor|tensor_v2|parameter|sparse_tensor)"
    r"|torch\.nn\.parameter\.Parameter|torch\.serialization\._get_layout",
    re.ASCII,
)
"""Full names of what is called to make tensors and plain values. Torch allows more: classes of tensors, of
storages and of byte arrays too, which take as much memory as a number in the pickle says.
"""
_LEGACY = 5
"""Pickles of a file before torch 1.6, one after another, before the numbers."""
_LONGEST_REASON = 200


def require_plain(data: bytes, where: str, passed_over: Collection[str] = (), *, legacy: bool) -> None:
    """Refuse a pickle that names anything else; nothing of it is made.

    Args:
        passed_over: full names of what else it may name.
        legacy: whether the data are a whole file as torch wrote them before version 1.6.
    Raises:
        SourceError: it does, or is no pickle.
    """
    for name in _names(io.BytesIO(data), where, pickles=_LEGACY if legacy else 1):
        if name not in passed_over and not _PLAIN.fullmatch(name):
            raise SourceError(
                f"{where}: its pickle wants to import {printable(name)}, which could run code or fill the "
                "memory: it was not loaded; expected tensors and plain values alone: save a state dict"
            )


def _names(file: io.BytesIO, where: str, *, pickles: int) -> Iterator[str]:
    """What is named by so many pickles, one after another; torch tells of it if there are fewer."""
    for _ in range(pickles):
        if file.tell() == file.getbuffer().nbytes:
            return
        try:
            for opcode, value, _ in pickletools.genops(file):
                if opcode.name == "GLOBAL":  # torch knows no other that names things
                    yield str(value).replace(" ", ".")
        except ValueError as error:
            reason = printable(" ".join(str(error).split()))[:_LONGEST_REASON]
            raise SourceError(
                f"{where}: no pickle that can be read ({reason}); expected a state dict of torch.save: "
                "replace the file"
            ) from None
