"""The format of Implicit-Zoo: seeds in the names, PSNRs beside them, targets normalised by channel."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SourceError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.store.reader import Store

from .by_hand import flat, grid, in_order, loaded, made_layers, sequential, siren, write
from .imported_stores import all_weights, exported, make_imported, reopened

DIMS = (2, 4, 4, 3)


def field(index: int, seed: int) -> dict[str, Any]:
    return {"image_idx": index, "params": sequential(made_layers(DIMS, seed))}


def test_a_published_set(tmp_path: Path) -> None:
    """Shared initial weights, so one seed; what is called val are torchvision's test images."""
    names = {
        "train/ckpts/03/000000_0000042.ckpt": (0, 3, Split.train),
        "train/ckpts/00/000012_0000042.ckpt": (12, 0, Split.train),
        "val/ckpts/09/000000_0000042.ckpt": (50_000, 9, Split.val),
        "val/ckpts/00/009999_0000042.ckpt": (59_999, 0, Split.val),
    }
    root = "outputs/cifar_inrs_data/"
    files = {root + name: field(row[0], n) for n, (name, row) in enumerate(names.items())}
    stated = json.dumps({"0": 30.25, "12": 31}).encode()
    write(
        tmp_path, files | {root + "train/0_50000.json": stated, root + "train/vis/03/000000_0000042.png": b""}
    )
    opened = reopened(tmp_path, "implicit-zoo")
    listing = opened.listing
    rows = zip(listing.object_id.tolist(), listing.label.tolist(), listing.split.tolist(), strict=True)
    assert list(rows) == list(names.values())
    assert listing.view.tolist() == [0] * 4
    assert listing.seed is not None
    assert listing.seed.tolist() == [42] * 4
    assert listing.psnr is not None
    assert np.array_equal(listing.psnr, np.float32([30.25, 31, np.nan, np.nan]), equal_nan=True)
    assert listing.texts == (root + "train/0_50000.json",)
    assert listing.image_shape is None
    assert listing.recipe == "cifar10-implicit-zoo"
    assert listing.convention.mean == (0.485, 0.456, 0.406)
    assert listing.convention.std == (0.229, 0.224, 0.225)
    assert listing.notes == ("no lists of splits: fields in folders val are val, all others train",)
    assert all_weights(opened).tobytes() == np.stack([flat(made_layers(DIMS, n)) for n in range(4)]).tobytes()


def test_several_seeds_are_views(tmp_path: Path) -> None:
    names = ("000001_0000009", "000001_0000100", "000002_0000003")
    files = {f"ckpts/05/{name}.ckpt": field(0, n) for n, name in enumerate(names)}
    write(tmp_path, files | {"0_10.json": b'{"1": 30.0, "2": 31.0}'})
    listing = reopened(tmp_path, "implicit-zoo").listing
    assert listing.object_id.tolist() == [1, 1, 2]
    assert listing.view.tolist() == [0, 1, 0]
    assert listing.seed is not None
    assert listing.seed.tolist() == [9, 100, 3]
    assert listing.psnr is not None
    assert np.isnan(listing.psnr).tolist() == [True, True, False]


@pytest.mark.parametrize(("index", "expected"), [(7, 1007), (1007, 1007)])
def test_ranges_that_do_not_start_at_0(tmp_path: Path, index: int, expected: int) -> None:
    """Names count from the start of the range; should one count from 0, it is out of it."""
    files = {f"ckpts/05/{index:06d}_0000042.ckpt": field(index, 0)}
    write(tmp_path, files | {"1000_2000.json": json.dumps({str(index): 30.5}).encode()})
    listing = reopened(tmp_path, "implicit-zoo").listing
    assert listing.object_id.tolist() == [expected]
    assert listing.psnr is not None
    assert listing.psnr.tolist() == [30.5]


def test_ranges_in_folders_of_their_own(tmp_path: Path) -> None:
    files = {f"{run}/ckpts/05/000003_0000042.ckpt": field(3, 0) for run in ("a", "b/train", "val")}
    write(tmp_path, files | {"b/train/60000_70000.json": b'{"3": 30}', "a/0_10.json": b"{}"})
    listing = reopened(tmp_path, "implicit-zoo").listing
    assert listing.object_id.tolist() == [3, 60_003, 60_007]
    assert [listing.files[file] for file in listing.file] == [
        *("a/ckpts/05/000003_0000042.ckpt", "b/train/ckpts/05/000003_0000042.ckpt"),
        "val/ckpts/05/000003_0000042.ckpt",
    ]


def test_ranges_in_one_folder_cannot_be_told_apart(tmp_path: Path) -> None:
    files = {"ckpts/05/000003_0000042.ckpt": field(3, 0)}
    write(tmp_path, files | {"0_10.json": b'{"3": 30}', "10_20.json": b'{"3": 40}'})
    listing = reopened(tmp_path, "implicit-zoo").listing
    assert listing.psnr is None
    assert listing.notes[1:] == ("./: 2 files state PSNRs of other images by the same numbers: unused",)
    write(tmp_path, {"ckpts/06/000003_0000042.ckpt": field(3, 0)})
    with pytest.raises(SourceError, match="found view 0 of object 3 twice, in ckpts/05/000003_0000042"):
        reopened(tmp_path, "implicit-zoo")


