"""Which files a torchvision dataset reads: for provenance, and for messages that say what is missing.

Arguments are those of the constructor, its defaults filled in.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import SourceError
from .places import is_file, is_folder

__all__ = ["files_read", "files_wanted", "packed_files", "same_images"]

_PACKED = {".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip"}


def files_read(dataset: Any, arguments: Mapping[str, Any], root: Path) -> list[Path]:
    """The files behind a dataset that was opened with these arguments.

    Exactly those that were read for the MNIST family, CIFAR, STL10, SVHN and USPS. Of other sets, all
    files of the set's own folder, or of the root if it has none; packed copies do not count.

    Raises:
        SourceError: a link leads to a folder, in which torchvision may read files that nothing here finds.
    """
    if hasattr(dataset, "raw_folder"):
        return list(_mnist_files(dataset))
    if hasattr(dataset, "train_list"):
        meta = getattr(dataset, "meta", None)
        names = [entry[0] for entry in (*dataset.train_list, *dataset.test_list)]
        return [root / dataset.base_folder / name for name in (*names, *([meta["filename"]] if meta else []))]
    if hasattr(dataset, "split_list"):
        return [root / name for name in files_wanted(type(dataset), arguments)]
    own = getattr(dataset, "_base_folder", None)  # which has the root in it already
    return _unpacked(Path(own) if own else root / (getattr(dataset, "base_folder", None) or ""))


def _mnist_files(dataset: Any) -> Iterator[Path]:
    processed = Path(dataset.processed_folder)
    old = processed / (dataset.training_file if dataset.train else dataset.test_file)
    if old.exists():  # converted by an early torchvision, which later ones still prefer
        yield old
    elif hasattr(dataset, "images_file"):
        yield from (Path(dataset.images_file), Path(dataset.labels_file))
    else:
        stem = "train" if dataset.train else "t10k"
        for name in (f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"):
            yield Path(dataset.raw_folder) / name


def same_images(one: Any, other: Any) -> bool:
    """Whether two datasets hold the same images whatever their arguments say, where that is certain.

    It is of the MNIST family, which may name a part in two ways, and of which parts may share their files.
    """
    if not (hasattr(one, "raw_folder") and hasattr(other, "raw_folder")):
        return False
    parts = [(getattr(part, "what", None), *_mnist_files(part)) for part in (one, other)]
    return parts[0] == parts[1]


def _unpacked(folder: Path) -> list[Path]:
    found = list(folder.rglob("*"))
    for path in found:
        if path.is_symlink() and is_folder(path):
            raise SourceError(f"{path}: a link to a folder; expected the files themselves: copy them there")
    return [path for path in found if is_file(path) and path.suffix.lower() not in _PACKED]


def files_wanted(dataset: type[Any], arguments: Mapping[str, Any]) -> list[str]:
    """Relative names of the unpacked files that a dataset class needs, where it tells before it is opened."""
    if isinstance(vars(dataset).get("resources"), list):
        return [
            f"{dataset.__name__}/raw/{name.removesuffix('.gz')}" for name, _ in vars(dataset)["resources"]
        ]
    if hasattr(dataset, "train_list"):
        return [f"{dataset.base_folder}/{entry[0]}" for entry in (*dataset.train_list, *dataset.test_list)]
    if hasattr(dataset, "split_list"):
        part = arguments["split"] if "split" in arguments else "train" if arguments["train"] else "test"
        return [dataset.split_list[part][1]] if part in dataset.split_list else []
    return []


def packed_files(dataset: type[Any], arguments: Mapping[str, Any], root: Path) -> list[Path]:
    """Packed files of a dataset class that lie where torchvision looks for them."""
    places = [root / f"{name}.gz" for name in files_wanted(dataset, arguments)]
    archive = getattr(dataset, "filename", None)
    if isinstance(archive, str):
        places.append(root / archive)
    return [path for path in places if is_file(path)]
