"""Recipes: one digest however they are written, and every fault named with file, key and expectation."""

import contextlib
import json
import pickle
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import RecipeError
from neuralviews.recipe import Recipe, load_recipe, recipe_from_canonical, recipe_names, recipe_root

MINIMAL = """
name = "mine"
[source]
kind = "digits"
[field]
dims = [2, 16, 8, 1]
"""


def load(folder: Path, text: str) -> Recipe:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    recipe = load(tmp_path, MINIMAL)
    assert recipe.views == 1
    assert recipe.spec.omega == (30.0, 30.0)
    assert recipe.span == 1.0
    assert (recipe.fit.steps, recipe.fit.lr, recipe.fit.schedule) == (1000, 5e-4, "constant")
    assert recipe.fit.target_psnr is None
    assert recipe.folder == tmp_path


def test_digest_does_not_depend_on_the_writing(tmp_path: Path) -> None:
    plain = load(tmp_path, MINIMAL)
    rewritten = load(
        tmp_path,
        """
        # The same, with defaults spelt out, other number formats, another order and a title.
        title = "Mine"
        store = {}
        expected = { objects = 3, median_psnr = 40 }
        seed = 0x0
        field.axis_order = "xy"
        field.omega = [30, 3e1]
        field.output_scale = 1
        field.dims = [2, 16, 8, 1]
        target.range = [0, 1]
        fit.lr = 0.0005
        split = { test = 0, rule = "random" }
        source.kind = "digits"
        name = "mine"
        """,
    )
    assert rewritten.digest() == plain.digest()


@pytest.mark.parametrize(
    "change",
    [
        'seed = 1\nname = "mine"',
        'name = "yours"',
        'views = 2\nname = "mine"',
        'fit.lr = 5.0000001e-4\nname = "mine"',
        'fit.keep_best = true\nname = "mine"',
        'store.rows_per_shard = 64\nname = "mine"',
        'split = { rule = "index", train = 10, val = 20 }\nname = "mine"',
        'init.scheme = "dws"\nname = "mine"',
    ],
)
def test_digest_depends_on_all_that_decides_a_byte(tmp_path: Path, change: str) -> None:
    changed = load(tmp_path, MINIMAL.replace('name = "mine"', change))
    assert changed.digest() != load(tmp_path, MINIMAL).digest()


def test_canonical_form_survives_json_and_pickle(tmp_path: Path) -> None:
    recipe = load(tmp_path, MINIMAL + '[split]\nrule = "index"\ntrain = 3\nval = 5\n')
    again = recipe_from_canonical(json.loads(json.dumps(recipe.canonical())))
    assert again.canonical() == recipe.canonical()
    assert again.digest() == recipe.digest()
    assert again.folder is None
    assert pickle.loads(pickle.dumps(recipe)) == recipe


@given(views=st.integers(1, 65_535))
def test_with_views_changes_the_views_alone(views: int) -> None:
    recipe = recipe_from_canonical(tomllib.loads(MINIMAL))
    changed = recipe.with_views(views)
    assert changed.canonical() == {**recipe.canonical(), "views": views}


@pytest.mark.parametrize("views", [0, -1, 65_536, True, 1.0])
def test_with_views_refuses_impossible_numbers(views: int) -> None:
    recipe = recipe_from_canonical(tomllib.loads(MINIMAL))
    with pytest.raises(RecipeError, match=r"mine: views: found .*, expected a whole number from 1 to 65535"):
        recipe.with_views(views)


