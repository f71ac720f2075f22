"""CITATION.cff: how to cite a published dataset, the program that made it, and the works that it rests on."""

from typing import Any

from .facts import ReleaseFacts
from .published_schema import Paper
from .shipped import Citation, Shipped
from .terms import Terms
from .words import description, title_of
from .yaml_text import yaml_text

__all__ = ["bibtex", "citation_text"]

_UNKNOWN = "anonymous"
"""The author of a dataset whose publisher named none; the format demands one."""

_NEURALVIEWS = {
    "type": "software",
    "title": "neuralviews: datasets of neural fields",
    "authors": [{"name": "The neuralviews developers"}],
}


def citation_text(facts: ReleaseFacts, terms: Terms, card: Shipped | None) -> str:
    """A file of the Citation File Format, version 1.2.0.

    Args:
        card: of the recipe whose source the fields are of, whose citations become references.
    """
    table: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it and the references.",
        "type": "dataset",
        "title": title_of(facts, terms, card),
        "abstract": description(facts),
        "authors": [{"name": name} for name in terms.creators or (_UNKNOWN,)],
        "identifiers": [
            {
                "type": "other",
                "value": facts.dataset_id,
                "description": "The neuralviews dataset id: sha256 of manifest.json",
            }
        ],
    }
    optional = {
        "license": terms.licence.spdx if terms.licence and terms.licence.url else None,  # SPDX's alone
        "url": terms.page,
        "date-released": terms.date,
    }
    table |= {key: value for key, value in optional.items() if value is not None}
    paper = [] if facts.published is None else [_paper(facts.published.publication)]
    works = [_NEURALVIEWS, *paper, *(_reference(work) for work in (card.citations if card else ()))]
    return yaml_text(table | {"references": works})


def bibtex(facts: ReleaseFacts, terms: Terms, title: str) -> str:
    """The dataset as an entry of BibTeX."""
    fields = {
        "title": f"{{{_tex(title)}}}",
        "author": " and ".join(f"{{{_tex(name)}}}" for name in terms.creators),
        "year": (terms.date or "")[:4],
        "url": terms.page or "",
        "note": f"neuralviews dataset {facts.dataset_id}",
    }
    body = "".join(f",\n  {key} = {{{value}}}" for key, value in fields.items() if value)
    return f"@misc{{{facts.name}-{facts.dataset_id[:8]}{body}\n}}"


def _reference(work: Citation) -> dict[str, Any]:
    authors = [
        {"family-names": family, "given-names": given} if given else {"name": family}
        for given, family in work.authors
    ]
    reference = {"type": "generic", "title": work.title, "authors": authors, "notes": work.venue}
    return reference if work.year is None else reference | {"year": work.year}


def _paper(paper: Paper) -> dict[str, Any]:
    return {
        "type": "generic",
        "title": paper.title,
        "authors": [{"name": name} for name in paper.authors],
        "notes": f"{paper.venue} {paper.year}",
        "url": paper.url,
        "year": paper.year,
    }


def _tex(text: str) -> str:
    """Text without what BibTeX would take for markup."""
    return "".join(c for c in text if c not in "{}\\")
