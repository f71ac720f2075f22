"""The Fashion-MNIST format of DWSNets: a label in each file, lists of plain paths."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError, SpecError
from neuralviews.records import Split

from .by_hand import flat, grid, in_order, loaded, made_layers, sequential, siren, write
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened

DIMS = (2, 5, 4, 1)
TRAIN, TEST = (0, 4, 20_814), (0, 3)


def published(root: Path, folder: str = "fmnist_inrs", **more: Any) -> Path:
    files = {
        f"{folder}/{part}/model_{number}.pth": sequential(made_layers(DIMS, number), label=number % 10)
        for part, numbers in (("train", TRAIN), ("test", TEST))
        for number in numbers
    }
    return write(root, files | more)


LISTS = json.dumps(
    {
        "train": [
            "/data/authors/fmnist_inrs/train/model_20814.pth",
            "/data/authors/fmnist_inrs/train/model_0.pth",
        ],
        "val": ["/data/authors/fmnist_inrs/train/model_4.pth"],
        "test": ["/data/authors/fmnist_inrs/test/model_0.pth", "/data/authors/fmnist_inrs/test/model_3.pth"],
    }
).encode()


@pytest.mark.parametrize("inside", [False, True])
def test_a_published_set(tmp_path: Path, inside: bool) -> None:
    """Whether its folder is named or the one above it."""
    published(tmp_path, **{"fmnist_inrs/splits.json": LISTS})
    opened = reopened(tmp_path / "fmnist_inrs" if inside else tmp_path, "dwsnets-fmnist")
    listing = opened.listing
    assert listing.object_id.tolist() == [0, 4, 20_814, 60_000, 60_003]
    assert listing.split.tolist() == [Split.train, Split.val, Split.train, Split.test, Split.test]
    assert all_labels(opened) == [0, 4, 4, 0, 3]
    assert listing.notes == ()
    assert listing.recipe == "fashion-mnist-dws"
    expected = [flat(made_layers(DIMS, number)) for number in (*TRAIN, *TEST)]
    assert all_weights(opened).tobytes() == np.stack(expected).tobytes()


def test_without_lists(tmp_path: Path) -> None:
    listing = reopened(published(tmp_path), "dwsnets-fmnist").listing
    assert listing.split.tolist() == [0, 0, 0, 2, 2]
    assert listing.notes == (
        "no lists of splits: the folders are train and test, with fields for validation among train",
    )


def test_another_folder_name_is_of_another_format(tmp_path: Path) -> None:
    """So that one of several views is not taken for this."""
    with pytest.raises(SourceError, match=r"looked for .*dwsnets-fmnist: fmnist_inrs/train/model_<id>\.pth"):
        reopened(published(tmp_path, "first_view"), "dwsnets")


@pytest.mark.parametrize("label", [None, True, -1, 1.0, "3", 1 << 20, torch.tensor([1, 2])])
def test_no_label(tmp_path: Path, label: object) -> None:
    table = sequential(made_layers(DIMS, 0)) | ({} if label is None else {"label": label})
    opened = reopened(write(tmp_path, {"fmnist_inrs/train/model_0.pth": table}), "dwsnets-fmnist")
    with pytest.raises(SourceError, match=r"model_0\.pth: found .*label.*, expected"):
        opened.parse(0)


def test_their_program_reads_ours(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", image_shape=(6, 8))
    assert exported(store, "dwsnets-fmnist", tmp_path / "out").notes == ()
    lists = json.loads((tmp_path / "out/fmnist_inrs/splits.json").read_text())
    seen = []
    for split, paths in lists.items():
        for path in paths:
            state = loaded(tmp_path / "out/fmnist_inrs" / "/".join(path.split("/")[-2:]))
            record = int(path.split("/")[-1].split("_")[-1].split(".")[0])
            label = state.pop("label")
            assert type(label) is int
            assert label == store.column("label")[record]
            assert Split[split] == store.column("split")[record]
            assert path.split("/")[-2] == ("test" if split == "test" else "train")
            values = siren(in_order(state), grid(6, 8, "xy"), offset=0.5).reshape(6, 8)
            assert np.allclose(values.numpy(), store.field(record).render((6, 8)), rtol=0, atol=1e-5)
            seen.append(record)
    assert sorted(seen) == list(range(12))


def test_what_it_has_no_place_for(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^dwsnets-fmnist: holds one field of an object, found 2 views"):
        exported(make_imported(tmp_path / "a", views=2), "dwsnets-fmnist", tmp_path / "out")
    with pytest.raises(
        SpecError, match=r"^dwsnets-fmnist: object 0 of .* has no label, which this format needs"
    ):
        exported(make_imported(tmp_path / "b", label=[-1] * 12), "dwsnets-fmnist", tmp_path / "out")
