"""The head of a store's page: what the records are, on what terms, and what limits their use."""

from collections.abc import Iterator

from ..remote.card import fact_rows
from ..remote.facts import ReleaseFacts
from ..remote.responsible import limits
from ..remote.shipped import Shipped
from ..remote.terms import Terms
from ..remote.words import description, markdown, source_name, title_of
from .page_html import Html, element, joined
from .page_text import inline, paragraphs
from .wording import shortened

__all__ = ["credit", "head", "page_title"]

_KINDS = {
    "generate": "fields fitted by a recipe",
    "augment": "augmented copies of fields",
    "import": "fields imported from another program",
}
_LONGEST = 3000


def page_title(facts: ReleaseFacts, card: Shipped | None) -> str:
    """One line: the title that is known, else the name."""
    return title_of(facts, Terms(), card)


def head(facts: ReleaseFacts, card: Shipped | None) -> Html:
    """Title, description, and a list of facts.

    Args:
        card: of the recipe whose source the fields are of, if it came with neuralviews.
    """
    kind = _KINDS.get(facts.kind, facts.kind)
    spec = facts.spec
    rows = [
        ("name", facts.name),
        ("kind", f"{kind}, a part of another store" if facts.subset else kind),
        *((name, inline(shortened(text, _LONGEST))) for name, text in fact_rows(facts)),
        ("conventions", f"sin(omega (W h + b)) in hidden layers; coordinates in [-1, 1]^{spec.in_dim}"),
        ("made with", "; ".join(facts.makers)),
    ]
    pairs = (element(kind, text) for row in rows for kind, text in zip(("dt", "dd"), row, strict=True))
    return joined(
        [
            element("h1", page_title(facts, card)),
            element("p", description(facts)),
            element("dl", *pairs),
        ]
    )


def credit(facts: ReleaseFacts, card: Shipped | None) -> Html:
    """Licence and works to cite, as far as they are known, and known limits."""
    return joined(
        [
            element("h3", "Source and licence"),
            paragraphs(_source(facts, card)),
            element("h3", "Known limits"),
            element("ul", *(element("li", text) for text in limits(facts))),
        ]
    )


def _source(facts: ReleaseFacts, card: Shipped | None) -> Iterator[str]:
    if facts.published is not None:
        found, paper = facts.published, facts.published.publication
        yield f"The published set {found.name}: {markdown(found.title)}."
        authors = markdown(", ".join(paper.authors))
        yield f"> {authors}. {markdown(paper.title)}. {markdown(paper.venue)} {paper.year}. <{paper.url}>"
        stated = "is not known" if found.licence == "unknown" else f"is {markdown(found.licence)}"
        yield f"The licence of that set {stated}."
    if card is not None:
        yield card.source
    else:
        yield f"The records were made from {markdown(source_name(facts))}. The store states no licence of it."
