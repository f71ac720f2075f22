"""``augment`` given what it cannot use: one line, and no store is touched."""

from pathlib import Path

import pytest

from neuralviews.augment.batch import Context
from neuralviews.store.reader import open_store

from ..made_stores import contents
from .augment_runs import Run, one_step, plan_file, refused


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", ["none: no folder that can be read; expected a folder with job.json and manifest.json"]),
        ("empty", ["empty: holds no store"]),
        ("unfinished", ["unfinished: not finished; run the command that makes it again"]),
        ("damaged", ["damaged/shards/shard-000001.h5", "sha256"]),
        ("bare", ["bare: job: states no recipe; expected a store that `neuralviews generate` made"]),
        ("solid", ["solid: job: states no recipe"]),
        ("alone", ["found 1 records to mix with each other, expected 2 or more: use more objects or views"]),
    ],
)
def test_bad_parents_are_one_line(run: Run, stores: Path, out: Path, name: str, words: list[str]) -> None:
    refused(run("augment", stores / name, "--plan", "aligned-mixup", "--out", out), *words)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            '{ op = "sing_flip" }',
            ["mine.toml: pipelines[0].steps[0].op: found 'sing_flip'; did you mean 'sign"],
        ),
        ('{ op = "mixup", lam = 1 }', ["steps[0]: mixup has no setting 'lam'; it takes law, beta, labels, "]),
        (
            '{ op = "sign_flip", p = nan }',
            ["mine.toml: pipelines.steps.p: found nan, expected a finite number"],
        ),
        ('{ op = "sign_flip", p = 1.5 }', ["steps[0]: SignFlip: p: found 1.5, expected 0 to 1"]),
        ('{ op = "align_to" }', ["steps[0]: align_to lacks the setting 'reference', which has no default"]),
        (
            '{ op = "align_to", reference = "AAAA" }',
            ["steps[0]: AlignTo: reference: found str, expected the float32"],
        ),
        (
            '{ op = "align_to", reference = "AAAAAA==" }',
            ["align_to: the reference has 1 weights, these fields "],
        ),
        (
            '{ op = "affine_coords", rotate_3d = 9.0 }',
            ["rotate_3d turns fields of 3 coordinates, these have 2;"],
        ),
        (
            '{ op = "affine_output", grey = 0.5 }',
            ["grey needs the 3 colours of RGB, these fields have 1; leave"],
        ),
        (
            '{ op = "mixup" }, { op = "mixup" }',
            ["Compose: found mixup and mixup, expected one or more steps, at"],
        ),
        ("", ["mine.toml: pipelines[0]: steps: found [], expected a list of operations"]),
        ("3", ["mine.toml: pipelines[0]: steps: found [3], expected a list of operations"]),
        (
            6 * '{ op = "self_mixup", steps = [' + '{ op = "sign_flip" }' + 6 * "] }",
            ["steps[0].steps: found operations within 5 others, expected at most 4; nest fewer"],
        ),
        (300 * '{ op = "self_mixup", steps = [' + 300 * "] }", ["nested far too deep"]),
    ],
)
def test_bad_steps_are_one_line(
    run: Run, stores: Path, out: Path, tmp_path: Path, step: str, words: list[str]
) -> None:
    plan = one_step(tmp_path, step)
    refused(run("augment", stores / "parent", "--plan", plan, "--out", out), *words)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", ["mine.toml: not valid TOML"]),
        ("", ["mine.toml: name: missing, expected text"]),
        ('name = "a"', ["mine.toml: pipelines: missing, expected 1 to 1000 tables"]),
        ('name = "a"\npipelines = [3]', ["mine.toml: pipelines: found [3], expected 1 to 1000 tables"]),
        ('name = "a"\npipelines = [{}]', ["mine.toml: pipelines[0]: name: missing, expected text"]),
        ('name = "a"\npipelines = [{ nam = "b" }]', ["pipelines[0]: nam: unknown key; did you mean 'name'?"]),
        ('nam = "a"', ["mine.toml: nam: unknown key; did you mean 'name'?"]),
        (
            'name = "a"\nseed = 9223372036854775808\npipelines = [{}]',
            ["seed: found 9223372036854775808, expected a whole number"],
        ),
        (
            'name = "a"\nreject = { min_psnr = nan }\npipelines = [{}]',
            ["reject.min_psnr: found nan, expected a finite number"],
        ),
    ],
)
def test_bad_plans_are_one_line(
    run: Run, stores: Path, out: Path, tmp_path: Path, text: str, words: list[str]
) -> None:
    refused(run("augment", stores / "parent", "--plan", plan_file(tmp_path, text), "--out", out), *words)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--plan", "symmetry"],
            ["no plan is named 'symmetry'; did you mean 'symmetries'? there are aligned-"],
        ),
        (["--plan", "none.toml"], ["none.toml: no such file; expected a plan in TOML"]),
        (
            ["--plan", "symmetries", "--seed", 2**63],
            [f"plan symmetries: seed: found {2**63}, expected a whole"],
        ),
        (["--plan", "symmetries", "--copies", 65_537], ["'--copies': 65537 is not in the range 1<=x<=65536"]),
        (
            ["--plan", "symmetries", "--copies", 65_536],
            ["196608 copies of an object (3 views x 1 pipelines x"],
        ),
        (
            ["--plan", "symmetries", "--split", "val", "--split", "val"],
            ["splits: found val, val; give each once"],
        ),
        (["--plan", "symmetries", "--shards", "3/2"], ["found '3/2', expected i/n with 0 <= i < n"]),
        (["--plan", "symmetries", "--workers", 0], ["'--workers': 0 is not in the range x>=1"]),
        ([], ["Missing option '--plan'"]),
    ],
)
def test_bad_options_are_one_line(
    run: Run, stores: Path, out: Path, options: list[object], words: list[str]
) -> None:
    refused(run("augment", stores / "parent", *options, "--out", out), *words)


