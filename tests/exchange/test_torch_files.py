"""Files of torch.save: read alike by the short way and by torch's own, and never run."""

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SourceError
from neuralviews.exchange.torch_files import TorchFiles

from .by_hand import made_layers, members, packed, same, sequential, torch_bytes

DIMS = (2, 4, 3, 1)


def state(seed: int, **more: Any) -> dict[str, Any]:
    return sequential(made_layers(DIMS, seed), **more)


class TestTheShortWay:
    def test_many_files_of_few_pickles(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """torch sees each pickle twice: as it is, and with counted numbers."""
        calls: list[bytes] = []
        load = torch.load
        monkeypatch.setattr(torch, "load", lambda file, **how: calls.append(b"") or load(file, **how))
        files = TorchFiles()
        for seed in range(60):
            table = state(seed, label=seed % 3)
            assert same(files.read(torch_bytes(table), "file"), table)
        assert len(calls) == 6

    def test_more_pickles_than_are_remembered(self) -> None:
        files = TorchFiles()
        for turn in range(3):
            for label in range(100):
                table = state(100 * turn + label, label=label)
                assert same(files.read(torch_bytes(table), "file"), table)

    @pytest.mark.parametrize("value", [0, 255, 256, 65_535, 65_536, 2**31 - 1])
    def test_a_number_that_does_not_matter(self, value: int) -> None:
        files = TorchFiles(varying="image_idx")
        for seed, number in enumerate((7, 300, 70_000, value)):
            table = state(seed)
            found = files.read(torch_bytes({"image_idx": number, "params": table}), "file")
            assert {name.removeprefix("params."): part.tolist() for name, part in found.tensors.items()} == {
                name: value.tolist() for name, value in table.items()
            }
        assert len(files._known) == 1

    @pytest.mark.parametrize(
        "make",
        {
            "views of one storage": lambda x: {"a": x[:6].view(2, 3), "b": x[6:9], "c": x[4:8]},
            "transposed": lambda x: {"a": x[:12].view(3, 4).T, "b": x.view(6, 4).T[1:3]},
            "strided": lambda x: {"a": x[::3], "b": x[1::5]},
            "one number many times": lambda x: {"a": x[3].expand(4, 5)},
            "the same tensor twice": lambda x: {"a": x, "b": x},
            "without entries": lambda x: {"a": x[:0], "b": x, "c": torch.zeros(0, 3)},
            "without dimensions": lambda x: {"a": x[5]},
            "parameters": lambda x: {"a": torch.nn.Parameter(x)},
        }.items(),
        ids=lambda case: case[0],
    )
    def test_tensors_of_every_kind(self, make: tuple[str, Any]) -> None:
        files = TorchFiles()
        for seed in range(4):
            table = make[1](torch.from_numpy(np.random.default_rng(seed).normal(size=24).astype(np.float32)))
            found = files.read(torch_bytes(table), "file")
            assert list(found.tensors) == list(table)
            for name, part in found.tensors.items():
                value = table[name].detach().numpy()
                assert part.shape == value.shape
                assert part.tobytes() == value.tobytes()

    def test_tables_in_tables(self) -> None:
        files = TorchFiles()
        for seed in range(4):
            layers, other = state(seed), [seed % 2, 2.5, "x", None]
            table = {"a": OrderedDict(layers, deep={"b": layers}), "c": other}
            found = files.read(torch_bytes(table), "file")
            flat = {f"a.{name}": value for name, value in layers.items()}
            flat |= {f"a.deep.b.{name}": value for name, value in layers.items()}
            assert same(found, {**flat, "c": other})

    @given(
        st.lists(st.tuples(st.lists(st.integers(0, 4), max_size=3), st.booleans()), min_size=1, max_size=5),
        st.integers(0, 2**32 - 1),
    )
    def test_any_state_dict(self, shapes: list[tuple[list[int], bool]], seed: int) -> None:
        files = TorchFiles()
        for turn in range(3):
            stream = np.random.default_rng([seed, turn])
            table: dict[str, Any] = {"label": 3, "name": "x"}
            for place, (shape, turned) in enumerate(shapes):
                tensor = torch.from_numpy(stream.normal(size=shape).astype(np.float32))
                table[f"layer.{place}"] = tensor.T if turned and len(shape) == 2 else tensor
            assert same(files.read(torch_bytes(table), "file"), table)


class TestOtherWriters:
    def test_files_that_are_named_after_themselves(self, tmp_path: Path) -> None:
        """torch.save to a path calls the folder in the archive after the file: each has another."""
        files = TorchFiles()
        for seed in range(5):
            table, path = state(seed, label=1), tmp_path / f"model_{seed}.pth"
            torch.save(table, path)
            assert f"model_{seed}/data.pkl" in members(path.read_bytes())
            assert same(files.read(path.read_bytes(), path.name), table)
        assert len(files._known) == 1

    def test_files_before_torch_1_6(self) -> None:
        files = TorchFiles()
        for seed in range(3):
            table = state(seed, label=1)
            data = torch_bytes(table, _use_new_zipfile_serialization=False)
            assert same(files.read(data, "file"), table)

    def test_tensors_from_another_device(self) -> None:
        """What was on a GPU there is read on any machine."""
        files = TorchFiles()
        for seed in range(4):
            table = state(seed)
            parts = members(torch_bytes(table))
            cpu, cuda = (b"X" + struct.pack("<I", len(name)) + name for name in (b"cpu", b"cuda:0"))
            assert cpu in parts["archive/data.pkl"]
            parts["archive/data.pkl"] = parts["archive/data.pkl"].replace(cpu, cuda)
            assert same(files.read(packed(parts), "file"), table)

    def test_big_endian_machines(self) -> None:
        files = TorchFiles()
        for seed in range(4):
            table = state(seed)
            parts = members(torch_bytes(table))
            if seed == 3:
                parts["archive/byteorder"] = b"big"
                for name, data in parts.items():
                    if "/data/" in name:
                        parts[name] = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            assert same(files.read(packed(parts), "file"), table)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64])
    def test_other_types_keep_theirs(self, dtype: torch.dtype) -> None:
        """Whoever wants float32 says so; nothing is converted on the way."""
        files = TorchFiles()
        for seed in range(3):
            table = {name: (9 * value).to(dtype) for name, value in state(seed).items()}
            assert same(files.read(torch_bytes(table), "file"), table)

    def test_one_tensor_of_another_type(self) -> None:
        files = TorchFiles()
        for seed in range(3):
            table = state(seed, counted=torch.arange(5, dtype=torch.int32))
            assert same(files.read(torch_bytes(table), "file"), table)


