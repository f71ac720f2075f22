"""The card of imported fields: what the files, their set and the images say, and what nobody knows."""

from dataclasses import replace
from pathlib import Path

import yaml
from msgspec.structs import replace as changed

from neuralviews.recipe import load_recipe
from neuralviews.remote.citation import citation_text
from neuralviews.remote.facts import ReleaseFacts, release_facts
from neuralviews.remote.published import find_published
from neuralviews.remote.shipped import shipped
from neuralviews.remote.terms import Terms
from neuralviews.store.reader import Store

from ..report.copies import augmented
from .cards import card_of, head_of, rows_of


class TestImported:
    """What the card of imported fields says of the files, of the set and of the images."""

    def test_files_and_their_format(self, imported_facts: ReleaseFacts) -> None:
        card = card_of(imported_facts)
        files = "imported from files in the format npz (NumPy's npz, fields stacked by layer)."
        assert head_of(card)["pretty_name"] == "made-up: imported neural fields"
        assert f"\n12 neural fields (SIREN 2-8-8-1, 105 parameters each), {files}\n" in card
        assert f"\nThe fields were {files}\n" in card
        assert "The PSNRs of the imported fields are unknown: the files do not state them" in card

    def test_a_format_of_a_later_version(self, imported_facts: ReleaseFacts) -> None:
        assert imported_facts.imported is not None
        later = changed(imported_facts.imported, exchange="<others>")
        card = card_of(replace(imported_facts, imported=later))
        assert "\nThe fields were imported from files in the format \\<others\\>.\n" in card

    def test_psnrs_that_the_files_state(self, imported_facts: ReleaseFacts, facts: ReleaseFacts) -> None:
        assert imported_facts.imported is not None
        stated = changed(imported_facts.imported, quality="stated")
        card = card_of(replace(imported_facts, imported=stated, summary=facts.summary))
        assert rows_of(card)["PSNR"].endswith(" dB, as the files state it: it was not measured again")
        assert "imported fields are those that the files state; they were not measured again.\n" in card
        assert "- Fields approximate what they were fitted to: the PSNR, as the files of the import" in card

    def test_psnrs_against_the_images_of_a_recipe(
        self, imported_facts: ReleaseFacts, facts: ReleaseFacts
    ) -> None:
        assert imported_facts.imported is not None
        recipe, measured = load_recipe("mnist"), changed(imported_facts.imported, quality="measured")
        compared = replace(imported_facts, imported=measured, source_recipe=recipe, summary=facts.summary)
        card, quoted = card_of(compared), shipped(recipe)
        assert quoted is not None
        assert rows_of(card)["PSNR"].endswith(" dB, measured at the import against MNIST")
        assert "against the images of the source of the recipe mnist, MNIST.\n" in card
        assert f"\nOf that source, the card of the recipe says:\n\n{quoted.source}\n" in card
        assert head_of(card)["pretty_name"] == "made-up: imported neural fields"
        cited = yaml.safe_load(citation_text(compared, Terms(), quoted))
        assert {work.title for work in quoted.citations} < {one["title"] for one in cited["references"]}

    def test_a_published_set(self, imported_facts: ReleaseFacts) -> None:
        found = find_published("mnist-dwsnets")
        known = replace(imported_facts, published=found)
        card = card_of(known)
        assert head_of(card)["pretty_name"] == found.title
        assert f"\nThey are the published set mnist-dwsnets: {found.title}. Its paper:\n" in card
        assert f"{found.publication.title}. ICML 2023. <{found.publication.url}>\n" in card
        assert "\nThe licence of that set is not known.\n" in card
        stated = changed(found, licence="CC-BY-4.0")
        assert "\nThe licence of that set is CC-BY-4.0.\n" in card_of(replace(known, published=stated))
        cited = yaml.safe_load(citation_text(known, Terms(), None))
        assert cited["references"][1]["title"] == found.publication.title
        assert {"name": "Haggai Maron"} in cited["references"][1]["authors"]

    def test_copies_of_them(self, imported: Store, tmp_path: Path) -> None:
        facts = release_facts(augmented(imported, tmp_path / "copies"))
        card = card_of(facts)
        assert ": augmented copies of fields that were imported from files in the format npz (" in card
        assert "\nThe copies are of fields that were imported from files in the format npz (" in card
        assert "fitted to" not in card
        assert f"- from the imported store made-up, dataset {imported.dataset_id}\n" in card
        assert "\nneuralviews augment STORE --plan plan.toml --out COPIES\n" in card
