"""The format of Fit-a-NeF: many fields a file, by number; kernels (in, out), normalised targets."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import OptionError, SourceError
from neuralviews.exchange.opened import Place, open_place
from neuralviews.records import Split

from .by_hand import flat, made_layers, write
from .fit_a_nef_sets import DIMS, SPEC, nefs, published
from .imported_stores import all_labels, all_weights, reopened


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
