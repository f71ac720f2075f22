"""Damaged files of torch.save: the right numbers, or a SourceError; nothing else, and no crash."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.exchange.torch_contents import Contents
from neuralviews.exchange.torch_files import TorchFiles

from .by_hand import made_layers, members, packed, same, sequential, torch_bytes


@pytest.fixture(scope="module")
def small() -> tuple[bytes, dict[str, Any]]:
    table = {"seq.0.weight": torch.tensor([[0.5, -0.25]]), "label": 4}
    return torch_bytes(table), table


def learned(data: bytes) -> TorchFiles:
    """Has met the pickle often enough to take the short way."""
    files = TorchFiles()
    for _ in range(3):
        files.read(data, "file")
    return files


def read_or_refused(files: TorchFiles, data: bytes) -> Contents | str:
    """What was read, or the error, which names the file."""
    try:
        return files.read(data, "net.pth")
    except SourceError as error:
        message = str(error)
    assert message.startswith("net.pth: ")
    return message


def flipped(data: bytes, place: int) -> bytes:
    damaged = bytearray(data)
    damaged[place] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize("known", [False, True])
class TestEveryByte:
    """Of a pickle that is met for the first time, and of one whose places are known."""

    def test_cut_off(self, small: tuple[bytes, dict[str, Any]], known: bool) -> None:
        data, _ = small
        files = learned(data)
        for length in range(len(data)):
            with pytest.raises(SourceError, match=r"^net\.pth: .*(expected|replace)"):
                (files if known else TorchFiles()).read(data[:length], "net.pth")

    def test_flipped(self, small: tuple[bytes, dict[str, Any]], known: bool) -> None:
        """Checksums are of the numbers too, which torch alone would take as they are."""
        data, table = small
        files = learned(data)
        refused = 0
        for place in range(len(data)):
            found = read_or_refused(files if known else TorchFiles(), flipped(data, place))
            if isinstance(found, str):
                refused += 1
            else:
                assert same(found, table), f"byte {place} of {len(data)}"
        assert refused > 200

    def test_before_torch_1_6(self, small: tuple[bytes, dict[str, Any]], known: bool) -> None:
        """These have no checksums: other numbers cannot be told, but nothing else comes out."""
        data = torch_bytes(small[1], _use_new_zipfile_serialization=False)
        files = learned(data) if known else TorchFiles()
        for place in range(len(data)):
            assert read_or_refused(files, flipped(data, place))
            with pytest.raises(SourceError, match=r"^net\.pth: "):
                files.read(data[:place], "net.pth")


@given(st.data())
def test_pickles_that_are_patched_together(data: st.DataObject) -> None:
    """Pieces of a sound pickle in any order never get further than an error."""
    table = sequential(made_layers((2, 3, 1), 0), label=3, coef=[1.5, 2.5], x=np.arange(3.0))
    legacy = data.draw(st.booleans())
    whole = torch_bytes(table, _use_new_zipfile_serialization=not legacy)
    parts = {} if legacy else members(whole)
    pickled = bytearray(whole if legacy else parts["archive/data.pkl"])
    places = st.integers(0, len(pickled) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        where, start, length = (data.draw(places), data.draw(places), data.draw(st.integers(0, 20)))
        pickled[where : where + data.draw(st.integers(0, 8))] = pickled[start : start + length]
    files = TorchFiles(
        ("numpy._core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype"), varying="label"
    )
    patched = bytes(pickled) if legacy else packed({**parts, "archive/data.pkl": bytes(pickled)})
    for _ in range(3):
        assert read_or_refused(files, patched)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]))
def test_garbage(data: bytes, start: bytes) -> None:
    with pytest.raises(SourceError, match=r"^net\.pth: .*expected"):
        TorchFiles().read(start + data, "net.pth")
