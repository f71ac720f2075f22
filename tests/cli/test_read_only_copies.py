"""``info`` and ``show`` of augmented copies: what they print, and one line for every bad input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuralviews.augment.basin import align_store
from neuralviews.records import Split, Status
from neuralviews.store.reader import Store, open_store

from ..made_stores import make_store
from ..report.copies import MIXED, augmented

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("copies") / "parent")


@pytest.fixture(scope="module")
def copies(parent: Store) -> Store:
    return augmented(parent, parent.root.parent / "copies")


@pytest.fixture(scope="module")
def aligned(copies: Store) -> Store:
    """Copies of copies, whose plan holds the weights of a reference."""
    root = copies.root.parent / "aligned"
    align_store(copies, root)
    return open_store(root)


def facts_of(run: Run, store: Store) -> dict[str, Any]:
    code, out, err = run("info", store.root, "--json")
    assert (code, err) == (0, "")
    facts: dict[str, Any] = json.loads(out)
    return facts


def lines_of(run: Run, store: Store) -> dict[str, str]:
    code, out, err = run("info", store.root)
    assert (code, err) == (0, "")
    first, *lines = out.splitlines()
    assert first == str(store.root)
    width = lines[0].index(store.dataset_id)
    return {line[:width].strip(): line[width:] for line in lines}


class TestInfo:
    def test_json_agrees_with_the_store(self, run: Run, parent: Store, copies: Store) -> None:
        facts = facts_of(run, copies)
        assert facts["dataset_id"] == copies.dataset_id
        assert (facts["kind"], facts["name"]) == ("augment", "made-mixed")
        assert facts["plan"] == copies.job["plan"]
        assert facts["plan_digest"] == copies.job["plan_digest"]
        assert facts["operations"]["repair"] == copies.job["operations"]["repair"]
        assert facts["parent"]["dataset_id"] == parent.dataset_id
        assert facts["parent"]["digest"] == facts["recipe_digest"] == parent.job["recipe_digest"]
        assert facts["records"] == len(copies)
        assert facts["psnr"]["min"] == copies.column("psnr").min()
        assert facts["rejected"] == (copies.column("status") == Status.diverged).sum() > 0
        for split in Split:
            assert facts["splits"][split.name]["records"] == (copies.column("split") == split).sum()
        assert facts["source"]["image_shape"] == [8, 8]

    def test_the_lineage_ends_with_the_fitted_store(
        self, run: Run, parent: Store, copies: Store, aligned: Store
    ) -> None:
        lineage = facts_of(run, aligned)["lineage"]
        assert [entry["dataset_id"] for entry in lineage] == [copies.dataset_id, parent.dataset_id]
        assert [entry["kind"] for entry in lineage] == ["augment", "generate"]
        assert [entry["name"] for entry in lineage] == ["made-mixed", "made"]
        assert lineage[0]["digest"] == copies.job["plan_digest"]

    def test_text(self, run: Run, parent: Store, copies: Store) -> None:
        lines = lines_of(run, copies)
        digest = copies.job["plan_digest"][:16]
        assert lines["plan"] == (
            f"mixed, digest {digest}, seed 0: 1 copy of each record of train by each pipeline"
        )
        assert lines["repaired"] == (
            "sign_flip(p 0.5), then mixup(beta 0.3, labels soft, law uniform, partner any, permute false), "
            "then repair(lr 0.0005, steps 30)"
        )
        assert lines["smooth"] == "label_smoothing(epsilon 0.25)"
        assert lines["parent"] == f"{parent.dataset_id} made"
        assert lines["recipe"].startswith(f"made, digest {parent.job['recipe_digest'][:16]}, limited to 40")
        objects = copies.manifest.summary.splits["train"].objects
        rejected = (copies.column("status") == Status.diverged).sum()
        assert lines["records"] == (
            f"{len(copies)}: copies of {objects} objects, {rejected} of them rejected, "
            "but counted in splits and PSNR"
        )
        assert lines["PSNR"].startswith(f"median {copies.manifest.summary.psnr.median:.2f} dB, ")
        assert lines["PSNR"].endswith(", against what the copies should render")
        assert lines["rejected"] == (
            f"{rejected} copies (min_psnr 20, attempts 1); `neuralviews stats` says of which pipelines"
        )

    def test_generations_stand_one_above_the_other(
        self, run: Run, parent: Store, copies: Store, aligned: Store
    ) -> None:
        lines = lines_of(run, aligned)
        assert lines["parent"] == f"{copies.dataset_id} made-mixed"
        assert lines["rejected"] == "0 copies"
        assert lines["its parent"] == f"{parent.dataset_id} made"

    def test_weights_of_a_reference_are_in_the_json_alone(self, run: Run, aligned: Store) -> None:
        (step,) = facts_of(run, aligned)["plan"]["pipelines"][0]["steps"]
        size = len(step["reference"])
        assert size > 300
        assert lines_of(run, aligned)["aligned"] == f"align_to(group phase, reference of {size} characters)"

    def test_operations_within_operations(self, run: Run, parent: Store, tmp_path: Path) -> None:
        inner = [{"op": "sign_flip", "p": 0.25}, {"op": "gaussian_noise", "scale": 0.5}]
        steps = [{"op": "self_mixup", "steps": inner}]
        made = augmented(
            parent, tmp_path / "self", {"name": "self", "pipelines": [{"name": "own", "steps": steps}]}
        )
        assert "steps [sign_flip(p 0.25), then gaussian_noise(scale 0.5)]" in run("info", made.root)[1]

    def test_copies_without_any_error(self, run: Run, parent: Store, tmp_path: Path) -> None:
        made = augmented(parent, tmp_path / "smooth", {**MIXED, "pipelines": MIXED["pipelines"][3:]})
        assert lines_of(run, made)["PSNR"].startswith("median ∞ dB, 5 % below ∞, lowest ∞, ")

    def test_rules_that_a_job_leaves_out_are_those_of_a_plan(
        self, run: Run, copies: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = {**copies.job, "plan": {**copies.job["plan"], "reject": {}}}
        monkeypatch.setattr(Store, "job", property(lambda self: job))
        assert facts_of(run, copies)["plan"]["reject"] == {"min_psnr": None, "min_share": 0.0, "attempts": 4}
        assert lines_of(run, copies)["rejected"].startswith(f"{copies.manifest.summary.status['diverged']} ")

    def test_no_shard_is_opened(self, run: Run, parent: Store, tmp_path: Path) -> None:
        made = augmented(parent, tmp_path / "copies", {**MIXED, "pipelines": MIXED["pipelines"][3:]})
        for shard in made.root.glob("shards/*.h5"):
            shard.unlink()
        assert run("info", made.root)[0] == 0


class TestShow:
    def test_copies_beside_their_parents(
        self, run: Run, parent: Store, copies: Store, tmp_path: Path
    ) -> None:
        out = tmp_path / "g.png"
        shown = run("show", copies.root, "--parent", parent.root, "--out", out, "--objects", 5)
        assert shown == (0, f"{out}: gallery of {copies.root}\n", "")
        assert out.read_bytes().startswith(b"\x89PNG")

    def test_missing_parents_are_said(self, run: Run, copies: Store, tmp_path: Path) -> None:
        code, out, _ = run("show", copies.root, "--out", tmp_path / "g.png")
        assert code == 0
        assert out.endswith("drawn without parents: give --parent to see them beside the copies\n")

    @pytest.mark.parametrize(
        ("store", "option", "message"),
        [
            ("aligned", "--parent", "give the store that was augmented"),
            (
                "copies",
                "--source-root",
                "holds augmented copies, which stand beside their parents; give --par",
            ),
            ("parent", "--parent", "has none, its kind is 'generate'; leave --parent out"),
        ],
    )
    def test_options_that_do_not_fit(
        self,
        run: Run,
        request: pytest.FixtureRequest,
        parent: Store,
        tmp_path: Path,
        store: str,
        option: str,
        message: str,
    ) -> None:
        root = request.getfixturevalue(store).root
        code, out, err = run("show", root, option, parent.root, "--out", tmp_path / "g.png")
        assert (code, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1
        assert not (tmp_path / "g.png").exists()
