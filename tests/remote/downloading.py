"""How tests download releases, with little patience."""

from pathlib import Path

from neuralviews.remote.release import download_release
from neuralviews.store.reader import Store, open_store

from .fetching import IMPATIENT

SHARD = "shards/shard-000001.h5"


def bring(link: str | Path, out: Path, dataset_id: str | None = None) -> Store:
    done = download_release(str(link), out, dataset_id=dataset_id, patience=IMPATIENT)
    assert done.dataset_id == open_store(out).dataset_id
    return open_store(out)
