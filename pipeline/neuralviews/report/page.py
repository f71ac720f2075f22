"""One page about a store: self-contained HTML that any browser shows, without a network and scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .._version import __version__
from ..errors import OptionError, OutputError
from ..remote.facts import release_facts
from ..remote.shipped import shipped
from ..store.files import replace
from .page_diversity import diversity_section
from .page_gallery import gallery_section
from .page_head import credit, head, page_title
from .page_html import Html, element, joined
from .page_provenance import provenance_section
from .page_quality import quality_section
from .page_splits import splits_section
from .page_style import STYLE
from .page_weights import weights_section
from .painter import painter_of

if TYPE_CHECKING:
    from ..evaluate.results import Evaluation
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["draw_page", "report"]

_SUFFIXES = (".html", ".htm")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class _Section(NamedTuple):
    """A part of the page: the anchor that leads there, its heading, and what it says."""

    anchor: str
    title: str
    body: Html


def report(
    store: "Store",
    out: str | Path,
    *,
    source: "Source | None" = None,
    parent: "Store | None" = None,
    evaluation: "Evaluation | None" = None,
) -> int:
    """Draw the page of a store and write it, all of it or nothing; returns its size in bytes.

    Raises:
        OutputError: ``out`` is no .html file, or cannot be written.
        OptionError, IntegrityError, EngineError, FormatError: as `draw_page`.
    """
    out = Path(out)
    if out.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"{out}: found suffix '{out.suffix}', expected one of {', '.join(_SUFFIXES)}")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: the report cannot be written: there is no folder {out.parent}; make it")
    if out.resolve().is_relative_to(store.folder.resolve()):
        raise OutputError(f"{out}: lies in the store, which holds nothing else; choose another folder")
    data = draw_page(store, source, parent, evaluation).encode()
    replace(out.parent, out.name, data)
    return len(data)


def draw_page(
    store: "Store",
    source: "Source | None" = None,
    parent: "Store | None" = None,
    evaluation: "Evaluation | None" = None,
) -> str:
    """The page as text. The same store and arguments give the same text, wherever the store lies.

    Its size is bounded: of many objects, records, classes, files or shards some are shown, and the page says
    so. Numbers are of all records unless it says otherwise.

    Args:
        source: what the store was made from, to draw beside its views.
        parent: the store that copies were made from, likewise.
        evaluation: of this store.
    Raises:
        OptionError: a parent was given of a store that has none.
        IntegrityError: another store than the parent, an evaluation of another store, or a shard is not what
            was published.
        EngineError: this neuralviews has other versions of the operations than what made the copies.
        FormatError: the store does not state how its fields came about, or the evaluation cannot be one.
    """
    if parent is not None and store.kind != "augment":
        raise OptionError(f"parent: {store.root} has none, its kind is '{store.kind}'; leave it out")
    facts = release_facts(store)
    card = shipped(facts.source_recipe)
    sections = [
        *_sections(store, source, parent),
        *([] if evaluation is None else [_evaluated(store, evaluation)]),
        _Section("provenance", "Provenance", provenance_section(store, facts, card)),
        _Section("terms", "Terms and limits", credit(facts, card)),
    ]
    anchors = (element("li", element("a", part.title, href=f"#{part.anchor}")) for part in sections)
    body = element(
        "body",
        element("header", head(facts, card), element("nav", element("ul", *anchors), aria_label="Sections")),
        element(
            "main",
            *(element("section", element("h2", part.title, id=part.anchor), part.body) for part in sections),
        ),
        element("footer", element("p", f"Drawn by neuralviews {__version__}.")),
    )
    top = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{page_title(facts, card)}: neuralviews dataset {store.dataset_id[:12]}"),
        element("style", Html(STYLE)),
    )
    return "<!doctype html>\n" + element("html", joined([top, "\n", body]), lang="en") + "\n"


def _evaluated(store: "Store", evaluation: "Evaluation") -> _Section:
    from .page_evaluation import evaluation_section  # most pages need no evaluations

    return _Section("evaluation", "Evaluation", evaluation_section(store, evaluation))


def _sections(store: "Store", source: "Source | None", parent: "Store | None") -> Iterator[_Section]:
    painter = painter_of(store, source)
    yield _Section("gallery", "Gallery", gallery_section(store, source, parent, painter))
    yield _Section("quality", "Quality", quality_section(store, painter))
    yield _Section("weights", "Weights by layer", weights_section(store))
    yield _Section("diversity", "Diversity of views", diversity_section(store))
    yield _Section("splits", "Splits and classes", splits_section(store))
