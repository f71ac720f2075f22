"""Records follow from the recipe, the object and the view alone."""

from collections.abc import Callable

import numpy as np
import pytest

from neuralviews.fit import rows
from neuralviews.fit.job import budget_of, first_seed, retry_seed
from neuralviews.fit.registry import get_engine
from neuralviews.fit.rows import RowFitter
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.records import Records, Status
from neuralviews.signals.catalogue import open_source
from neuralviews.work.sizes import rows_per_shard

MakeRecipe = Callable[..., Recipe]


def fitter(recipe: Recipe, limit: int = 60) -> RowFitter:
    source = open_source(recipe)
    engine = get_engine("auto", recipe.spec, budget_of(recipe), None)
    return RowFitter(recipe, source, source.objects.limited(limit), engine)


def same(a: Records, b: Records) -> bool:
    return bool(np.array_equal(a.weights, b.weights)) and all(
        np.array_equal(a.columns[name], b.columns[name]) for name in a.columns
    )


def test_any_grouping_and_order_gives_the_same_records(tiny: MakeRecipe) -> None:
    fit = fitter(tiny()).fit
    whole = fit(range(60))
    backwards = fit(range(59, -1, -1))
    assert same(whole, backwards.take(slice(None, None, -1)))
    alone = fit([17])
    assert same(alone, whole.take(np.array([17])))
    assert len(np.unique(whole.weights, axis=0)) == 60


def test_large_signals_are_fitted_fewer_at_a_time(tiny: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitter(tiny()).fit(range(20))
    limited = fitter(tiny())
    sizes: list[int] = []
    fit = limited.engine.fit

    def counted(spec, signals, inits, budget):  # type: ignore[no-untyped-def]
        sizes.append(len(inits))
        return fit(spec, signals, inits, budget)

    monkeypatch.setattr(limited.engine, "fit", counted)
    monkeypatch.setattr(rows, "_BATCH_BYTES", 7 * 64 * 4)
    assert same(limited.fit(range(20)), whole)
    assert sizes == [7, 7, 6]
    monkeypatch.setattr(rows, "_BATCH_BYTES", 1)
    assert same(limited.fit(range(3)), whole.take(np.arange(3)))
    assert sizes[3:] == [1, 1, 1]


def test_more_views_keep_the_views_there_were(tiny: MakeRecipe) -> None:
    three = fitter(tiny()).fit(range(12))
    five = fitter(tiny().with_views(5)).fit(range(20))
    for i in range(12):
        j = (i // 3) * 5 + i % 3
        assert np.array_equal(three.weights[i], five.weights[j])
        assert three.columns["seed"][i] == five.columns["seed"][j]


def test_a_limit_keeps_the_objects_records(tiny: MakeRecipe) -> None:
    small, large = fitter(tiny(), limit=30), fitter(tiny(), limit=300)
    shared = np.intersect1d(small.objects.object_id, large.objects.object_id)
    assert len(shared) == 30
    first = small.fit([3 * i for i in range(30)])
    at = np.searchsorted(large.objects.object_id, small.objects.object_id)
    second = large.fit((3 * at).tolist())
    assert np.array_equal(first.weights, second.weights)


def test_columns_state_object_view_seed_label_and_split(tiny: MakeRecipe) -> None:
    made = fitter(tiny())
    records = made.fit(range(9))
    assert records.columns["record_id"].tolist() == list(range(9))
    assert records.columns["view"].tolist() == [0, 1, 2] * 3
    ids = made.objects.object_id[:3]
    assert records.columns["object_id"].tolist() == np.repeat(ids, 3).tolist()
    assert records.columns["label"].tolist() == np.repeat(made.objects.label[:3], 3).tolist()
    assert records.columns["split"].tolist() == np.repeat(made.objects.split[:3], 3).tolist()
    expected = [first_seed(made.recipe, int(i), v) for i in ids for v in range(3)]
    assert records.columns["seed"].tolist() == expected
    assert (records.columns["status"] == Status.budget).all()
    assert (records.columns["steps"] == 40).all()


def test_a_shared_init_gives_all_objects_of_a_view_one_seed(tiny: MakeRecipe) -> None:
    records = fitter(tiny(shared=True)).fit(range(12))
    seeds = records.columns["seed"].reshape(4, 3)
    assert (seeds == seeds[0]).all()
    assert len(set(seeds[0].tolist())) == 3


def test_failed_fits_are_tried_from_the_next_seeds_and_then_marked(tiny: MakeRecipe) -> None:
    free = fitter(tiny()).fit(range(30))
    floor = float(np.median(free.columns["psnr"]))
    recipe = tiny(fit=f"min_psnr = {floor}", retries=2)
    records = fitter(recipe).fit(range(30))
    passed = free.columns["psnr"] >= floor
    assert np.array_equal(records.weights[passed], free.weights[passed])
    failed = records.columns["psnr"] < floor
    assert (records.columns["status"][failed] == Status.diverged).all()
    assert (records.columns["status"][~failed] == Status.budget).all()
    assert (records.columns["psnr"] >= free.columns["psnr"]).all()
    retried = np.flatnonzero(records.columns["seed"] != free.columns["seed"])
    assert len(retried)
    for i in retried.tolist():
        object_id, view = int(records.columns["object_id"][i]), int(records.columns["view"][i])
        allowed = [retry_seed(recipe, object_id, view, attempt) for attempt in (1, 2)]
        assert int(records.columns["seed"][i]) in allowed
    backwards = fitter(recipe).fit(range(29, -1, -1))
    assert same(records, backwards.take(slice(None, None, -1)))


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 64), (3594, 64), (70_000, 1152), (700_000, 10_560), (10**9, 10_560)]
)
def test_shards_are_small_enough_to_share_and_large_enough_to_read(count: int, expected: int) -> None:
    assert rows_per_shard(4 * load_recipe("mnist").spec.parameters, count) == expected
