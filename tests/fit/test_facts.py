"""What is known of fields, however they came about."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuralviews.augment.context import context_of
from neuralviews.augment.run import augment_store
from neuralviews.errors import FormatError
from neuralviews.fit.facts import FieldFacts, field_facts
from neuralviews.store.reader import Store, open_store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_shapes_store, make_store, shapes_recipe
from ..subsets import subset_of


def facts_of_all(store: Store, folder: Path) -> list[FieldFacts]:
    """Of a store, of a subset of it, of copies made from that, and of a subset of these."""
    some = subset_of(store, [0, 1, 4, 6], folder / "some")
    augment_store(some, "symmetries", folder / "copies")
    copies = open_store(folder / "copies")
    return [field_facts(s) for s in (store, some, copies, subset_of(copies, [0, 1], folder / "few"))]


def test_fitted_fields(tmp_path: Path) -> None:
    facts = facts_of_all(make_store(tmp_path / "store", digits_recipe(), 5), tmp_path)
    recipe = facts[0].recipe
    assert recipe is not None
    assert recipe.canonical() == digits_recipe().canonical()
    expected = FieldFacts("made", tuple("0123456789"), (8, 8), (0.0, 1.0), recipe, recipe)
    assert facts == [expected] * 4
    assert (facts[0].extent, facts[0].span, facts[0].of_shapes) == ((0.0, 1.0), 1.0, False)


def test_fields_of_shapes(tmp_path: Path) -> None:
    found = field_facts(make_shapes_store(tmp_path / "store"))
    assert found.recipe is not None
    assert found.recipe.canonical() == shapes_recipe().canonical()
    assert (found.of_shapes, found.image_shape) == (True, None)


@pytest.mark.parametrize(
    ("target", "extent"),
    [
        ({"range": [-1.0, 1.0]}, (-1.0, 1.0)),
        ({"range": [0.0, 1.0], "mean": [0.5], "std": [0.25]}, (-2.0, 2.0)),
    ],
)
def test_imported_fields(tmp_path: Path, target: dict[str, Any], extent: tuple[float, float]) -> None:
    store = make_imported(
        tmp_path / "store", target=target, image_shape=(5, 9), class_names=[f"c{i}" for i in range(10)]
    )
    channels = None if "mean" not in target else ((0.5,), (0.25,))
    names = tuple(f"c{i}" for i in range(10))
    expected = FieldFacts("made-up", names, (5, 9), tuple(target["range"]), None, None, channels)
    facts = facts_of_all(store, tmp_path)
    assert facts == [expected] * 4
    assert (facts[0].extent, facts[0].span, facts[0].of_shapes) == (extent, extent[1] - extent[0], False)
    context = context_of(store)
    assert (context.span, context.low, context.classes) == (extent[1] - extent[0], extent[0], 10)


def test_channels_of_different_ranges() -> None:
    facts = FieldFacts("x", None, None, (0.0, 1.0), None, None, ((0.5, 0.25), (0.5, 0.125)))
    assert (facts.extent, facts.span) == ((-2.0, 6.0), 8.0)


def test_the_source_that_imported_fields_were_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, recipe = make_imported(tmp_path / "store"), digits_recipe()
    job = {**store.job, "compared": {"recipe": recipe.canonical(), "files": {}}}
    monkeypatch.setattr(Store, "job", property(lambda self: job))
    found = field_facts(store)
    assert found.source_recipe is not None
    assert (found.recipe, found.source_recipe.canonical()) == (None, recipe.canonical())


def test_a_store_that_states_nothing() -> None:
    job = {"kind": "generate", "arch": {}}
    with pytest.raises(FormatError, match=r"^here: job: states no recipe"):
        field_facts(SimpleNamespace(root="here", job=job))  # type: ignore[arg-type]
