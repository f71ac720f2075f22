"""Fields in NumPy's archives, as ``numpy.load`` opens them; nothing is unpickled, nothing inflated."""

import io
import json
import pickle
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from neuralviews.errors import SourceError
from neuralviews.exchange.npz import parser
from neuralviews.store.reader import Store

from .by_hand import grid, siren
from .imported_stores import all_weights, exported, reopened
from .stacked_sets import joined, layer_arrays, npz_bytes, put


def test_their_programs_read_ours(tmp_path: Path, fitted: Store) -> None:
    """A file alone is enough to render every field of it."""
    exported(fitted, "npz", tmp_path / "out")
    with np.load(tmp_path / "out/fields.npz", allow_pickle=False) as file:
        arrays = dict(file)
    stated = json.loads(bytes(arrays.pop("neuralviews")[()]))
    assert {name: (array.dtype.name, *array.shape) for name, array in arrays.items()} == {
        "layers.0.weight": ("float32", 60, 16, 2),
        "layers.0.bias": ("float32", 60, 16),
        "layers.1.weight": ("float32", 60, 16, 16),
        "layers.1.bias": ("float32", 60, 16),
        "layers.2.weight": ("float32", 60, 1, 16),
        "layers.2.bias": ("float32", 60, 1),
        "object_id": ("int64", 60),
        "view": ("int64", 60),
        "label": ("int64", 60),
        "split": ("uint8", 60),
        "seed": ("uint64", 60),
        "psnr": ("float32", 60),
    }
    arch = stated["arch"]
    for row in range(0, 60, 7):
        layers = [
            tuple(torch.from_numpy(arrays[f"layers.{i}.{kind}"][row]) for kind in ("weight", "bias"))
            for i in range(3)
        ]
        values = siren(layers, grid(8, 8, arch["axis_order"]), arch["omega"][0], arch["output_offset"])  # type: ignore[arg-type]
        assert np.allclose(values.numpy().reshape(8, 8), fitted.field(row).render((8, 8)), rtol=0, atol=1e-5)


