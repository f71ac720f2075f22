"""Plans: what may be in one, what is refused, and what decides its digest."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.augment.plan import Plan, load_plan, plan_names
from neuralviews.errors import PlanError
from neuralviews.records import Split

PLAIN: dict[str, Any] = {
    "name": "mine",
    "pipelines": [{"name": "flip", "steps": [{"op": "sign_flip", "p": 0.25}]}],
}


def changed(**keys: Any) -> dict[str, Any]:
    return PLAIN | keys


def steps(*tables: dict[str, Any]) -> dict[str, Any]:
    return changed(pipelines=[{"name": "flip", "steps": list(tables)}])


@pytest.mark.parametrize("name", plan_names())
def test_plans_that_come_along_are_sound_and_survive_the_way_through_a_job(name: str) -> None:
    plan = load_plan(name)
    assert plan.name == name
    assert plan.title
    assert Plan.checked(plan.canonical(), "plan in job").digest() == plan.digest()


def test_the_plans_that_come_along_are_those_promised() -> None:
    promised = {"symmetries", "aligned-mixup", "aligned-mixup-repaired", "paper-suite", "contrastive"}
    assert set(plan_names()) == promised
    assert load_plan("contrastive").copies == 2


def test_defaults_are_filled_in() -> None:
    plan = Plan.checked(PLAIN, "here")
    assert (plan.seed, plan.copies, plan.splits, plan.views) == (0, 1, (Split.train,), None)
    assert plan.canonical()["pipelines"] == [{"name": "flip", "steps": [{"op": "sign_flip", "p": 0.25}]}]


def test_titles_decide_nothing_and_everything_else_does() -> None:
    plan = Plan.checked(PLAIN, "here")
    assert Plan.checked(changed(title="other"), "here").digest() == plan.digest()
    for other in (
        changed(seed=1),
        changed(copies=2),
        changed(splits=["train", "val"]),
        changed(views=3),
        changed(reject={"min_psnr": 20.0}),
        steps({"op": "sign_flip", "p": 0.5}),
    ):
        assert Plan.checked(other, "here").digest() != plan.digest()


def test_options_replace_what_a_plan_says() -> None:
    plan = Plan.checked(changed(title="kept"), "here").with_options(3, 5, ("val",))
    assert (plan.copies, plan.seed, plan.splits, plan.title) == (3, 5, (Split.val,), "kept")
    assert plan.with_options() == plan


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(nam="x"), r"here: nam: unknown key"),
        (changed(copies=0), r"here: copies: found 0, expected a whole number from 1 to 65536"),
        (changed(splits=[]), r"here: splits: "),
        (changed(splits=["train", "train"]), r"here: splits: found train, train; give each once"),
        (
            changed(splits=["dev"]),
            r"here: splits: found \['dev'\], expected a list of 'train', 'val' or 'test'",
        ),
        (
            changed(views="some"),
            r"here: views: found 'some', expected 'all' or a whole number from 1 to 65536",
        ),
        (changed(views=0), r"here: views: found 0, expected 'all' or a whole number from 1 to 65536"),
        (changed(name="Über"), r"here: name: found 'Über', expected lower-case letters, digits and '-'"),
        (changed(pipelines=[]), r"here: pipelines: found \[\], expected 1 to 1000 tables \[\[pipelines\]\]"),
        (
            changed(pipelines=[{"name": "flip", "steps": ["sign_flip"]}]),
            r"steps: found .*, expected a list of operations such as \{ op = \"sign_flip\" \}",
        ),
        (changed(pipelines=[*PLAIN["pipelines"]] * 2), r"here: pipelines: found flip, flip; give each once"),
        (changed(reject={"attempts": 0}), r"here: reject\.attempts: found 0, expected a whole number from 1"),
        (
            steps({"op": "sing_flip"}),
            r"here: pipelines\[0\]\.steps\[0\]\.op: found 'sing_flip'; did you mean 'sign_flip'\?",
        ),
        (steps({"op": "sign_flip", "q": 1}), r"steps\[0\]: sign_flip has no setting 'q'; it takes p$"),
        (steps({"op": "sign_flip", "p": "x"}), r"steps\[0\]: SignFlip: p: found 'x', expected 0 to 1"),
        (steps({"op": "sign_flip", "p": 2}), r"steps\[0\]: SignFlip: p: found 2"),
        (steps({"p": 0.5}), r"steps\[0\]: expected a table with the key op"),
        (
            steps({"op": "mixup"}, {"op": "aligned_mixup"}),
            r"pipelines\[0\]\.steps: Compose: found mixup and aligned_mixup, expected .* at most one",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(table: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.checked(table, "here")


def test_files_and_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"no plan is named 'aligned-mixop'; did you mean 'aligned-mixup'"):
        load_plan("aligned-mixop")
    with pytest.raises(PlanError, match=r"none\.toml: no such file; expected a plan in TOML"):
        load_plan(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(PlanError, match=r"bad\.toml: not valid TOML"):
        load_plan(str(tmp_path / "bad.toml"))