@pytest.mark.parametrize(
    "text",
    [
        *(b"[1]", b'{"x": 1.0}', b'{"3": "30"}', b'{"3": NaN}', b'{"3": true}', b"{", b'{"3": 1e300}'),
        *(b'{"3": 1%s}' % (b"0" * 400), b'{"%s": 30.0}' % (b"3" * 5000), b'{"3": 30.0, "03": 30.0}'),
    ],
    ids=range(10),
)
def test_psnrs_that_are_none(tmp_path: Path, text: bytes) -> None:
    write(tmp_path, {"ckpts/05/000003_0000042.ckpt": field(3, 0), "0_10.json": text})
    with pytest.raises(SourceError, match=r"/0_10\.json: .*; replace the file, or leave it out$"):
        reopened(tmp_path, "implicit-zoo")


def test_lists_tell_train_from_val(tmp_path: Path) -> None:
    files = {f"x/{part}/ckpts/05/000003_0000042.ckpt": field(3, 0) for part in ("train", "val")}
    lists = {
        "val": ["/data/x/train/ckpts/05/000003_0000042.ckpt"],
        "test": ["/data/x/val/ckpts/05/000003_0000042.ckpt"],
    }
    write(tmp_path, files | {"x/splits.json": json.dumps(lists).encode()})
    assert reopened(tmp_path, "implicit-zoo").listing.split.tolist() == [Split.val, Split.test]


def test_tensors_elsewhere_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"ckpts/05/000003_0000042.ckpt": sequential(made_layers(DIMS, 0))})
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "implicit-zoo").parse(0)
    assert str(error.value) == (
        f"{tmp_path}/ckpts/05/000003_0000042.ckpt: found the tensors none, "
        "expected seq.0.weight, ... under params"
    )


def test_their_program_reads_ours(tmp_path: Path) -> None:
    """params in a table with image_idx, sin(30 ...), no offset, channels brought back by mean and std."""
    spec = FieldSpec([2, 8, 8, 3])
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    store = make_imported(
        tmp_path / "store",
        spec,
        views=2,
        label=[*range(11), 123],
        target={"range": [0.0, 1.0], "mean": list(mean), "std": list(std)},
    )
    done = exported(store, "implicit-zoo", tmp_path / "out")
    assert done.notes == ("seeds in the names are numbers of views, and indices those of objects",)
    seen = []
    for path in sorted((tmp_path / "out/cifar_inrs_data").glob("*/ckpts/*/*.ckpt")):
        content = loaded(path)
        index, view = map(int, path.stem.split("_"))
        record = index * 2 + view
        assert path.name == f"{index:06d}_{view:07d}.ckpt"
        assert content["image_idx"] == index
        assert type(content["image_idx"]) is int
        assert path.parent.name == f"{store.column('label')[record]:02d}"
        assert (path.parts[-4] == "train") == (store.column("split")[record] == Split.train)
        values = siren(in_order(content["params"]), grid(6, 6, "xy")).reshape(6, 6, 3)
        assert np.allclose(values.numpy(), store.field(record).render((6, 6)), rtol=0, atol=1e-5)
        seen.append(record)
    assert sorted(seen) == list(range(24))
    listing = reopened(tmp_path / "out", "implicit-zoo").listing
    assert (listing.convention.mean, listing.convention.std) == (mean, std)
    assert listing.recipe is None


@pytest.mark.parametrize("views", [1, 2])
def test_psnrs_of_an_export(tmp_path: Path, fitted: Store, views: int) -> None:
    """A table from indices in each folder; of several views it has the last, and then nobody is told."""
    exported(fitted, "implicit-zoo", tmp_path / "out", views=views)
    last = np.flatnonzero(fitted.column("view") == views - 1)
    expected = dict(
        zip(fitted.column("object_id")[last].tolist(), fitted.column("psnr")[last].tolist(), strict=True)
    )
    found: dict[int, float] = {}
    for path in (tmp_path / "out/cifar_inrs_data").glob("*/*_*.json"):
        table = {int(index): psnr for index, psnr in json.loads(path.read_bytes()).items()}
        assert {int(ckpt.name[:6]) for ckpt in path.parent.glob("ckpts/*/*")} == {*table}
        assert path.name == f"0_{max(table) + 1}.json"
        found |= table
    assert found == expected
    listing = reopened(tmp_path / "out", "implicit-zoo").listing
    assert (listing.psnr is None) == (views == 2)
    if listing.psnr is not None:
        assert dict(zip(listing.object_id.tolist(), listing.psnr.tolist(), strict=True)) == expected


def test_targets_that_are_not_normalised_are_told(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", FieldSpec([2, 8, 8, 3]))
    assert exported(store, "implicit-zoo", tmp_path / "out").notes[1:] == (
        "targets are 0 to 1, where programs for this format take 0 to 1 less 0.485, 0.456, 0.406, over "
        "0.229, 0.224, 0.225",
    )


def test_fields_without_label(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^implicit-zoo: object 0 of .* has no label"):
        exported(make_imported(tmp_path / "b", label=[-1] * 12), "implicit-zoo", tmp_path / "out")
