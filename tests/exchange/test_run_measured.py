"""Imports with the images at hand: qualities are measured; see `test_compare` for the conventions."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import NeuralViewsError, OptionError, SourceError
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.stated_import import stated_import
from neuralviews.recipe import recipe_from_canonical
from neuralviews.records import Status
from neuralviews.store.reader import Store, open_store
from neuralviews.work.shards import Sharing

from ..made_stores import contents
from ..proofs import mnist_root
from .by_hand import made_layers, sequential, torch_bytes, write
from .imported_stores import exported
from .published_sets import DWSNETS, VIEWS, brought, edited_note, mnist, published


def test_every_psnr_is_measured(fitted: Store, views: Path, tmp_path: Path) -> None:
    found, report = brought(views, tmp_path / "store", replace(VIEWS, recipe="digits"))
    np.testing.assert_allclose(found.column("psnr"), fitted.column("psnr"), atol=0.01)
    np.testing.assert_allclose(found.column("loss"), fitted.column("loss"), rtol=2e-3)
    assert found.job["quality"] == "measured"
    assert found.job["known"] == ["label", "loss", "psnr", "split"]
    stated = stated_import(found)
    assert stated.compared is not None
    assert stated.compared.checked(found).name == "digits"
    assert stated.source.class_names == tuple("0123456789")
    assert stated.source.image_shape == (8, 8)
    assert report.trials[0].psnr == max(trial.psnr for trial in report.trials)


def test_the_recipe_of_the_note_is_known(views: Path, tmp_path: Path) -> None:
    """A source root alone will do, for the note says whose source it is."""
    found, _ = brought(views, tmp_path / "store", replace(VIEWS, source_root=tmp_path))
    assert found.job["compared"]["recipe"]["name"] == "fitted"


def test_another_convention_is_taken(views: Path, tmp_path: Path) -> None:
    path = edited_note(views, tmp_path / "edited", arch=arch(views, axis_order="ij"))
    found, report = brought(path, tmp_path / "store", replace(VIEWS, recipe="digits"))
    assert found.spec.axis_order == "xy"
    assert found.job["convention"]["axis_order"] == "measured"
    assert found.job["convention"]["omega"] == "files"
    assert report.convention.axis_order == report.trials[0].convention.axis_order == "xy"
    given = replace(VIEWS, recipe="digits", axis_order="ij")
    with pytest.raises(OptionError, match=r"--axis-order: found axis order ij, .* fits clearly better"):
        import_store(path, tmp_path / "given", given)
    assert not (tmp_path / "given").exists()


def arch(views: Path, **values: object) -> dict[str, Any]:
    note = json.loads(next(views.rglob("neuralviews.json")).read_bytes())
    return {**note["arch"], **values}


@pytest.mark.usefixtures("small_shards")
def test_bytes_do_not_depend_on_the_way(views: Path, tmp_path: Path) -> None:
    options = replace(VIEWS, recipe="digits")
    import_store(views, tmp_path / "one", options)
    import_store(views, tmp_path / "two", replace(options, sharing=Sharing(workers=2)))
    assert len(open_store(tmp_path / "one").manifest.shards) > 5
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_field_that_overflows_is_diverged(fitted: Store, views: Path, tmp_path: Path) -> None:
    path = tmp_path / "edited"
    shutil.copytree(views, path)
    (file,) = path.rglob("1/*/model_3.pth")
    state = torch.load(file, weights_only=True)
    state["seq.2.weight"][:] = 3e38
    file.write_bytes(torch_bytes(state))
    found, _ = brought(path, tmp_path / "store", replace(VIEWS, recipe="digits"))
    lost = (fitted.column("object_id") == 3) & (fitted.column("view") == 1)
    assert found.column("status").tolist() == [Status.diverged if x else Status.unknown for x in lost]
    assert found.column("loss")[lost] == np.finfo(np.float32).max


def test_a_source_root_without_a_recipe(tmp_path: Path) -> None:
    path = write(tmp_path / "set", {"model_1.pth": sequential(made_layers((1, 5, 1), 0), coef=[1.0, 2.0])})
    options = ImportOptions(format="dwsnets-sine", source_root=tmp_path)
    with pytest.raises(OptionError, match="recipe: --source-root alone does not say which images these are"):
        import_store(path, tmp_path / "store", options)


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "set", published())
    with pytest.raises(NeuralViewsError, match="MNIST"):
        import_store(path, tmp_path / "store", replace(DWSNETS, source_root=tmp_path / "nowhere"))
    assert not (tmp_path / "store").exists()


def test_labels_of_another_source(tmp_path: Path) -> None:
    path = write(tmp_path / "set", {mnist("training", 5, 0): sequential(made_layers((2, 6, 6, 1), 0))})
    with pytest.raises(
        SourceError, match=r"recipe digits: object 0 of its source has label 0, .* 5 \(1 of 1"
    ):
        import_store(path, tmp_path / "store", replace(DWSNETS, recipe="digits"))
    assert not (tmp_path / "store").exists()


def test_real_images(tmp_path: Path) -> None:
    """Fields of MNIST as DWSNets has them are known by their recipe, and measured against its files."""
    root = mnist_root(tmp_path / "mnist")
    if root is None:
        pytest.skip("NEURALVIEWS_TEST_DATA names no folder with MNIST")
    recipe = recipe_from_canonical(
        {
            "name": "real",
            "source": {"kind": "torchvision", "dataset": "MNIST"},
            "field": {"dims": [2, 16, 16, 1], "output_offset": 0.5},
            "fit": {"steps": 100, "lr": 3e-3},
        }
    )
    generate(recipe, tmp_path / "fitted", RunOptions(source_root=root, limit=8))
    fitted = open_store(tmp_path / "fitted")
    exported(fitted, "dwsnets", tmp_path / "set")
    found, report = brought(tmp_path / "set", tmp_path / "store", replace(DWSNETS, source_root=root))
    np.testing.assert_allclose(found.column("psnr"), fitted.column("psnr"), atol=0.01)
    assert report.trials[0].convention.axis_order == "xy"
    assert found.job["source"]["image_shape"] == [28, 28]
    assert {*found.job["compared"]["files"]} == {*fitted.job["source"]["files"]}
