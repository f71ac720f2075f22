"""Citations: the works that a shipped card quotes, and CITATION.cff, which makes nobody an author."""

import pytest
import yaml

from neuralviews.recipe import load_recipe, recipe_names
from neuralviews.remote.citation import citation_text
from neuralviews.remote.facts import ReleaseFacts
from neuralviews.remote.shipped import shipped
from neuralviews.remote.terms import Terms

from .releases import STATED


class TestCitations:
    @pytest.mark.parametrize("name", recipe_names())
    def test_the_works_of_every_shipped_card_are_told_apart(self, name: str) -> None:
        card = shipped(load_recipe(name))
        assert card is not None
        quotes = card.source.count("\n> ") + card.source.startswith("> ")
        assert 1 <= len(card.citations) <= quotes
        for work in card.citations:
            assert work.title in " ".join(card.source.replace("\n> ", " ").split())
            assert all(given.endswith(".") and "." not in family for given, family in work.authors)
            assert work.year is not None
            assert str(work.year) in work.venue

    def test_the_file_cites_the_dataset_and_its_sources(self, facts: ReleaseFacts) -> None:
        cited = yaml.safe_load(citation_text(facts, STATED, shipped(facts.recipe)))
        references = cited.pop("references")
        assert cited.pop("abstract").startswith(
            "8 neural fields (SIREN 2-32-32-1, 1,185 parameters each), fitted"
        )
        assert cited == {
            "cff-version": "1.2.0",
            "message": "If you use this dataset, please cite it and the references.",
            "type": "dataset",
            "title": "Digits, drawn anew",
            "authors": [{"name": "A. Person"}, {"name": "The Group"}],
            "identifiers": [
                {
                    "type": "other",
                    "value": facts.dataset_id,
                    "description": "The neuralviews dataset id: sha256 of manifest.json",
                }
            ],
            "license": "CC-BY-4.0",
            "url": "https://example.org/digits",
            "date-released": "2026-11-28",
        }
        assert [one["title"] for one in references] == [
            "neuralviews: datasets of neural fields",
            "Optical recognition of handwritten digits",
            "Implicit neural representations with periodic activation functions",
        ]
        assert references[1]["authors"][0] == {"family-names": "Alpaydin", "given-names": "E."}

    def test_nobody_is_made_an_author(self, facts: ReleaseFacts) -> None:
        cited = yaml.safe_load(citation_text(facts, Terms(), None))
        assert cited["authors"] == [{"name": "anonymous"}]
        assert {"license", "url", "date-released"}.isdisjoint(cited)
