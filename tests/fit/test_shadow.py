"""Shadow weights: how they are rounded, the straight-through update, and the column that records them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import FormatError, IntegrityError, SpecError
from neuralviews.fit.method import Method
from neuralviews.fit.reproduce import open_store_source, remeasure, rendered_quality, spread_rows
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.shadow import shadow_psnr, shadow_weights
from neuralviews.fit.torch_method import Shadow
from neuralviews.fit.torch_step import _layer_views, _rows_with_biases
from neuralviews.recipe import Recipe
from neuralviews.remote.card import fact_rows
from neuralviews.remote.facts import release_facts
from neuralviews.store.job import Job
from neuralviews.store.manifest import parse_manifest
from neuralviews.store.reader import open_store
from neuralviews.store.schema import MANIFEST_FILE
from neuralviews.store.space import estimate_bytes
from neuralviews.store.verify import verify

from .method_cases import Tensor, field_error, tensors, written_out
from .torch_cases import SPEC

MakeRecipe = Callable[..., Recipe]
KINDS: Any = pytest.mark.parametrize("kind", ["int8", "fp16"])


def rounded(weights: Tensor, kind: str) -> Tensor:
    """The shadow of one field, written once more, tensor by tensor."""
    if kind == "fp16":
        return weights.to(torch.float16).to(weights.dtype)
    parts = [weights[part] for layer in SPEC.layers for part in (layer.weight, layer.bias)]
    return torch.cat([(p / (p.abs().max() / 127)).round() * (p.abs().max() / 127) for p in parts])


@KINDS
def test_the_update_is_that_of_the_method(kind: Any) -> None:
    """Forward and backward through the rounded weights; the gradient moves the plain ones."""

    def gradient(field: int, weights: Tensor, coords: Tensor, values: Tensor, step: int) -> Tensor:
        seen = rounded(weights, kind).requires_grad_()
        return torch.autograd.grad(field_error(SPEC, seen, coords, values), seen)[0]

    found, expected = written_out(7, Method(shadow=kind), gradient)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6, atol=1e-7)


@KINDS
@given(seed=st.integers(0, 99), size=st.sampled_from([1e-42, 1e-3, 1.0, 1e3]))
def test_devices_round_to_the_same_bits(kind: Any, seed: int, size: float) -> None:
    weights = (size * np.random.default_rng(seed).normal(size=(3, SPEC.parameters))).astype(np.float32)
    weights[1, SPEC.layers[0].bias] = 0
    order = _rows_with_biases(SPEC)
    seen = torch.empty(3, SPEC.parameters)
    Shadow(kind, _layer_views(SPEC, seen)).see(torch.tensor(weights[:, order]), torch.zeros(3, 1), seen)
    expected = shadow_weights(SPEC, weights, kind)
    np.testing.assert_array_equal(seen.numpy(), expected[:, order])
    np.testing.assert_array_equal(shadow_weights(SPEC, weights[2], kind), expected[2])


@given(st.integers(0, 99))
def test_int8_has_255_levels_and_keeps_the_largest(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=(1, SPEC.parameters)).astype(np.float32)
    (shadow,) = shadow_weights(SPEC, weights, "int8")
    pairs = zip(tensors(SPEC, weights[0]), tensors(SPEC, shadow), strict=True)  # type: ignore[arg-type]
    for plain, found in pairs:
        largest = abs(plain).max()
        levels = found / (largest / np.float32(127))
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
        assert abs(levels).max() <= 127.001
        assert abs(found - plain).max() <= 0.5001 * largest / 127


def test_a_shadow_beside_noise_is_refused() -> None:
    with pytest.raises(SpecError, match="method: found robust beside shadow, expected one of them"):
        Method(sigma=0.1, shadow="int8")
    with pytest.raises(SpecError, match="method: found neither robust, scope nor shadow"):
        Method()


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store of fields with a shadow."""
    from .conftest import TINY

    folder = tmp_path_factory.mktemp("shadow")
    (folder / "tiny.toml").write_text(TINY.format(fit='shadow = "int8"', shared="false", retries=0))
    generate(folder / "tiny.toml", folder / "store", RunOptions(limit=8, workers=1))
    return folder / "store"


