"""Weight scope alignment: the penalty, its gradient, how scopes are fused, and the pilot of a run."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import EngineError, FormatError, IntegrityError, OutputError, RecipeError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.fit.against import prove_against
from neuralviews.fit.engine import Budget
from neuralviews.fit.job import budget_of
from neuralviews.fit.method import Method, Scope
from neuralviews.fit.pilot import stand_in
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.run_plan import plan_run
from neuralviews.fit.scope import LayerScopes, fuse_scopes, scope_of, scope_penalty
from neuralviews.fit.stated import stated_job
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.records import Split
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store

from .method_cases import SCOPE, Tensor, field_error, tensors, written_out
from .torch_cases import SPEC, problem

MakeRecipe = Callable[..., Recipe]


def penalty(weights: Tensor, scope: Scope) -> Tensor:
    """The term of the loss, for autograd: torch's own divergence of normal distributions."""
    total = torch.zeros((), dtype=torch.float64)
    for layer, mean, sd in zip(SPEC.layers, scope.mean, scope.sd, strict=True):
        numbers = weights[layer.weight]
        own = torch.distributions.Normal(numbers.mean(), numbers.std(correction=0))
        wanted = torch.distributions.Normal(*torch.tensor([mean, sd], dtype=torch.float64))
        total = total + torch.distributions.kl_divergence(own, wanted)
    return scope.weight * total


def test_the_update_is_that_of_the_method() -> None:
    def gradient(field: int, weights: Tensor, coords: Tensor, values: Tensor, step: int) -> Tensor:
        weights = weights.clone().requires_grad_()
        loss = field_error(SPEC, weights, coords, values) + penalty(weights, SCOPE)
        return torch.autograd.grad(loss, weights)[0]

    found, expected = written_out(7, Method(scope=SCOPE), gradient)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6, atol=1e-7)


@given(st.integers(0, 99), st.floats(1e-3, 3), st.floats(-1, 1))
def test_penalty_and_gradient_are_those_of_the_formula(seed: int, size: float, shift: float) -> None:
    weights = np.random.default_rng(seed).normal(shift, size, SPEC.parameters)
    found, gradient = scope_penalty(SPEC, weights, SCOPE)
    wide = torch.tensor(weights, requires_grad=True)
    expected = penalty(wide, SCOPE)
    assert found == pytest.approx(expected.item(), rel=1e-9)
    (own,) = torch.autograd.grad(expected, wide)
    np.testing.assert_allclose(gradient, own.numpy(), rtol=1e-9, atol=1e-12)
    for layer in SPEC.layers:
        assert (gradient[layer.bias] == 0).all()


def test_there_is_no_penalty_where_the_scope_is_met() -> None:
    weights = np.random.default_rng(3).normal(0, 0.1, (1, SPEC.parameters)).astype(np.float32)
    (own,) = scope_of(SPEC, weights)
    found, gradient = scope_penalty(SPEC, weights[0].astype(np.float64), Scope(1.0, own.mean, own.sd))
    assert abs(found) < 1e-12
    assert abs(gradient).max() < 1e-12


