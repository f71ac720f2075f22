"""Sets of fields as people find them, in folders and archives, and imports of them that are proven."""

import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from neuralviews.exchange.run import ImportOptions, ImportReport, import_store
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from .by_hand import made_layers, sequential

DIMS = (2, 6, 6, 1)
VIEWS = ImportOptions(format="multiview")
DWSNETS = ImportOptions(format="dwsnets")


def mnist(part: str, label: int, number: int) -> str:
    return f"mnist-inrs/mnist_png_{part}_{label}_{number}/checkpoints/model_final.pth"


def published(count: int = 4, dims: tuple[int, ...] = DIMS) -> dict[str, Any]:
    """Files of a set as DWSNets published one: training images and one for testing."""
    names = [mnist("training", number % 3, number) for number in range(count - 1)] + [mnist("testing", 7, 5)]
    return {name: sequential(made_layers(dims, place)) for place, name in enumerate(names)}


def packed(folder: Path, out: Path) -> Path:
    """The files of a folder in a zip or a tar archive, told by its name."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if out.suffix == ".zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in reversed(names):
                archive.write(folder / name, name)
    else:
        with tarfile.open(out, "w:gz" if out.suffix == ".tgz" else "w") as tar:
            for name in names:
                tar.add(folder / name, name)
    return out


def brought(path: Path, out: Path, options: ImportOptions) -> tuple[Store, ImportReport]:
    report = import_store(path, out, options)
    found = open_store(out)
    assert report.dataset_id == found.dataset_id
    assert verify(out, "semantic").checks
    return found, report


def edited_note(folder: Path, out: Path, **values: Any) -> Path:
    """A copy of an export whose note says other things."""
    shutil.copytree(folder, out)
    (note,) = out.rglob("neuralviews.json")
    note.write_text(json.dumps({**json.loads(note.read_bytes()), **values}))
    return out
