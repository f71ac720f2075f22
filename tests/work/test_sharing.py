"""Who does the work changes no byte; what cannot be shared out is refused before anything is written."""

from pathlib import Path

import pytest

from neuralviews.errors import OptionError
from neuralviews.fit.run import RunOptions, generate

from ..fit.shape_sources import mesh_folder, shape_recipe
from ..made_stores import contents, digits_recipe


def test_threads_make_the_same_bytes(tmp_path: Path) -> None:
    recipe = digits_recipe(fit={"steps": 30, "lr": 1e-3}, store={"rows_per_shard": 5})
    generate(recipe, tmp_path / "one", RunOptions(limit=20))
    report = generate(recipe, tmp_path / "two", RunOptions(limit=20, workers=4, threads=True))
    assert report.fitted == 60
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_shapes_need_a_shared_folder(tmp_path: Path) -> None:
    options = RunOptions(mesh_folder(tmp_path), cluster="tcp://127.0.0.1:1", writers="driver")
    with pytest.raises(OptionError, match=r"writers: recipe small-shapes is of shapes, whose samples"):
        generate(shape_recipe(), tmp_path / "store", options)
    assert not (tmp_path / "store").exists()
