"""The card of a release: its head says to the Hub what the store says, its text to people, its code runs."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from msgspec import UNSET
from msgspec.structs import replace as changed

from neuralviews.recipe import load_recipe, recipe_root
from neuralviews.records import Split
from neuralviews.remote.citation import citation_text
from neuralviews.remote.facts import ReleaseFacts, release_facts
from neuralviews.remote.shipped import shipped
from neuralviews.remote.terms import Terms
from neuralviews.store.reader import Store

from ..made_stores import digits_recipe, make_shapes_store, make_store
from ..report.copies import augmented
from .cards import card_of, head_of, rows_of
from .releases import STATED


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("card")
    return augmented(make_store(folder / "parent", diverged=[3]), folder / "copies")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_shapes_store(tmp_path_factory.mktemp("card") / "shapes", left_out={"a.off": "empty"})


class TestHead:
    def test_what_was_stated(self, facts: ReleaseFacts) -> None:
        assert head_of(card_of(facts, STATED)) == {
            "license": "cc-by-4.0",
            "pretty_name": "Digits, drawn anew",
            "tags": [
                *("implicit-neural-representations", "neural-fields", "siren", "weight-space-learning"),
                "neuralviews",
            ],
            "task_categories": ["other"],
            "size_categories": ["n<1K"],
            "configs": [
                {"config_name": "default", "data_files": [{"split": "records", "path": "shards/*.h5"}]}
            ],
        }

    def test_nothing_stated(self, facts: ReleaseFacts) -> None:
        head = head_of(card_of(facts))
        assert head["license"] == "unknown"
        assert head["pretty_name"] == "Handwritten digits (scikit-learn), 8x8 grey"

    def test_a_licence_that_the_hub_does_not_list(self, facts: ReleaseFacts) -> None:
        head = head_of(card_of(facts, Terms.checked(license="EUPL-1.2")))
        assert (head["license"], head["license_name"]) == ("other", "eupl-1.2")
        assert head["license_link"] == "https://spdx.org/licenses/EUPL-1.2.html"

    @pytest.mark.parametrize("name", ["LicenseRef-Mine", "bogus-licence"])
    def test_a_licence_that_nobody_lists(self, facts: ReleaseFacts, name: str) -> None:
        """No link is made up for it."""
        terms = Terms.checked(license=name)
        card = card_of(facts, terms)
        head = head_of(card)
        assert (head["license"], head["license_name"]) == ("other", name.lower())
        assert "license_link" not in head
        assert f"\n{name}, as far as the publisher may" in card
        assert "license" not in yaml.safe_load(citation_text(facts, terms, None))

    @pytest.mark.parametrize(
        ("records", "size"),
        [
            *((1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**5, "100K<n<1M")),
            *((10**6, "1M<n<10M"), (10**8, "100M<n<1B"), (10**9, "1B<n<10B"), (10**12, "n>1T")),
        ],
    )
    def test_sizes(self, facts: ReleaseFacts, records: int, size: str) -> None:
        many = replace(facts, shards=(changed(facts.shards[0], rows=records),))
        assert head_of(card_of(many))["size_categories"] == [size]

    def test_tags_of_shapes_and_of_copies(self, shapes: Store, copies: Store) -> None:
        assert head_of(card_of(release_facts(shapes)))["tags"][-2:] == [
            "3d-shapes",
            "signed-distance-functions",
        ]
        assert head_of(card_of(release_facts(copies)))["tags"][-1] == "augmentation"


class TestText:
    def test_the_table_says_what_the_store_says(self, facts: ReleaseFacts, shipped_digits: Store) -> None:
        psnr = shipped_digits.manifest.summary.psnr
        assert psnr is not UNSET
        rows = rows_of(card_of(facts))
        assert rows.pop("PSNR") == (
            f"median {psnr.median:.1f} dB, 5 % below {psnr.p05:.1f} dB, lowest {psnr.min:.1f} dB"
        )
        parts = ((part.name, shipped_digits.manifest.summary.splits[part.name]) for part in Split)
        split = [
            f"{name} {part.records} (of {part.objects} object{'s' * (part.objects > 1)})"
            for name, part in parts
            if part.records
        ]
        assert rows.pop("splits") == ", ".join(split)
        assert rows == {
            "dataset id": f"`{shipped_digits.dataset_id}`",
            "records": "8: 2 views of each of 4 objects",
            "field": "SIREN 2-32-32-1, 1,185 parameters, omega 8",
            "output": "1 · affine + 0.5; targets in [0, 1]",
            "axis order": "xy: coordinate 0 of an image runs to the right",
            "images": "8x8 pixels (height x width)",
            "classes": "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
            "status": "budget 8",
            "shards": f"1 file (HDF5), {shipped_digits.manifest.shards[0].bytes:,} bytes",
        }

    def test_the_card_of_a_shipped_recipe_is_quoted(self, facts: ReleaseFacts) -> None:
        original = (recipe_root() / "digits" / "CARD.md").read_text(encoding="utf-8")
        section = original.split("## Source, licence, citation\n")[1].strip()
        assert f"## Source, licence, citation\n\n{section}\n" in card_of(facts)
        assert "licence of the source is unknown" not in card_of(facts)

    def test_another_source_of_a_shipped_name_is_not_its_source(self, facts: ReleaseFacts) -> None:
        recipe = load_recipe("digits")
        other = changed(recipe, source=load_recipe("mnist").source)
        assert shipped(other) is None
        assert shipped(recipe) is not None
        assert shipped(changed(recipe, seed=5)) == shipped(recipe)._replace(title="")
        assert shipped(recipe.with_views(7)) == shipped(recipe)
        assert shipped(digits_recipe()) is None
        assert shipped(None) is None
        assert "licence of the source is unknown" in card_of(
            replace(facts, recipe=other, source_recipe=other)
        )

    def test_licences_are_stated_or_unknown(self, facts: ReleaseFacts) -> None:
        own = replace(facts, recipe=digits_recipe(), source_recipe=digits_recipe())
        silent, said = card_of(own), card_of(own, STATED)
        assert (
            "\n## Licence of the weights\n\nUnknown: the publisher of this dataset stated none.\n" in silent
        )
        assert (
            "\nThe licence of the source is unknown: the publisher of this dataset stated none.\n" in silent
        )
        assert "[CC-BY-4.0](https://spdx.org/licenses/CC-BY-4.0.html), as far as" in said
        assert "\nThe publisher of this dataset states of the source: CC BY 4.0\n" in said
        assert "nknown" not in said

    def test_how_to_download(self, facts: ReleaseFacts) -> None:
        on_the_hub, elsewhere = card_of(facts, Terms.checked(to="hf://a/b")), card_of(facts, STATED)
        given = f"--id {facts.dataset_id} --out DATA\n"
        assert f"\nneuralviews download hf://a/b {given}" in on_the_hub
        assert "hf download a/b --repo-type dataset --local-dir DATA" in on_the_hub
        assert f"\nneuralviews download https://example.org/digits/ {given}" in elsewhere
        assert "curl -fsSLO https://example.org/digits/SHA256SUMS.release\n" in elsewhere
        assert "\nKeep all files in one folder, under the names that they have here.\n" in card_of(facts)

    def test_a_title_is_no_markup(self, facts: ReleaseFacts) -> None:
        terms = Terms.checked(title='<b>"[x](y)" | #1: *all*</b>')
        card = card_of(facts, terms)
        assert '\n# \\<b\\>"\\[x\\](y)" \\| \\#1: \\*all\\*\\</b\\>\n' in card
        assert head_of(card)["pretty_name"] == terms.title

    def test_names_of_classes_are_no_markup(self, facts: ReleaseFacts) -> None:
        names = ("a|b", "line\nbreak", "<img>", *(f"c{i}" for i in range(60)))
        assert rows_of(card_of(replace(facts, class_names=names)))["classes"].startswith(
            "63: a\\|b, line\\\\nbreak, \\<img\\>, c0"
        )
        assert rows_of(card_of(replace(facts, class_names=names)))["classes"].endswith(" and 13 more")

    def test_copies(self, copies: Store) -> None:
        card, facts = card_of(release_facts(copies)), release_facts(copies)
        each = f"(SIREN 2-6-5-1, {copies.spec.parameters} parameters each)"
        assert f"\n{len(copies)} neural fields {each}: augmented copies of fields that were fitted" in card
        assert "against what the copies should render" in rows_of(card)["PSNR"]
        assert (
            "neuralviews generate recipe.toml --limit 40 --engine cpu --out STORE\n"
            "neuralviews augment STORE --plan plan.toml --out COPIES\n" in card
        )
        assert f"- from the generated store made, dataset {facts.ancestors[0].dataset_id}\n" in card
        rejected = copies.manifest.summary.status["diverged"]
        assert rejected
        assert f"- {rejected} of {len(copies)} records were rejected (status 2)" in card
        assert rows_of(card)["status"] == f"kept {len(copies) - rejected}, rejected {rejected}"
        assert "- A part of the source: at most 40 of its objects were fitted.\n" in card

    def test_shapes(self, shapes: Store) -> None:
        card = card_of(release_facts(shapes))
        assert "fitted to signed distances of 12 objects of the meshes in meshes.\n" in card
        assert {"IoU", "surface error"} < rows_of(card).keys()
        assert {"axis order", "images"}.isdisjoint(rows_of(card))
        assert "- 1 mesh is doubtful: two ways to tell inside from outside disagree;" in card
        assert "- 1 item of the source left out; job.json says which, and why.\n" in card
        assert "--source-root SOURCE --engine cpu --out STORE\n" in card
        assert ".render(" not in card

    def test_what_is_not_known_is_not_made_up(self, imported_facts: ReleaseFacts) -> None:
        card = card_of(imported_facts)
        assert rows_of(card)["PSNR"] == "not known"
        assert "cannot be made again from here" in card
        assert "neuralviews generate" not in card
        assert "- How well the fields render their source is not known.\n" in card
        assert {"classes", "images"}.isdisjoint(rows_of(card))

    def test_one_of_each_is_singular(self, facts: ReleaseFacts, copies: Store) -> None:
        one = replace(facts, shards=(changed(facts.shards[0], rows=4),))
        assert rows_of(card_of(one))["records"] == "4: 1 view of each of 4 objects"
        copied = release_facts(copies)
        each = replace(copied, shards=(changed(copied.shards[0], rows=copied.objects),))
        assert rows_of(card_of(each))["records"].partition(": ")[2].startswith("1 copy of each of ")


class TestCode:
    """Code that people copy from the card does what it says."""

    def run(self, code: str, folder: Path) -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(code.replace("DATA", str(folder)), names)
        return names

    def blocks(self, card: str) -> list[str]:
        found = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        assert len(found) == 2
        return found

    def test_with_neuralviews(self, facts: ReleaseFacts, shipped_digits: Store) -> None:
        code, _ = self.blocks(card_of(facts))
        names = self.run(code, shipped_digits.root)
        assert names["store"].dataset_id == shipped_digits.dataset_id
        assert len(names["train"]) == shipped_digits.manifest.summary.splits["train"].records

    def test_with_numpy_alone(self, copies: Store) -> None:
        _, code = self.blocks(card_of(release_facts(copies)))
        columns = self.run(code, copies.root)["columns"]
        np.testing.assert_array_equal(columns["weights"], copies.weights(np.arange(len(copies))))
        for name in copies.columns():
            (path,) = (path for path in columns if path.endswith(f"/{name}"))
            np.testing.assert_array_equal(columns[path], copies.column(name))