TORCHVISION = '[source]\nkind = "torchvision"\ndataset = "MNIST"\n'
FOLDER = '[source]\nkind = "folder"\npath = "pictures"\n'
DIGITS = '[source]\nkind = "digits"\n'
FIELD = "dims = [2, 16, 8, 1]\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "", "name: missing, expected 1 to 64 of a-z"),
        ('"mine"', '"My Set"', "name: found 'My Set', expected 1 to 64 of a-z"),
        ('"mine"', '"mine"\nviews = -1', "views: found -1, expected a whole number from 1 to 65535"),
        ('"mine"', '"mine"\nviews = 2.0', "views: found 2.0, expected a whole number"),
        ('"mine"', '"mine"\nview = 2', "view: unknown key; did you mean 'views'.* expected 'name'"),
        ('"mine"', '"mine"\nseed = -1', "seed: found -1, expected a whole number from 0"),
        ('"mine"', '"mine"\ntitle = "a\\nb"', "title: found 'a.*nb', expected one line"),
        ('"mine"', '"mine"\n"a\\nb" = 1', r"mine.toml: a\\nb: unknown key; expected 'name'"),
        (DIGITS, "", "source: missing, expected a table"),
        ('"digits"', '"digit"', "source.kind: found 'digit', expected 'digits', .*, 'folder' or 'meshes'"),
        (DIGITS, "[source]\n", "source.kind: missing, expected 'digits'"),
        (DIGITS, DIGITS + "path = 'x'\n", "source.path: unknown key; expected 'kind'"),
        (DIGITS, '[source]\nkind = "torchvision"\n', "source.dataset: missing, expected the name of a class"),
        (DIGITS, TORCHVISION + "train = { root = 'x' }\n", "source.train.root: expected no such argument"),
        (DIGITS, TORCHVISION + "test = { folds = [1] }\n", "source.test: found .*, expected a table of true"),
        (
            DIGITS,
            FOLDER.replace("pictures", "/pictures"),
            "source.path: found '/pictures', expected a relative",
        ),
        (DIGITS, FOLDER.replace("pictures", "a/../.."), "source.path: found 'a/../..', expected a relative"),
        (DIGITS, FOLDER + "labels = 'names'\n", "source.labels: found 'names', expected 'folders' or 'none'"),
        (FIELD, "", "field.dims: missing, expected whole numbers"),
        (FIELD, "dims = [2, 1]", r"field.dims: found \[2, 1\], expected .* hidden layer"),
        (FIELD, "dims = [2, 0, 1]", r"field.dims: found 0 in \[2, 0, 1\], expected integers from 1"),
        (FIELD, "dims = [2, -4, 1]", "field.dims: found -4 in"),
        (FIELD, "dims = [3, 16, 1]", "field.dims: .*expected 2 inputs"),
        (FIELD, "dims = [2, 16, 3]", "field.dims: .*expected 1 output: the digits are grey"),
        (FIELD, "dims = [2, 16.0, 1]", "field.dims: found .*, expected whole numbers"),
        (FIELD, "dims = 2", "field.dims: found 2, expected whole numbers"),
        (FIELD, FIELD + "omega = [30.0]", "field.omega: found 1 values, expected one or 2"),
        (
            FIELD,
            FIELD + "omega = 0",
            "field.omega: found 0, expected a number from 1e-6 to 1e6, or one for each",
        ),
        (FIELD, FIELD + "omega = nan", "field.omega: found nan, expected a finite number"),
        (FIELD, FIELD + "axis_order = 'yx'", "field.axis_order: found 'yx', expected 'xy' or 'ij'"),
        (FIELD, FIELD + "output_scale = 0.0", "field.output_scale: found 0.0, expected a number from 1e-6"),
        (FIELD, FIELD + "[target]\nrange = [1, 0]", "target.range: found .*, expected two numbers"),
        (FIELD, FIELD + "[target]\nrange = [1e6, 1000099]", "target.range: .*found .*, expected two numbers"),
        (
            FIELD,
            FIELD + "[target]\nrange = [99999, 100000]",
            "target.range: .* at least 1e-4 of either's size",
        ),
        (FIELD, FIELD + "[target]\nrange = [1]", r"target.range: found \[1\], expected two numbers"),
        (FIELD, FIELD + "[target]\nrange = [0, inf]", "target.range: found inf, expected a finite number"),
        (FIELD, FIELD + "[fit]\nlearning_rate = 1", "fit.learning_rate: unknown key; expected 'steps', 'lr'"),
        (FIELD, FIELD + "[fit]\nlr = '5e-4'", "fit.lr: found '5e-4', expected a number from 1e-12 to 10"),
        (FIELD, FIELD + "[fit]\nlr = 0", "fit.lr: found 0, expected a number from 1e-12 to 10"),
        (FIELD, FIELD + "[fit]\nsteps = 0", "fit.steps: found 0, expected a whole number from 1"),
        (FIELD, FIELD + "[fit]\nschedule = 'step'", "fit.schedule: found 'step', expected 'constant' or"),
        (FIELD, FIELD + "[fit]\nretries = 17", "fit.retries: found 17, expected a whole number from 0 to 16"),
        (
            FIELD,
            FIELD + "[fit]\ntarget_psnr = 'high'",
            "fit.target_psnr: found 'high', expected a number of dB from -200 to 200",
        ),
        (
            FIELD,
            FIELD + "[fit]\ntarget_psnr = 40\nmin_psnr = 41",
            "fit.min_psnr: found 41.0, expected at most fit.target_psnr = 40.0",
        ),
        (
            FIELD,
            FIELD + "[init]\nshared = true\n[fit]\nretries = 2",
            "fit.retries: found 2, expected 0: objects that share an init",
        ),
        (FIELD, FIELD + "[split]\nval = 1", "split.rule: missing, expected 'random', 'index' or 'source'"),
        (
            FIELD,
            FIELD + "[split]\nrule = 'source'",
            "split.rule: found 'source', expected 'random' or 'index'",
        ),
        (
            FIELD,
            FIELD + "[split]\nrule = 'index'\ntrain = 9\nval = 5",
            "split.val: found 5, expected a boundary not below split.train = 9",
        ),
        (
            FIELD,
            FIELD + "[store]\nrows_per_shard = 0",
            "store.rows_per_shard: found 0, expected a whole number",
        ),
        (FIELD, FIELD + "[expected]\nobjects = -1", "expected.objects: found -1, expected a whole number"),
        (FIELD, FIELD + "fit = x", r"not valid TOML: Invalid value \(at line 7, column 7"),
    ],
)
def test_faults_are_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in MINIMAL
    with pytest.raises(RecipeError, match=message) as caught:
        load(tmp_path, MINIMAL.replace(old, new))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'mine.toml'}: ")
    assert "\n" not in text


