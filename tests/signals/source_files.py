"""Small source files in the very formats of the real ones, and recipes that read them."""

import gzip
import hashlib
import pickle
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.signals.torchvision_shim import torchvision_datasets

CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def recipe_for(source: dict[str, Any], channels: int, **tables: Any) -> Recipe:
    """A recipe of one small field, with further tables as given."""
    return recipe_from_canonical(
        {"name": "small", "source": source, "field": {"dims": [2, 8, channels]}, **tables}
    )


def some_bytes(seed: int, *shape: int) -> NDArray[np.uint8]:
    """Reproducible pixels."""
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, shape, np.uint8)


def idx(array: NDArray[np.uint8]) -> bytes:
    """The IDX format of the MNIST family: magic, big-endian sizes, bytes."""
    return struct.pack(f">I{array.ndim}I", 0x800 | array.ndim, *array.shape) + array.tobytes()


def write_mnist(root: Path, name: str = "MNIST", *, packed: bool = False) -> dict[str, NDArray[np.uint8]]:
    """7 train and 3 test images of 28x28 with labels, as IDX files; returns the arrays by file name."""
    arrays = {}
    for seed, (stem, count) in enumerate((("train", 7), ("t10k", 3))):
        arrays[f"{stem}-images-idx3-ubyte"] = some_bytes(seed, count, 28, 28)
        arrays[f"{stem}-labels-idx1-ubyte"] = some_bytes(seed + 2, count) % 10
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, array in arrays.items():
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (folder / file).write_bytes(idx(array))
    return arrays


def expect_packed_mnist(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Let torchvision expect the packed files that lie below ``root`` rather than the published ones."""
    mnist = torchvision_datasets().MNIST
    sums = [(name, md5((root / "MNIST" / "raw" / name).read_bytes())) for name, _ in mnist.resources]
    monkeypatch.setattr(mnist, "resources", sums)


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """CIFAR-10's python version, two images a batch; returns all images (12, 32, 32, 3), test last."""
    cifar = torchvision_datasets().CIFAR10
    folder = root / cifar.base_folder
    folder.mkdir(parents=True)
    images = some_bytes(9, 12, 3, 32, 32)
    names = [name for name, _ in (*cifar.train_list, *cifar.test_list)]
    sums = []
    for batch, name in enumerate(names):
        part = images[2 * batch : 2 * batch + 2].reshape(2, -1)
        data = pickle.dumps({"data": part, "labels": [batch, 9 - batch], "filenames": ["a", "b"]}, protocol=2)
        (folder / name).write_bytes(data)
        sums.append([name, md5(data)])
    meta = pickle.dumps({"label_names": CIFAR_CLASSES}, protocol=2)
    (folder / "batches.meta").write_bytes(meta)
    monkeypatch.setattr(cifar, "train_list", sums[:5])
    monkeypatch.setattr(cifar, "test_list", sums[5:])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": md5(meta)})
    return images.transpose(0, 2, 3, 1)


def write_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """SVHN's cropped digits as .mat files, 4 train and 2 test; returns all images (6, 32, 32, 3)."""
    from scipy.io import savemat

    svhn = torchvision_datasets().SVHN
    root.mkdir(parents=True, exist_ok=True)
    images = some_bytes(5, 6, 32, 32, 3)
    lists = dict(svhn.split_list)
    for split, rows in (("train", slice(0, 4)), ("test", slice(4, 6))):
        path = root / f"{split}_32x32.mat"
        count = rows.stop - rows.start
        # Label 10 stands for the digit 0, and images are stored with their number last.
        labels = np.arange(10, 10 - count, -1, dtype=np.uint8)[:, None]
        savemat(path, {"X": images[rows].transpose(1, 2, 3, 0), "y": labels})
        lists[split] = [lists[split][0], path.name, md5(path.read_bytes())]
    monkeypatch.setattr(svhn, "split_list", lists)
    return images


def write_qmnist(root: Path) -> None:
    """QMNIST's train part of 3 images, with 8 numbers an image of which the first is its class."""
    folder = root / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "qmnist-train-images-idx3-ubyte").write_bytes(idx(some_bytes(0, 3, 28, 28)))
    numbers = struct.pack(">I2I24i", 0x0C02, 3, 8, *range(24))
    (folder / "qmnist-train-labels-idx2-int").write_bytes(numbers)


def count_decodes(monkeypatch: pytest.MonkeyPatch, images: type[Any]) -> Counter[int]:
    """From now on, how often each image of such sources is decoded."""
    counts: Counter[int] = Counter()
    decode = images.pixels

    def counted(self: Any, index: int) -> Any:
        counts[index] += 1
        return decode(self, index)

    monkeypatch.setattr(images, "pixels", counted)
    return counts


def png_with_transparent_colour(depth: int, colour: tuple[int, ...], rows: list[bytes]) -> bytes:
    """A PNG, grey or RGB as ``colour`` is, whose chunk tRNS declares that colour transparent."""
    samples = struct.pack(f">{len(colour)}H", *colour)
    return png(depth, 2 if len(colour) == 3 else 0, rows, tRNS=samples)


def png(depth: int, kind: int, rows: list[bytes], **chunks: bytes) -> bytes:
    """A PNG of a colour type, 0 for grey, 2 for RGB, 4 for grey with alpha, with further chunks as given."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    width = len(rows[0]) * 8 // (depth * {0: 1, 2: 3, 4: 2}[kind])
    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *(chunk(name.encode(), data) for name, data in chunks.items()),
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
            chunk(b"IEND", b""),
        )
    )


def md5(data: bytes) -> str:
    """torchvision's checksum."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
