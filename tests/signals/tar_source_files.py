"""Small tar archives, plain and packed, and what a refusal of one is."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from neuralviews.errors import SourceError
from neuralviews.signals.tar_tree import TarTree

FILES = {
    "inrs/a/1.pth": b"one",
    "inrs/b/2.pth": b"",
    "inrs/ä/" + "long/" * 40 + "3.pth": bytes(range(256)) * 5,
    "README": b"read me",
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def member(name: str, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def tar_bytes(files: Mapping[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files, and of members without content after them."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w", format=form) as archive:
        for name, data in files.items():
            archive.addfile(member(name, size=len(data)), io.BytesIO(data))
        for other in others:
            archive.addfile(other)
    return image.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        TarTree(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


PLAIN = tar_bytes({"a": b"x" * 700, "b": b"y"}, form=tarfile.USTAR_FORMAT)
