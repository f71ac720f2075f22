"""The format of Fit-a-NeF: many fields a file, by number; kernels (in, out), normalised targets."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralviews.errors import OptionError, SourceError, SpecError
from neuralviews.exchange import fit_a_nef_export
from neuralviews.exchange.opened import Place, open_place
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..made_stores import contents, make_shapes_store
from .by_hand import Layers, flat, grid, made_layers, siren, write
from .hdf5_files import of
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened

DIMS = (2, 6, 6, 1)
SPEC = FieldSpec(DIMS, 8.0)
NEF = {"name": "SIREN", "params": {"hidden_dim": 6, "num_layers": 3, "omega_0": 8.0, "output_dim": 1}}


def config(dims: Sequence[int]) -> str:
    """The list of arrays as their writer makes it."""
    names = [*(f"kernel_net_{i}.linear" for i in range(len(dims) - 2)), "output_linear"]
    shapes = [[[after], [before, after]] for before, after in pairwise(dims)]
    kinds = ("bias", "kernel")
    return json.dumps(
        [
            [f"{name}.{kind}", shape]
            for name, pair in zip(names, shapes, strict=True)
            for kind, shape in zip(kinds, pair, strict=True)
        ]
    )


def vector(layers: Layers) -> NDArray[np.float32]:
    """Of each layer the bias, then the kernel."""
    return np.concatenate([part.numpy().reshape(-1) for w, b in layers for part in (b, w.T)])


def nefs(start: int, stop: int, dims: Sequence[int] = DIMS, **more: Any) -> bytes:
    params = np.stack([vector(made_layers(dims, number)) for number in range(start, stop)])
    labels = np.arange(start, stop) % 10
    return of(**{"params": params, "param_config": [config(dims)], "labels": labels, **more})


def published(
    root: Path,
    ranges: Sequence[tuple[int, int]] = ((0, 3), (3, 5)),
    name: str = "MNIST",
    dims: Sequence[int] = DIMS,
) -> Path:
    files: dict[str, Any] = {
        f"{name}/SIREN/nefs_{start}-{stop}.hdf5": nefs(start, stop, dims) for start, stop in ranges
    }
    return write(root, {**files, f"{name}/SIREN/nef.json": json.dumps(NEF).encode()})


def test_a_published_set(tmp_path: Path) -> None:
    ranges = [(0, 2), (54_999, 55_001), (59_999, 60_001), (69_999, 70_001), (140_000, 140_001)]
    opened = reopened(published(tmp_path, ranges), "auto")
    listing = opened.listing
    assert opened.format == "fit-a-nef"
    assert listing.object_id.tolist() == [0, 0, 0, 1, 54_999, 55_000, 59_999, 60_000, 69_999]
    assert listing.view.tolist() == [0, 1, 2, 0, 0, 0, 0, 0, 0]
    assert listing.split.tolist() == [*[Split.train] * 5, Split.val, Split.val, Split.test, Split.test]
    assert (listing.image_shape, listing.recipe) == ((28, 28), "mnist")
    assert listing.texts == ("MNIST/SIREN/nef.json",)
    numbers = [0, 70_000, 140_000, 1, 54_999, 55_000, 59_999, 60_000, 69_999]
    expected = np.stack([flat(made_layers(DIMS, number)) for number in numbers])
    assert all_weights(opened).tobytes() == expected.tobytes()
    assert all_labels(opened) == [number % 10 for number in numbers]


def test_targets_are_normalised(tmp_path: Path) -> None:
    convention = reopened(published(tmp_path), "fit-a-nef").listing.convention
    assert convention.spec(DIMS) == SPEC
    assert (convention.target_range, convention.mean, convention.std) == (
        (0.0, 1.0),
        (0.13066047,),
        (0.30810782,),
    )


@pytest.mark.parametrize(
    ("name", "dims", "ends", "shape"),
    [
        ("CIFAR10", (2, 4, 4, 3), (45_000, 50_000, 60_000), (32, 32)),
        ("MicroImageNet", (2, 4, 4, 3), (45_000, 50_000, 60_000), (64, 64)),
        ("ShapeNet", (3, 4, 4, 1), (27_840, 31_320, 34_800), None),
    ],
)
def test_other_published_sets(
    tmp_path: Path,
    name: str,
    dims: tuple[int, ...],
    ends: tuple[int, int, int],
    shape: tuple[int, int] | None,
) -> None:
    first, second, end = ends
    ranges = [(first - 1, first + 1), (second - 1, second + 1), (end - 1, end + 1)]
    opened = reopened(published(tmp_path, ranges, name, dims), "fit-a-nef")
    listing = opened.listing
    assert listing.object_id.tolist() == [0, first - 1, first, second - 1, second, end - 1]
    assert listing.view.tolist() == [1, 0, 0, 0, 0, 0]
    assert listing.split.tolist() == [0, 0, 1, 1, 2, 2]
    assert listing.image_shape == shape
    assert (listing.convention.mean is None) == (name == "ShapeNet")
    assert listing.notes == (
        ("outputs are logits of occupancy: inside where they are above 0",) if name == "ShapeNet" else ()
    )
    assert opened.parse(0).dims == dims


def test_the_configuration_names_the_dataset(tmp_path: Path) -> None:
    published(tmp_path)
    root = tmp_path / "MNIST/SIREN"
    (root / "cfg.json").write_text('{"dataset": {"name": "ShapeNet", "path": "x"}}')
    listing = reopened(root, "fit-a-nef").listing
    assert listing.texts == ("nef.json", "cfg.json")
    assert listing.convention.mean is None


@pytest.mark.parametrize(
    ("place", "told"),
    [("MNIST/SIREN", "no name of one"), ("", "'EMNIST'")],
)
def test_datasets_that_nobody_knows(tmp_path: Path, place: str, told: str) -> None:
    published(tmp_path, name="MNIST" if place else "EMNIST")
    where = tmp_path / place if place else f"{tmp_path}/EMNIST/SIREN"
    with pytest.raises(SourceError) as error:
        reopened(tmp_path / place, "fit-a-nef")
    assert str(error.value) == (
        f"{where}: found {told}, but which images fields are of and how they are split follows from the "
        "dataset alone, by cfg.json (dataset.name) or the folder above: expected MNIST, CIFAR10, "
        "MicroImageNet, ShapeNet"
    )


def test_omega_is_asked_for_where_no_file_states_it(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / "MNIST/SIREN/nef.json").unlink()
    convention = reopened(tmp_path, "fit-a-nef").listing.convention
    with pytest.raises(OptionError, match="give --omega"):
        convention.spec(DIMS)
    assert convention.said("given", omega=8.0).spec(DIMS) == SPEC


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        *(f'{{"params": {{"omega_0": {value}}}}}' for value in ('"8"', "-1", "NaN", "1" + 400 * "0")),
    ],
    ids=range(6),
)
def test_other_settings(tmp_path: Path, text: str) -> None:
    published(tmp_path)
    (tmp_path / "MNIST/SIREN/nef.json").write_text(text)
    with pytest.raises(SourceError, match=r"nef\.json: found params\.omega_0 .*, expected a positive number"):
        reopened(tmp_path, "fit-a-nef")


def test_lists_of_splits_are_refused(tmp_path: Path) -> None:
    published(tmp_path / "set")
    (tmp_path / "lists.json").write_text("{}")
    with pytest.raises(
        OptionError, match=r"lists\.json, but files of fit-a-nef say themselves .*leave --splits"
    ):
        open_place(Place(tmp_path / "set", "fit-a-nef", tmp_path / "lists.json"))


def test_two_sets_are_refused(tmp_path: Path) -> None:
    published(published(tmp_path), name="CIFAR10", dims=(2, 4, 4, 3))
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "fit-a-nef")
    assert str(error.value) == (
        f"{tmp_path}: found fields in CIFAR10/SIREN/ and in MNIST/SIREN/, expected one folder of them: "
        "import one after the other"
    )


@pytest.mark.parametrize("name", ["nefs_5-5.hdf5", "nefs_9-5.hdf5"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    write(tmp_path, {f"MNIST/SIREN/{name}": nefs(0, 1)})
    with pytest.raises(SourceError, match=r"found fields from \d+ to 5 by its name, expected one or more"):
        reopened(tmp_path, "fit-a-nef")


@pytest.mark.parametrize("stop", [99_999_999, 4_000_000])
def test_names_of_more_fields_than_memory_holds(tmp_path: Path, stop: int) -> None:
    """Of all files together, before anything is set aside for them."""
    write(tmp_path, {f"MNIST/SIREN/{name}.hdf5": b"" for name in (f"nefs_0-{stop}", f"nefs_00-{stop}")})
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "fit-a-nef")
    assert str(error.value) == (
        f"{tmp_path}: found {2 * stop} fields by the names of 2 files, expected at most 4194304: import some "
        "of the files at a time"
    )


def pairs(*entries: Any) -> list[str]:
    return [json.dumps(entries)]


LIST = json.loads(config(DIMS))
FAULTS: dict[str, tuple[bytes, str]] = {
    "cut": (nefs(0, 3)[:-100], "HDF5 cannot read it"),
    "empty": (b"", "no HDF5 file by its first bytes"),
    "no params": (of(param_config=[config(DIMS)]), "dataset params is not there"),
    "no list": (of(params=np.zeros((3, 67), np.float32)), "dataset param_config is not there"),
    "float64": (nefs(0, 3, params=np.zeros((3, 67))), r"found params float64 \(3, 67\), expected float32"),
    "one field alone": (nefs(0, 3, params=np.zeros(67, np.float32)), r"found params float32 \(67,\)"),
    "fewer fields": (nefs(0, 2), "found 2 fields, expected 3 as its name says"),
    "more fields": (nefs(0, 4), "found 4 fields, expected 3 as its name says"),
    "short labels": (
        nefs(0, 3, labels=np.arange(2)),
        r"found labels int64 \(2,\), expected whole numbers \(3,\)",
    ),
    "labels with a point": (nefs(0, 3, labels=np.ones(3)), "found labels float64"),
    "labels too large": (
        nefs(0, 3, labels=np.array([1, 2**40, 3])),
        "found label 1099511627776, expected 0 to",
    ),
    "negative labels": (nefs(0, 3, labels=np.array([1, -7, 3])), "found label -7, expected 0 to"),
    "other dims": (nefs(0, 3, (2, 6, 6, 3)), "found fields of 3 channels, the images .* have 1"),
    "a longer list": (
        nefs(0, 3, param_config=[config((2, 7, 7, 1))]),
        "lists 85 parameters, found vectors of 67",
    ),
    "a list without end": (
        nefs(0, 3, param_config=pairs(["output_linear.kernel", [2**28, 2**28]])),
        "lists 72057594037927936 parameters, found vectors of 67",
    ),
    "no JSON": (nefs(0, 3, param_config=["x"]), "param_config: found 'x', expected JSON"),
    "a deep list": (nefs(0, 3, param_config=["[" * 100_000]), "param_config: found .*, expected JSON"),
    "a table": (nefs(0, 3, param_config=["{}"]), "param_config: found '{}', expected JSON"),
    "negative sides": (nefs(0, 3, param_config=pairs(["a", [-1]])), "expected JSON: a list of"),
    "a text for a side": (nefs(0, 3, param_config=pairs(["a", ["1"]])), "expected JSON: a list of"),
    "nothing listed": (nefs(0, 3, param_config=["[]"]), "lists 0 parameters"),
    "another name": (
        nefs(0, 3, param_config=pairs(["dense.bias", [67]])),
        "found 'dense.bias', expected each once",
    ),
    "one name twice": (
        nefs(0, 3, param_config=pairs(*LIST[:1], *LIST)),
        "found 'kernel_net_0.linear.bias', expected",
    ),
    "a kernel for a bias": (
        nefs(0, 3, param_config=pairs(["output_linear.bias", [1]], ["output_linear.kernel", [66, 1]])),
        "found layers 66-1, expected one hidden layer",
    ),
    "a layer less": (
        nefs(
            0,
            3,
            param_config=pairs(*LIST[:3], ["kernel_net_1.linear.kernel", [6, 1]], *LIST[4:], ["a", [30]]),
        ),
        "found 'a', expected each once",
    ),
    "a gap": (
        nefs(0, 3, param_config=[config(DIMS).replace("net_1", "net_2")]),
        "param_config: lacks layers or parts of them",
    ),
    "layers that do not fit": (
        nefs(0, 3, param_config=[config(DIMS).replace("[6, 6]", "[4, 9]").replace("[2, 6]", "[6, 2]")]),
        "layer 0 has weight .* and bias",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_cannot_be(tmp_path: Path, name: str) -> None:
    data, reason = FAULTS[name]
    write(tmp_path, {"MNIST/SIREN/nefs_0-3.hdf5": data})
    opened = reopened(tmp_path, "fit-a-nef")
    with pytest.raises(SourceError, match=rf"^{tmp_path}/MNIST/SIREN/nefs_0-3\.hdf5: .*{reason}") as error:
        opened.parse(0)
    assert "\n" not in str(error.value)


def test_the_order_of_the_list_counts(tmp_path: Path) -> None:
    """Arrays are found by their names, in whatever order a writer has them."""
    layers = made_layers(DIMS, 0)
    moved = [LIST[5], LIST[4], *LIST[:4]]
    parts = [layers[2][0].T, layers[2][1], layers[0][1], layers[0][0].T, layers[1][1], layers[1][0].T]
    params = np.concatenate([part.numpy().reshape(-1) for part in parts])[None]
    write(tmp_path, {"MNIST/SIREN/nefs_0-1.hdf5": of(params=params, param_config=pairs(*moved))})
    parsed = reopened(tmp_path, "fit-a-nef").parse(0)
    assert parsed.weights.tobytes() == flat(layers).tobytes()
    assert parsed.label is None


def their_data(root: Path) -> tuple[NDArray[np.float32], NDArray[np.int64], list[tuple[str, list[int]]]]:
    """What the loader of Neural Field Arena makes of a folder."""
    params, labels, at = [], [], 0
    for path in sorted(root.glob("*.hdf5"), key=lambda path: int(path.stem.split("_")[1].split("-")[0])):
        with h5py.File(path) as file:
            assert int(path.stem.split("_")[1].split("-")[0]) == at
            params.append(file["params"][:])
            labels.append(file["labels"][:])
            listed = json.loads(file["param_config"][0])
            at += len(params[-1])
    return np.concatenate(params), np.concatenate(labels), listed


def their_network(vector: NDArray[np.float32], listed: list[tuple[str, list[int]]]) -> Layers:
    """A flat vector cut up as the list says, with kernels turned into matrices (out, in)."""
    arrays, start = {}, 0
    for name, shape in listed:
        stop = start + int(np.prod(shape))
        arrays[name] = torch.from_numpy(vector[start:stop].reshape(shape))
        start = stop
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in arrays))
    return [(arrays[f"{name}.kernel"].T, arrays[f"{name}.bias"]) for name in names]


def test_their_program_reads_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_a_nef_export, "_FILE_BYTES", 4 * 67 * 5)
    target = {"range": [0.0, 1.0], "mean": [0.25], "std": [0.5]}
    store = make_imported(tmp_path / "store", SPEC, views=3, target=target)
    done = exported(store, "fit-a-nef", tmp_path / "out")
    assert done.notes == (
        "splits of one view are the fields 0 to 6, to 9 and to 12: programs take them by number",
    )
    root = tmp_path / "out/made-up/SIREN"
    assert len(list(root.glob("*.hdf5"))) == 9, "no file holds fields of two seeds"
    params, labels, listed = their_data(root)
    assert [name for name, _ in listed] == [
        *("kernel_net_0.linear.bias", "kernel_net_0.linear.kernel", "kernel_net_1.linear.bias"),
        *("kernel_net_1.linear.kernel", "output_linear.bias", "output_linear.kernel"),
    ]
    settings = json.loads((root / "nef.json").read_text())
    assert settings == NEF
    assert json.loads((root / "cfg.json").read_text()) == {
        "dataset": {"name": "made-up", "out_channels": 1},
        "seeds": [0, 1, 2],
    }
    splits = np.arange(12) % 4 % 3
    objects = [i for part in range(3) for i in range(12) if splits[i] == part]
    assert len(params) == 36
    for number, vector in enumerate(params):
        seed, signal = divmod(number, 12)
        record = 3 * objects[signal] + seed
        values = siren(their_network(vector, listed), grid(7, 9, "xy"), settings["params"]["omega_0"])
        expected = store.field(record).render((7, 9))
        assert np.allclose(values.numpy().reshape(7, 9), expected, rtol=0, atol=1e-5)
        assert labels[number] == store.column("label")[record]
        assert store.column("split")[record] == (0 if signal < 6 else 1 if signal < 9 else 2)


def test_statistics_are_those_of_their_program(tmp_path: Path) -> None:
    """Of the first view of training objects: mean and deviation of each array, for each of its entries."""
    store = make_imported(tmp_path / "store", SPEC, views=2)
    exported(store, "fit-a-nef", tmp_path / "out")
    root = tmp_path / "out/made-up/SIREN"
    params, _, listed = their_data(root)
    found = json.loads((root / "metadata.json").read_text())
    assert list(found) == ["0_6"]
    start = 0
    for _, shape in listed:
        stop = start + int(np.prod(shape))
        part = params[:6, start:stop].astype(np.float64)
        for name, value in (("mean", part.mean()), ("std", part.std())):
            assert np.allclose(found["0_6"][name][start:stop], value, rtol=1e-12, atol=0)
        start = stop
    assert len(found["0_6"]["mean"]) == len(found["0_6"]["std"]) == start == 67


def test_the_way_back_is_exact(tmp_path: Path, fitted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_a_nef_export, "_FILE_BYTES", 4 * fitted.spec.parameters * 7)
    done = exported(fitted, "fit-a-nef", tmp_path / "out")
    assert done.notes[1:] == (
        "targets were not normalised by channel, as programs for this format take them to be",
        "output offset is 0.5, where programs for this format take 0",
    )
    opened = reopened(tmp_path / "out", "auto")
    listing = opened.listing
    assert all_weights(opened).tobytes() == fitted.weights(range(len(fitted))).tobytes()
    for name in ("object_id", "view", "label", "split"):
        assert getattr(listing, name).tolist() == fitted.column(name).tolist()
    assert all_labels(opened) == fitted.column("label").tolist()
    assert listing.convention.spec(fitted.spec.dims) == fitted.spec
    exported(fitted, "fit-a-nef", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_odd_numbers_come_back(tmp_path: Path) -> None:
    target = {"range": [0.0, 1.0], "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}
    store = make_imported(
        tmp_path / "store",
        FieldSpec([2, 5, 3], 8.0),
        objects=(7, 9, 4_000_000_000),
        split=[2, 0, 1],
        target=target,
    )
    exported(store, "fit-a-nef", tmp_path / "out.zip")
    opened = reopened(tmp_path / "out.zip", "fit-a-nef")
    assert opened.listing.object_id.tolist() == [7, 9, 4_000_000_000]
    assert opened.listing.split.tolist() == [2, 0, 1]
    assert all_weights(opened).tobytes() == store.weights(range(3)).tobytes()
    assert (opened.listing.convention.mean, opened.listing.convention.std) == (
        (0.1, 0.2, 0.3),
        (0.5, 0.6, 0.7),
    )


def test_objects_without_labels(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", SPEC, label=[-1] * 12)
    done = exported(store, "fit-a-nef", tmp_path / "out")
    assert "no object has a label: programs that classify cannot read the files" in done.notes
    with h5py.File(next((tmp_path / "out/made-up/SIREN").glob("*.hdf5"))) as file:
        assert sorted(file) == ["param_config", "params"]
    assert all_labels(reopened(tmp_path / "out", "fit-a-nef")) == [-1] * 12


def test_shapes(tmp_path: Path) -> None:
    store = make_shapes_store(tmp_path / "store")
    with pytest.raises(
        SpecError, match=r"hidden layers of widths \[6, 5\] and omegas \[30.0, 30.0\], this format"
    ):
        exported(store, "fit-a-nef", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_stores_that_it_cannot_hold(tmp_path: Path) -> None:
    several = make_imported(tmp_path / "omegas", FieldSpec(DIMS, (8.0, 9.0)))
    with pytest.raises(
        SpecError, match=r"omegas \[8.0, 9.0\], this format has one width and one omega; export to"
    ):
        exported(several, "fit-a-nef", tmp_path / "out")
    short = make_imported(tmp_path / "short", SPEC, views=2, diverged=[5])
    with pytest.raises(
        SpecError, match=r"object 2 of .*short has 1 of 2 views, this format has every view .*--views"
    ):
        exported(short, "fit-a-nef", tmp_path / "out")
    bare = make_imported(tmp_path / "bare", SPEC, label=[3] * 11 + [-1])
    with pytest.raises(SpecError, match=r"object 11 of .*bare has no label"):
        exported(bare, "fit-a-nef", tmp_path / "out")
    assert exported(short, "fit-a-nef", tmp_path / "out", views=1).count == 12


def test_a_file_beyond_the_note(tmp_path: Path) -> None:
    exported(make_imported(tmp_path / "store", SPEC, views=2), "fit-a-nef", tmp_path / "out")
    root = tmp_path / "out/made-up/SIREN"
    (root / "nefs_12-24.hdf5").rename(root / "nefs_24-36.hdf5")
    with pytest.raises(SourceError, match=r"fields up to 36 by its name, expected 2 views of the 12 objects"):
        reopened(tmp_path / "out", "fit-a-nef")


def test_training_objects_are_needed_for_statistics_alone(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", SPEC, split=[Split.test] * 12)
    exported(store, "fit-a-nef", tmp_path / "out")
    assert not (tmp_path / "out/made-up/SIREN/metadata.json").exists()
