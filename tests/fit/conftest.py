"""Small recipes of real digits, fitted quickly."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.recipe import Recipe, load_recipe

Make = Callable[..., Recipe]

TINY = """
name = "tiny"
title = "A few real digits, fitted briefly"
seed = 3
views = 3
[source]
kind = "digits"
[field]
dims = [2, 16, 16, 1]
output_offset = 0.5
[init]
scheme = "siren"
shared = {shared}
[fit]
steps = 40
lr = 1e-3
retries = {retries}
{fit}
[split]
rule = "random"
val = 200
test = 300
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Make:
    """Make a recipe; keyword arguments fill the template."""

    def make(fit: str = "", shared: bool = False, retries: int = 0) -> Recipe:
        path = tmp_path / "tiny.toml"
        path.write_text(TINY.format(fit=fit, shared=str(shared).lower(), retries=retries))
        return load_recipe(path)

    return make