class _Wants:
    """Makes a pickle that runs a command when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.canary}",)


class TestRefusals:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_pickles_that_want_code(self, tmp_path: Path, zipped: bool) -> None:
        canary = tmp_path / "ran"
        data = torch_bytes({**state(0), "x": _Wants(canary)}, _use_new_zipfile_serialization=zipped)
        files = TorchFiles()
        for _ in range(3):
            with pytest.raises(SourceError) as error:
                files.read(data, "net.pth")
            assert str(error.value) == (
                f"net.pth: its pickle wants to import {os.system.__module__}.system, which could run code or "
                "fill the memory: it was not loaded; expected tensors and plain values alone: save a state "
                "dict"
            )
        assert not canary.exists()
        torch.load(io.BytesIO(data), weights_only=False)
        assert canary.exists(), "the pickle would not have run: the test shows nothing"

    def test_plain_pickles_that_want_code(self, tmp_path: Path) -> None:
        data = pickle.dumps(_Wants(tmp_path / "ran"))
        with pytest.raises(SourceError, match=r"^net\.pth: .*expected"):
            TorchFiles().read(data, "net.pth")
        assert not (tmp_path / "ran").exists()

    def test_pickles_of_other_things(self) -> None:
        """Whole, as they were before torch 1.6, or made without torch."""
        message = (
            r"^net\.pth: refused by torch \(Unsupported operand 149: it is no pickle, or one that makes "
            r"other things than tensors and plain values\); expected a state dict of torch\.save$"
        )
        with pytest.raises(SourceError, match=message):
            TorchFiles().read(pickle.dumps({"seq.0.weight": [0.5]}, protocol=4), "net.pth")

    def test_whole_modules(self) -> None:
        with pytest.raises(
            SourceError, match=r"wants to import torch\.nn\.modules\.linear\.Linear, which could"
        ):
            TorchFiles().read(torch_bytes(torch.nn.Linear(2, 3)), "net.pth")

    @pytest.mark.parametrize("named", [[1, 2], "text", torch.zeros(3)])
    def test_no_table(self, named: object) -> None:
        kind = type(named).__name__
        with pytest.raises(SourceError) as error:
            TorchFiles().read(torch_bytes(named), "net.pth")
        assert str(error.value) == f"net.pth: found a {kind}, expected a table of tensors: a state dict"

    def test_tensors_that_numpy_has_not(self) -> None:
        for value, found in (
            (torch.zeros(3, dtype=torch.bfloat16), "torch.bfloat16 torch.strided"),
            (torch.eye(3).to_sparse(), "torch.float32 torch.sparse_coo"),
        ):
            with pytest.raises(SourceError) as error:
                TorchFiles().read(torch_bytes({"a": value}), "net.pth")
            assert str(error.value) == (
                f"net.pth: a: found {found}, expected plain float32: save it with .float()"
            )

    def test_a_number_repeated_without_end(self) -> None:
        data = torch_bytes({"a": torch.zeros(1).expand(1 << 20, 1 << 20)})
        for files in (TorchFiles(), TorchFiles(varying="x")):
            for _ in range(3):
                with pytest.raises(
                    SourceError,
                    match=r"^net\.pth: claims \d+ bytes of numbers or more, .*: replace the file$",
                ):
                    files.read(data, "net.pth")

    def test_members_that_overlap(self) -> None:
        """A member may claim those that follow it for its own bytes: what is read grows with its square."""
        inner, outer = zipfile.ZipInfo("net/inner"), zipfile.ZipInfo("net/outer")
        content = bytes(1000)
        inner.file_size = inner.compress_size = len(content)
        inner.CRC = zlib.crc32(content)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(outer, inner.FileHeader() + content)
            inner.header_offset = len(outer.FileHeader())
            archive.filelist.append(inner)
            archive.NameToInfo[inner.filename] = inner
        with pytest.raises(SourceError, match=r"cannot be read \(its members claim more bytes than it has\)"):
            TorchFiles().read(buffer.getvalue(), "net.pth")

    def test_packed_members(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members(torch_bytes(state(0))).items():
                archive.writestr(name, data)
        with pytest.raises(SourceError, match="found packed numbers, expected plain ones as torch"):
            TorchFiles().read(buffer.getvalue(), "net.pth")

    def test_other_archives(self) -> None:
        with pytest.raises(SourceError, match=r"cannot be read \(found 0 members data\.pkl, expected one\)"):
            TorchFiles().read(packed({"a.txt": b"1"}), "net.pth")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_members_twice(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in members(torch_bytes(state(0))).items():
                archive.writestr(name, data)
            archive.writestr("archive/data/0", bytes(32))
        with pytest.raises(SourceError, match=r"cannot be read \(a member is there twice\)"):
            TorchFiles().read(buffer.getvalue(), "net.pth")

    def test_storages_of_another_size(self) -> None:
        """The pickle is known, but another file has fewer numbers than it says."""
        files = TorchFiles()
        for seed in range(2):
            files.read(torch_bytes(state(seed)), "file")
        parts = members(torch_bytes(state(2)))
        parts["archive/data/2"] = parts["archive/data/2"][:-4]
        with pytest.raises(SourceError, match=r"net\.pth: cannot be read \(storage data/2 has 44 bytes"):
            files.read(packed(parts), "net.pth")
