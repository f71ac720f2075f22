"""Pickles of a few bytes that would fill the memory or never end, and all that honest ones name."""

import struct
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError
from neuralviews.exchange.torch_files import TorchFiles

from .by_hand import made_layers, members, packed, same, sequential, torch_bytes

HUGE = 2**40
LEGACY = torch_bytes({}, _use_new_zipfile_serialization=False)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def archive(pickled: bytes) -> bytes:
    return packed({"archive/data.pkl": pickled, "archive/version": b"3\n", "archive/byteorder": b"little"})


def legacy(pickled: bytes) -> bytes:
    """A file before torch 1.6 whose table is this pickle."""
    empty = b"\x80\x02}q\x00."
    assert LEGACY.count(empty) == 1
    return LEGACY.replace(empty, pickled)


def calling(name: str, argument: bytes) -> bytes:
    """A table whose one value is what a call gives."""
    module, _, function = name.rpartition(".")
    return b"\x80\x02}" + text("a") + f"c{module}\n{function}\n".encode() + argument + b"\x85Rs."


def tables(width: int, depth: int) -> bytes:
    """Tables with the one before ``width`` times in each: as many entries as ``width ** depth``."""
    pickled = b"\x80\x02}("
    inner = b"K\x01"
    for level in range(depth):
        entries = b"".join(text(f"k{place}") + inner for place in range(width))
        pickled += text(f"l{level}") + b"}q" + bytes([level]) + b"(" + entries + b"u"
        inner = b"h" + bytes([level])
    return pickled + b"u."


@pytest.mark.parametrize("name", ["builtins.bytearray", "__builtin__.bytearray", "torch.Tensor"])
@pytest.mark.parametrize("wrapped", [archive, legacy], ids=["zipped", "legacy"])
def test_calls_that_take_any_amount_of_memory(name: str, wrapped: Any) -> None:
    """torch allows them; the second and the third time a pickle is met it goes another way."""
    files = TorchFiles()
    for _ in range(3):
        with pytest.raises(SourceError) as error:
            files.read(wrapped(calling(name, number(HUGE))), "net.pth")
        assert str(error.value) == (
            f"net.pth: its pickle wants to import {name}, which could run code or fill the memory: it was "
            "not loaded; expected tensors and plain values alone: save a state dict"
        )


def test_a_call_hidden_by_what_varies() -> None:
    """The pickle that is looked at is the one that is loaded, not that with the number replaced."""
    key = text("image_idx") + b"q\x01"
    hidden = b"\x80\x02}" + key + b"J" + b"cb\n\x00" + b"s."
    found = TorchFiles(varying="image_idx").read(archive(hidden), "net.pth")
    assert found.others == {"image_idx": struct.unpack("<i", b"cb\n\x00")[0]}
    call = b"cbuiltins\nbytearray\n" + number(HUGE) + b"\x85Rs."
    for start in (b"\x80\x02}" + key, b"\x80\x02}" + key + b"K\x07s" + key):
        with pytest.raises(SourceError, match=r"wants to import builtins\.bytearray, which could"):
            TorchFiles(varying="image_idx").read(archive(start + call), "net.pth")


def test_tables_that_repeat_each_other() -> None:
    files = TorchFiles()
    for _ in range(3):
        with pytest.raises(SourceError) as error:
            files.read(archive(tables(200, 6)), "net.pth")
        assert str(error.value) == (
            "net.pth: its tables have more than 65536 entries in all, or names of more than 1000 letters; "
            "expected a small network: replace the file"
        )
    assert len(files.read(archive(tables(3, 4)), "net.pth").others) == 3 + 9 + 27 + 81


def test_names_that_grow_with_every_table() -> None:
    key = "k" * 400
    table = {key: {key: {key: 1}}}
    with pytest.raises(SourceError, match=r"^net\.pth: .* or names of more than 1000 letters; expected"):
        TorchFiles().read(torch_bytes(table), "net.pth")
    assert TorchFiles().read(torch_bytes(table[key]), "net.pth").others == {f"{key}.{key}": 1}


def test_pickles_in_another_case() -> None:
    """Whoever looks up names in any case would read the other one."""
    parts = members(torch_bytes(sequential(made_layers((2, 3, 1), 0))))
    parts["archive/DATA.PKL"] = calling("builtins.bytearray", number(HUGE))
    with pytest.raises(SourceError, match=r"cannot be read \(found 2 members data\.pkl, expected one\)"):
        TorchFiles().read(packed(parts), "net.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_all_that_honest_files_hold(zipped: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    more: dict[str, Any] = {"set": {1, 2}, "bytes": b"\xff\x00", "shape": torch.Size([2, 3]), "complex": 1j}
    more |= {"device": torch.device("cpu"), "type": torch.float32, "list": [1, 2.5, None, "x", (True,)]}
    files = TorchFiles()
    for _ in range(3):
        data = torch_bytes({**network.state_dict(), **more}, _use_new_zipfile_serialization=zipped)
        assert same(files.read(data, "net.pth"), {**network.state_dict(), **more})
        whole = torch_bytes(network.state_dict(), _use_new_zipfile_serialization=zipped)  # has _metadata
        assert same(files.read(whole, "net.pth"), network.state_dict())
        found = files.read(torch_bytes(dict(network.named_parameters())), "net.pth")
        assert [*found.tensors] == [*network.state_dict()]


def test_arrays_of_numpy_are_passed_over() -> None:
    """NumPy never sees what a pickle has for it: a state that it did not write itself could crash it."""
    layers = sequential(made_layers((2, 3, 1), 0))
    table = {**layers, "x": np.arange(3.0)}
    data = torch_bytes(table)
    with pytest.raises(SourceError, match=r"wants to import numpy\._core\.multiarray\._reconstruct, which"):
        TorchFiles().read(data, "net.pth")
    for core in ("_core", "core"):
        parts = members(data)
        pickled = parts["archive/data.pkl"].replace(b"numpy._core", f"numpy.{core}".encode())
        names = (f"numpy.{core}.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype")
        found = TorchFiles(names).read(packed({**parts, "archive/data.pkl": pickled}), "net.pth")
        assert found.tensors.keys() == layers.keys()
        assert not isinstance(found.others["x"], np.ndarray)