def test_the_column_is_the_psnr_of_the_rounded_weights(shadowed: Path) -> None:
    store = open_store(shadowed)
    source = open_store_source(store, None)
    records, recipe = store.read(np.arange(len(store))), _recipe(store)
    for row in range(0, len(store), 5):
        signal = source.signal(int(records.columns["object_id"][row]))
        for column, weights in (
            ("psnr", records.weights[row]),
            ("shadow_psnr", shadow_weights(store.spec, records.weights[row], "int8")),
        ):
            assert records.columns[column][row] == pytest.approx(
                rendered_quality(recipe, weights, signal)[1], abs=1e-2
            )
    summary = store.manifest.summary.shadow_psnr
    values = np.sort(records.columns["shadow_psnr"])
    places = [(len(values) - 1) * percent // 100 for percent in (50, 5, 0)]
    assert [summary.median, summary.p05, summary.min] == values[places].tolist()  # type: ignore[union-attr]
    assert verify(shadowed, "semantic").rows == 24


def test_cards_and_pages_tell_of_shadows(shadowed: Path) -> None:
    store = open_store(shadowed)
    told = dict(fact_rows(release_facts(store)))["shadow PSNR"]
    lowest = store.column("shadow_psnr").min()
    assert re.fullmatch(rf"median .* dB, 5 % below .* dB, lowest {lowest:.1f} dB, of the weights .*", told)


def test_verification_measures_shadows_again(
    shadowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: MakeRecipe
) -> None:
    def boast(*arguments: Any) -> Any:
        return shadow_psnr(*arguments) + np.float32(3)

    store = open_store(shadowed)
    assert remeasure(store, open_store_source(store, None), spread_rows(24, 9)).records == 9
    monkeypatch.setattr("neuralviews.fit.rows.shadow_psnr", boast)
    generate(tiny(fit='shadow = "int8"'), tmp_path / "false", RunOptions(limit=2, workers=1))
    false = open_store(tmp_path / "false")
    with pytest.raises(IntegrityError, match=r"record 0 states shadow_psnr .* its rounded weights render at"):
        remeasure(false, open_store_source(false, None), spread_rows(6, 6))


def test_logits_have_shadows_too(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny(fit='shadow = "fp16"\nloss = "bce"')
    generate(recipe, tmp_path / "store", RunOptions(limit=2, workers=1))
    store = open_store(tmp_path / "store")
    assert remeasure(store, open_store_source(store, None), spread_rows(6, 6)).records == 6
    np.testing.assert_allclose(store.column("shadow_psnr"), store.column("psnr"), atol=0.5)


def test_room_is_asked_for_the_whole_store(shadowed: Path) -> None:
    size = sum(path.stat().st_size for path in shadowed.rglob("*") if path.is_file())
    job = json.loads((shadowed / "job.json").read_text())
    assert size <= estimate_bytes(job) <= size + 4096


@pytest.mark.parametrize("columns", [{"shadow_psnr": 2}, {"shadow_psnr": True}, {"shadow_psnr": 1, "x": 1}])
def test_jobs_that_state_other_columns_are_refused(shadowed: Path, columns: dict[str, Any]) -> None:
    job = {**open_store(shadowed).job, "columns": columns}
    with pytest.raises(FormatError, match=r"found columns .*, no more, or \{'shadow_psnr': 1\}"):
        Job.parse(job, "job.json")


def test_a_summary_without_shadows_is_refused(shadowed: Path) -> None:
    text = (shadowed / MANIFEST_FILE).read_text()
    manifest = json.loads(text)
    del manifest["summary"]["shadow_psnr"]
    edited = json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n"
    with pytest.raises(FormatError, match=r"summary\.shadow_psnr: expected one, as its job says"):
        parse_manifest(edited.encode(), "manifest.json")


def _recipe(store: Any) -> Recipe:
    from neuralviews.fit.stated import stated_job

    return stated_job(store).recipe
