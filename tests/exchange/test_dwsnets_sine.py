"""The sine waves of DWSNets: fields of one coordinate, with numbers of their own."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import NO_LABEL, Split

from .by_hand import flat, in_order, made_layers, sequential, siren, torch_bytes, write
from .imported_stores import all_weights, exported, make_imported, reopened

DIMS = (1, 6, 5, 1)
WAVES = FieldSpec(DIMS, 30.0, 0.5)
NAMES = ("amplitude", "frequency")


def wave(seed: int, **more: Any) -> dict[str, Any]:
    """As their generator writes it."""
    coef = np.random.default_rng(seed).uniform(0, 10, 2)
    x = np.arange(-np.pi, np.pi, np.pi / 1000)
    y = coef[0] * np.sin(x * 2 * np.pi / (1 / coef[1] * 2 * np.pi))
    return sequential(made_layers(DIMS, seed), coef=coef.tolist(), x=x, y=y) | more


def test_a_published_set(tmp_path: Path) -> None:
    write(tmp_path, {f"nets/model_{seed}.pth": wave(seed) for seed in (3, 0, 999)})
    opened = reopened(tmp_path, "dwsnets-sine")
    listing = opened.listing
    assert listing.object_id.tolist() == [0, 3, 999]
    assert listing.seed is not None
    assert listing.seed.tolist() == [0, 3, 999]
    assert listing.split.tolist() == [Split.train] * 3
    assert listing.label.tolist() == [NO_LABEL] * 3
    assert "label" not in listing.known
    assert listing.attributes == NAMES
    assert listing.convention.spec(DIMS) == WAVES
    assert listing.convention.target_range == (-10.0, 10.0)
    assert listing.notes == (
        "no lists of splits: all fields are train",
        "coordinates run from -pi to pi",
        "target: amplitude * sin(frequency * x)",
    )
    for file, seed in enumerate((0, 3, 999)):
        parsed = opened.parse(file)
        assert parsed.dims == DIMS
        assert parsed.weights[0].tobytes() == flat(made_layers(DIMS, seed)).tobytes()
        assert parsed.attributes is not None
        assert parsed.attributes.tolist() == [np.float32(wave(seed)["coef"]).tolist()]


def test_lists(tmp_path: Path) -> None:
    lists = {"train": ["dataset/model_3.pth"], "test": ["dataset/model_0.pth"], "val": []}
    files = {f"model_{seed}.pth": wave(seed) for seed in (3, 0, 999)}
    write(tmp_path, files | {"sine_splits.json": json.dumps(lists).encode()})
    listing = reopened(tmp_path, "dwsnets-sine").listing
    assert listing.object_id.tolist() == [0, 3]
    assert listing.split.tolist() == [Split.test, Split.train]
    assert listing.left_out == {"model_999.pth": "no list of splits names it"}


def test_files_of_numpy_before_2(tmp_path: Path) -> None:
    data = torch_bytes(wave(5))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(buffer, "w") as old:
        for name in archive.namelist():
            old.writestr(name, archive.read(name).replace(b"numpy._core", b"numpy.core"))
    write(tmp_path, {"model_5.pth": buffer.getvalue()})
    opened = reopened(tmp_path, "dwsnets-sine")
    assert all_weights(opened).tobytes() == flat(made_layers(DIMS, 5)).tobytes()


@pytest.mark.parametrize(
    ("coef", "found"),
    [
        (None, "None"),
        ([1.0], r"\[1\.0\]"),
        ([1.0, "2"], r"\[1\.0, '2'\]"),
        ([1.0, float("nan")], r"\[1\.0, nan\]"),
        ([1e39, 1.0], r"\[1e\+39, 1\.0\]"),
        ((1.0, 2.0), r"\(1\.0, 2\.0\)"),
    ],
)
def test_other_numbers(tmp_path: Path, coef: object, found: str) -> None:
    write(tmp_path, {"model_5.pth": wave(5, coef=coef)})
    expected = "none" if coef is None else found
    with pytest.raises(
        SourceError,
        match=rf"model_5\.pth: found coef {expected}, expected a list of two numbers, amplitude and freq",
    ):
        reopened(tmp_path, "dwsnets-sine").parse(0)


class _Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, (f"import pathlib; pathlib.Path({str(self.path)!r}).touch()",)


def test_nothing_is_run_for_the_sake_of_arrays(tmp_path: Path) -> None:
    write(tmp_path / "in", {"model_5.pth": wave(5, x=_Harm(tmp_path / "ran"))})
    with pytest.raises(
        SourceError, match=r"wants to import __builtin__\.exec, which could run code or fill the memory"
    ):
        reopened(tmp_path / "in", "dwsnets-sine").parse(0)
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(_Harm(tmp_path / "ran")))
    assert (tmp_path / "ran").exists(), "it would not have run: the test shows nothing"


def test_their_program_reads_ours(tmp_path: Path) -> None:
    """All keys are there, the label is coef, and splits are plain lists."""
    store = make_imported(
        tmp_path / "store",
        WAVES,
        attributes=NAMES,
        objects=range(20, 32),
        target={"range": [-10.0, 10.0]},
    )
    assert exported(store, "dwsnets-sine", tmp_path / "out").notes == ()
    lists = json.loads((tmp_path / "out/sine-regression-inrs/splits.json").read_text())
    seen = []
    for split, paths in lists.items():
        for path in paths:
            state = torch.load(tmp_path / "out" / path, weights_only=False)
            record = int(path.split("_")[-1].removesuffix(".pth")) - 20
            assert Split[split] == store.column("split")[record]
            coef = state["coef"]
            assert [type(part) for part in coef] == [float, float]
            assert np.array(coef).astype(np.float32).tolist() == store.column("attributes")[record].tolist()
            for name in ("x", "y"):
                assert state[name].dtype == np.float64
                assert state[name].shape == (2000,)
            assert state["x"][[0, -1]] == pytest.approx([-np.pi, np.pi - np.pi / 1000])
            assert np.allclose(state["y"], coef[0] * np.sin(coef[1] * state["x"]))
            points = torch.from_numpy(state["x"])[:, None]
            values = siren(in_order(state), points, offset=0.5)
            assert np.allclose(values.numpy(), store.field(record)(points.numpy()), rtol=0, atol=1e-5)
            seen.append(record)
    assert sorted(seen) == list(range(12))


def test_back_with_numbers_and_labels(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", WAVES, attributes=NAMES, objects=range(20, 32))
    exported(store, "dwsnets-sine", tmp_path / "out")
    opened = reopened(tmp_path / "out", "dwsnets-sine")
    assert opened.listing.label.tolist() == store.column("label").tolist()
    assert opened.listing.seed is None, "numbers in the names of an export are those of objects"
    found = [opened.parse(int(file)).attributes for file in opened.listing.file]
    assert np.concatenate(found).tobytes() == store.column("attributes").tobytes()


@pytest.mark.parametrize(
    ("spec", "attributes", "found"),
    [
        (FieldSpec([2, 4, 1]), NAMES, "2 coordinates with attributes amplitude, frequency"),
        (FieldSpec([1, 4, 2]), NAMES, "1 coordinates with attributes amplitude, frequency"),
        (WAVES, (), "1 coordinates with attributes none"),
        (WAVES, ("frequency", "amplitude"), "1 coordinates with attributes frequency, amplitude"),
    ],
)
def test_other_fields(tmp_path: Path, spec: FieldSpec, attributes: tuple[str, ...], found: str) -> None:
    store = make_imported(tmp_path / "store", spec, attributes=attributes)
    with pytest.raises(SpecError) as error:
        exported(store, "dwsnets-sine", tmp_path / "out")
    assert str(error.value) == (
        f"dwsnets-sine: {tmp_path / 'store'} has fields of {found}, expected sine waves: 1 coordinate, "
        "1 output, amplitude and frequency; export to safetensors or npz"
    )


def test_several_views(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", WAVES, attributes=NAMES, views=2)
    with pytest.raises(SpecError, match=r"^dwsnets-sine: holds one field of an object, found 2 views"):
        exported(store, "dwsnets-sine", tmp_path / "out")
