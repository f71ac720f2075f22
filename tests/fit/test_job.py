"""How a run of shapes is cut: much shared, little lost, not too many files."""

import pytest

from neuralviews.fit.job import plan_job
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.recipe import Recipe, load_recipe

from .shape_sources import shape_recipe


class Many:
    """A source of so many shapes, none of which is ever looked at."""

    def __init__(self, count: int) -> None:
        self.objects, self.count = self, count
        self.object_id = range(count)
        self.files = self.left_out = self.tools = {}
        self.class_names = None

    def __len__(self) -> int:
        return self.count

    def limited(self, limit: int | None) -> "Many":
        return self

    def image_shape(self, object_id: int) -> None:
        return None


def rows_of(recipe: Recipe, objects: int) -> int:
    job = plan_job(recipe, Many(objects), ReferenceEngine(), None)  # type: ignore[arg-type]
    return int(job["rows_per_shard"])


@pytest.mark.parametrize(
    ("name", "views", "objects", "rows"),
    [
        ("modelnet40", 1, 9, 1),
        ("modelnet40", 10, 9, 10),
        ("modelnet40", 10, 12_311, 36),
        ("inr2vec-mesh", 1, 12_311, 1),
        ("inr2vec-mesh", 10, 12_311, 7),
    ],
)
def test_shards_of_shapes(name: str, views: int, objects: int, rows: int) -> None:
    assert rows_of(load_recipe(name).with_views(views), objects) == rows


def test_a_step_may_take_all_points_and_a_recipe_may_say_otherwise() -> None:
    all_points = {"points": None, "steps": 1_000_000}
    assert rows_of(shape_recipe(fit=all_points, views=5), 20) == 1
    assert rows_of(shape_recipe(views=5), 20) == 5
    assert rows_of(shape_recipe(views=5, store={"rows_per_shard": 3}), 20) == 3
