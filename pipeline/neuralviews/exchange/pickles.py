"""Pickles of torch.save before they are loaded: they may make what state dicts are made of, and no more."""

import io
import pickletools
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NoReturn

from ..errors import SourceError, printable

__all__ = ["require_plain"]

_PLAIN = re.compile(
    r"collections\.(?:OrderedDict|Counter)|_codecs\.encode|(?:builtins|__builtin__)\.(?:set|complex)"
    r"|torch\.(?:Size|device)"
    r"|torch\.[a-z]\w*"  # types of numbers
    r"|torch\.(?:cuda\.)?[A-Z][A-Za-z0-9]*Storage"
    r"|torch\._utils\._rebuild_(?:tensor|tensor_v[23]|parameter|parameter_with_state|sparse_tensor)"
    r"|torch\.nn\.parameter\.Parameter|torch\.serialization\._get_layout",
    re.ASCII,
)
"""Full names of what is called to make tensors and plain values. Torch allows more: classes of tensors, of
storages and of byte arrays too, which take as much memory as a number in the pickle says.
"""
_STORAGE = "torch.storage.UntypedStorage"
"""Where the numbers of some tensors lie. To name it there does no harm, to call it does."""
_TENSORS = ("torch._utils._rebuild_", "torch._tensor._rebuild_")
_OTHER = "makes other tensors than plain ones"
_HARM = "could run code or fill the memory"
_ENCODE = "_codecs.encode"
_LEGACY = 5
"""Pickles of a file before torch 1.6, one after another, before the numbers."""
_LONGEST_REASON = 200
_LITTLE = 1 << 20
_MOST_COPIES = 16
"""Of each byte: calls nest only so deep."""
_HEAVY = 1 << 62
"""Whatever weighs more is not told apart: sums would grow to any length."""


@dataclass(slots=True)
class _Value:
    """What a pickle has on its stack.

    Attributes:
        name: full name of what it imports; empty for anything else.
        text: None for anything else.
        items: of a tuple; None for anything else.
        weight: values and letters in it, those in its values too.
        storage: whether it names untyped storages, alone or in a tuple.
    """

    name: str = ""
    text: str | None = None
    items: "list[_Value] | None" = None
    weight: int = 1
    storage: bool = False


def require_plain(data: bytes, where: str, passed_over: Collection[str] = (), *, legacy: bool) -> None:
    """Refuse a pickle that makes anything else, or far more than it holds; nothing of it is made.

    Args:
        passed_over: full names of what else it may name.
        legacy: whether the data are a whole file as torch wrote them before version 1.6.
    Raises:
        SourceError: it does, or is no pickle.
    """
    file = io.BytesIO(data)
    for _ in repeat(None, _LEGACY if legacy else 1):
        if file.tell() == len(data):  # torch tells of it if there are fewer
            return
        try:
            _Pickle(where, passed_over).follow(file)
        except (ValueError, LookupError) as error:
            text = str(error) if isinstance(error, ValueError) else "it takes what is not there"
            reason = printable(" ".join(text.split()))[:_LONGEST_REASON]
            raise SourceError(
                f"{where}: no pickle that can be read ({reason}); expected a state dict of torch.save: "
                "replace the file"
            ) from None


class _Pickle:
    """Follows a pickle as torch would, with values that only say how large they are."""

    def __init__(self, where: str, passed_over: Collection[str]) -> None:
        self._where, self._passed_over = where, passed_over
        self._copied = 0

    def follow(self, file: io.BytesIO) -> None:
        """Read one pickle.

        Raises:
            SourceError: it makes what it may not.
            ValueError, LookupError: it is none.
        """
        start, stacks, memo = file.tell(), [list[_Value]()], dict[Any, _Value]()
        for opcode, argument, _ in pickletools.genops(file):
            name, before = opcode.name, opcode.stack_before
            if name == "MARK":
                stacks.append([])
            elif name.endswith("BINPUT") or name == "MEMOIZE":
                memo[len(memo) if argument is None else argument] = stacks[-1][-1]
            elif name.endswith("BINGET"):
                stacks[-1].append(memo[argument])
            else:
                above: list[_Value] = []
                if pickletools.markobject in before:
                    above, before = stacks.pop(), before[: before.index(pickletools.markobject)]
                stack = stacks[-1]
                taken = [stack.pop() for _ in before][::-1] + above
                if opcode.stack_after:
                    stack.append(self._made(name, argument, taken))
                elif any(value.storage for value in taken):
                    self._refuse_name(_STORAGE)
        # What is remembered is copied by every call that takes it, for two bytes.
        if self._copied > max(_LITTLE, _MOST_COPIES * (file.tell() - start)):
            self._refuse("wants to copy what it holds again and again, which could fill the memory")

    def _made(self, name: str, argument: Any, taken: list[_Value]) -> _Value:
        """What a step of the pickle leaves in place of what it took."""
        is_tuple = name.endswith(("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"))
        storage = any(value.storage for value in taken)
        if storage and not (is_tuple or name == "BINPERSID"):
            self._refuse_name(_STORAGE)
        weight = min(1 + sum(value.weight for value in taken), _HEAVY)
        if name == "GLOBAL":  # torch knows no other that names things
            return self._imported(str(argument).replace(" ", "."))
        if is_tuple:
            return _Value(items=taken, weight=weight, storage=storage)
        if name in ("REDUCE", "NEWOBJ"):
            return self._called(*taken)
        if name == "BINPERSID":
            return _Value()
        if name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "BUILD"):
            changed, *added = taken
            changed.weight = weight
            if name == "BUILD":
                self._copied += added[0].weight
            if name.startswith("SETITEM"):  # to find its place a key is looked through, however deep
                self._copied += sum(key.weight for key in added[::2])
            return changed
        text = argument if isinstance(argument, str) else None
        return _Value(text=text, weight=weight + len(text or ""))

    def _imported(self, name: str) -> _Value:
        if name not in self._passed_over and name != _STORAGE and not _PLAIN.fullmatch(name):
            self._refuse_name(name)
        return _Value(name=name, storage=name == _STORAGE)

    def _called(self, called: _Value, given: _Value) -> _Value:
        if given.items is None:
            self._refuse("calls something with what is no tuple")
        if called.name == _ENCODE and [value.text for value in given.items[1:]] != ["latin1"]:
            self._refuse(
                f"wants to call {_ENCODE} with another code than latin1, which could fill the memory"
            )
        self._copied += given.weight
        return _Value(weight=given.weight)

    def _refuse_name(self, name: str) -> NoReturn:
        self._refuse(
            f"wants to import {printable(name)}, which {_OTHER if name.startswith(_TENSORS) else _HARM}"
        )

    def _refuse(self, reason: str) -> NoReturn:
        raise SourceError(
            f"{self._where}: its pickle {reason}: it was not loaded; expected tensors and plain values "
            "alone: save a state dict"
        )
