"""What is said of the cost and quality of shapes is what was measured, and all of it."""

import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.signals import shapes
from neuralviews.signals.samples import ShapeSamples

from ..fit.shape_sources import mesh_folder, shape_recipe
from . import bench_shapes
from .bench_shapes import NO_MESHES, REST, STAGES, Fitted, fit_meshes, section


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("shapes")
    recipe = shape_recipe(expected={"objects": 3600})
    return fit_meshes(recipe, mesh_folder(folder / "source"), folder / "store")


def numbers(row: str) -> list[float]:
    """Those at the beginning of the cells of a row, after its title."""
    return [float(cell.split()[0]) for cell in row.strip("|").split("|")[1:]]


def test_every_stage_is_timed_of_every_mesh(fitted: Fitted) -> None:
    assert len(fitted.truths) == len(fitted.store) == 4
    for spent in fitted.truths:
        assert list(spent) == [*(title for *_, title in STAGES), REST]
        assert all(seconds > 0 for seconds in spent.values())


def test_stages_are_as_before_afterwards(fitted: Fitted) -> None:
    assert {getattr(module, name).__name__ for module, name, _ in STAGES} == {name for _, name, _ in STAGES}


def test_the_run_draws_no_samples_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, sample_shape = [], shapes.sample_shape

    def counted(*arguments: Any) -> ShapeSamples:
        drawn.append(arguments)
        return sample_shape(*arguments)

    monkeypatch.setattr(shapes, "sample_shape", counted)
    fit_meshes(shape_recipe(fit={"steps": 1}), mesh_folder(tmp_path / "source"), tmp_path / "store")
    assert len(drawn) == 4


def test_the_table_of_quality_says_what_the_store_says(fitted: Fitted) -> None:
    meshes, median, lowest, error, truth, fit, objects = numbers(bench_shapes._quality([fitted])[-1])
    iou = fitted.store.column("iou")
    assert (meshes, objects) == (4, 3600)
    assert [median, lowest] == pytest.approx([np.median(iou), iou.min()], abs=1e-4)
    assert error == pytest.approx(np.median(fitted.store.column("surface_error")), abs=1e-5)
    assert truth == pytest.approx(statistics.mean(sum(t.values()) for t in fitted.truths), abs=0.01)
    assert fit == pytest.approx(fitted.seconds / 4, abs=0.01)


def test_stages_add_up(fitted: Fitted) -> None:
    *stages, (mean, largest) = (numbers(row) for row in bench_shapes._truth([fitted])[4:])
    assert len(stages) == len(STAGES) + 1
    assert mean == pytest.approx(sum(stage[0] for stage in stages), abs=0.01)
    assert mean <= largest <= sum(stage[1] for stage in stages) + 0.01


def test_surfaces_of_fields_are_compared_with_their_own_meshes(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_shapes, "RESOLUTION", 24)
    text = " ".join(bench_shapes._surfaces([fitted]))
    found = re.search(r"The distance is ([0-9.]+)\.$", text)
    assert found is not None
    assert 0 < float(found[1]) < 0.2


def test_without_real_meshes_the_section_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench_shapes, "_wide", lambda rounds: [])
    monkeypatch.setenv("NEURALVIEWS_TEST_DATA", str(tmp_path))
    assert section(1).splitlines()[-1] == NO_MESHES
    monkeypatch.delenv("NEURALVIEWS_TEST_DATA")
    assert section(1).splitlines()[-1] == NO_MESHES
