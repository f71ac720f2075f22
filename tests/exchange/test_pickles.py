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
STORAGE = b"ctorch.storage\nUntypedStorage\n"
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


def encoded(value: bytes, code: bytes) -> bytes:
    return b"c_codecs\nencode\n" + value + code + b"\x86R"


@pytest.mark.parametrize("wrapped", [archive, legacy], ids=["zipped", "legacy"])
@pytest.mark.parametrize("code", [text("hex"), b"U\x03hex", text("hex") + b"q\x01"])
def test_codes_that_double_what_they_take(wrapped: Any, code: bytes) -> None:
    """As many letters as ``2 ** depth``."""
    nested = encoded(text("a"), text("latin1"))
    for _ in range(40):
        nested = encoded(nested, code)
    for pickled in (nested, b"c_codecs\nencode\n(" + text("a") + code + b"lR"):
        for _ in range(2):
            with pytest.raises(
                SourceError, match=r"^net\.pth: its pickle (wants to call|.* no pickle|calls)"
            ):
                TorchFiles().read(wrapped(b"\x80\x02}" + text("a") + pickled + b"s."), "net.pth")
    with pytest.raises(SourceError) as error:
        TorchFiles().read(wrapped(b"\x80\x02}" + text("a") + nested + b"s."), "net.pth")
    assert str(error.value) == (
        "net.pth: its pickle wants to call _codecs.encode with another code than latin1, which could fill "
        "the memory: it was not loaded; expected tensors and plain values alone: save a state dict"
    )


@pytest.mark.parametrize("name", ["__builtin__.set", "collections.Counter", "torch.Size", "_codecs.encode"])
def test_one_list_copied_by_every_call(name: str) -> None:
    """Each takes as few bytes as two names of what is remembered."""
    module, _, function = name.rpartition(".")
    numbers = b"]q\x01(" + b"".join(b"M" + struct.pack("<H", i) for i in range(3000)) + b"e"
    given = b"h\x01\x85"
    if function == "encode":
        numbers, given = text("a" * 6000) + b"q\x01", b"h\x01X\x06\0\0\0latin1\x86"
    call = b"h\x02" + given + b"R"
    first = f"c{module}\n{function}\nq\x02".encode() + call.removeprefix(b"h\x02")
    start = b"\x80\x02}(" + text("a") + numbers + text("b") + b"]("
    for wrapped in (archive, legacy):
        with pytest.raises(SourceError) as error:
            TorchFiles().read(wrapped(start + first + call * 4000 + b"eu."), "net.pth")
        assert str(error.value) == (
            "net.pth: its pickle wants to copy what it holds again and again, which could fill the memory: "
            "it was not loaded; expected tensors and plain values alone: save a state dict"
        )
    assert TorchFiles().read(archive(start + first + call * 3 + b"eu."), "net.pth").others


def test_keys_that_are_looked_through_without_end() -> None:
    """As many tuples as ``2 ** depth`` in each, to compare it with others."""
    nested = b")" + b"".join(b"q\x01h\x01\x86" for _ in range(40))
    with pytest.raises(
        SourceError, match=r"^net\.pth: its pickle wants to copy what it holds again and again"
    ):
        TorchFiles().read(archive(b"\x80\x02}" + nested + b"K\x01s."), "net.pth")


@pytest.mark.parametrize(
    "use",
    {
        "called": STORAGE + number(HUGE) + b"\x85R",
        "made": STORAGE + number(HUGE) + b"\x85\x81",
        "called where remembered": b"]" + STORAGE + b"q\x01ah\x01" + number(HUGE) + b"\x85R",
        "called through a tuple": b"(" + STORAGE + b"tq\x010h\x01R",
        "called by a parameter": b"ctorch._utils\n_rebuild_parameter_with_state\nN\x89N}"
        + text("__setstate__")
        + STORAGE
        + b"s(tR"
        + number(HUGE)
        + b"b",
        "left over": STORAGE,
    }.items(),
    ids=lambda case: case[0],
)
def test_storages_are_named_and_never_called(use: tuple[str, bytes]) -> None:
    """Numbers of tensors may lie in one that is named; whoever calls it sets memory aside."""
    with pytest.raises(
        SourceError, match=r"wants to import torch\.storage\.UntypedStorage, which could run code"
    ):
        TorchFiles().read(archive(b"\x80\x02}" + text("a") + use[1] + b"s."), "net.pth")


def test_what_is_said_of_other_tensors() -> None:
    data = torch_bytes({"a": torch.ones(3, device="meta")})
    with pytest.raises(SourceError) as error:
        TorchFiles().read(data, "net.pth")
    assert str(error.value) == (
        "net.pth: its pickle wants to import torch._utils._rebuild_meta_tensor_no_storage, which makes other "
        "tensors than plain ones: it was not loaded; expected tensors and plain values alone: save a state "
        "dict"
    )


def test_pickles_that_take_what_is_not_there() -> None:
    for pickled in (b"\x80\x02h\x01.", b"\x80\x02s.", b"\x80\x02t."):
        with pytest.raises(
            SourceError, match=r"no pickle that can be read \(it takes what is not there\); exp"
        ):
            TorchFiles().read(archive(pickled), "net.pth")


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
    optimizer = torch.optim.SGD(network.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 9])  # with a Counter
    checkpoint = {"model": network.state_dict(), "lr": schedule.state_dict(), "sgd": optimizer.state_dict()}
    tagged = torch.nn.Parameter(torch.ones(3))
    tagged.tag = "weights"  # type: ignore[attr-defined]
    rare: dict[str, Any] = {"a": tagged}
    if zipped:  # torch itself cannot read these otherwise
        rare |= {"b": torch.ones(3).to(torch.uint16), "c": torch.ones(3).untyped_storage()}
    files = TorchFiles()
    for _ in range(3):
        found = files.read(torch_bytes(checkpoint, _use_new_zipfile_serialization=zipped), "net.pth")
        assert [*found.tensors] == [f"model.{name}" for name in network.state_dict()]
        found = files.read(torch_bytes(rare, _use_new_zipfile_serialization=zipped), "net.pth")
        assert [*found.tensors] == [name for name, value in rare.items() if isinstance(value, torch.Tensor)]
        assert all(part.tolist() == [1, 1, 1] for part in found.tensors.values())
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
