"""Recipes and plans as TOML: what is written reads back as the same dataset."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.plan import load_plan, plan_names
from neuralviews.recipe import load_recipe, recipe_names
from neuralviews.remote.recipe_file import plan_text, recipe_text, toml_text

from ..made_stores import digits_recipe, shapes_recipe

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_keep_their_digest(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name).with_views(3)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text(recipe, recipe.title), encoding="utf-8")
    read = load_recipe(path)
    assert read.digest() == recipe.digest()
    assert read.title == recipe.title


@pytest.mark.parametrize(
    "recipe",
    [
        digits_recipe(init={"shared": True}, fit={"loss": "bce", "points": 7}),
        digits_recipe(
            source={
                "kind": "torchvision",
                "dataset": "SVHN",
                "train": {"split": 'a "quoted" \\ one', "flag": True, "an odd key": 3},
                "val": {},
            }
        ),
        shapes_recipe(shape={"target": "udf", "near": [], "uniform": 5}, target={"range": [0.0, 1e-05]}),
    ],
    ids=["shared init", "arguments", "shapes"],
)
def test_other_recipes_keep_their_digest(recipe: Any, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text(recipe), encoding="utf-8")
    assert load_recipe(path).digest() == recipe.digest()
    assert load_recipe(path).title == ""


@pytest.mark.parametrize("name", plan_names())
def test_shipped_plans_keep_their_digest(name: str, tmp_path: Path) -> None:
    plan = load_plan(name).with_options(seed=-5, splits=("train", "test"))
    path = tmp_path / "plan.toml"
    path.write_text(plan_text(plan.canonical()), encoding="utf-8")
    assert load_plan(path).digest() == plan.digest()


@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_any_table_reads_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_nothing_stands_for_none() -> None:
    table = {"a": None, "b": {"c": None, "d": 1}, "e": [{"f": None, "g": 2}], "h": [[{"i": None}]]}
    assert tomllib.loads(toml_text(table)) == {"b": {"d": 1}, "e": [{"g": 2}], "h": [[{}]]}


def test_what_toml_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match=r"toml: found bytes, expected a value that TOML has"):
        toml_text({"a": [b"bytes"]})
