"""The card of a release taken apart."""

import re
from typing import Any

import yaml

from neuralviews.remote.card import card_text
from neuralviews.remote.facts import ReleaseFacts
from neuralviews.remote.shipped import shipped
from neuralviews.remote.terms import Terms


def card_of(facts: ReleaseFacts, terms: Terms | None = None) -> str:
    return card_text(facts, terms or Terms(), shipped(facts.source_recipe), picture=True)


def head_of(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    table: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return table


def rows_of(card: str) -> dict[str, str]:
    return dict(re.findall(r"^\| (\S.*?) \| (.*) \|$", card, re.MULTILINE))
