"""The format of DWSNets' MNIST: their program reads ours, we read theirs, and back is exact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.statistics.moments import Statistics

from .by_hand import flat, grid, in_order, loaded, made_layers, sequential, siren, write
from .imported_stores import all_weights, exported, make_imported, reopened

DIMS = (2, 5, 4, 1)


def published(root: Path, **more: Any) -> Path:
    """Three training images and two of test, numbered from 0 in either part."""
    parts = [("training", 5, 0), ("training", 0, 7), ("training", 3, 2), ("testing", 7, 0), ("testing", 1, 2)]
    files = {
        f"mnist-inrs/mnist_png_{part}_{label}_{number}/checkpoints/model_final.pth": sequential(
            made_layers(DIMS, number + 100 * (part == "testing"))
        )
        for part, label, number in parts
    }
    return write(root, files | more)


def listed_at(paths: dict[str, list[str]], **labels: list[Any]) -> bytes:
    lists: Any = {
        split: {
            "path": names,
            "label": labels.get(split, [name.split("/")[-3].split("_")[-2] for name in names]),
        }
        for split, names in paths.items()
    }
    return json.dumps(lists).encode()


def foreign(*folders: str) -> list[str]:
    return [
        f"/home/someone/data/mnist-inrs/mnist_png_{folder}/checkpoints/model_final.pth" for folder in folders
    ]


class TestPublished:
    def test_without_lists(self, tmp_path: Path) -> None:
        opened = reopened(published(tmp_path), "dwsnets")
        listing = opened.listing
        assert opened.format == "dwsnets"
        assert listing.object_id.tolist() == [0, 2, 7, 60_000, 60_002]
        assert listing.label.tolist() == [5, 3, 0, 7, 1]
        assert listing.split.tolist() == [0, 0, 0, 2, 2]
        assert listing.view.tolist() == [0] * 5
        assert listing.notes == ("no lists of splits: training folders are train, testing folders are test",)
        assert listing.image_shape == (28, 28)
        weights = all_weights(opened)
        for row, seed in enumerate((0, 2, 7, 100, 102)):
            assert weights[row].tobytes() == flat(made_layers(DIMS, seed)).tobytes()

    def test_lists_of_another_machine(self, tmp_path: Path) -> None:
        lists = listed_at(
            {
                "train": foreign("training_5_0"),
                "val": foreign("training_3_2"),
                "test": foreign("testing_7_0", "testing_1_2"),
            }
        )
        listing = reopened(published(tmp_path, **{"mnist-inrs/mnist_splits.json": lists}), "dwsnets").listing
        assert listing.object_id.tolist() == [0, 2, 60_000, 60_002]
        assert listing.split.tolist() == [Split.train, Split.val, Split.test, Split.test]
        assert listing.label.tolist() == [5, 3, 7, 1]
        assert listing.texts == ("mnist-inrs/mnist_splits.json",)
        assert listing.left_out == {
            "mnist-inrs/mnist_png_training_0_7/checkpoints/model_final.pth": "no list of splits names it"
        }
        assert listing.notes == ()

    def test_another_label_in_the_lists(self, tmp_path: Path) -> None:
        lists = listed_at({"train": foreign("training_5_0")}, train=["6"])
        published(tmp_path, **{"splits.json": lists})
        with pytest.raises(SourceError) as error:
            reopened(tmp_path, "dwsnets")
        assert str(error.value) == (
            f"{tmp_path}/mnist-inrs/mnist_png_training_5_0/checkpoints/model_final.pth: found label 5 in its "
            "name and 6 in the list of splits, expected one label: restore it"
        )

    def test_what_else_lies_there(self, tmp_path: Path) -> None:
        """The archive is said to hold classifiers too, and what packing on a Mac leaves behind."""
        junk = {
            "mnist-inrs/cifar10_png_training_3_2/checkpoints/model_final.pth": b"another network",
            "__MACOSX/mnist-inrs/mnist_png_training_5_0/checkpoints/._model_final.pth": b"\x00",
            "__MACOSX/mnist-inrs/mnist_png_training_5_9/checkpoints/model_final.pth": b"\x00",
            "mnist-inrs/.DS_Store": b"\x00",
        }
        opened = reopened(published(tmp_path, **junk), "dwsnets")
        assert len(opened.listing) == 5
        assert all_weights(opened).shape == (5, opened.listing.convention.spec(DIMS).parameters)

    def test_an_image_twice(self, tmp_path: Path) -> None:
        published(tmp_path)
        write(tmp_path, {"copy/mnist_png_training_5_0/checkpoints/model_final.pth": {}})
        with pytest.raises(
            SourceError, match="found view 0 of object 0 twice, in copy/mnist_png_training_5_0"
        ):
            reopened(tmp_path, "dwsnets")

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({}, r"found the tensors none, expected seq\.0\.weight"),
            (
                {"mlp.0.weight": torch.zeros(2, 2)},
                r"found the tensor 'mlp\.0\.weight', expected each once of seq\.0\..* or layers\.0\.\* ",
            ),
            (
                {"net.0.weight": torch.zeros(2, 2), "seq.0.bias": torch.zeros(2)},
                r"found the tensor 'seq\.0\.bias', expected each once of seq\.0\.weight",
            ),
            (
                {"seq.0.weight": torch.zeros(2, 2)},
                r"found the tensors seq\.0\.weight, expected seq\.0\.weight",
            ),
            (sequential(made_layers((2, 1), 0)), "found layers 2-1, expected one hidden layer or more"),
            (
                {name: value.double() for name, value in sequential(made_layers(DIMS, 0)).items()},
                "found numbers of type float64, expected float32: convert them there",
            ),
            (
                sequential(made_layers(DIMS, 0)) | {"seq.1.weight": torch.zeros(4, 6)},
                r"layer 1 has weight \(4, 6\) and bias \(4,\), expected \(out, in\) and \(out\) with in = 5",
            ),
            (b"no pickle", "expected a state dict of torch"),
        ],
    )
    def test_files_that_are_no_fields(self, tmp_path: Path, value: Any, message: str) -> None:
        write(tmp_path, {"mnist_png_training_5_0/checkpoints/model_final.pth": value})
        opened = reopened(tmp_path, "dwsnets")
        with pytest.raises(SourceError, match=message) as error:
            opened.parse(0)
        assert str(error.value).startswith(f"{tmp_path}/mnist_png_training_5_0/checkpoints/model_final.pth: ")


def test_their_program_reads_ours(tmp_path: Path) -> None:
    """Label and split from the JSON, weights by their names, +0.5 at the output, x first."""
    store = make_imported(tmp_path / "store", image_shape=(9, 7))
    done = exported(store, "dwsnets", tmp_path / "out")
    assert done.notes == (
        "paths in mnist_splits.json begin with mnist-inrs/: run programs from the folder that holds it",
    )
    lists = json.loads((tmp_path / "out/mnist-inrs/mnist_splits.json").read_text())
    assert {*lists} == {"train", "val", "test"}
    seen = []
    for split, table in lists.items():
        for path, label in zip(table["path"], table["label"], strict=True):
            folder = (tmp_path / "out" / path).parents[1].name
            record = int(folder.split("_")[-1])
            assert isinstance(label, str)
            assert int(label) == store.column("label")[record] == int(folder.split("_")[-2])
            assert Split[split] == store.column("split")[record]
            assert ("testing" in folder) == (split == "test")
            values = siren(in_order(loaded(tmp_path / "out" / path)), grid(9, 7, "xy"), offset=0.5)
            expected = store.field(record).render((9, 7))
            assert np.allclose(values.reshape(9, 7).numpy(), expected, rtol=0, atol=1e-5)
            seen.append(record)
    assert sorted(seen) == list(range(12))


def test_statistics_as_their_loader_wants_them(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store")
    exported(store, "dwsnets", tmp_path / "out")
    found = loaded(tmp_path / "out/mnist-inrs/statistics.pth")
    nets = [
        in_order(loaded(path))
        for path in sorted((tmp_path / "out").rglob("model_final.pth"))
        if store.column("split")[int(path.parts[-3].split("_")[-1])] == Split.train
    ]
    assert len(nets) == Statistics.of(store).records == 6
    for place in range(3):
        for part, kind in enumerate(("weights", "biases")):
            stacked = torch.stack(
                [(net[place][part].T if part == 0 else net[place][part])[..., None] for net in nets]
            )
            assert torch.allclose(found[kind]["mean"][place], stacked.mean(0), atol=1e-6)
            assert torch.allclose(found[kind]["std"][place], stacked.std(0), atol=1e-6)
            assert found[kind]["std"][place].shape == stacked.shape[1:]


def test_other_conventions_are_told(tmp_path: Path) -> None:
    target = {"range": [-1.0, 1.0], "mean": [0.25], "std": [0.5]}
    store = make_imported(tmp_path / "store", FieldSpec([2, 4, 1], 8.0, 0.0, 1.0, "ij"), target=target)
    _, *told = exported(store, "dwsnets", tmp_path / "out").notes
    assert told == [
        "omega is 8, where programs for this format take 30",
        "axis order is ij, where programs for this format take xy",
        "output offset is 0, where programs for this format take 0.5",
        "targets are -1 to 1 less 0.25, over 0.5, where programs for this format take 0 to 1",
    ]


def test_what_it_has_no_place_for(tmp_path: Path) -> None:
    views = make_imported(tmp_path / "views", views=2)
    with pytest.raises(SpecError) as error:
        exported(views, "dwsnets", tmp_path / "out")
    assert str(error.value) == (
        f"dwsnets: holds one field of an object, found 2 views in {tmp_path / 'views'}; "
        "take --views 1, or export to multiview"
    )
    assert exported(views, "dwsnets", tmp_path / "one", views=1).count == 12
    bare = make_imported(tmp_path / "bare", objects=(3, 9), label=(2, -1))
    with pytest.raises(SpecError) as error:
        exported(bare, "dwsnets", tmp_path / "out")
    assert str(error.value) == (
        f"dwsnets: object 9 of {tmp_path / 'bare'} has no label, which this format needs; "
        "export to safetensors or npz"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["net.{}", "net.{}.linear", "layers.{}"])
@pytest.mark.parametrize("format", ["dwsnets", "dwsnets-fmnist", "multiview"])
def test_other_spellings(tmp_path: Path, format: str, name: str) -> None:
    file = {
        "dwsnets": "mnist_png_training_3_0/checkpoints/model_final.pth",
        "dwsnets-fmnist": "fmnist_inrs/train/model_0.pth",
        "multiview": "0/train/model_0.pth",
    }[format]
    layers = made_layers(DIMS, 4)
    table = {
        f"{name.format(place)}.{kind}": tensor
        for place, pair in enumerate(layers)
        for kind, tensor in zip(("weight", "bias"), pair, strict=True)
    }
    opened = reopened(write(tmp_path, {file: {**table, "label": 3}}), format)
    assert all_weights(opened).tobytes() == flat(layers).tobytes()


@pytest.mark.parametrize("format", ["dwsnets", "dwsnets-fmnist", "multiview"])
def test_an_export_that_lost_its_note(tmp_path: Path, format: str) -> None:
    """Test images that are numbered on already are not numbered on once more."""
    split = [Split.train, Split.val, Split.test, Split.test]
    store = make_imported(tmp_path / "store", objects=(0, 59_999, 60_000, 60_003), split=split)
    exported(store, format, tmp_path / "out")
    (note,) = (tmp_path / "out").rglob("neuralviews.json")
    note.unlink()
    listing = reopened(tmp_path / "out", format).listing
    assert listing.object_id.tolist() == [0, 59_999, 60_000, 60_003]
    assert listing.split.tolist() == split