@pytest.mark.parametrize(
    "text",
    [
        "name = " + "[" * 3000 + "]" * 3000,
        "name = " + "{ a = " * 3000 + "1" + "}" * 3000,
        TORCHVISION + "train." + "a." * 3000 + "a = 1",
    ],
    ids=["lists", "tables", "dotted"],
)
def test_endless_nesting_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match=r"mine.toml: found tables or lists nested far too deep"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("views = 1" + "0" * 5000, "mine.toml: not valid TOML: .*digits"),
        ("views = 0x1" + "0" * 5000, "views: found an int too large to show, expected a whole number"),
        ("title = [0x1" + "0" * 1000 + "]", r"title: found \[1\d+\.\.\., expected one line"),
        ("field.dims = [2, 0x1" + "0" * 5000 + ", 1]", "field.dims: found a list too large to show"),
        (
            "source = { kind = 'torchvision', dataset = 'x', train = { n = 0x1" + "0" * 5000 + "} }",
            "source.train: found a dict too large to show, expected a table",
        ),
    ],
)
def test_endless_numbers_are_refused_and_not_repeated(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load(tmp_path, f"{line}\n")


def test_a_shared_init_has_no_retries(tmp_path: Path) -> None:
    silent = load(tmp_path, MINIMAL + "[init]\nshared = true\n[fit]\nsteps = 9\n")
    spelt_out = load(tmp_path, MINIMAL + "[init]\nshared = true\n[fit]\nsteps = 9\nretries = 0\n")
    assert silent.fit.retries == silent.canonical()["fit"]["retries"] == 0
    assert silent.digest() == spelt_out.digest()
    assert recipe_from_canonical(silent.canonical()).digest() == silent.digest()
    assert load(tmp_path, MINIMAL).canonical()["fit"]["retries"] == 2


def test_missing_files_and_unknown_names() -> None:
    with pytest.raises(RecipeError, match=r"nowhere.toml: no such file; expected a recipe in TOML"):
        load_recipe("nowhere.toml")
    with pytest.raises(
        RecipeError, match=r"no recipe is named 'mnits'; did you mean 'mnist'.*cifar10.*digits"
    ):
        load_recipe("mnits")


@pytest.mark.parametrize("value", [None, [], "digits", {"name": "x"}])
def test_a_job_without_a_recipe_is_refused(value: object) -> None:
    with pytest.raises(RecipeError, match="recipe in job"):
        recipe_from_canonical(value)


def test_the_guide_shows_valid_recipes_and_every_key(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "howto" / "own-images.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```toml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert [load(tmp_path, text).name for text in shown] == ["leaves", "svhn"]
    for name, table in load(tmp_path, MINIMAL).canonical().items():
        for key in table if isinstance(table, dict) else ():
            assert f"`{name}.{key}`" in guide or f"`{key}`" in guide


def test_recipes_are_found_by_name_and_by_path() -> None:
    assert "digits" in recipe_names()
    by_name, by_path = load_recipe("digits"), load_recipe(recipe_root() / "digits" / "recipe.toml")
    assert by_name == by_path
    assert load_recipe(str(recipe_root() / "digits" / "recipe.toml")) == by_name


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
    st.sampled_from(
        ["name", "views", "source", "field", "target", "init", "fit", "split", "store", "expected"]
    ),
)
def test_no_value_escapes_as_another_exception(value: object, key: str) -> None:
    table = {**tomllib.loads(MINIMAL), key: value}
    with contextlib.suppress(RecipeError):
        recipe = recipe_from_canonical(table)
        assert recipe_from_canonical(recipe.canonical()).digest() == recipe.digest()
