"""What is fetched in tests, and with how little patience."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from neuralviews.remote.fetch import Fetched, fetch
from neuralviews.remote.patience import Patience

from .fault_server import FaultServer

DATA = np.random.default_rng(0).bytes(300_000)
SHA256 = sha256(DATA).hexdigest()
OTHER = bytes(255 - b for b in DATA)
"""What the file is after the server changed it."""

IMPATIENT = Patience(tries=3, pause=0.0, longest=0.0, timeout=0.3)


def bring(site: FaultServer, target: Path, **options: Any) -> Fetched:
    """Fetch ``a.bin`` from a server."""
    return fetch([site.link("a.bin")], target, **{"patience": IMPATIENT, **options})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
