"""What the job of an imported store states: typed, or refused with the place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FormatError
from neuralviews.fit.stated_import import stated_import
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store
from ..subsets import subset_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_imported(
        tmp_path_factory.mktemp("stated") / "store", image_shape=(8, 8), class_names="0123456789"
    )


@pytest.fixture
def stating(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Store]:
    """The store with a job that says something else."""

    def state(**values: Any) -> Store:
        job = {**store.job, **values}
        monkeypatch.setattr(Store, "job", property(lambda self: job))
        return store

    return state


def source(store: Store, **values: Any) -> dict[str, Any]:
    return {**store.job["source"], **values}


def test_what_is_stated_is_what_the_job_says(store: Store, tmp_path: Path) -> None:
    found = stated_import(store)
    assert (found.importer, found.name, found.exchange, found.published) == (1, "made-up", "npz", None)
    assert (found.target.range, found.target.mean, found.quality) == ((0.0, 1.0), None, "unknown")
    assert (found.known, found.compared) == (("label", "split"), None)
    assert found.convention["omega"] == "files"
    assert found.source.class_names == tuple("0123456789")
    assert (found.source.fields, found.source.image_shape, found.source.splits) == (12, (8, 8), None)
    assert stated_import(subset_of(store, [0, 5, 7], tmp_path / "some")) == found


def test_the_source_that_was_compared(stating: Callable[..., Store]) -> None:
    recipe = digits_recipe()
    store = stating(compared={"recipe": recipe.canonical(), "files": {}})
    compared = stated_import(store).compared
    assert compared is not None
    assert compared.checked(store).canonical() == recipe.canonical()
    store = stating(compared={"recipe": {"name": "x"}, "files": {}})
    compared = stated_import(store).compared
    assert compared is not None
    with pytest.raises(FormatError, match=r"job: compared: .*; the job was edited"):
        compared.checked(store)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"importer": "1"},
            r"Expected `int`, got `str` - at `\$\.importer`; expected what `neuralviews import`",
        ),
        ({"name": "No Name"}, r"Expected `str` matching regex .* - at `\$\.name`"),
        ({"convention": {"omega": "guessed"}}, r"Invalid enum value 'guessed' - at `\$\.convention"),
        ({"quality": "fine"}, r"Invalid enum value 'fine' - at `\$\.quality`"),
        ({"known": "label"}, r"Expected `array`, got `str` - at `\$\.known`"),
        ({"target": {"range": [1.0, 0.0]}}, r"found target\.range \[1\.0, 0\.0\], expected low below high"),
        ({"target": {"range": [0.0, 0.0]}}, r"found target\.range \[0\.0, 0\.0\], expected low below high"),
        ({"target": {"range": [0.0, 1e7]}}, r"Expected `float` <= 1000000\.0 - at `\$\.target\.range"),
        ({"target": {"range": [0.0]}}, r"Expected `array` of length 2"),
        (
            {"target": {"range": [0.0, 1.0], "mean": [0.5, 0.5], "std": [0.5, 0.5]}},
            r"found target\.mean and std of 2 and 2 numbers, expected neither, or both of 1, one a channel",
        ),
        (
            {"target": {"range": [0.0, 1.0], "mean": [0.5], "std": [0.5, 0.5]}},
            r"found target\.mean and std of 1 and 2 numbers, expected neither",
        ),
        ({"target": {"range": [0.0, 1.0], "mean": [0.5], "std": [0.0]}}, r"at `\$\.target\.std"),
        (
            {"target": {"range": [0.0, 1.0], "mean": [0.5]}},
            r"target\.mean and std of 1 and None numbers, exp",
        ),
        ({"target": {"range": [0.0, 1.0], "more": 1}}, r"unknown field `more` - at `\$\.target`"),
        ({"source": 5}, r"Expected `object`, got `int` - at `\$\.source`"),
        ({"compared": {"recipe": {}}}, r"missing required field `files` - at `\$\.compared`"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(
    stating: Callable[..., Store], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=rf"^.*store: job: .*{message}"):
        stated_import(stating(**values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sha256": "A" * 64}, r"matching regex .* - at `\$\.source\.sha256`"),
        ({"splits": "x"}, r"matching regex .* - at `\$\.source\.splits`"),
        ({"fields": 0}, r"Expected `int` >= 1 - at `\$\.source\.fields`"),
        ({"image_shape": [0, 8]}, r"Expected `int` >= 1"),
        ({"image_shape": [65535, 65535]}, r"found source\.image_shape \[65535, 65535\], expected at most"),
        ({"left_out": ["a"]}, r"Expected `object`, got `array` - at `\$\.source\.left_out`"),
        ({"more": 1}, r"unknown field `more` - at `\$\.source`"),
    ],
    ids=str,
)
def test_sources_that_cannot_be_are_refused(
    store: Store, stating: Callable[..., Store], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=rf"job: .*{message}"):
        stated_import(stating(source=source(store, **values)))


def test_other_stores_state_no_import(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected what `neuralviews import` writes"):
        stated_import(make_store(tmp_path / "fitted", objects=2))