@pytest.mark.usefixtures("untouched")
def test_mixing_needs_labels_and_classes_only_if_it_goes_by_them(
    run: Run, stores: Path, out: Path, tmp_path: Path
) -> None:
    plan = one_step(tmp_path, '{ op = "mixup", partner = "class" }')
    refused(
        run("augment", stores / "photos", "--plan", plan, "--out", out),
        "mixup: found fields without labels, expected some for partner = 'class'; use partner = 'any'",
    )
    plan = one_step(tmp_path, '{ op = "mixup", partner = "class" }', 'views = 1\nsplits = ["val"]')
    refused(
        run("augment", stores / "parent", "--plan", plan, "--out", out),
        "partners: found 1 record of class",
        "expected 2 or more of every class",
    )
    refused(
        run("augment", stores / "photos", "--plan", "symmetries", "--split", "test", "--out", out),
        "photos has no usable record in test (records: train 9, val 0, test 0); choose other splits",
    )


@pytest.mark.usefixtures("untouched")
def test_fields_of_solids_are_turned_by_another_setting(
    run: Run, stores: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solid = Context(open_store(stores / "solid").spec, 1.0, None, 10)
    monkeypatch.setattr("neuralviews.augment.supply.context_of", lambda store: solid)
    plan = one_step(tmp_path, '{ op = "affine_coords", rotate = 9.0 }')
    refused(
        run("augment", stores / "solid", "--plan", plan, "--out", out),
        "affine_coords: rotate turns fields of 2 coordinates, these have 3; use rotate_3d",
    )


def test_folders_that_hold_something_else_stay_as_they_are(run: Run, stores: Path, tmp_path: Path) -> None:
    before = contents(stores)
    parent = stores / "parent"
    asked = ("augment", parent, "--plan", "symmetries", "--out")
    refused(run(*asked, parent), "parent: is or lies in the store that is augmented; choose another folder")
    refused(run(*asked, stores / "other"), "other: belongs to another job", "choose another folder")
    refused(run(*asked, stores / "unfinished"), "unfinished: belongs to another job")
    refused(run(*asked, stores), "no job.json; choose a new or an empty folder")
    refused(run("align", parent, "--out", parent), "is or lies in the store that is augmented")
    refused(run(*asked, parent / "sub"), "sub: is or lies in the store that is augmented")
    assert contents(stores) == before
    (tmp_path / "file").write_text("mine")
    refused(run(*asked, tmp_path / "file"), "file")
    assert (tmp_path / "file").read_text() == "mine"