@given(st.integers(0, 99))
def test_scopes_are_those_of_the_weight_matrices(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(0.1, 0.5, (3, SPEC.parameters)).astype(np.float32)
    for row, found in zip(weights.astype(np.float64), scope_of(SPEC, weights), strict=True):
        matrices = tensors(SPEC, row)[::2]
        np.testing.assert_allclose(found.mean, [m.mean() for m in matrices], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.sd, [m.std() for m in matrices], rtol=1e-12)


def test_fused_scopes_are_means_and_roots_of_mean_squares() -> None:
    found = fuse_scopes([LayerScopes((1.0, 0.0), (3.0, 0.5)), LayerScopes((2.0, 0.5), (4.0, 0.5))])
    assert found == LayerScopes((1.5, 0.25), (12.5**0.5, 0.5))
    assert fuse_scopes([found, found, found]) == found
    for wrong in ([], [found, LayerScopes((1.0,), (1.0,))]):
        with pytest.raises(SpecError, match=r"scopes: found \d of .* layers, expected some, all alike"):
            fuse_scopes(wrong)


def test_a_scope_draws_fields_to_it() -> None:
    inits, signals = problem(SPEC, 30, 3)
    target = Scope(0.1, (0.05, 0.0, -0.02), (0.4, 0.03, 0.03))
    plain, drawn = (
        TorchEngine().fit(SPEC, signals, inits, Budget(600, 2e-3, method=method)).weights
        for method in (None, Method(scope=target))
    )
    for one, other in zip(plain.astype(np.float64), drawn.astype(np.float64), strict=True):
        assert scope_penalty(SPEC, other, target)[0] < 0.05 * scope_penalty(SPEC, one, target)[0]


def test_scopes_that_do_not_fit_the_fields_are_refused() -> None:
    inits, signals = problem(SPEC, 9, 1)
    budget = Budget(1, 1e-3, method=Method(scope=Scope(1.0, (0.0,), (1.0,))))
    with pytest.raises(SpecError, match="scope: found 1 numbers of mean, expected 3"):
        TorchEngine().fit(SPEC, signals, inits, budget)
    spec = FieldSpec([1, 1, 1])
    inits, signals = problem(spec, 9, 1)
    budget = Budget(1, 1e-3, method=Method(scope=Scope(1.0, (0.0, 0.0), (1.0, 1.0))))
    with pytest.raises(SpecError, match=r"scope: found dims \[1, 1, 1\], expected layers of 2 weights"):
        TorchEngine().fit(spec, signals, inits, budget)


def test_a_run_writes_the_numbers_of_its_pilot_into_the_job(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe, options = tiny(fit='scope = { kind = "pilot", weight = 0.01 }'), RunOptions(limit=9, workers=1)
    done = generate(recipe, tmp_path / "store", options)
    generate(recipe.with_fit(scope=None), tmp_path / "plain", options)
    plain = open_store(tmp_path / "plain")
    chosen = (plain.column("view") == 0) & (plain.column("split") == Split.train)
    fused = fuse_scopes(scope_of(plain.spec, plain.weights(np.flatnonzero(chosen))))
    stated = open_store(tmp_path / "store").job["recipe"]["fit"]["scope"]
    numbers = {"mean": list(fused.mean), "sd": list(fused.sd)}
    assert stated == {"kind": "fixed", "weight": 0.01, **numbers}
    # Everything follows from the job: its recipe makes the same store without a pilot.
    again = recipe_from_canonical(json.loads(json.dumps(open_store(tmp_path / "store").job["recipe"])))
    assert generate(again, tmp_path / "again", options).dataset_id == done.dataset_id


def test_a_run_that_goes_on_fits_no_second_pilot(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(fit='scope = { kind = "pilot" }\n').with_views(1)
    half = RunOptions(limit=9, workers=1, part=(0, 2))
    generate(recipe, tmp_path / "store", half)

    def refuse(*_: object) -> None:
        raise AssertionError("a pilot was fitted again")

    monkeypatch.setattr("neuralviews.fit.pilot.RowFitter", refuse)
    done = generate(recipe, tmp_path / "store", RunOptions(limit=9, workers=1, part=(1, 2)))
    assert done.dataset_id is not None
    with pytest.raises(AssertionError, match="fitted again"):
        generate(recipe.with_views(2), tmp_path / "store", half)


def test_numbers_of_other_layers_are_not_taken(tiny: MakeRecipe, tmp_path: Path) -> None:
    """A folder of another run is refused as such, whatever scope that has."""
    generate(tiny(fit='scope = { kind = "pilot" }'), tmp_path / "store", RunOptions(limit=2, workers=1))
    other = tiny(fit='scope = { kind = "pilot" }').canonical()
    other["field"]["dims"] = [2, 5, 1]
    other["field"]["omega"] = other["field"]["omega"][:1]
    with pytest.raises(OutputError, match="belongs to another job"):
        generate(recipe_from_canonical(other), tmp_path / "store", RunOptions(limit=2, workers=1))


def test_a_recipe_that_wishes_for_a_pilot_proves_what_it_made(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(fit='scope = { kind = "pilot", weight = 0.02 }')
    generate(recipe, tmp_path / "store", RunOptions(limit=2, workers=1))
    store = open_store(tmp_path / "store")
    proof = prove_against(store, recipe, None, np.arange(2))
    assert (proof.records, proof.equal) == (2, 2)
    heavier = recipe.with_fit(scope={"kind": "pilot", "weight": 0.03})
    with pytest.raises(IntegrityError, match=r"\(fit\.scope\.weight: there 0\.02, here 0\.03\)"):
        prove_against(store, heavier, None, np.arange(2))
    with pytest.raises(IntegrityError, match=r"was not made by recipe tiny \(fit\.scope: "):
        prove_against(store, recipe.with_fit(scope=None), None, np.arange(2))


def test_a_job_that_only_wishes_for_a_pilot_is_refused(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tiny(), tmp_path / "store", RunOptions(limit=2, workers=1))
    store, wish = open_store(tmp_path / "store"), tiny(fit='scope = { kind = "pilot" }')
    edited = {**store.job, "recipe": wish.canonical(), "recipe_digest": wish.digest()}
    monkeypatch.setattr(Store, "job", property(lambda self: edited))
    with pytest.raises(FormatError, match=r"job: recipe\.fit\.scope is not what .*; the job was edited"):
        stated_job(store)


def test_a_pilot_without_a_sound_field_stops_the_run(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(fit='min_psnr = 90.0\nscope = { kind = "pilot" }')
    with pytest.raises(EngineError, match=r"tiny: all \d fields of the pilot failed; mend the recipe"):
        generate(recipe, tmp_path / "store", RunOptions(limit=9, workers=1))
    assert not (tmp_path / "store").exists()


def test_a_plan_needs_no_pilot(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(fit='scope = { kind = "pilot" }')
    plan = plan_run(recipe, RunOptions(limit=4, workers=1), tmp_path)
    assert plan.engine["engine"] == "torch"
    assert stand_in(stand_in(recipe)).digest() == stand_in(recipe).digest()
    with pytest.raises(RecipeError, match=r"tiny: fit.scope: found kind 'pilot', .* expected 'fixed' here"):
        budget_of(recipe)


def test_the_first_train_objects_make_the_pilot(tiny: MakeRecipe) -> None:
    """What the test above relies on: a limit of 9 leaves some of train and some of others."""
    objects = open_source(tiny()).objects.limited(9)
    assert 0 < np.count_nonzero(objects.split == Split.train) < 9
