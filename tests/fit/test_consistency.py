"""Stores whose columns say what their recipe cannot make are refused, however well their hashes fit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralviews.cli.main import main
from neuralviews.errors import FormatError, IntegrityError
from neuralviews.fit.consistency import check_against_job, check_against_source
from neuralviews.fit.reproduce import open_store_source, remeasure
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.stated import stated_job
from neuralviews.recipe import Recipe
from neuralviews.records import Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

MakeRecipe = Callable[..., Recipe]
GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


def forge(root: Path, copy: Path, column: str, change: Callable[[np.ndarray], np.ndarray]) -> Store:
    """A store of the same job, properly published, with one column changed."""
    honest = open_store(root)
    writer = StoreWriter(copy, honest.job)
    for shard in range(writer.shard_count):
        records: Records = honest.read(np.array(writer.row_range(shard)))
        values = change(records.columns[column].copy()).astype(records.columns[column].dtype)
        writer.commit(shard, replace(records, columns={**records.columns, column: values}))
    writer.finalize()
    return open_store(copy)


@pytest.fixture
def root(tiny: MakeRecipe, tmp_path: Path) -> Path:
    generate(tiny(fit="target_psnr = 15.0"), tmp_path / "honest", RunOptions(limit=40))
    return tmp_path / "honest"


def test_an_honest_store_passes(root: Path) -> None:
    store = open_store(root)
    job = stated_job(store)
    check_against_job(store, job)
    check_against_source(store, job, open_store_source(store, None))


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("view", lambda v: v + 1000, "record 0 states view 1000, expected record_id modulo views"),
        ("steps", lambda v: v + 4_000_000, r"states steps 40000\d\d, expected at most 40"),
        ("psnr", lambda v: v + 1, r"record 0 states psnr .*, expected that of its loss"),
        ("label", lambda v: v + 10, r"states label 1\d, expected one of 10 classes"),
        ("status", lambda v: v * 0, "states status 0, expected the target reached"),
    ],
)
def test_columns_that_the_recipe_cannot_make(
    root: Path, tmp_path: Path, column: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    store = forge(root, tmp_path / "forged", column, change)
    with pytest.raises(IntegrityError, match=message):
        check_against_job(store, stated_job(store))
    with pytest.raises(SystemExit) as end:
        main(["verify", str(tmp_path / "forged"), "--level", "semantic"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("column", "change"), [("object_id", lambda v: v + 2000), ("label", lambda v: (v + 1) % 10)]
)
def test_columns_that_the_source_does_not_have(
    root: Path, tmp_path: Path, column: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    store = forge(root, tmp_path / "forged", column, change)
    with pytest.raises(IntegrityError, match=rf"record 0 states {column} \d+, expected that of the source"):
        check_against_source(store, stated_job(store), open_store_source(store, None))


def test_a_forged_loss_is_measured(root: Path, tmp_path: Path) -> None:
    store = forge(root, tmp_path / "forged", "loss", lambda v: v * 0.5)
    with pytest.raises(IntegrityError, match=r"record 0 renders at"):
        remeasure(store, open_store_source(store, None), np.arange(3))


@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["show", "--out", "g.png"]])
def test_a_store_without_a_recipe_is_refused_in_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([arguments[0], str(GOLDEN), *arguments[1:]])
    assert end.value.code == 2
    assert "states no recipe; expected a store that `neuralviews generate` made" in capsys.readouterr().err


def test_semantic_verification_of_a_store_without_a_recipe_says_what_it_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["verify", str(GOLDEN), "--level", "semantic"])
    assert not end.value.code
    assert "skipped  records were not compared with a recipe: the job states none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limit", "x"),
        ("recipe", {"a": 1}),
        ("source", 5),
        ("name", "other"),
        ("objects", 3),
        ("recipe_digest", "0" * 64),
        ("arithmetic", {}),
    ],
)
def test_an_edited_job_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: object
) -> None:
    store = open_store(root)
    edited = {**store.job, key: value}
    monkeypatch.setattr(Store, "job", property(lambda self: edited))
    with pytest.raises(FormatError, match=r"honest: job: .*(expected|edited)"):
        stated_job(store)
