"""``augment``, ``align``, ``augmentations``, ``verify --parent``: what they print, and bad input."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.batch import Context
from neuralviews.augment.plan import plan_names
from neuralviews.augment.registry import OPERATIONS
from neuralviews.augment.rows import CopyMaker
from neuralviews.field import FieldSpec
from neuralviews.records import Status
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..made_stores import contents, digits_recipe, make_store, photo_recipe, started_store
from ..store.stores import make_job, make_records
from ..store.stores import make_store as make_bare_store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of digits, and whatever else may be handed in instead of one."""
    root = tmp_path_factory.mktemp("stores")
    make_store(root / "parent")
    make_store(root / "other", objects=4)
    make_store(root / "wider", digits_recipe(field={"dims": [2, 7, 5, 1]}), objects=2)
    make_store(root / "alone", digits_recipe(views=1), objects=1)
    make_store(root / "photos", photo_recipe(root / "files"), objects=9)
    make_bare_store(root / "bare")
    solid = FieldSpec([3, 5, 1])
    writer = StoreWriter(root / "solid", make_job(9, 9, solid))
    writer.commit(0, make_records(range(9), solid))
    writer.finalize()
    started_store(root / "unfinished", digits_recipe(), 4)
    (root / "empty").mkdir()
    damaged = make_store(root / "damaged").root / "shards" / "shard-000001.h5"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def untouched(stores: Path, out: Path) -> Iterator[None]:
    """Whatever the test does, no store may change and nothing be written."""
    before = contents(stores)
    yield
    assert contents(stores) == before
    assert not out.exists()


def plan_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def one_step(folder: Path, step: str, more: str = "") -> Path:
    return plan_file(folder, f'name = "mine"\n{more}\n[[pipelines]]\nname = "a"\nsteps = [{step}]\n')


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_a_run_says_what_it_did_and_can_be_verified(run: Run, stores: Path, out: Path) -> None:
    parent = stores / "parent"
    asked = ("augment", parent, "--plan", "symmetries", "--copies", 2, "--split", "val", "--workers", 1)
    code, text, _ = run(*asked, "--split", "test", "--seed", 7, "--out", out)
    store = open_store(out)
    assert (code, text) == (0, f"{out}: complete, 66 copies made now\ndataset id {store.dataset_id}\n")
    assert (store.job["plan"]["seed"], store.job["plan"]["splits"]) == (7, ["val", "test"])
    code, text, _ = run(*asked, "--split", "test", "--seed", 7, "--out", out)
    assert (code, text) == (0, f"{out}: complete, 0 copies made now\ndataset id {store.dataset_id}\n")

    code, text, _ = run("verify", out, "--level", "semantic")
    assert code == 0
    assert "skipped  copies were not compared with their parents; give --parent" in text
    code, text, _ = run("verify", out, "--level", "semantic", "--parent", parent)
    assert code == 0
    assert "ok       every copy has the object and the split of its parents" in text
    assert run("verify", out, "--parent", parent) == (0, text, "")
    code, text, _ = run("verify", out, "--level", "regenerate", "--parent", parent, "--rows", 9)
    assert "ok       9 copies made again, from seeds and from stored parameters, every byte equal" in text
    assert text.endswith(f"{out}: regenerate verification passed\n")
    code, text, _ = run("verify", out, "--level", "regenerate", "--parent", parent, "--json")
    assert any("64 copies made again" in check for check in json.loads(text)["checks"])


