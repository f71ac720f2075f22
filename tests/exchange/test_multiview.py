"""The multi-view format: a folder a view, in the order of their names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Split

from .by_hand import flat, grid, in_order, loaded, made_layers, sequential, siren, write
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened

DIMS = (2, 5, 4, 1)
FOLDERS = ("view_10", "view_2", "view_a")
"""As they sort."""


def published(root: Path, **more: Any) -> Path:
    """Objects 0 and 6 of train, 0 of test, of three views each."""
    files = {
        f"fmnist_multiview/{folder}/{part}/model_{number}.pth": sequential(
            made_layers(DIMS, 100 * view + 10 * number + (part == "test")), label=number + (part == "test")
        )
        for view, folder in enumerate(FOLDERS)
        for part, number in (("train", 0), ("train", 6), ("test", 0))
    }
    return write(root, files | more)


def test_views_are_folders_in_order(tmp_path: Path) -> None:
    opened = reopened(published(tmp_path), "multiview")
    listing = opened.listing
    assert listing.object_id.tolist() == [0, 0, 0, 6, 6, 6, 60_000, 60_000, 60_000]
    assert listing.view.tolist() == [0, 1, 2] * 3
    assert listing.split.tolist() == [0] * 6 + [2] * 3
    assert all_labels(opened) == [0, 0, 0, 6, 6, 6, 1, 1, 1]
    seeds = [100 * view + more for more in (0, 60, 1) for view in range(3)]
    assert all_weights(opened).tobytes() == np.stack([flat(made_layers(DIMS, s)) for s in seeds]).tobytes()
    assert listing.recipe == "fashion-mnist-dws"
    assert listing.notes == (
        "no lists of splits: the folders are train and test, with fields for validation among train",
    )


def test_lists_that_name_the_first_view_alone(tmp_path: Path) -> None:
    """Of val and test no more is read there; the other views are of the same objects."""
    start = "/elsewhere/fmnist_multiview"
    lists = {
        "train": [f"{start}/{folder}/train/model_0.pth" for folder in FOLDERS],
        "val": [f"{start}/view_10/train/model_6.pth"],
        "test": [f"{start}/view_10/test/model_0.pth"],
    }
    more = {"fmnist_multiview/splits.json": json.dumps(lists).encode()}
    listing = reopened(published(tmp_path, **more), "multiview").listing
    assert listing.split.tolist() == [Split.train] * 3 + [Split.val] * 3 + [Split.test] * 3
    assert listing.left_out == {}
    del lists["val"]
    more = {"fmnist_multiview/splits.json": json.dumps(lists).encode()}
    listing = reopened(published(tmp_path, **more), "multiview").listing
    assert listing.object_id.tolist() == [0, 0, 0, 60_000, 60_000, 60_000]
    assert {*listing.left_out} == {f"fmnist_multiview/{folder}/train/model_6.pth" for folder in FOLDERS}


def test_lists_that_part_an_object(tmp_path: Path) -> None:
    lists = {
        "train": ["x/view_10/train/model_0.pth"],
        "val": ["x/view_2/train/model_0.pth"],
    }
    published(tmp_path, **{"fmnist_multiview/splits.json": json.dumps(lists).encode()})
    with pytest.raises(
        SourceError, match=r"object 0 has another split in .*, expected one for all its views"
    ):
        reopened(tmp_path, "multiview")


def test_their_program_reads_ours(tmp_path: Path) -> None:
    """Paths are cut at the root's name, views are sorted as texts, the label is taken out of the table."""
    store = make_imported(
        tmp_path / "store", FieldSpec([2, 8, 8, 3], 30.0, 0.5), views=11, objects=range(8), image_shape=(6, 5)
    )
    done = exported(store, "multiview", tmp_path / "out")
    assert done.notes == ("the folder multiview keeps its name: paths in splits.json are cut at it",)
    root = tmp_path / "out/multiview"
    lists = json.loads((root / "splits.json").read_text())
    views = sorted({path.split("/")[-3] for path in lists["train"]})
    assert len(views) == 11
    seen = []
    for split, paths in lists.items():
        for path in paths:
            parts = path.split("/")
            assert parts.count("multiview") == 1
            state = loaded(root / "/".join(parts[parts.index("multiview") + 1 :]))
            label = state.pop("label")
            torch.nn.functional.one_hot(torch.tensor(label), 10)
            record = int(parts[-1].removeprefix("model_").removesuffix(".pth")) * 11 + views.index(parts[-3])
            assert label == store.column("label")[record]
            assert Split[split] == store.column("split")[record]
            values = siren(in_order(state), grid(6, 5, "xy"), offset=0.5).reshape(6, 5, 3)
            assert np.allclose(values.numpy(), store.field(record).render((6, 5)), rtol=0, atol=1e-5)
            seen.append(record)
    assert sorted(seen) == list(range(88))
    statistics = loaded(root / "statistics.pth")
    assert [tuple(part.shape) for part in statistics["weights"]["mean"]] == [(2, 8, 1), (8, 8, 1), (8, 3, 1)]
    assert [tuple(part.shape) for part in statistics["biases"]["std"]] == [(8, 1), (8, 1), (3, 1)]


def test_views_that_are_missing_keep_their_numbers(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", objects=(0, 5), views=(1, 3, 12), diverged=[1])
    exported(store, "multiview", tmp_path / "out")
    listing = reopened(tmp_path / "out", "multiview").listing
    assert list(zip(listing.object_id.tolist(), listing.view.tolist(), strict=True)) == [
        *((0, 1), (0, 12)),
        *((5, 1), (5, 3), (5, 12)),
    ]


def test_folders_of_an_export_that_were_renamed(tmp_path: Path) -> None:
    exported(make_imported(tmp_path / "store", views=2), "multiview", tmp_path / "out")
    (tmp_path / "out/multiview/1").rename(tmp_path / "out/multiview/second")
    with pytest.raises(SourceError) as error:
        reopened(tmp_path / "out", "multiview")
    assert str(error.value) == (
        f"{tmp_path}/out: found a folder 'second' of a view, expected its number beside neuralviews.json: "
        "restore the folder's name, or take that file away"
    )


@pytest.mark.parametrize("dims", [(2, 8, 1), (2, 8, 16, 1), (2, 6, 6, 1)])
def test_networks_that_their_models_do_not_take(tmp_path: Path, dims: tuple[int, ...]) -> None:
    store = make_imported(tmp_path / "store", FieldSpec(dims, 30.0, 0.5))
    assert exported(store, "multiview", tmp_path / "out").notes[1:] == (
        f"fields are {'-'.join(map(str, dims))}; models of the code that reads such files want two hidden "
        "layers or more, of one width that is a multiple of 8",
    )


def test_fields_without_label(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", label=[-1] * 12)
    with pytest.raises(SpecError, match=r"^multiview: object 0 of .* has no label"):
        exported(store, "multiview", tmp_path / "out")
