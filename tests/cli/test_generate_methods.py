"""``generate --robust``, ``--scope``, ``--shadow``: what they make is proven again; bad ones say why."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.recipe import load_recipe
from neuralviews.store.reader import open_store

from ..golden.test_generated import DATASET_ID

Run = Callable[..., tuple[int, str, str]]
FLAGS = {
    "robust": ("--robust", "damp:0.02"),
    "scope": ("--scope", "pilot"),
    "shadow": ("--shadow", "int8"),
    "two": ("--scope", "pilot", "--shadow", "fp16"),
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(
        'name = "quick"\nviews = 2\n[source]\nkind = "digits"\n[field]\ndims = [2, 8, 8, 1]\n'
        "[fit]\nsteps = 12\nlr = 1e-3\ntarget_psnr = 40.0\n[store]\nrows_per_shard = 10\n"
    )
    return path


@pytest.mark.parametrize("name", FLAGS)
def test_a_store_is_made_and_verified_down_to_fitting_it_again(
    run: Run, recipe: Path, tmp_path: Path, name: str
) -> None:
    stores = [tmp_path / "one", tmp_path / "parts"]
    flags, limit = FLAGS[name], ("--limit", 10, "--workers", 1)
    assert run("generate", recipe, "--out", stores[0], *limit, *flags)[0] == 0
    for part in ("0/2", "1/2"):
        assert run("generate", recipe, "--out", stores[1], *limit, *flags, "--shards", part)[0] == 0
    made, parts = map(open_store, stores)
    assert made.dataset_id == parts.dataset_id != DATASET_ID
    assert {f"--{key}" for key in made.job["recipe"]["fit"]} & {*flags} == {*flags[::2]}
    status, out, err = run("verify", stores[0], "--level", "regenerate", "--rows", 6)
    assert (status, "6 records fitted again, every byte equal" in out) == (0, True), err
    status, out, err = run("info", stores[0])
    told = {
        "robust": "under noise of 0.02 times",
        "scope": "towards a common scope",
        "shadow": "through int8",
    }
    assert re.findall(r"^fitted +(.*)$", out, re.M)[0].startswith(told[next(iter(flags))[2:]])
    assert (status, bool(re.search(r"^shadow PSNR  +median", out, re.M))) == (0, "--shadow" in flags), err


def test_flags_are_keys_of_the_recipe(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("generate", recipe, "--out", tmp_path / "flag", "--limit", 2, "--robust", "damp:0.3", "--workers", 1)
    text = recipe.read_text().replace("[store]", '[fit.robust]\nkind = "damp"\nsigma = 0.3\n[store]')
    (tmp_path / "keyed.toml").write_text(text)
    run("generate", tmp_path / "keyed.toml", "--out", tmp_path / "key", "--limit", 2, "--workers", 1)
    assert open_store(tmp_path / "flag").dataset_id == open_store(tmp_path / "key").dataset_id


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--robust", "0.02"), r"--robust': found '0\.02', expected damp:SIGMA, for example damp:0\.02"),
        (("--robust", "damp:much"), r"found 'damp:much', expected damp:SIGMA"),
        (("--robust", "damp:0"), r"quick: fit: robust\.sigma: found 0\.0, expected a number above 0"),
        (("--robust", "damp:1.5"), r"robust\.sigma: found 1\.5, expected a number above 0, at most 1"),
        (("--robust", "damp:nan"), r"robust\.sigma: found nan, expected a finite number"),
        (("--scope", "all"), r"'--scope': 'all' is not 'pilot'"),
        (("--shadow", "int4"), r"'--shadow': 'int4' is not one of 'int8', 'fp16'"),
        (("--shadow", "int8", "--robust", "damp:0.1"), r"fit\.shadow: expected none beside fit\.robust"),
        (("--robust", "damp:0.1", "--engine", "cpu"), r"engine 'cpu' fits without fit\.robust only: use"),
        (("--scope", "pilot", "--engine", "cpu"), r"engine 'cpu' fits without fit\.scope only: use"),
    ],
)
def test_bad_flags_are_refused_in_one_line(
    run: Run, recipe: Path, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    status, _, err = run("generate", recipe, "--out", tmp_path / "store", *flags)
    assert status == 2
    assert len(err.splitlines()) == 1
    assert re.search(message, err), err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            'robust = { kind = "damp", sigma = 2.0 }',
            r"fit\.robust\.sigma: found 2\.0, expected a number above",
        ),
        ('robust = { kind = "asam", rho = 2.0 }', r"fit\.robust: .*unknown key|fit\.robust\.kind"),
        ("robust = 0.02", r"fit\.robust: found 0\.02, expected a table"),
        (
            'scope = { kind = "fixed", mean = [0.0], sd = [1.0] }',
            r"fit\.scope\.mean: found 1 numbers, expected 3",
        ),
        (
            'scope = { kind = "fixed", mean = [0.0, 0.0, 0.0], sd = [1.0, 0.0, 1.0] }',
            r"fit\.scope\.sd: found \[1\.0, 0\.0, 1\.0\], expected a number from 1e-6 to 1e6 for each layer",
        ),
        (
            'scope = { kind = "pilot", weight = -1.0 }',
            r"fit\.scope\.weight: found -1\.0, expected a number from",
        ),
        ('scope = "pilot"', r"fit\.scope: found 'pilot', expected a table"),
        ('shadow = "int4"', r"fit\.shadow: found 'int4', expected 'int8' or 'fp16'"),
    ],
)
def test_bad_keys_are_refused_in_one_line(
    run: Run, recipe: Path, tmp_path: Path, table: str, message: str
) -> None:
    recipe.write_text(recipe.read_text().replace("[store]", f"{table}\n[store]"))
    status, _, err = run("generate", recipe, "--out", tmp_path / "store")
    assert (status, len(err.splitlines())) == (2, 1)
    assert re.search(message, err), err


def test_shapes_have_no_shadow_and_thin_layers_no_scope(run: Run, recipe: Path, tmp_path: Path) -> None:
    status, _, err = run("generate", "modelnet10", "--out", tmp_path / "store", "--shadow", "int8")
    assert (status, "fit.shadow: expected none for shapes" in err) == (2, True), err
    recipe.write_text(recipe.read_text().replace("[2, 8, 8, 1]", "[2, 1, 1, 1]"))
    status, _, err = run("generate", recipe, "--out", tmp_path / "store", "--scope", "pilot")
    assert (status, "fit.scope: found dims [2, 1, 1, 1], expected layers of 2" in err) == (2, True), err


def test_plain_recipes_state_none_of_it() -> None:
    """So their digests and jobs are what they were; `golden` compares the bytes of a store."""
    for name in ("digits", "mnist", "modelnet10"):
        assert not {"robust", "scope", "shadow"} & {*load_recipe(name).canonical()["fit"]}
    assert (
        load_recipe("digits").digest() == "887b9586565e5e2926ad4510b496eaa600c534cca1f73875d90353e3360b7136"
    )