def test_parts_say_what_is_left_to_others(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup-repaired", "--out", out, "--workers", 1)
    assert run(*asked, "--shards", "1/2")[1] == f"{out}: 23 copies made; 1 shard is left to other parts\n"
    assert run(*asked, "--shards", "0/2")[1].startswith(f"{out}: complete, 64 copies made now\n")


def test_copies_that_were_rejected_are_counted(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    plan = one_step(tmp_path, '{ op = "gaussian_noise" }', "reject = { min_psnr = 150.0 }")
    code, text, _ = run("augment", stores / "parent", "--plan", plan, "--out", out, "--workers", 1)
    assert code == 0
    assert text.endswith(
        "\n87 copies were rejected at every attempt; no dataset serves them\n  a  87  of 87: none is left\n"
    )


def test_rejections_are_told_by_pipeline(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    plan = tmp_path / "mine.toml"
    plan.write_text(
        'name = "mine"\nreject = { min_psnr = 6.0, min_share = 0.2, attempts = 1 }\n[[pipelines]]\n'
        'name = "noise"\nsteps = [{ op = "gaussian_noise", scale = 9.0 }]\n[[pipelines]]\n'
        'name = "exact"\nsteps = [{ op = "sign_flip" }]\n[[pipelines]]\n'
        'name = "mixed"\nsteps = [{ op = "aligned_mixup", law = "uniform" }]\n'
    )
    code, text, _ = run("augment", stores / "parent", "--plan", plan, "--out", out, "--workers", 1)
    assert code == 0
    store = open_store(out)
    lost = store.column("pipeline")[store.column("status") == Status.diverged]
    mixed = int((lost == 2).sum())
    assert 0 < mixed < 87
    lines = [
        f"{87 + mixed} copies were rejected at every attempt; no dataset serves them",
        "  noise  87  of 87: none is left",
        f"  mixed  {mixed}  of 87",
    ]
    assert text.splitlines()[2:] == lines
    assert run("stats", out, "--pairs", 3)[1].splitlines()[-5:-2] == lines
    facts = run("info", out)[1]
    assert (
        f"261: copies of 29 objects, {87 + mixed} of them rejected, but counted in splits and PSNR" in facts
    )
    assert (
        f"{87 + mixed} copies (min_psnr 6, min_share 0.2, attempts 1); `neuralviews stats` says of" in facts
    )


def test_alignment_says_what_it_did(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    parent = stores / "parent"
    code, text, _ = run("align", parent, "--group", "sign", "--out", out, "--workers", 1)
    assert (code, text.splitlines()[0]) == (0, f"{out}: complete, 120 fields aligned now")
    again = ("align", parent, "--group", "sign", "--reference", out, "--out", tmp_path / "again")
    code, text, _ = run(*again, "--workers", 1)
    assert code == 0
    assert open_store(tmp_path / "again").dataset_id == open_store(out).dataset_id
    assert run("verify", out, "--level", "regenerate", "--parent", parent)[0] == 0


def test_an_interruption_says_how_to_go_on(
    run: Run, stores: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("neuralviews.augment.run.make_shards", interrupt)
    for name, *more in (("augment", "--plan", "symmetries"), ("align",)):
        arguments = [name, str(stores / "parent"), *more, "--out", str(out)]
        monkeypatch.setattr("sys.argv", ["neuralviews", *arguments])
        code, _, err = run(*arguments)
        assert code == 130
        assert err.startswith("interrupted: no shard was finished yet; resume with: ")
        assert err.endswith(f" neuralviews {' '.join(arguments)}\n")
        shutil.rmtree(out)


def test_the_table_names_every_operation_and_plan(run: Run) -> None:
    code, text, _ = run("augmentations")
    assert code == 0
    operations, plans, last = text.rstrip("\n").split("\n\n")
    assert [line.split()[0] for line in operations.splitlines()] == ["operation", *OPERATIONS]
    assert [line.split()[0] for line in plans.splitlines()] == ["plan", *plan_names()]
    assert "--json" in last
    (row,) = (line for line in operations.splitlines() if line.startswith("label_smoothing"))
    assert re.match(r"label_smoothing +yes +smooth +spread a share of the label over all classes ", row)
    assert row.endswith("epsilon 0.1")


def test_the_same_as_json_with_sources(run: Run) -> None:
    code, text, _ = run("augmentations", "--json")
    assert code == 0
    found = json.loads(text)
    assert [operation["name"] for operation in found["operations"]] == list(OPERATIONS)
    assert [plan["name"] for plan in found["plans"]] == list(plan_names())
    flip = next(operation for operation in found["operations"] if operation["name"] == "sign_flip")
    assert (flip["settings"], flip["exact"], flip["label"], flip["version"]) == ({"p": 0.5}, True, "keep", 1)
    assert all(operation["summary"] and operation["source"] for operation in found["operations"])


@pytest.mark.parametrize("name", ["augment", "align"])
def test_help_says_that_runs_resume(run: Run, name: str) -> None:
    text = " ".join(run(name, "--help")[1].split())
    assert "after an interruption, the same command goes on" in text
    assert "--out PATH Folder of the new store; run again to resume. [required]" in text


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


@pytest.mark.usefixtures("untouched")
def test_bad_references_are_one_line(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    parent = stores / "parent"
    asked = ("align", parent, "--out", out, "--reference")
    refused(run(*asked, parent), "parent: was not aligned to anything; expected 'mean', or a store that")
    refused(run(*asked, stores / "none"), "expected 'mean' or the folder of an aligned store")
    refused(run(*asked, "median"), "reference: found 'median', expected 'mean' or the folder of an aligned")
    refused(run(*asked, tmp_path), "holds no store")
    assert run("align", stores / "wider", "--out", tmp_path / "wide", "--workers", 1)[0] == 0
    refused(
        run(*asked, tmp_path / "wide"),
        "wide: aligned fields [2, 7, 5, 1]",
        "[2, 6, 5, 1]",
        "choose a reference of the same shape",
    )
    refused(run("align", parent, "--out", out, "--group", "affine"), "'affine' is not one of")


def test_verification_names_what_is_wrong_with_the_parent(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup", "--out", out, "--workers", 1)
    assert run(*asked)[0] == 0
    for level in ("semantic", "regenerate"):
        refused(
            run("verify", out, "--level", level, "--parent", stores / "other"),
            "other: found dataset id",
            "the parent of",
            "give the store that it was made from",
        )
        refused(run("verify", out, "--level", level, "--parent", stores / "damaged"), "shard-000001.h5")
        refused(run("verify", out, "--level", level, "--parent", stores / "none"), "no folder that can be")
    refused(run("verify", out, "--level", "regenerate"), "made again from their parents; give --parent")
    for level in ("quick", "full"):
        refused(
            run("verify", out, "--level", level, "--parent", stores / "parent"),
            f"--parent: level '{level}' compares nothing with it; choose --level semantic or regenerate",
        )
    refused(run("verify", out, "--source-root", stores), "holds augmented copies", "give --parent instead")
    refused(
        run("verify", stores / "parent", "--level", "semantic", "--parent", stores / "parent"),
        "has none, its kind is 'generate'; leave the parent out",
    )


def test_verification_notices_copies_that_are_not_their_plans(
    run: Run, stores: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("augment", stores / "parent", "--plan", "symmetries", "--out", out, "--workers", 1)
    assert run(*asked)[0] == 0
    other = open_store(out).weights(np.arange(87))[::-1]
    monkeypatch.setattr(CopyMaker, "finite_weights", lambda self, batch, parents: other[: len(batch)])
    code, _, err = run("verify", out, "--level", "regenerate", "--parent", stores / "parent")
    assert code == 2
    assert "record 0 came out different, made again from their seeds (weights)" in err


def test_a_damaged_parent_is_told_once_for_all_shards(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup", "--copies", 12, "--out", out)
    assert run(*asked, "--workers", 1)[0] == 0
    assert len([*(out / "shards").glob("*.h5")]) > 1
    refused(
        run("verify", out, "--level", "semantic", "--parent", stores / "damaged"),
        "error: ",
        "damaged/shards/shard-000001.h5: found sha256",
    )
