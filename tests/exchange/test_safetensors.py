"""Fields in files of safetensors, as programs of any framework load them."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from neuralviews.errors import SourceError
from neuralviews.exchange.safetensors import parser
from neuralviews.store.canonical import sha256_hex
from neuralviews.store.reader import Store

from .by_hand import grid, siren
from .imported_stores import exported, make_imported, reopened
from .stacked_sets import layer_arrays, put, safetensors_bytes


def test_their_programs_read_ours(tmp_path: Path, fitted: Store) -> None:
    """A file alone is enough to render every field of it in torch."""
    exported(fitted, "safetensors", tmp_path / "out")
    path = tmp_path / "out/fields.safetensors"
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        stated = json.loads(file.metadata()["neuralviews"])
    assert {name: (str(tensor.dtype), *tensor.shape) for name, tensor in tensors.items()} == {
        "layers.0.weight": ("torch.float32", 60, 16, 2),
        "layers.0.bias": ("torch.float32", 60, 16),
        "layers.1.weight": ("torch.float32", 60, 16, 16),
        "layers.1.bias": ("torch.float32", 60, 16),
        "layers.2.weight": ("torch.float32", 60, 1, 16),
        "layers.2.bias": ("torch.float32", 60, 1),
        "object_id": ("torch.int64", 60),
        "view": ("torch.int64", 60),
        "label": ("torch.int64", 60),
        "split": ("torch.uint8", 60),
        "seed": ("torch.uint64", 60),
        "psnr": ("torch.float32", 60),
    }
    arch = stated["arch"]
    for row in range(0, 60, 7):
        layers = [(tensors[f"layers.{i}.weight"][row], tensors[f"layers.{i}.bias"][row]) for i in range(3)]
        values = siren(layers, grid(8, 8, arch["axis_order"]), arch["omega"][0], arch["output_offset"])
        assert np.allclose(values.numpy().reshape(8, 8), fitted.field(row).render((8, 8)), rtol=0, atol=1e-5)


def test_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    """The library hashes at random; nothing that it sorts by that may reach the file."""
    store = make_imported(tmp_path / "store")
    exported(store, "safetensors", tmp_path / "out")
    program = (
        "import sys, pathlib\n"
        "from neuralviews.exchange.export import export\n"
        "from neuralviews.store.reader import open_store\n"
        "import numpy as np\n"
        "store = open_store(pathlib.Path(sys.argv[1]))\n"
        "export(store, np.arange(len(store)), 'safetensors', pathlib.Path(sys.argv[2]))\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "store", tmp_path / "again"], check=True)
    first, second = (tmp_path / out / "fields.safetensors" for out in ("out", "again"))
    assert sha256_hex(first.read_bytes()) == sha256_hex(second.read_bytes())


def header(**changes: Any) -> bytes:
    """A file whose header was changed."""
    data = safetensors_bytes(layer_arrays())
    size = struct.unpack("<Q", data[:8])[0]
    table = json.loads(data[8 : 8 + size]) | changes
    text = json.dumps({name: value for name, value in table.items() if value is not None}).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


GOOD = safetensors_bytes(layer_arrays())
FAULTS: dict[str, bytes] = {
    "nothing": b"",
    "text": b"layers.0.weight and so on",
    "cut": GOOD[:-1],
    "longer": GOOD + b"\0",
    "a huge header": struct.pack("<Q", 1 << 60) + GOOD[8:],
    "no JSON": struct.pack("<Q", 8) + b"{{{{{{{{" + GOOD[8:],
    "a deep header": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "overlapping": header(**{"layers.0.bias": {"dtype": "F32", "shape": [6, 5], "data_offsets": [8, 128]}}),
    "beyond the end": header(
        **{"layers.0.bias": {"dtype": "F32", "shape": [6, 5], "data_offsets": [0, 1 << 40]}}
    ),
    "a shape bomb": header(
        **{"layers.0.bias": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 120]}}
    ),
    "a type of its own": header(
        **{"layers.0.bias": {"dtype": "X32", "shape": [6, 5], "data_offsets": [0, 120]}}
    ),
    "a hole": header(**{"layers.0.bias": None}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_cannot_be(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(FAULTS[name])
    with pytest.raises(
        SourceError, match=rf"^{path}: no safetensors file that can be read \(.*\); replace"
    ) as error:
        reopened(tmp_path, "safetensors")
    assert "\n" not in str(error.value)


def test_no_metadata(tmp_path: Path) -> None:
    """Which may also be stated as null."""
    (tmp_path / "a.safetensors").write_bytes(header(__metadata__=None))
    assert reopened(tmp_path, "safetensors").listing.object_id.tolist() == [0, 1, 2, 3, 4, 5]


def test_types_that_numpy_lacks(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(
        save({"layers.0.weight": torch.zeros(6, 2, 2, dtype=torch.bfloat16)})
    )
    with pytest.raises(
        SourceError, match=r"layers\.0\.weight: found numbers of type BF16, expected F32: convert them"
    ):
        reopened(tmp_path, "safetensors")


def test_damage_never_crashes(tmp_path: Path) -> None:
    """Whatever stands in a file, the answer is fields or a refusal; sizes are those of the bytes."""
    stream = np.random.default_rng(3)
    path = put(tmp_path, "safetensors", layer_arrays(), neuralviews="{}")
    parse = parser(reopened(put(tmp_path / "good", "safetensors", layer_arrays()), "safetensors").listing)
    data, told = path.read_bytes(), list[str]()
    for _ in range(300):
        damaged = bytearray(GOOD if stream.integers(2) else data)
        for place in stream.integers(0, min(len(damaged), 1200), stream.integers(1, 4)):
            damaged[place] = stream.integers(256)
        try:
            assert parse(bytes(damaged), "a").weights.nbytes <= len(data)
        except SourceError as error:
            told.append(str(error))
    assert len(told) > 100
    assert all(text.startswith("a: ") for text in told)


def test_labels_that_are_true_or_false(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(save({"label": torch.ones(6, dtype=torch.bool)}))
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "safetensors")
    assert str(error.value) == (
        f"{tmp_path / 'a.safetensors'}: label: found numbers of type BOOL, expected F32, or whole numbers "
        "such as I64: convert them"
    )