def test_archives_state_no_times(tmp_path: Path, fitted: Store) -> None:
    exported(fitted, "npz", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out/fields.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_packed_archives_are_read(tmp_path: Path) -> None:
    buffer, arrays = io.BytesIO(), layer_arrays()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    assert all_weights(reopened(tmp_path, "npz")).tobytes() == joined(arrays).tobytes()


def test_other_orders_are_read(tmp_path: Path) -> None:
    """Columns first, as slices and transposes are saved, and numbers of the other end first."""
    arrays = layer_arrays()
    arrays["layers.1.weight"] = np.asfortranarray(arrays["layers.1.weight"])
    arrays["layers.1.bias"] = arrays["layers.1.bias"].astype(">f4")
    put(tmp_path, "npz", arrays)
    assert all_weights(reopened(tmp_path, "npz")).tobytes() == joined(arrays).astype("<f4").tobytes()


@pytest.mark.filterwarnings("error")
def test_headers_of_python_2_are_read(tmp_path: Path) -> None:
    arrays = layer_arrays()
    array = arrays.pop("layers.0.bias")
    shape = "".join(f"{side}L, " for side in array.shape)
    old = archive(("layers.0.bias.npy", claiming(f"({shape})", array.tobytes())))
    new = npz_bytes(arrays)
    with zipfile.ZipFile(io.BytesIO(old)) as one, zipfile.ZipFile(io.BytesIO(new)) as other:
        parts = [(name, made.read(name)) for made in (one, other) for name in made.namelist()]
    (tmp_path / "a.npz").write_bytes(archive(*parts))
    assert all_weights(reopened(tmp_path, "npz")).tobytes() == joined(layer_arrays()).tobytes()


def test_statements_as_text(tmp_path: Path, fitted: Store) -> None:
    exported(fitted, "npz", tmp_path / "out")
    with np.load(tmp_path / "out/fields.npz") as file:
        arrays = dict(file)
    text = bytes(arrays.pop("neuralviews")[()]).decode()
    put(tmp_path / "text", "npz", arrays, neuralviews=np.array(text))
    assert reopened(tmp_path / "text", "npz").listing.convention.spec(fitted.spec.dims) == fitted.spec
    put(tmp_path / "list", "npz", arrays, neuralviews=np.array([text]))
    with pytest.raises(SourceError, match=r"neuralviews: found <U\d+ \(1,\), expected one text"):
        reopened(tmp_path / "list", "npz")


class _Harmful:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, (str(_Harmful.target), "w")

    target = Path()


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    _Harmful.target = tmp_path / "made"
    array = np.empty((), object)
    array[()] = _Harmful()
    (tmp_path / "a.npz").write_bytes(npz_bytes({**layer_arrays(), "label": array}))
    with pytest.raises(
        SourceError, match=r"a\.npz: no archive of NumPy's .*an array of object, expected plain numbers"
    ):
        reopened(tmp_path, "npz")
    assert not _Harmful.target.exists()
    pickle.loads(pickle.dumps(array)).item().close()
    assert _Harmful.target.exists(), "it would have been loaded by who allows it"


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, data in members:
            made.writestr(name, data)
    return buffer.getvalue()


def member(array: NDArray[Any], version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    npy.write_array(buffer, array, version)
    return buffer.getvalue()


def claiming(shape: str, data: bytes = bytes(16)) -> bytes:
    """An array whose header claims a shape."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


ONE = member(np.zeros((2, 2), np.float32))
GOOD = npz_bytes(layer_arrays())
FAULTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "File is not a zip file"),
    "text": (b"layers.0.weight and so on", "File is not a zip file"),
    "cut": (GOOD[:-30], "File is not a zip file"),
    "flipped": (GOOD.replace(layer_arrays()["layers.0.bias"].tobytes()[:4], b"\0\0\0\0", 1), "Bad CRC-32"),
    "a folder": (
        archive(("a/weights.npy", ONE)),
        "a member 'a/weights.npy', expected names such as weights.npy",
    ),
    "upwards": (archive(("../weights.npy", ONE)), "a member '../weights.npy'"),
    "from the root": (archive(("/weights.npy", ONE)), "a member '/weights.npy'"),
    "another kind": (archive(("weights.txt", b"1")), "a member 'weights.txt'"),
    "a bomb": (
        archive(("weights.npy", claiming("(6291456,)", bytes(1 << 24) * 2)), method=zipfile.ZIP_DEFLATED),
        r"it claims 33554560 bytes, in a file of \d+",
    ),
    "a bomb in parts": (
        archive(*((f"w{i}.npy", bytes(1 << 22)) for i in range(5)), method=zipfile.ZIP_DEFLATED),
        r"it claims 20971520 bytes, in a file of \d+",
    ),
    "packed by another method": (
        archive(("w.npy", ONE), method=zipfile.ZIP_LZMA),
        "packed or encrypted otherwise",
    ),
    "very many members": (
        archive(*((f"w{i}.npy", ONE) for i in range(4097))),
        "4097 members, expected at most",
    ),
    "a shape bomb": (archive(("w.npy", claiming("(1 << 40,)"))), "Cannot parse header|malformed"),
    "a large shape": (archive(("w.npy", claiming("(1099511627776, 1048576)"))), "in 16 bytes"),
    "a negative shape": (archive(("w.npy", claiming("(-4, -1)"))), "in 16 bytes"),
    "too much data": (archive(("w.npy", claiming("(3,)"))), r"an array \(3,\) of float32 in 16 bytes"),
    "no array": (archive(("w.npy", b"text")), "EOF|magic"),
    "no magic": (archive(("w.npy", b"x" * 100)), "magic string is not correct"),
    "a header of code": (archive(("w.npy", claiming("__import__('os').getpid()"))), "malformed node"),
    "a header of half a statement": (
        archive(("w.npy", claiming("(4"))),
        "EOF in multi-line statement",
    ),
    "dates": (
        archive(("w.npy", member(np.zeros(2, "M8[s]")))),
        "an array of datetime64.s., expected plain numbers",
    ),
    "records": (archive(("w.npy", member(np.zeros(2, [("a", "<f4")])))), "expected plain numbers"),
    "version 3": (archive(("w.npy", member(np.zeros(2), (3, 0)))), r"an array of version \(3, 0\)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_cannot_be(tmp_path: Path, name: str) -> None:
    data, reason = FAULTS[name]
    path = tmp_path / "a.npz"
    path.write_bytes(data)
    expected = rf"^{path}: no archive of NumPy's that can be read \(.*({reason}).*\); replace the file"
    with pytest.raises(SourceError, match=expected) as error:
        reopened(tmp_path, "npz")
    assert "\n" not in str(error.value)


def test_a_member_that_inflates_beyond_its_claim(tmp_path: Path) -> None:
    """It says that it is small, and holds 64 MiB: what it does not claim is never unpacked."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("w.npy", packer.compress(bytes(1 << 26)) + packer.flush())
        (lying,) = made.infolist()
        lying.compress_type, lying.file_size = zipfile.ZIP_DEFLATED, 128
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    tracemalloc.start()
    with pytest.raises(SourceError, match="Bad CRC-32"):
        reopened(tmp_path, "npz")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 23


def test_a_name_twice(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("w.npy", ONE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("w.npy", ONE)
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    with pytest.raises(SourceError, match="2 members, expected at most 4096, none of them twice"):
        reopened(tmp_path, "npz")


def test_damage_never_crashes(tmp_path: Path) -> None:
    stream = np.random.default_rng(4)
    parse = parser(reopened(put(tmp_path, "npz", layer_arrays()), "npz").listing)
    told: list[str] = []
    for _ in range(300):
        damaged = bytearray(GOOD)
        ends = (0, len(GOOD)) if stream.integers(2) else (len(GOOD) - 700, len(GOOD))
        for place in stream.integers(*ends, stream.integers(1, 6)):
            damaged[place] = stream.integers(256)
        try:
            assert parse(bytes(damaged), "a").weights.nbytes <= len(GOOD)
        except SourceError as error:
            told.append(str(error))
    assert len(told) > 100
    assert all(text.startswith("a: ") for text in told)


def test_fields_of_one_file_are_told_apart(tmp_path: Path) -> None:
    """Views that differ in split or label, or are there twice, by their places in the file."""
    layers = {"layers.0.weight": np.ones((4, 3, 2), np.float32), "layers.0.bias": np.ones((4, 3), np.float32)}
    layers |= {
        "layers.1.weight": np.ones((4, 1, 3), np.float32),
        "layers.1.bias": np.ones((4, 1), np.float32),
    }
    objects = {"object_id": np.array([5, 6, 5, 6]), "view": np.array([0, 0, 1, 1])}
    path = tmp_path / "x.npz"
    for more, message in (
        (
            {"split": np.array([0, 1, 0, 2])},
            "object 6 has another split in field 1 of x.npz than in field 3 of",
        ),
        (
            {"label": np.array([3, 1, 4, 1])},
            "object 5 has another label in field 0 of x.npz than in field 2 of",
        ),
        (
            {"view": np.zeros(4, int)},
            "found view 0 of object 5 twice, in field 0 of x.npz and in field 2 of x",
        ),
    ):
        np.savez(path, **{**layers, **objects, **more})
        with pytest.raises(SourceError, match=message):
            reopened(tmp_path, "npz")
