"""The cards of the recipes that come with neuralviews, as far as releases quote them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..recipe import Recipe, load_recipe, recipe_names, recipe_root

__all__ = ["Citation", "Shipped", "shipped"]

_SECTION = re.compile(r"^## Source, licence, citation\n+(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_QUOTE = re.compile(r"(?:^> .*\n?)+", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[a-z]{2})\. |\.$")  # initials end in a period too
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class Citation(NamedTuple):
    """A work that a card cites.

    Attributes:
        authors: (given names, family names); given names are empty where none are stated.
        venue: where it appeared, with the year, as the card has it.
    """

    authors: tuple[tuple[str, str], ...]
    title: str
    venue: str
    year: int | None


class Shipped(NamedTuple):
    """What the card of a recipe says of its source.

    Attributes:
        title: of the recipe, if the other one is the same but for its views; else empty.
        source: the card's section on source, licence and citation, in Markdown.
    """

    title: str
    source: str

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The works that the section quotes."""
        return tuple(_citations(self.source))


def shipped(recipe: Recipe | None) -> Shipped | None:
    """The card that comes with neuralviews for a recipe of this name and this source; None if none does."""
    if recipe is None or recipe.name not in recipe_names():
        return None
    known = load_recipe(recipe.name)
    if known.source != recipe.source:
        return None
    card = (recipe_root() / recipe.name / "CARD.md").read_text(encoding="utf-8")
    section = _SECTION.search(card)
    assert section is not None, f"{recipe.name}/CARD.md: no section on the source"
    same = known.with_views(recipe.views).digest() == recipe.digest()
    return Shipped(known.title if same else "", section[1].strip())


def _citations(section: str) -> Iterator[Citation]:
    for quote in _QUOTE.findall(section):
        text = " ".join(line.removeprefix("> ").strip() for line in quote.splitlines())
        authors, title, *rest = (part.strip() for part in _SENTENCE.split(text, maxsplit=2))
        venue = "".join(rest).rstrip(".")
        year = _YEAR.findall(venue)
        yield Citation(
            tuple(map(_author, authors.split(", "))), title, venue, int(year[-1]) if year else None
        )


def _author(name: str) -> tuple[str, str]:
    given, _, family = name.rpartition(". ")
    return (given + ".", family) if given else ("", name)
