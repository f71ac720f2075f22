"""Exports to Fit-a-NeF: their program reads ours, and the way back is exact."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralviews.errors import SourceError, SpecError
from neuralviews.exchange import fit_a_nef_export
from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..made_stores import contents, make_shapes_store
from .by_hand import Layers, grid, siren
from .fit_a_nef_sets import DIMS, NEF, SPEC
from .imported_stores import all_labels, all_weights, exported, make_imported, reopened


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
