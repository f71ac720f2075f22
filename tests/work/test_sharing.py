"""Who does the work changes no byte; what cannot be shared out is refused before anything is written."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError
from neuralviews.fit.run import RunOptions, generate
from neuralviews.work.sharing import Sharing

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


@pytest.mark.parametrize("workers", [0, -1, 2.5, "2", True])
def test_workers_are_whole(workers: Any) -> None:
    with pytest.raises(
        OptionError, match=f"^workers: found {workers!r}, expected at least 1, a whole number$"
    ):
        Sharing(workers)


@pytest.mark.parametrize("part", [3, None, (1,), (0, 1, 2), ("0", "2"), (0.0, 2), (2, 2), (-1, 2)])
def test_a_part_is_one_of_several(part: Any) -> None:
    expected = f"part: found {part!r}, expected (i, n) with 0 <= i < n: parts count from 0"
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        Sharing(part=part)


def test_numbers_of_numpy_will_do() -> None:
    found = Sharing(np.int64(2), (np.int64(1), np.uint8(4)))  # type: ignore[arg-type]
    assert found == Sharing(2, (1, 4))
    assert {type(number) for number in (found.workers, *found.part)} == {int}
