"""``verify --against``, and ``verify`` of imported stores: what is printed was proven."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.exchange.export import export
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import load_recipe
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..exchange.published_sets import VIEWS
from ..subsets import subset_of

Run = Callable[..., tuple[int, str, str]]

RECIPE = """
name = "proof"
seed = {seed}
views = 2
[source]
kind = "digits"
[field]
dims = [2, 16, 16, 1]
output_offset = 0.5
[fit]
steps = 60
lr = 3e-3
[split]
rule = "random"
val = 400
test = 500
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recipes, and stores of the first: fitted, imported, imported and measured, and subsets."""
    root = tmp_path_factory.mktemp("against")
    (root / "recipe.toml").write_text(RECIPE.format(seed=0))
    (root / "other.toml").write_text(RECIPE.format(seed=7))
    generate(load_recipe(root / "recipe.toml"), root / "fitted", RunOptions(limit=10))
    export(open_store(root / "fitted"), np.arange(20), "multiview", root / "multiview")
    import_store(root / "multiview", root / "imported", VIEWS)
    import_store(root / "multiview", root / "measured", ImportOptions("multiview", recipe="digits"))
    subset_of(open_store(root / "fitted"), [3, 4, 9], root / "some")
    subset_of(open_store(root / "measured"), [3, 4, 9], root / "few")
    return root


def proof(count: int, recipe: Path) -> str:
    return (
        f"ok       {count} records fitted again as recipe {recipe} has it by engine cpu, all weights equal to"
    )


@pytest.mark.parametrize(
    ("name", "count"), [("fitted", 20), ("imported", 20), ("measured", 20), ("some", 3), ("few", 3)]
)
def test_a_recipe_is_proven(run: Run, folder: Path, name: str, count: int) -> None:
    recipe = folder / "recipe.toml"
    code, out, err = run("verify", folder / name, "--against", recipe)
    assert (code, err) == (0, "")
    assert f"{proof(count, recipe)} the byte\n" in out
    assert out.endswith(f"{folder / name}: full verification passed\n")
    code, out, _ = run(
        "verify", folder / name, "--against", recipe, "--rows", 2, "--json", "--level", "quick"
    )
    found = json.loads(out)
    assert (code, found["level"], found["skipped"]) == (0, "quick", [])
    assert proof(2, recipe).removeprefix("ok       ") in found["checks"][-1]


@pytest.mark.parametrize("name", ["fitted", "imported", "some"])
def test_another_recipe_is_refused(run: Run, folder: Path, name: str) -> None:
    code, out, err = run("verify", folder / name, "--against", folder / "other.toml")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "was not made by recipe proof (seed: there 0, here 7)" in err or "states split" in err


def test_levels_keep_their_meaning(run: Run, folder: Path) -> None:
    """Whatever a level promises is proven too, not instead."""
    recipe = folder / "recipe.toml"
    code, out, _ = run("verify", folder / "fitted", "--against", recipe, "--level", "regenerate")
    assert code == 0
    assert "20 records fitted again, every byte equal\n" in out
    assert proof(20, recipe) in out
    assert out.endswith("regenerate verification passed\n")
    code, out, _ = run("verify", folder / "measured", "--against", recipe, "--level", "semantic")
    assert code == 0
    assert "20 records rendered again, labels and PSNRs as stated\n" in out
    assert proof(20, recipe) in out
    code, out, _ = run("verify", folder / "imported", "--against", recipe, "--level", "semantic")
    assert code == 0
    assert "skipped  records were not compared with a source: the import had none\n" in out
    assert proof(20, recipe) in out
    code, out, _ = run("verify", folder / "imported", "--against", recipe, "--level", "regenerate")
    assert code == 0
    assert proof(20, recipe) in out


class TestImported:
    def test_without_a_source(self, run: Run, folder: Path) -> None:
        code, out, _ = run("verify", folder / "imported", "--level", "semantic")
        assert code == 0
        assert "skipped  records were not compared with a source: the import had none\n" in out
        assert out.endswith("semantic verification passed, 1 check skipped\n")
        code, out, err = run("verify", folder / "imported", "--source-root", folder)
        assert (code, out) == (2, "")
        assert "was imported without a look at its source; import it once more with --source-root" in err

    @pytest.mark.parametrize(("name", "count"), [("measured", 20), ("few", 3)])
    def test_with_its_source(self, run: Run, folder: Path, name: str, count: int) -> None:
        code, out, _ = run("verify", folder / name, "--level", "semantic")
        assert code == 0
        assert f"ok       {count} records rendered again, labels and PSNRs as stated\n" in out
        assert out.endswith("semantic verification passed\n")

    def test_it_cannot_be_made_again(self, run: Run, folder: Path) -> None:
        code, out, err = run("verify", folder / "measured", "--level", "regenerate")
        assert (code, out) == (2, "")
        assert "was imported and states no recipe; give one with --against to fit records again" in err

    def test_a_source_root_where_it_is_needed(self, run: Run, folder: Path, tmp_path: Path) -> None:
        measured = open_store(folder / "measured")
        recipe = {**measured.job["compared"]["recipe"], "name": "elsewhere"}
        recipe["source"] = {"kind": "torchvision", "dataset": "MNIST"}
        writer = StoreWriter(
            tmp_path / "store", {**measured.job, "compared": {"recipe": recipe, "files": {}}}
        )
        writer.commit(0, measured.read(np.arange(20)))
        writer.finalize()
        code, out, err = run("verify", tmp_path / "store", "--level", "semantic")
        assert (code, err) == (0, "")
        assert "skipped  PSNRs were not compared with the source; give --source-root\n" in out


class TestSubsets:
    @pytest.mark.parametrize("level", ["quick", "full", "semantic", "regenerate"])
    def test_every_level(self, run: Run, folder: Path, level: str) -> None:
        code, out, _ = run("verify", folder / "some", "--level", level)
        assert code == 0
        assert out.endswith(f"{level} verification passed\n")
        if level == "regenerate":
            assert "3 records fitted again, every byte equal\n" in out
