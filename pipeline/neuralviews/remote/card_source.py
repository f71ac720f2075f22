"""The part of a dataset card on where the records are from, and on what terms."""

from collections.abc import Iterator

from .facts import ReleaseFacts
from .published import Published
from .shipped import Shipped
from .terms import Terms
from .words import files_name, markdown, source_name

__all__ = ["licence_lines", "source_lines"]

_QUALITY = {
    "unknown": "The PSNRs of the imported fields are unknown: the files do not state them, and they were not "
    "measured.",
    "stated": "The PSNRs of the imported fields are those that the files state; they were not measured "
    "again.",
}


def source_lines(facts: ReleaseFacts, terms: Terms, card: Shipped | None) -> Iterator[str]:
    """Paragraphs on the source, its licence and what to cite.

    Args:
        card: of the recipe whose source the fields are of, if it came with neuralviews.
    """
    if facts.imported is not None:
        yield from _import_lines(facts)
    if card is not None:
        if facts.imported is not None:
            yield "Of that source, the card of the recipe says:"
        yield card.source
    elif facts.imported is None:
        yield f"The records were made from {markdown(source_name(facts))}."
    if terms.source_licence is not None:
        yield f"The publisher of this dataset states of the source: {markdown(terms.source_licence)}"
    elif card is None:
        yield "The licence of the source is unknown: the publisher of this dataset stated none."
    yield "`CITATION.cff` says how to cite this dataset and the works that it rests on."


def licence_lines(terms: Terms) -> Iterator[str]:
    """A paragraph on the licence of the weights."""
    if terms.licence is None:
        yield "Unknown: the publisher of this dataset stated none."
    else:
        spdx, url = terms.licence.spdx, terms.licence.url
        yield (
            f"{spdx if url is None else f'[{spdx}]({url})'}, as far as the publisher may license the "
            "weights: conditions of the source may reach them too."
        )


def _import_lines(facts: ReleaseFacts) -> Iterator[str]:
    assert facts.imported is not None
    of = "The copies are of fields that" if facts.plans else "The fields"
    yield f"{of} were imported from {markdown(files_name(facts))}."
    if facts.published is not None:
        yield from _set_lines(facts.published)
    if facts.source_recipe is None:
        yield _QUALITY[facts.imported.quality]
    else:
        yield (
            "The PSNRs of the imported fields were measured against the images of the source of the recipe "
            f"{facts.source_recipe.name}, {markdown(source_name(facts))}."
        )


def _set_lines(found: Published) -> Iterator[str]:
    paper = found.publication
    yield f"They are the published set {found.name}: {markdown(found.title)}. Its paper:"
    yield (
        f"> {markdown(', '.join(paper.authors))}. {markdown(paper.title)}. {markdown(paper.venue)} "
        f"{paper.year}. <{paper.url}>"
    )
    stated = "is not known" if found.licence == "unknown" else f"is {markdown(found.licence)}"
    yield f"The licence of that set {stated}."
