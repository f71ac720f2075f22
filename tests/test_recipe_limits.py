"""The bounds of a recipe's numbers: whatever loads can be planned and fitted, and stores finite numbers."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import RecipeError
from neuralviews.fit.job import budget_of, plan_job
from neuralviews.fit.registry import get_engine
from neuralviews.fit.rows import RowFitter
from neuralviews.recipe import recipe_from_canonical
from neuralviews.signals.catalogue import open_source

BOUNDS = {
    "fit.target_psnr": (-200.0, 200.0),
    "fit.min_psnr": (-200.0, 200.0),
    "fit.lr": (1e-12, 10.0),
    "field.omega": (1e-6, 1e6),
    "field.output_offset": (-1e6, 1e6),
    "field.output_scale": (1e-6, 1e6),
    "target.range.0": (-1e6, 1e6),
    "target.range.1": (-1e6, 1e6),
}


def document(numbers: dict[str, float], **field: Any) -> dict[str, Any]:
    """A recipe with these numbers; what is not given has its default."""
    tables: dict[str, dict[str, Any]] = {"fit": {"steps": 1}, "field": {"dims": [2, 5, 4, 1], **field}}
    low, high = (numbers.get(f"target.range.{i}", float(i)) for i in (0, 1))
    tables["target"] = {"range": [low, high]}
    for key, number in numbers.items():
        table, name, *rest = key.split(".")
        if not rest:
            tables[table][name] = number
    return {"name": "limits", "source": {"kind": "digits"}, **tables}


def fit_one_step(table: dict[str, Any], engine: str) -> None:
    """Plan, fit two digits and check what would be stored; a RecipeError is as good."""
    try:
        recipe = recipe_from_canonical(table)
    except RecipeError:
        return
    source = open_source(recipe, hash_files=False)
    fitter_engine = get_engine(engine, recipe.spec, budget_of(recipe), "cpu")
    job = plan_job(recipe, source, fitter_engine, 2)
    assert recipe_from_canonical(job["recipe"]).digest() == recipe.digest()
    records = RowFitter(recipe, source, source.objects.limited(2), fitter_engine).fit(range(2))
    assert np.isfinite(records.weights).all()
    for name in ("psnr", "loss"):
        assert np.isfinite(records.columns[name]).all(), name


def corners() -> Iterator[dict[str, float]]:
    """Each number at both ends beside defaults, and all numbers at their ends together."""
    for key, ends in BOUNDS.items():
        yield from ({key: end} for end in ends)
    both = [BOUNDS[key] for key in list(BOUNDS)[2:]]
    yield from (dict(zip(list(BOUNDS)[2:], ends, strict=True)) for ends in product(*both))


@pytest.mark.parametrize("engine", ["reference", "torch"])
def test_the_ends_of_all_ranges_can_be_fitted(engine: str) -> None:
    for numbers in corners():
        fit_one_step(document(numbers), engine)


def test_the_ends_of_all_ranges_can_be_fitted_by_the_cpu_engine() -> None:
    for numbers in corners():
        if numbers.get("field.output_scale", 1.0) == 1.0:
            fit_one_step(document(numbers), "cpu")


@settings(max_examples=60)
@given(
    numbers=st.fixed_dictionaries({}, optional={key: st.floats(*ends) for key, ends in BOUNDS.items()}),
    deep=st.booleans(),
)
def test_what_loads_can_be_fitted(numbers: dict[str, float], deep: bool) -> None:
    fit_one_step(document(numbers, dims=[2, *[4] * (8 if deep else 1), 1]), "reference")


@pytest.mark.parametrize("key", BOUNDS)
@pytest.mark.parametrize("end", [0, 1])
def test_nothing_beyond_the_bounds_loads(key: str, end: int) -> None:
    edge = BOUNDS[key][end]
    beyond = float(np.nextafter(edge, np.inf if end else -np.inf))
    name = key.removesuffix(".0").removesuffix(".1")
    for number in (beyond, 1e300 if end else -1e300):
        with pytest.raises(RecipeError, match=f"job: {name}: found .*{re.escape(str(number))}.*, expected "):
            recipe_from_canonical(document({key: number}))
