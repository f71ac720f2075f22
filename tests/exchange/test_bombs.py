"""Members of zip archives that claim more than weights were ever packed into: never unpacked."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError
from neuralviews.exchange.files import Files
from neuralviews.exchange.run import import_store
from neuralviews.signals.zip_tree import ZipTree
from neuralviews.store.reader import open_store

from .by_hand import made_layers, sequential, torch_bytes
from .published_sets import DIMS, DWSNETS, mnist

NAME = mnist("training", 3, 7)


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def wide(numbers: torch.Tensor) -> dict[str, Any]:
    """A network of 2 layers whose second has these weights."""
    before = numbers.shape[1]
    first, last = made_layers((2, before), 1), made_layers((len(numbers), 1), 2)
    return sequential([*first, (numbers, torch.zeros(len(numbers))), *last])


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "set.zip", **{NAME: torch_bytes(wide(torch.zeros(2500, 2000)))})
    unpacked: list[str] = []
    monkeypatch.setattr(ZipTree, "_unpacked", lambda self, member: unpacked.append(member.filename))
    with pytest.raises(SourceError) as error:
        import_store(path, tmp_path / "store", DWSNETS)
    assert unpacked == []
    claimed, held = ZipTree(path).sizes(NAME)
    assert claimed > 20e6 > 100 * held
    assert str(error.value) == (
        f"{path}/{NAME}: found {claimed} bytes packed into {held}, and weights never shrink as much: do not "
        "trust this archive, or unpack it yourself; --keep-going leaves such files out"
    )
    assert not (tmp_path / "store").exists()


def test_fields_that_were_packed_as_far_as_they_go(tmp_path: Path) -> None:
    numbers = torch.from_numpy(np.random.default_rng(0).normal(size=(2200, 2000)).astype(np.float32))
    path = archive(tmp_path / "set.zip", **{NAME: torch_bytes(wide(numbers))})
    claimed, held = ZipTree(path).sizes(NAME)
    assert claimed > 17e6
    assert held < claimed
    small = archive(tmp_path / "small.zip", **{NAME: torch_bytes(sequential(made_layers(DIMS, 0)))})
    for place, made in enumerate((path, small)):
        import_store(made, tmp_path / str(place), DWSNETS)
        assert len(open_store(tmp_path / str(place))) == 1


def test_lists_of_alike_paths_shrink_further(tmp_path: Path) -> None:
    paths = {"train": [f"set/checkpoints/{number:09}/model_final.pth" for number in range(400_000)]}
    path = archive(tmp_path / "set.zip", **{"splits.json": json.dumps(paths).encode()})
    claimed, held = ZipTree(path).sizes("splits.json")
    assert claimed > max(17e6, 8 * held)
    assert Files(ZipTree(path)).json("splits.json") == paths


def test_lists_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is packed too well, and one that is too long: neither is unpacked."""
    path = archive(tmp_path / "set.zip", **{"a.json": b"[" + b"[]," * 6_000_000 + b"0]", "b.json": b"[1]"})
    files = Files(ZipTree(path))
    monkeypatch.setattr(ZipTree, "_unpacked", None)
    with pytest.raises(SourceError) as error:
        files.json("a.json")
    claimed, held = ZipTree(path).sizes("a.json")
    assert claimed > 100 * held
    assert str(error.value) == (
        f"{path}/a.json: found {claimed} bytes packed into {held}, and lists of paths never shrink as much: "
        "do not trust this archive, or unpack it yourself"
    )
    monkeypatch.setattr("neuralviews.exchange.files._LARGEST_TEXT", 2)
    with pytest.raises(SourceError, match=r"/b\.json: not JSON \(3 bytes, at most 2\); replace the file, or"):
        files.json("b.json")
