"""Downloads that go wrong in every way, and what proof and durability cost those that go right.

Everything is served by this machine to itself, so that the figures are of the code and not of a network.
"""

import hashlib
import os
import statistics
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np

from neuralviews.errors import FetchError
from neuralviews.remote.fetch import fetch
from neuralviews.remote.patience import Patience
from neuralviews.seeds import derive_seed

from ..remote.fault_server import Fault, FaultServer
from .rows import Row

__all__ = ["measure"]

DOWNLOADS = 100
SIZES = (1_000, 70_000, 1_000_000, 5_000_000)
PASSING = ("reset", "close", "refuse", "stall", "status", "no ranges", "wrong range", "wrong note", "long")
PASSING += ("short", "chunked close", "no validator", "dated")
"""After these the next try does better, so that the file has to arrive."""
LASTING = ("flip", "html", "bare html", "gzip", "dead")
"""These give nothing that may be taken for the file."""

CLEAN_BYTES = 2**26
ROUNDS = 7


def measure() -> list[Row]:
    """All figures of downloads, on temporary files of about 200 MB."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_faulty(Path(folder)), _clean(Path(folder))]


def _faulty(folder: Path) -> list[Row]:
    """Downloads that meet one to four faults each, every fifth of them one that lasts."""
    found: Counter[str] = Counter()
    patience = Patience(tries=6, pause=0.0, longest=0.0, timeout=0.5)
    for number in range(DOWNLOADS):
        stream = np.random.default_rng(derive_seed(0, "bench", "fetch", number))
        data = stream.bytes(int(stream.choice(SIZES)))
        sha256, lasting = hashlib.sha256(data).hexdigest(), number % 5 == 4
        with FaultServer({"file": data}) as site:
            for kind in stream.choice(PASSING, int(stream.integers(1, 5))).tolist():
                site.faults.append(Fault(kind, at=float(stream.uniform())))
            if lasting:
                kind = LASTING[number // 5 % len(LASTING)]
                site.always = Fault("status", status=404) if kind == "dead" else Fault(kind)
                site.faults.clear()
            target = folder / f"{number}"
            try:
                fetch([site.link("file")], target, sha256=sha256, patience=patience)
                found["right"] += not lasting and target.read_bytes() == data
            except FetchError:
                found["right"] += lasting
            found["partial"] += target.exists() and target.read_bytes() != data
            resumed = any(asked is not None for asked in site.ranges())
            found["resumed"] += resumed and target.exists()
            found["identical"] += resumed and target.exists() and target.read_bytes() == data
    return [
        Row(f"outcomes that are right, of {DOWNLOADS} faulty downloads", found["right"], "", "", None, "all"),
        Row("files under their final name that are not whole", found["partial"], "", "", None, "none"),
        Row(
            "downloads that went on after an interruption, with the same bytes",
            found["identical"],
            "",
            f"{found['resumed']} that went on",
            found["identical"] / found["resumed"],
            "all",
        ),
    ]


def _clean(folder: Path) -> Row:
    """A download without faults beside what one writes in ten lines."""
    data = np.random.default_rng(derive_seed(1, "bench", "fetch")).bytes(CLEAN_BYTES)
    sha256 = hashlib.sha256(data).hexdigest()
    ours, theirs = [], []
    with FaultServer({"file": data}) as site:
        link = site.link("file")
        for number in range(ROUNDS + 1):  # the first warms up
            start = time.perf_counter()
            _plain(link, folder / "plain", sha256)
            middle = time.perf_counter()
            fetch([link], folder / "ours", sha256=sha256)
            end = time.perf_counter()
            (folder / "ours").unlink()
            (folder / "plain").unlink()
            if number:
                theirs.append(CLEAN_BYTES / (middle - start) / 1e6)
                ours.append(CLEAN_BYTES / (end - middle) / 1e6)
    return Row(
        "64 MiB from this machine to itself, wall clock; ratio of rates",
        statistics.median(ours),
        "MB/s",
        f"urllib, hashlib and fsync {statistics.median(theirs):.4g} MB/s",
        statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
        "at least 0.8x",
    )


def _plain(link: str, path: Path, sha256: str) -> None:
    """Download and compare, with the bytes on the disk at the end."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(link) as answer, path.open("wb") as file:
        while block := answer.read(2**20):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    assert digest.hexdigest() == sha256
